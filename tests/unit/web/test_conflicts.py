"""Conflicts as they are asked about: every sort has its sides, and a value of one's own is read as what it is."""

from __future__ import annotations

from typing import Any

import pytest

from greenroom.domain.entities import Address
from greenroom.domain.errors import Invalid
from greenroom.domain.merges import Conflict
from greenroom.kinds import KINDS
from greenroom.web.conflicts import Chosen, check_written, draw_conflict, read_value

VOICE = Address("voice", "reception")
TEXT = ("content",)


def conflict(base: Any, ours: Any, theirs: Any, pointer: tuple[str, ...] = ("stability",), **more: Any) -> Conflict:
    return Conflict("c1", VOICE, pointer, more.pop("kind", "both_changed"), base, ours, theirs, **more)


GONE = conflict("a", None, "c", TEXT, absent=frozenset({"ours"}), kind="edit_delete")


@pytest.mark.parametrize(
    "found, mode, typed",
    [
        (conflict("a", "b", "c", TEXT), "text", "b"),
        (conflict(0.5, 0.6, 0.7), "json", "0.6"),
        (conflict(["a", "b"], ["b", "a"], ["a", "b"], kind="order"), "lines", "b\na"),
        (GONE, "text", "c"),
    ],
    ids=["text", "number", "order", "removed"],
)
def test_a_value_of_ones_own_begins_with_what_the_draft_has(found: Conflict, mode: str, typed: str) -> None:
    drawn = draw_conflict(found, KINDS, {}, Chosen())
    assert (drawn.mode, drawn.typed) == (mode, typed)


def test_what_was_typed_stays_with_what_is_wrong_with_it() -> None:
    found = conflict(0.5, 0.6, 0.7)
    drawn = draw_conflict(found, KINDS, {}, Chosen("value", "a lot", check_written(found, "a lot")))
    assert (drawn.take, drawn.typed) == ("value", "a lot")
    assert "this is not JSON" in drawn.wrong


def test_what_is_not_there_on_a_side_is_said() -> None:
    drawn = draw_conflict(GONE, KINDS, {}, Chosen())
    assert [drawn.sides[side].absent for side in ("base", "ours", "theirs")] == [False, True, False]
    assert drawn.said == "One changed it, the other took it out."


def test_what_does_not_go_together_says_why() -> None:
    found = conflict({}, {}, {}, (), label="merged, it is not sound: two default rows")
    assert "two default rows" in draw_conflict(found, KINDS, {}, Chosen()).said


@pytest.mark.parametrize(
    "found, text, value",
    [
        (conflict("a", "b", "c", TEXT), " as typed ", " as typed "),
        (conflict(["a"], ["b"], ["c"], kind="order"), "b\n\n a \n", ["b", "a"]),
        (conflict(0.5, 0.6, 0.7), "0.25", 0.25),
    ],
    ids=["text", "order", "number"],
)
def test_a_value_is_read_as_its_conflict_asked_for_it(found: Conflict, text: str, value: Any) -> None:
    assert read_value(found, text) == value


def test_a_number_in_words_cannot_be_read() -> None:
    with pytest.raises(Invalid):
        read_value(conflict(0.5, 0.6, 0.7), "a lot")
