"""Who made each field what it is: the last of an entity's bodies in which it changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from greenroom.domain.body_diffs import diff_bodies, join_labels, keys_of, label_element, label_field, order_fields
from greenroom.domain.entities import Body
from greenroom.domain.kind import Shape


@dataclass(frozen=True, slots=True)
class Blame:
    """One field of a body, or one element of a keyed list, and the body (by its place) that made it what it is."""

    pointer: tuple[str, ...]
    label: str
    since: int


def choose_blame(bodies: Sequence[Body | None], shape: Shape) -> tuple[Blame, ...]:
    """Returns, for each field of the last body, since which of the bodies it is as it is; None stands for no entity.

    `bodies` are in the order of time. A field that is as it was in the first body has the place 0. Costs a diff for
    each body.
    """
    last = bodies[-1] if bodies else None
    if last is None:
        return ()
    since: dict[tuple[str, ...], int] = {}
    for place in range(1, len(bodies)):
        before, after = bodies[place - 1], bodies[place]
        if before is None or after is None:
            since = {(): place}
            continue
        for change in diff_bodies(before, after, shape):
            for depth in range(1, min(len(change.pointer), 2) + 1):
                since[change.pointer[:depth]] = place
            if len(change.pointer) == 1 and change.op != "reordered":
                # The list came whole: so did its elements.
                kept = {pointer: when for pointer, when in since.items() if pointer[:1] != change.pointer}
                since = {**kept, change.pointer: place}
    found: list[Blame] = []
    for name in order_fields(shape, last):
        if name == "schema" or name not in last:
            continue
        whole = since.get((name,), since.get((), 0))
        inner = shape.fields.get(name)
        keys = keys_of(last[name], inner) if inner is not None and inner.identity not in (None, "value") else None
        if not keys or inner is None:
            found.append(Blame((name,), label_field(shape, name), whole))
            continue
        came = _came_whole(bodies, name)
        for key in keys:
            label = join_labels([label_field(shape, name), label_element(inner, key)])
            found.append(Blame((name, key), label, since.get((name, key), came)))
    return tuple(found)


def _came_whole(bodies: Sequence[Body | None], name: str) -> int:
    """Returns the last body that has a field which the one before it lacked: its elements are no older."""
    for place in range(len(bodies) - 1, 0, -1):
        before, after = bodies[place - 1], bodies[place]
        if after is not None and name in after and (before is None or name not in before):
            return place
    return 0
