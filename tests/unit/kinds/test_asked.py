"""What kinds say about their forms holds together: choices, lists and keys that are really there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest

from greenroom.kinds import ALL, KINDS
from greenroom.kinds.schema import ModelKind
from greenroom.kinds.schema.facts import FieldFacts
from greenroom.kinds.test_set import EXPECTATIONS, MOCKS
from greenroom.runtime.expectations import CHECKS
from greenroom.runtime.mocks import KEYS

Fields = Mapping[str, FieldFacts]


def groups(fields: Fields) -> Iterator[Fields]:
    """Yields every group of fields of a kind."""
    yield fields
    for facts in fields.values():
        yield from groups(facts.fields) if facts.fields else ()
        yield from groups(facts.items.fields) if facts.items and facts.items.fields else ()


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.name)
def test_a_field_matters_because_of_a_choice_that_is_beside_it(kind: ModelKind) -> None:
    for fields in groups(kind.fields):
        for name, facts in fields.items():
            if facts.asked.by:
                choice = fields[facts.asked.by]
                assert choice.widget == "choice", name
                assert set(facts.asked.values) <= set(choice.choices), name


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.name)
def test_a_goal_is_in_a_list_of_the_body(kind: ModelKind) -> None:
    for fields in groups(kind.fields):
        for name, facts in fields.items():
            if facts.asked.goal:
                assert facts.asked.goal in kind.fields, name
                assert kind.fields[facts.asked.goal].widget in ("table", "list"), name


def test_every_sort_of_step_has_its_fields() -> None:
    steps = KINDS["workflow"].fields["steps"].items
    assert steps is not None
    needs = {"ask": "text", "call": "function", "lookup": "table", "store": "key", "goto": "next", "set": "expression"}
    for sort, name in needs.items():
        assert steps.fields[name].asked.matters({"type": sort}, steps.fields), sort
    assert not steps.fields["next"].asked.matters({"type": "end"}, steps.fields)


def test_expectations_and_mocks_are_those_that_a_run_knows() -> None:
    assert set(EXPECTATIONS) == set(CHECKS)
    assert set(MOCKS) == set(KEYS)
