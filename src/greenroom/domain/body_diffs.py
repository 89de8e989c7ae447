"""Two bodies and their shape in, the changes of fields out; and changes applied and inverted.

Laws, tested in tests/property: diff(a, a) is empty; apply(a, diff(a, b)) means b; apply(apply(a, d),
invert(d)) means a. Two bodies mean the same when RFC 8785 writes them the same, but for the order of
unordered keyed lists.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from enum import Enum
from typing import Any, Final, cast

from greenroom.domain.canonical import same
from greenroom.domain.changes import FieldChange, FieldOperation
from greenroom.domain.entities import Body
from greenroom.domain.errors import Conflict, Fault
from greenroom.domain.kind import Shape, TextForm


class Absent(Enum):
    """The type of ABSENT."""

    ABSENT = "absent"


ABSENT: Final = Absent.ABSENT
"""Stands where a field or element does not exist; null does exist."""

PLAIN: Final = Shape()
"""The shape of whatever a kind says nothing about."""

_OPPOSITE: Final[Mapping[FieldOperation, FieldOperation]] = {
    "added": "removed",
    "removed": "added",
    "edited": "edited",
    "reordered": "reordered",
}
_LONGEST_KEY_IN_LABEL = 60


def diff_bodies(before: Body, after: Body, shape: Shape) -> tuple[FieldChange, ...]:
    """Returns what must change in `before` to mean `after`; empty when they mean the same.

    Mappings are compared field by field. A list whose shape has an identity, and whose elements really are
    unique by it on both sides, is compared by element; any other list is one value. Cost is linear in size.
    """
    return tuple(_walk(before, after, shape, (), ()))


def is_same_meaning(before: Any, after: Any, shape: Shape) -> bool:
    """Says whether two values of a shape mean the same; stops at the first difference."""
    if before is ABSENT or after is ABSENT:
        return before is after
    return next(_walk(before, after, shape, (), ()), None) is None


def apply_changes(body: Body, changes: Sequence[FieldChange], shape: Shape) -> dict[str, Any]:
    """Returns the body with the changes made, in whatever order they come.

    Raises Conflict `change_does_not_apply` where the body is not what a change was made from.
    """
    return cast(dict[str, Any], _apply(body, changes, 0, shape))


def invert(changes: Sequence[FieldChange]) -> tuple[FieldChange, ...]:
    """Returns the changes that take these back."""
    return tuple(
        replace(change, op=_OPPOSITE[change.op], before=change.after, after=change.before) for change in changes
    )


def keys_of(value: Any, shape: Shape) -> list[str] | None:
    """Returns the identities of a keyed list's elements in order; None when the value is not such a list.

    It is not when its shape has no identity, or an element lacks a text there, or two elements share one.
    """
    if shape.identity is None or not isinstance(value, list):
        return None
    keys: list[str] = []
    for item in cast(list[Any], value):
        key = _identify(item, shape.identity)
        if key is None:
            return None
        keys.append(key)
    return keys if len(set(keys)) == len(keys) else None


def shape_of_field(shape: Shape, name: str) -> Shape:
    """Returns the shape of a mapping's field; `items` serves for the values of a mapping with free keys."""
    found = shape.fields.get(name)
    if found is not None:
        return found
    return shape.items if shape.items is not None and not shape.fields else PLAIN


def label_field(shape: Shape, name: str) -> str:
    """Returns what people call a field."""
    return shape_of_field(shape, name).label or name.replace("_", " ")


def label_element(shape: Shape, key: str) -> str:
    """Returns what people call an element of a keyed list."""
    short = key if len(key) <= _LONGEST_KEY_IN_LABEL else key[: _LONGEST_KEY_IN_LABEL - 1] + "…"
    return f"{shape.items.label} {short}" if shape.items and shape.items.label else short


def join_labels(labels: Sequence[str]) -> str:
    """Returns the label of a place inside others: `actions › send-link › message`."""
    return " › ".join(labels)


def form_of(shape: Shape, *values: Any) -> TextForm:
    """Returns how values are shown; what is not text is shown as a value, whatever the shape hoped for."""
    return shape.form if all(isinstance(value, str) for value in values if value is not ABSENT) else "value"


def order_fields(shape: Shape, *sides: Mapping[str, Any]) -> list[str]:
    """Returns the field names of mappings: first in the order of the shape, the others by name."""
    names = {name for side in sides for name in side}
    known = [name for name in shape.fields if name in names]
    return known + sorted(names.difference(known))


def _identify(item: Any, identity: str) -> str | None:
    if isinstance(item, Mapping):
        found = cast(Mapping[str, Any], item).get(identity)
        return found if isinstance(found, str) else None
    return item if isinstance(item, str) and identity == "value" else None


def _walk(
    before: Any, after: Any, shape: Shape, pointer: tuple[str, ...], labels: tuple[str, ...]
) -> Iterator[FieldChange]:
    if before is after:
        return
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        sides = cast(Mapping[str, Any], before), cast(Mapping[str, Any], after)
        yield from _walk_fields(*sides, shape, pointer, labels)
        return
    keys_before, keys_after = keys_of(before, shape), keys_of(after, shape)
    if keys_before is not None and keys_after is not None:
        old = dict(zip(keys_before, cast(list[Any], before), strict=True))
        new = dict(zip(keys_after, cast(list[Any], after), strict=True))
        yield from _walk_elements(old, new, shape, pointer, labels)
    elif not same(before, after):
        yield FieldChange(pointer, join_labels(labels), "edited", before, after, None, form_of(shape, before, after))


def _walk_fields(
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    shape: Shape,
    pointer: tuple[str, ...],
    labels: tuple[str, ...],
) -> Iterator[FieldChange]:
    for name in order_fields(shape, before, after):
        at, called = (*pointer, name), (*labels, label_field(shape, name))
        child = shape_of_field(shape, name)
        if name not in before:
            new = after[name]
            yield FieldChange(at, join_labels(called), "added", None, new, None, form_of(child, new))
        elif name not in after:
            old = before[name]
            yield FieldChange(at, join_labels(called), "removed", old, None, None, form_of(child, old))
        else:
            yield from _walk(before[name], after[name], child, at, called)


def _walk_elements(
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    shape: Shape,
    pointer: tuple[str, ...],
    labels: tuple[str, ...],
) -> Iterator[FieldChange]:
    items = shape.items or PLAIN
    for index, (key, new) in enumerate(after.items()):
        at, called = (*pointer, key), (*labels, label_element(shape, key))
        if key in before:
            yield from _walk(before[key], new, items, at, called)
        else:
            yield FieldChange(at, join_labels(called), "added", None, new, index, form_of(items, new))
    for index, (key, old) in enumerate(before.items()):
        if key not in after:
            called = join_labels((*labels, label_element(shape, key)))
            yield FieldChange((*pointer, key), called, "removed", old, None, index, form_of(items, old))
    if shape.ordered:
        kept_before = [key for key in before if key in after]
        kept_after = [key for key in after if key in before]
        if kept_before != kept_after:
            yield FieldChange(pointer, join_labels(labels), "reordered", kept_before, kept_after)


def _apply(value: Any, changes: Sequence[FieldChange], depth: int, shape: Shape) -> Any:
    deeper: dict[str, list[FieldChange]] = {}
    reordered: FieldChange | None = None
    for change in changes:
        if len(change.pointer) > depth:
            deeper.setdefault(change.pointer[depth], []).append(change)
        elif change.op == "reordered":
            reordered = change
        else:
            _require(change.op == "edited" and is_same_meaning(value, change.before, shape), change)
            return change.after
    if isinstance(value, Mapping):
        return _apply_to_fields(cast(Mapping[str, Any], value), deeper, depth, shape)
    keys = keys_of(value, shape)
    _require(keys is not None, changes[0])
    rows = dict(zip(keys or (), value, strict=True))
    return _apply_to_elements(rows, deeper, reordered, depth, shape)


def _apply_to_fields(
    value: Mapping[str, Any], deeper: Mapping[str, Sequence[FieldChange]], depth: int, shape: Shape
) -> dict[str, Any]:
    result = dict(value)
    for name, changes in deeper.items():
        change, child = changes[0], shape_of_field(shape, name)
        here = len(change.pointer) == depth + 1
        if here and change.op == "added":
            _require(name not in result, change)
            result[name] = change.after
        elif here and change.op == "removed":
            _require(is_same_meaning(result.get(name, ABSENT), change.before, child), change)
            del result[name]
        else:
            _require(name in result, change)
            result[name] = _apply(result[name], changes, depth + 1, child)
    return result


def _apply_to_elements(
    rows: dict[str, Any],
    deeper: Mapping[str, Sequence[FieldChange]],
    reordered: FieldChange | None,
    depth: int,
    shape: Shape,
) -> list[Any]:
    items = shape.items or PLAIN
    added: list[FieldChange] = []
    for key, changes in deeper.items():
        change = changes[0]
        here = len(change.pointer) == depth + 1
        if here and change.op == "added":
            _require(key not in rows, change)
            added.append(change)
        elif here and change.op == "removed":
            _require(is_same_meaning(rows.get(key, ABSENT), change.before, items), change)
            del rows[key]
        else:
            _require(key in rows, change)
            rows[key] = _apply(rows[key], changes, depth + 1, items)
    if reordered is not None:
        _require(set(reordered.after) == rows.keys(), reordered)
        rows = {key: rows[key] for key in reordered.after}
    result = list(rows.values())
    # Places are those in the finished list, so the lowest goes in first.
    for change in sorted(added, key=lambda change: change.index or 0):
        result.insert(change.index or 0, change.after)
    return result


def _require(holds: bool, change: FieldChange) -> None:
    if not holds:
        pointer = "".join("/" + step.replace("~", "~0").replace("/", "~1") for step in change.pointer)
        message = f"{change.label or 'the body'} is not what this change was made from"
        raise Conflict("change_does_not_apply", message, errors=[Fault(pointer, message)])
