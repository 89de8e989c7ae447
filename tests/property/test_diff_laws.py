"""Laws of diffs (reliability check 12), for sound and malformed bodies of several shapes."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greenroom.domain.body_diffs import apply_changes, diff_bodies, invert, is_same_meaning
from greenroom.domain.canonical import canonical_json
from greenroom.domain.errors import Conflict
from greenroom.domain.kind import Shape
from greenroom.domain.texts import line_hunks, merge_lines, word_hunks
from tests.property.bodies import lines, pairs, shaped_bodies

Pair = tuple[Shape, dict[str, Any], dict[str, Any]]


@given(shaped_bodies())
def test_a_body_does_not_differ_from_itself(case: tuple[Shape, dict[str, Any]]) -> None:
    shape, body = case
    assert diff_bodies(body, body, shape) == ()


@given(shaped_bodies())
def test_writing_a_body_otherwise_is_no_change(case: tuple[Shape, dict[str, Any]]) -> None:
    shape, body = case
    assert diff_bodies(body, json.loads(canonical_json(body)), shape) == ()
    assert diff_bodies(body, dict(reversed(list(body.items()))), shape) == ()


@given(pairs())
def test_applying_a_diff_gives_the_other_body(case: Pair) -> None:
    shape, before, after = case
    changes = diff_bodies(before, after, shape)
    assert is_same_meaning(apply_changes(before, changes, shape), after, shape)


@given(pairs(), st.randoms(use_true_random=False))
def test_changes_may_be_applied_in_any_order(case: Pair, dice: Any) -> None:
    shape, before, after = case
    changes = list(diff_bodies(before, after, shape))
    dice.shuffle(changes)
    assert is_same_meaning(apply_changes(before, changes, shape), after, shape)


@given(pairs())
def test_inverting_a_diff_leads_back(case: Pair) -> None:
    shape, before, after = case
    changes = diff_bodies(before, after, shape)
    there = apply_changes(before, changes, shape)
    assert is_same_meaning(apply_changes(there, invert(changes), shape), before, shape)
    assert invert(invert(changes)) == changes


@given(pairs())
def test_bodies_mean_the_same_exactly_when_nothing_differs(case: Pair) -> None:
    shape, before, after = case
    if canonical_json(before) == canonical_json(after):
        assert diff_bodies(before, after, shape) == ()
    elif not _has_unordered(shape):
        assert diff_bodies(before, after, shape) != ()
    assert is_same_meaning(before, after, shape) is is_same_meaning(after, before, shape)


@given(pairs())
def test_each_place_is_named_once(case: Pair) -> None:
    shape, before, after = case
    places = [(change.pointer, change.op == "reordered") for change in diff_bodies(before, after, shape)]
    assert len(set(places)) == len(places)


@given(pairs())
def test_a_diff_is_refused_where_it_was_not_made(case: Pair) -> None:
    shape, before, after = case
    changes = diff_bodies(before, after, shape)
    if any(change.op in ("added", "removed") for change in changes):
        with pytest.raises(Conflict):
            apply_changes(after, changes, shape)


_prose = st.text("ab é\u0301,.\n{}漢字👩\u200d🚀", max_size=40)


@given(_prose, _prose)
def test_word_hunks_hold_both_texts(before: str, after: str) -> None:
    hunks = word_hunks(before, after)
    assert "".join(text for op, text in hunks if op != "added") == before
    assert "".join(text for op, text in hunks if op != "removed") == after
    assert all(text for _, text in hunks)
    assert all(one[0] != two[0] for one, two in pairwise(hunks))


@given(lines, lines, st.integers(0, 4))
def test_line_hunks_turn_one_text_into_the_other(before: str, after: str, context: int) -> None:
    old = before.split("\n")
    result: list[str] = []
    position = 0
    for hunk in line_hunks(before, after, context):
        start = hunk.before[0] - 1 if hunk.before[1] else hunk.before[0]
        result += [line + "\n" for line in old[position:start]]
        assert hunk.after[0] == len(result) + (1 if hunk.after[1] else 0)
        result += [line.text + "\n" * line.ended for line in hunk.lines if line.op != "removed"]
        position = start + hunk.before[1]
    rest = "".join(before.splitlines(keepends=True)[position:])
    assert "".join(result) + rest == after


@given(lines, lines, lines)
def test_merged_lines_do_not_depend_on_sides(base: str, ours: str, theirs: str) -> None:
    assert merge_lines(base, ours, theirs) == merge_lines(base, theirs, ours)
    assert merge_lines(base, base, theirs) == theirs
    assert merge_lines(base, ours, ours) in (ours, None)


def _has_unordered(shape: Shape) -> bool:
    inner = [*shape.fields.values(), *([shape.items] if shape.items else [])]
    return not shape.ordered or any(_has_unordered(child) for child in inner)
