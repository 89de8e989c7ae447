"""What a run could not test on this machine. Said at its end; in CI (CI=true) it fails instead."""

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


def noted_gaps() -> list[str]:
    """Returns each gap once, in the order met."""
    file = run_folder() / "gaps"
    lines = file.read_text().splitlines() if file.exists() else []
    return [json.loads(line) for line in dict.fromkeys(lines)]
