"""Three bodies of one entity in, one body and its conflicts out. Conflicts are values, never markers in text.

Laws, tested in tests/property: merge(b, b, x) = x; merge(b, x, b) = x; merge(b, x, x) = x; merge(b, x, y) is
merge(b, y, x) with the sides swapped; disjoint edits never conflict; a conflict holds both sides.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, NamedTuple, cast

from greenroom.domain.body_diffs import (
    ABSENT,
    PLAIN,
    form_of,
    is_same_meaning,
    join_labels,
    keys_of,
    label_element,
    label_field,
    order_fields,
    shape_of_field,
)
from greenroom.domain.canonical import canonical_json, digest_of
from greenroom.domain.entities import Address, Body
from greenroom.domain.kind import Shape, TextForm
from greenroom.domain.orders import merge_orders, place_additions
from greenroom.domain.texts import merge_lines

Side = Literal["base", "ours", "theirs"]
SIDES: Final[tuple[Side, ...]] = ("base", "ours", "theirs")

ConflictKind = Literal["both_changed", "edit_delete", "add_add", "order", "broken_reference"]

NOWHERE: Final = Address("", "")
"""The address of conflicts in a body that belongs to no entity."""


@dataclass(frozen=True, slots=True)
class Conflict:
    """A place that both sides changed, each in its own way.

    `absent` names the sides on which nothing is there: their value is None (null is a value). An `order`
    conflict points at a keyed list and holds the keys in each side's order. A `broken_reference` is about an
    entity that is gone after a clean merge while another one, named in `label`, still mentions it.
    """

    id: str
    """A digest of address, pointer and kind: the same whenever and whichever way round the merge is made."""
    address: Address
    pointer: tuple[str, ...]
    kind: ConflictKind
    base: Any
    ours: Any
    theirs: Any
    absent: frozenset[Side] = frozenset()
    label: str = ""
    form: TextForm = "value"

    def side(self, side: Side) -> Any:
        """Returns what a side has there, ABSENT for nothing."""
        return ABSENT if side in self.absent else getattr(self, side)


Choices = Mapping[str, Any]
"""Conflict id → the value that settles it, or ABSENT."""


def merge_bodies(
    base: Body | None,
    ours: Body | None,
    theirs: Body | None,
    shape: Shape,
    *,
    address: Address = NOWHERE,
    choices: Choices | None = None,
) -> tuple[Body | None, tuple[Conflict, ...]]:
    """Returns the merged body (None: the entity is gone) and the conflicts that `choices` does not settle.

    Where a conflict is open the body holds what the base has there: neither side is preferred.
    """
    merge = _Merge(address, choices or {})
    sides: list[Any] = [ABSENT if body is None else body for body in (base, ours, theirs)]
    merged = merge.element(_Three(*sides), shape, _ROOT)
    return (None if merged is ABSENT else merged), tuple(merge.conflicts)


def identify_conflict(address: Address, pointer: tuple[str, ...], kind: ConflictKind) -> str:
    """Returns the id of a conflict."""
    return digest_of([str(address), list(pointer), kind]).removeprefix("sha256:")[:16]


class _Three(NamedTuple):
    """What stands at one place on the three sides; ABSENT for nothing."""

    base: Any
    ours: Any
    theirs: Any

    def at(self, key: str) -> _Three:
        return _Three(self.base.get(key, ABSENT), self.ours.get(key, ABSENT), self.theirs.get(key, ABSENT))


@dataclass(frozen=True, slots=True)
class _Place:
    pointer: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()

    def inside(self, step: str, label: str) -> _Place:
        return _Place((*self.pointer, step), (*self.labels, label))


_ROOT: Final = _Place()


@dataclass(slots=True)
class _Merge:
    """One merge under way: the walk collects conflicts as it goes."""

    address: Address
    choices: Choices
    conflicts: list[Conflict] = field(default_factory=list[Conflict])

    def element(self, sides: _Three, shape: Shape, place: _Place) -> Any:
        """Merges an entity or an element of a keyed list, which exists as a whole or not at all."""
        base, ours, theirs = sides
        if ours is not ABSENT and theirs is not ABSENT:
            if base is ABSENT and not is_same_meaning(ours, theirs, shape):
                return self.settle("add_add", sides, shape, place)
        elif base is not ABSENT and ours is not theirs:
            kept = theirs if ours is ABSENT else ours
            if not is_same_meaning(base, kept, shape):
                return self.settle("edit_delete", sides, shape, place)
        return self.value(sides, shape, place)

    def value(self, sides: _Three, shape: Shape, place: _Place) -> Any:
        base, ours, theirs = sides
        if is_same_meaning(base, ours, shape):
            return base if is_same_meaning(base, theirs, shape) else theirs
        if is_same_meaning(base, theirs, shape):
            return ours
        if isinstance(ours, Mapping) and isinstance(theirs, Mapping):
            empty: Body = {}
            known = cast(Body, base) if isinstance(base, Mapping) else empty
            inner = _Three(known, cast(Body, ours), cast(Body, theirs))
            return _or_absent(self.fields(inner, shape, place), sides)
        free = _read_free_mappings(sides, shape)
        if free is not None:
            return _or_absent(self.fields(free, shape, place), sides)
        rows = _read_keyed_lists(sides, shape)
        if rows is not None:
            return _or_absent(self.elements(rows, shape, place), sides)
        return self.atom(sides, shape, place)

    def atom(self, sides: _Three, shape: Shape, place: _Place) -> Any:
        if is_same_meaning(sides.ours, sides.theirs, shape):
            # They may still differ in an order that means nothing; either way round the same one is kept.
            return sides.ours if sides.ours is sides.theirs else min(sides.ours, sides.theirs, key=canonical_json)
        if sides.base is ABSENT:
            return self.settle("add_add", sides, shape, place)
        if sides.ours is ABSENT or sides.theirs is ABSENT:
            return self.settle("edit_delete", sides, shape, place)
        if form_of(shape, *sides) == "code":
            merged = merge_lines(*sides)
            if merged is not None:
                return merged
        return self.settle("both_changed", sides, shape, place)

    def fields(self, sides: _Three, shape: Shape, place: _Place) -> dict[str, Any]:
        merged: dict[str, Any] = {}
        for name in order_fields(shape, *sides):
            inside = place.inside(name, label_field(shape, name))
            value = self.value(sides.at(name), shape_of_field(shape, name), inside)
            if value is not ABSENT:
                merged[name] = value
        return merged

    def elements(self, sides: _Three, shape: Shape, place: _Place) -> list[Any]:
        base, ours, theirs = (list[str](side) for side in sides)
        known = [*base, *sorted({*ours, *theirs}.difference(base))]
        merged: dict[str, Any] = {}
        for key in known:
            inside = place.inside(key, label_element(shape, key))
            value = self.element(sides.at(key), shape.items or PLAIN, inside)
            if value is not ABSENT:
                merged[key] = value
        keys = self.order(base, ours, theirs, shape, place) if shape.ordered else known
        return [merged[key] for key in keys if key in merged]

    def order(
        self, base: Sequence[str], ours: Sequence[str], theirs: Sequence[str], shape: Shape, place: _Place
    ) -> list[str]:
        """Returns the keys of either side in their merged order.

        It depends on no choice made for an element, so that settling one conflict never makes another.
        """
        both = set(ours) & set(theirs)
        mine, yours = [key for key in ours if key in both], [key for key in theirs if key in both]
        before = [key for key in base if key in both]
        core = merge_orders(before, mine, yours)
        if core is None:
            before += sorted(both.difference(before))
            core = self.settle("order", _Three(before, mine, yours), shape, place)
        return place_additions(core, ours, theirs)

    def settle(self, kind: ConflictKind, sides: _Three, shape: Shape, place: _Place) -> Any:
        """Returns the chosen value, or notes the conflict and returns the base."""
        identity = identify_conflict(self.address, place.pointer, kind)
        if identity in self.choices:
            return self.choices[identity]
        base, ours, theirs = (None if side is ABSENT else side for side in sides)
        absent = frozenset[Side](name for name, side in zip(SIDES, sides, strict=True) if side is ABSENT)
        label, form = join_labels(place.labels), form_of(shape, *sides)
        conflict = Conflict(identity, self.address, place.pointer, kind, base, ours, theirs, absent, label, form)
        self.conflicts.append(conflict)
        return sides.base


def _or_absent(merged: Any, sides: _Three) -> Any:
    """Returns ABSENT for a list or mapping left empty that some side lacks, unless both sides emptied it."""
    if merged or all(side is not ABSENT for side in sides) or sides.ours == merged == sides.theirs:
        return merged
    return ABSENT


def _read_free_mappings(sides: _Three, shape: Shape) -> _Three | None:
    """Returns the sides of a mapping with free keys (an absent one has no keys); None for other values."""
    if shape.fields or not all(side is ABSENT or isinstance(side, Mapping) for side in sides):
        return None
    empty: Body = {}
    return _Three(*(empty if side is ABSENT else side for side in sides))


def _read_keyed_lists(sides: _Three, shape: Shape) -> _Three | None:
    """Returns the sides of a keyed list by key (an absent one has no elements); None for other values."""
    if shape.identity is None:
        return None
    read: list[Body] = []
    for side in sides:
        rows: list[Any] = [] if side is ABSENT else side
        keys = keys_of(rows, shape)
        if keys is None:
            return None
        read.append(dict(zip(keys, rows, strict=True)))
    return _Three(*read)
