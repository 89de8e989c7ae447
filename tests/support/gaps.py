"""What is said at the end of a run: what it measured, and what it could not test (in CI, CI=true, that fails)."""

import json
import os
from pathlib import Path

import pytest

RUN_FOLDER = "GREENROOM_TEST_RUN"
"""Environment variable: a folder shared by all processes of one pytest run, set by the controller."""


def run_folder() -> Path:
    return Path(os.environ[RUN_FOLDER])


def in_ci() -> bool:
    return os.environ.get("CI", "").lower() in {"1", "true"}


def note_gap(text: str) -> None:
    """Records a gap for the summary at the end of the run; under CI fails the test that met it."""
    if in_ci():
        pytest.fail(f"not allowed to be missing in CI: {text}", pytrace=False)
    with (run_folder() / "gaps").open("a") as file:
        file.write(json.dumps(text) + "\n")


def note_fact(text: str) -> None:
    """Records something measured or counted, to be printed at the end of the run."""
    with (run_folder() / "facts").open("a") as file:
        file.write(json.dumps(text) + "\n")


def noted_facts() -> list[str]:
    """Returns each fact once, sorted: workers note them in any order."""
    return sorted(_noted("facts"))


def noted_gaps() -> list[str]:
    """Returns each gap once, in the order met."""
    return _noted("gaps")


def _noted(name: str) -> list[str]:
    file = run_folder() / name
    lines = file.read_text().splitlines() if file.exists() else []
    return [json.loads(line) for line in dict.fromkeys(lines)]
