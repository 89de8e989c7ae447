"""Shapes like those of the real kinds, and strategies for bodies of them: sound, edited, malformed."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from typing import Any

from hypothesis import strategies as st

from greenroom.domain.body_diffs import PLAIN, keys_of, shape_of_field
from greenroom.domain.kind import Shape
from greenroom.kinds import KINDS

_TEXT = Shape(form="text")
_CODE = Shape(form="code")

TOPIC = Shape(
    fields={
        "name": Shape(),
        "content": _TEXT,
        "code": _CODE,
        "enabled_in": Shape(),
        "questions": Shape(identity="value"),
        "tags": Shape(identity="value", ordered=False),
        "actions": Shape(identity="id", items=Shape(fields={"id": Shape(), "message": _TEXT, "target": Shape()})),
    }
)
WORKFLOW = Shape(
    fields={
        "name": Shape(),
        "model": Shape(fields={"provider": Shape(), "limit": Shape()}),
        "steps": Shape(
            identity="id",
            items=Shape(
                fields={
                    "id": Shape(),
                    "text": _TEXT,
                    "branches": Shape(),
                    "patterns": Shape(
                        identity="pattern",
                        items=Shape(fields={"pattern": Shape(), "words": Shape(identity="value")}),
                    ),
                    "settings": Shape(),
                }
            ),
        ),
        "headers": Shape(identity="name", ordered=False, items=Shape(fields={"name": Shape(), "value": _TEXT})),
    }
)
FREE = Shape(items=Shape(identity="id", items=PLAIN))

SHAPES = (TOPIC, WORKFLOW, FREE, PLAIN)
shapes = st.sampled_from(SHAPES)

_ACCENT = "caf\u00e9"
WORDS = ("a", "b", "c", "d", "e", _ACCENT, unicodedata.normalize("NFD", _ACCENT), "1", "", "\U0001f469\u200d\U0001f680")
words = st.sampled_from(WORDS)
lines = st.lists(st.sampled_from(("a\n", "b\n", "c\n", "d\n", "\n", "e")), max_size=8).map("".join)
scalars = st.one_of(
    st.sampled_from((None, True, False, 0, 1, 1.0, -0.0, 0.5, 2**53, 1e21)), words, st.text(max_size=4), lines
)
anything = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3), max_leaves=6
)


def _pick(draw: st.DrawFn, *weights: int) -> int:
    """Returns an index drawn by weight; the first is what shrinking prefers."""
    drawn = draw(st.integers(0, sum(weights) - 1))
    for index, weight in enumerate(weights):
        if drawn < weight:
            return index
        drawn -= weight
    raise AssertionError


@st.composite
def values(draw: st.DrawFn, shape: Shape) -> Any:
    """A value of a shape: mostly as it should be, now and then anything at all."""
    if _pick(draw, 9, 1):
        return draw(anything)
    if shape.fields:
        names = draw(st.lists(st.sampled_from(sorted(shape.fields)), unique=True))
        body = {name: draw(values(shape.fields[name])) for name in names}
        if _pick(draw, 9, 1):
            body[draw(words)] = draw(anything)
        return body
    if shape.identity is not None:
        keys = draw(st.lists(words, max_size=5, unique=_pick(draw, 9, 1) == 0))
        return [draw(_elements(shape, key)) for key in keys]
    if shape.items is not None:
        return draw(st.dictionaries(words, values(shape.items), max_size=3))
    return draw({"text": words | st.text(max_size=6), "code": lines, "value": anything}[shape.form])


@st.composite
def _elements(draw: st.DrawFn, shape: Shape, key: str) -> Any:
    if shape.identity == "value":
        return key
    inner = draw(values(shape.items or PLAIN))
    fields: dict[str, Any] = dict(inner) if isinstance(inner, dict) else {}
    return {**fields, str(shape.identity): key}


@st.composite
def bodies(draw: st.DrawFn, shape: Shape) -> dict[str, Any]:
    """A body: a mapping at its root."""
    body = draw(values(shape))
    return body if isinstance(body, dict) else {"whole": body}


@st.composite
def edited(draw: st.DrawFn, value: Any, shape: Shape) -> Any:
    """The value after a few edits: fields set, removed and added, elements moved, dropped and put in."""
    choice = _pick(draw, 5, 4, 1)
    if choice == 0:
        return value
    if choice == 2:
        return draw(values(shape))
    if isinstance(value, Mapping):
        result = {key: draw(edited(item, shape_of_field(shape, key))) for key, item in value.items()}
        for key in draw(st.lists(st.sampled_from(sorted(value)), max_size=1)) if value else ():
            del result[key]
        for key in draw(st.lists(st.sampled_from(sorted(shape.fields) or WORDS), max_size=1)):
            result[key] = draw(values(shape_of_field(shape, key)))
        return result
    keys = keys_of(value, shape)
    if keys is not None:
        return draw(_edited_list(value, keys, shape))
    if isinstance(value, str) and shape.form == "code":
        parts = value.splitlines(keepends=True)
        place = draw(st.integers(0, len(parts)))
        return "".join(
            [*parts[:place], draw(st.sampled_from(("x\n", "y\n", "a\n"))), *parts[place + _pick(draw, 1, 1) :]]
        )
    return draw(values(shape))


@st.composite
def _edited_list(draw: st.DrawFn, value: list[Any], keys: list[str], shape: Shape) -> Any:
    rows = {key: draw(edited(item, shape.items or PLAIN)) for key, item in zip(keys, value, strict=True)}
    order = draw(st.permutations(keys)) if _pick(draw, 2, 1) else list(keys)
    for key in draw(st.lists(st.sampled_from(keys), max_size=2, unique=True)) if keys else ():
        order.remove(key)
    for key in draw(st.lists(words, max_size=2, unique=True)):
        if key not in rows:
            rows[key] = draw(_elements(shape, key))
            order.insert(draw(st.integers(0, len(order))), key)
    return [rows[key] for key in order]


@st.composite
def edited_bodies(draw: st.DrawFn, body: Mapping[str, Any], shape: Shape) -> dict[str, Any]:
    """A body after a few edits, still a mapping."""
    result = draw(edited(body, shape))
    return dict(result) if isinstance(result, Mapping) else {"whole": result}


@st.composite
def shaped_bodies(draw: st.DrawFn) -> tuple[Shape, dict[str, Any]]:
    """A shape and a body of it: one made up, or the sample of a real kind after a few edits."""
    if _pick(draw, 3, 1):
        kind = draw(st.sampled_from(list(KINDS.values())))
        return kind.shape, draw(edited_bodies(kind.sample, kind.shape))
    shape = draw(shapes)
    return shape, draw(bodies(shape))


@st.composite
def pairs(draw: st.DrawFn) -> tuple[Shape, dict[str, Any], dict[str, Any]]:
    """A shape and two bodies of it, the second edited from the first or quite another."""
    shape, before = draw(shaped_bodies())
    return shape, before, draw(st.one_of(edited_bodies(before, shape), bodies(shape)))


@st.composite
def triples(draw: st.DrawFn) -> tuple[Shape, dict[str, Any], dict[str, Any], dict[str, Any]]:
    """A shape, a base and two edited bodies."""
    shape, base = draw(shaped_bodies())
    return shape, base, draw(edited_bodies(base, shape)), draw(edited_bodies(base, shape))
