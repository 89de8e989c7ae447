"""Conflicts as they are asked about: every sort has both sides, and a value of one's own is read as what it is."""

from __future__ import annotations

from typing import Any

import pytest

from greenroom.domain.entities import Address
from greenroom.domain.errors import Invalid
from greenroom.domain.merges import Conflict
from greenroom.web.conflicts import ask_about, read_resolutions
from greenroom.web.forms import Form, Refusal, refusal_of

LABELS = {"ours": "The draft", "theirs": "What Sandbox serves", "base": "Before both"}
VOICE = Address("voice", "reception")


def conflict(base: Any, ours: Any, theirs: Any, pointer: tuple[str, ...] = ("stability",), **more: Any) -> Conflict:
    return Conflict("c1", VOICE, pointer, more.pop("kind", "both_changed"), base, ours, theirs, **more)


def ask(found: Conflict, *pairs: tuple[str, str], refusal: Refusal | None = None) -> Any:
    return ask_about([found], Form(pairs), refusal or Refusal(), LABELS)[0]


@pytest.mark.parametrize(
    "found, form, value",
    [
        (conflict("a", "b", "c"), "text", "b"),
        (conflict(0.5, 0.6, 0.7), "json", "0.6"),
        (conflict(["a", "b"], ["b", "a"], ["a", "b"], kind="order"), "lines", "b\na"),
        (conflict({"name": "A"}, {"name": "B"}, {"name": "C"}, ()), "", ""),
        (conflict("a", None, "c", absent=frozenset({"ours"}), kind="edit_delete"), "text", "c"),
    ],
    ids=["text", "number", "order", "whole", "removed"],
)
def test_a_value_of_ones_own_begins_with_what_the_draft_has(found: Conflict, form: str, value: str) -> None:
    asked = ask(found)
    assert (asked.form, asked.value) == (form, value)


def test_what_is_not_there_on_a_side_is_said() -> None:
    asked = ask(conflict("a", None, "c", absent=frozenset({"ours"}), kind="edit_delete"))
    assert [(side, text) for side, _, text in asked.sides] == [("ours", ""), ("theirs", "c"), ("base", "a")]
    assert asked.why == "One side changed it, the other removed it."


def test_what_does_not_go_together_says_why() -> None:
    asked = ask(conflict({}, {}, {}, (), label="merged, it is not sound: two default rows"))
    assert "two default rows" in asked.why


@pytest.mark.parametrize(
    "form, text, value",
    [("text", " as typed ", " as typed "), ("lines", "b\n\n a \n", ["b", "a"]), ("json", "0.25", 0.25)],
)
def test_a_value_is_read_as_its_conflict_asked_for_it(form: str, text: str, value: Any) -> None:
    pairs = [("take:c1", "value"), ("form:c1", form), ("value:c1", text), ("take:c2", "theirs"), ("take:c3", "none")]
    assert read_resolutions(Form(pairs)) == [
        {"conflict_id": "c1", "take": "value", "value": value},
        {"conflict_id": "c2", "take": "theirs"},
    ]


def test_what_cannot_be_read_stands_beside_its_conflict_with_what_was_typed() -> None:
    pairs = [("take:c0", "ours"), ("take:c1", "value"), ("form:c1", "json"), ("value:c1", "a lot")]
    with pytest.raises(Invalid) as wrong:
        read_resolutions(Form(pairs))
    asked = ask(conflict(0.5, 0.6, 0.7), *pairs, refusal=refusal_of(wrong.value))
    assert "cannot be read" in asked.wrong
    assert (asked.value, asked.take) == ("a lot", "value")
