"""Conflict marks: both sides in one text, and either side back out of it."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greenroom.domain.texts import merge_lines, settle_lines
from greenroom.wire.conflicts import find_marks, mark

LINES = st.lists(st.sampled_from(["a\n", "b\n", "c\n", "d: e\n", "\n", "ü\u2028x\n"]), max_size=8).map("".join)
REGION = re.compile(r"^<<<<<<< yours\n(.*?)^=======\n(.*?)^>>>>>>> server\n", re.MULTILINE | re.DOTALL)


def take(text: str, side: int) -> str:
    return REGION.sub(rf"\{side}", text)


@given(LINES, LINES)
def test_either_side_comes_back_out(yours: str, server: str) -> None:
    both = mark(yours, server)
    assert (take(both, 1), take(both, 2)) == (yours, server)
    assert bool(find_marks(both)) == (yours != server)


@given(LINES, LINES, LINES)
def test_sides_settle_to_the_merge_where_there_is_one(base: str, ours: str, theirs: str) -> None:
    mine, yours = settle_lines(base, ours, theirs)
    merged = merge_lines(base, ours, theirs)
    if merged is not None:
        assert mine == yours == merged
    assert settle_lines(base, theirs, ours) == (yours, mine)
    assert settle_lines(base, base, theirs) == (theirs, theirs)
    assert settle_lines(base, ours, ours) == (ours, ours)


def test_only_the_lines_that_meet_stay_apart() -> None:
    base = "".join(f"{n}\n" for n in range(9))
    ours = base.replace("1\n", "one\n").replace("7\n", "seven\n")
    theirs = base.replace("4\n", "vier\n").replace("7\n", "sieben\n")
    mine, yours = settle_lines(base, ours, theirs)
    assert mine == "0\none\n2\n3\nvier\n5\n6\nseven\n8\n"
    assert yours == mine.replace("seven", "sieben")


def test_a_last_line_without_its_newline_keeps_the_marks_on_lines_of_their_own() -> None:
    assert mark("a\nb", "a\nc") == "a\n<<<<<<< yours\nb\n=======\nc\n>>>>>>> server\n"


@pytest.mark.parametrize(
    "text, lines",
    [
        ("a\n<<<<<<< HEAD\nb\n=======\nc\n>>>>>>> main\n", [2]),
        ("a\r\n<<<<<<< HEAD\r\nb\r\n=======\r\nc\r\n>>>>>>> main\r\n", [2]),
        ("<<<<<<<\n>>>>>>>\n<<<<<<< x\n>>>>>>> y\n", [1, 3]),
        (">>>>>>> the beginning was deleted\n", [1]),
        ("Heading\n=======\n", []),
        ("  <<<<<<< indented\n<<<<<<<<<< ten\na <<<<<<< b\n", []),
    ],
)
def test_marks_are_told_from_text(text: str, lines: list[int]) -> None:
    assert find_marks(text) == lines
