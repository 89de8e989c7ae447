"""Bodies are stored without their defaults: left out or written out, they must make the same program."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import pytest

from greenroom.domain.entities import Address
from greenroom.domain.errors import Invalid
from greenroom.kinds import ALL
from greenroom.kinds.schema import ModelKind
from greenroom.runtime.matcher import Matcher
from greenroom.runtime.program import Program, compile_program

NO_MATCHER = Matcher.compile([])
"""Matchers hold arrays, which do not compare; they are made of names, questions and texts, which do."""


def stored(kind: ModelKind, body: dict[str, Any]) -> dict[str, Any] | None:
    """Returns a body as it is stored, None when the kind refuses it."""
    try:
        return dict(kind.complete(body))
    except Invalid:
        return None


def shorten(kind: ModelKind, body: dict[str, Any], node: Any) -> None:
    """Takes every field out of a part of a body that the kind can do without, so that its default counts."""
    for item in node if isinstance(node, list) else ():
        shorten(kind, body, item)
    for key in [key for key in node if key != "schema"] if isinstance(node, dict) else ():
        value = node[key]
        if isinstance(value, list):
            shorten(kind, body, value)
            continue
        del node[key]
        if stored(kind, body) is None:
            node[key] = value
            shorten(kind, body, value)


def written_out(kind: ModelKind, body: dict[str, Any]) -> dict[str, Any]:
    """Returns a body with every default in it."""
    fields = {key: value for key, value in body.items() if key != "schema"}
    return {"schema": body["schema"], **kind.model.model_validate(fields).model_dump(mode="json")}


def program_of(kind: ModelKind, body: dict[str, Any]) -> Program:
    """Returns the program, without what others than the runtime read: sources by syncs, looks by the pages."""
    found = compile_program({Address(kind.name, kind.singleton or "one"): body})
    knowledge = {slug: replace(plan, source={}) for slug, plan in found.callables.knowledge.items()}
    widgets = {slug: replace(plan, look={}) for slug, plan in found.leads.widgets.items()}
    return replace(
        found,
        matcher=NO_MATCHER,
        callables=replace(found.callables, knowledge=knowledge),
        leads=replace(found.leads, widgets=widgets),
    )


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.name)
def test_a_default_means_the_same_left_out_and_written_out(kind: ModelKind) -> None:
    body = copy.deepcopy(dict(kind.sample))
    shorten(kind, body, body)
    short = stored(kind, body)
    assert short is not None
    whole = written_out(kind, short)
    assert len(str(whole)) > len(str(short))
    assert program_of(kind, short) == program_of(kind, whole)
