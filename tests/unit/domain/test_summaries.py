"""Changes in plain words, within bounds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greenroom.domain.changes import Change, FieldChange, Operation
from greenroom.domain.entities import Address
from greenroom.domain.notes import check_note
from greenroom.domain.summaries import cut, in_sentence, say_unchanged, suggest_note, summarise
from tests.support.kinds import TOPIC, VOICE, registry

KINDS = registry(TOPIC, VOICE, "rule", "sms", "test_set")


def change(name: str, op: Operation = "edited", kind: str = "topic", field: str = "text") -> Change:
    fields = (FieldChange((field,), field, "edited", "a", "b"),) if op == "edited" else ()
    return Change(Address(kind, "slug"), op, name, fields)


def test_a_summary_lists_changes() -> None:
    changes = [change("late check-out"), change("offer", "added", "sms"), change("Old rule", "removed", "rule")]
    assert summarise(changes, KINDS) == "Late check-out text changed; new sms offer; Old rule removed"


def test_a_long_summary_counts_the_rest_by_kind() -> None:
    changes = [change(f"Topic {n}") for n in range(15)] + [change("Voice", kind="voice"), change("R", kind="rule")]
    text = summarise(changes, KINDS, 120)
    assert text == (
        "Topic 0 text changed; Topic 1 text changed; Topic 2 text changed; "
        "and 12 more topics, 1 more voice and 1 more rule"
    )


def test_a_first_change_with_no_room_is_cut() -> None:
    text = summarise([change("x" * 500), change("b")], KINDS, 100)
    assert len(text) == 100
    assert text.endswith("…; and 1 more topic")


def test_no_changes_are_said_so() -> None:
    assert summarise([], KINDS) == "No changes"


def test_line_breaks_in_names_do_not_break_the_line() -> None:
    assert summarise([change("two\nlines")], KINDS) == "Two lines text changed"


def test_kinds_without_changes_are_one_sentence() -> None:
    assert say_unchanged([], KINDS) == ""
    assert say_unchanged(["rule"], KINDS) == "no rule changes"
    assert say_unchanged(["rule", "voice"], KINDS) == "no rule or voice changes"
    assert say_unchanged(["topic", "sms", "test_set"], KINDS) == "no topic, SMS or test set changes"


@pytest.mark.parametrize(
    "title,written", [("Topic", "topic"), ("SMS", "SMS"), ("Test set", "test set"), ("MCP server", "MCP server")]
)
def test_titles_inside_a_sentence(title: str, written: str) -> None:
    assert in_sentence(title) == written


def test_cut_says_that_something_was_left_off() -> None:
    assert cut("abcdef", 6) == "abcdef"
    assert cut("abcdef", 5) == "abcd…"


names = st.one_of(
    st.text(max_size=30),
    st.sampled_from(("[VIP]", "[A] b", "[a][b][c][d][e][f] six tags", "ßtraße", "fix", "", "test", "x" * 300, "漢字")),
)
ops: st.SearchStrategy[Operation] = st.sampled_from(("added", "removed", "edited"))
changes = st.lists(
    st.builds(change, names, ops, st.sampled_from(("topic", "voice", "rule", "sms", "gone")), names), max_size=30
)


@given(changes)
def test_a_suggested_note_is_always_accepted(made: list[Change]) -> None:
    note = suggest_note(made, KINDS)
    assert 10 <= len(note) <= 120
    check_note(note, "")


@given(changes, st.integers(60, 400))
def test_a_summary_keeps_its_bound_and_counts_every_change(made: list[Change], limit: int) -> None:
    text = summarise(made, KINDS, limit)
    assert 0 < len(text) <= limit
    assert "\n" not in text
