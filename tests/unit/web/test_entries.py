"""What is typed as an entry or an argument reads back as what was meant, whatever it is."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greenroom.domain.errors import Fault
from greenroom.web.entries import (
    ARGUMENT_TYPES,
    Argument,
    Raw,
    join_arguments,
    join_entries,
    read_entry,
    say_entry,
    split_arguments,
    split_entries,
)

TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**6), 10**6) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)
WORDS = st.text("abc def12,.'{}[]\"", max_size=10)


@given(VALUES | WORDS)
def test_an_entry_reads_back_as_it_was_said(value: Any) -> None:
    faults: list[Fault] = []
    assert read_entry(say_entry(value), "/x", faults) == value
    assert faults == []


@pytest.mark.parametrize(
    "text, value",
    [
        ("until noon", "until noon"),
        ("12", 12),
        ('"12"', "12"),
        ("true", True),
        ("{{variable.room}}", "{{variable.room}}"),
        ('["a", "b"]', ["a", "b"]),
        ("  spaced  ", "spaced"),
        ("", ""),
    ],
)
def test_a_text_is_itself_and_json_is_json(text: str, value: Any) -> None:
    assert read_entry(text, "/x", []) == value


@pytest.mark.parametrize("text", ["{nope", "[1,", '"open'])
def test_what_begins_like_json_and_is_none_is_told_and_kept(text: str) -> None:
    faults: list[Fault] = []
    assert read_entry(text, "/x", faults) == Raw(text)
    assert [fault.pointer for fault in faults] == ["/x"]
    assert say_entry(Raw(text)) == text


@given(st.dictionaries(st.sampled_from(["contains", "topic", "mine"]), VALUES, max_size=3))
def test_entries_under_known_keys_come_apart_and_together_again(value: dict[str, Any]) -> None:
    known = {"contains": "", "topic": ""}
    assert join_entries(split_entries(value, known), known) == value


def test_a_list_of_texts_is_one_line_for_each() -> None:
    assert split_entries({"contains": ["a", "b"]}, {"contains": ""}) == [("contains", "a"), ("contains", "b")]
    assert split_entries({"ids": ["a", "b"]}, {"contains": ""}) == [("ids", ["a", "b"])]


ARGUMENTS = st.builds(
    Argument,
    st.text("abcdef_", min_size=1, max_size=6),
    st.sampled_from(ARGUMENT_TYPES),
    st.booleans(),
    st.sampled_from(["", "What it is"]),
    st.sampled_from(["", "a, b"]),
)


@given(st.lists(ARGUMENTS, max_size=4, unique_by=lambda each: each.name))
def test_arguments_come_back_from_the_schema_that_they_make(rows: list[Argument]) -> None:
    schema = join_arguments(rows)
    assert split_arguments(schema) == rows
    order = list(schema.get("required", []))[::-1]
    assert sorted(join_arguments(rows, order).get("required", [])) == sorted(order)


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "array"},
        {"type": "object", "properties": {}},
        {"type": "object", "properties": {"a": {"type": "string", "pattern": "x"}}},
        {"type": "object", "properties": {"a": {"type": "string", "enum": ["a,b"]}}},
        {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["b"]},
        {"type": "object", "properties": {"a": {"type": "string"}}, "additionalProperties": False},
    ],
)
def test_a_schema_that_says_more_than_rows_can_stays_json(schema: dict[str, Any]) -> None:
    assert split_arguments(schema) is None
