"""Laws of three-way merges (reliability check 12), for bodies and for snapshots."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from greenroom.domain.body_diffs import ABSENT, PLAIN, diff_bodies, is_same_meaning, keys_of, shape_of_field
from greenroom.domain.canonical import Digest, same
from greenroom.domain.changes import FieldChange
from greenroom.domain.entities import Address, Body, EntityBody, freeze_body
from greenroom.domain.kind import Shape
from greenroom.domain.merges import Conflict, Resolution, Side, merge_bodies, merge_snapshots, resolve
from greenroom.domain.versions import Snapshot, snapshot_of
from tests.property.bodies import TOPIC, WORKFLOW, bodies, edited, edited_bodies, pairs, triples, values

Pair = tuple[Shape, dict[str, Any], dict[str, Any]]
Triple = tuple[Shape, dict[str, Any], dict[str, Any], dict[str, Any]]


def means(a: Body | None, b: Body | None, shape: Shape) -> bool:
    return a is b if a is None or b is None else is_same_meaning(a, b, shape)


@given(pairs())
def test_what_one_side_alone_changed_is_taken(case: Pair) -> None:
    shape, base, side = case
    for ours, theirs in ((base, side), (side, base), (side, side)):
        merged, conflicts = merge_bodies(base, ours, theirs, shape)
        assert conflicts == ()
        assert means(merged, side, shape)


@given(pairs())
def test_entities_come_and_go_as_a_whole(case: Pair) -> None:
    shape, base, side = case
    assert merge_bodies(None, side, None, shape) == (side, ())
    assert merge_bodies(base, None, base, shape) == (None, ())
    assert merge_bodies(base, None, None, shape) == (None, ())
    kinds = [
        [conflict.kind for conflict in merge_bodies(None, base, side, shape)[1]],
        [conflict.kind for conflict in merge_bodies(base, side, None, shape)[1]],
    ]
    alike = is_same_meaning(base, side, shape)
    assert kinds == ([[], []] if alike else [["add_add"], ["edit_delete"]])


@given(triples())
def test_sides_may_be_swapped(case: Triple) -> None:
    shape, base, ours, theirs = case
    merged, conflicts = merge_bodies(base, ours, theirs, shape)
    swapped, others = merge_bodies(base, theirs, ours, shape)
    assert same(merged, swapped)
    assert [turn(conflict) for conflict in others] == list(conflicts)


def turn(conflict: Conflict) -> Conflict:
    names: dict[Side, Side] = {"base": "base", "ours": "theirs", "theirs": "ours"}
    absent = frozenset[Side](names[side] for side in conflict.absent)
    return Conflict(
        conflict.id,
        conflict.address,
        conflict.pointer,
        conflict.kind,
        conflict.base,
        conflict.theirs,
        conflict.ours,
        absent,
        conflict.label,
        conflict.form,
    )


@given(triples())
def test_every_change_is_in_the_result_or_in_a_conflict(case: Triple) -> None:
    shape, base, ours, theirs = case
    merged, conflicts = merge_bodies(base, ours, theirs, shape)
    assert merged is not None
    for side in (ours, theirs):
        for change in diff_bodies(base, side, shape):
            if not any(_overlap(conflict.pointer, change.pointer) for conflict in conflicts):
                assert _is_made(change, base, merged, shape), change


@given(triples())
def test_a_conflict_holds_what_stands_on_each_side(case: Triple) -> None:
    shape, base, ours, theirs = case
    _, conflicts = merge_bodies(base, ours, theirs, shape)
    assert len({conflict.id for conflict in conflicts}) == len(conflicts)
    for conflict in conflicts:
        if conflict.kind == "order":
            assert sorted(conflict.base) == sorted(conflict.ours) == sorted(conflict.theirs)
            for body, order in ((ours, conflict.ours), (theirs, conflict.theirs)):
                rows, inner = find(body, conflict.pointer, shape)
                assert [key for key in keys_of(rows, inner) or () if key in order] == order
            continue
        assert same(absent_as_text(conflict.side("ours")), absent_as_text(find(ours, conflict.pointer, shape)[0]))
        assert same(absent_as_text(conflict.side("theirs")), absent_as_text(find(theirs, conflict.pointer, shape)[0]))


@st.composite
def disjoint_edits(draw: st.DrawFn) -> Triple:
    """Two sides of which each edits, adds and removes its own fields, and elements of shared keyed lists."""
    shape = draw(st.sampled_from((TOPIC, WORKFLOW)))
    base = draw(bodies(shape))
    ours, theirs = dict(base), dict(base)
    for name in sorted({*base, *shape.fields}):
        child, value = shape_of_field(shape, name), base.get(name, ABSENT)
        keys = keys_of(value, child)
        if keys is not None and draw(st.booleans()):
            ours[name], theirs[name] = draw(_disjoint_lists(value, keys, child))
        else:
            side = draw(st.sampled_from((ours, theirs)))
            new = ABSENT if draw(st.integers(0, 4)) == 0 else draw(values(child))
            if new is ABSENT:
                side.pop(name, None)
            else:
                side[name] = draw(edited(value, child)) if value is not ABSENT else new
    return shape, base, ours, theirs


@st.composite
def _disjoint_lists(draw: st.DrawFn, value: list[Any], keys: list[str], shape: Shape) -> tuple[Any, Any]:
    """Two lists: each side edits or removes its own elements and adds its own; one of them may reorder."""
    rows = dict(zip(keys, value, strict=True))
    owner = {key: draw(st.integers(0, 1)) for key in keys}
    result: list[list[Any]] = []
    for side in (0, 1):
        order = list(draw(st.permutations(keys))) if side == 0 else list(keys)
        mine = dict(rows)
        for key in keys:
            if owner[key] == side and draw(st.booleans()):
                if draw(st.booleans()):
                    order.remove(key)
                elif shape.identity != "value":
                    new = draw(edited(rows[key], shape.items or PLAIN))
                    mine[key] = {**(new if isinstance(new, dict) else {}), str(shape.identity): key}
        for key in draw(st.lists(st.sampled_from((f"new-{side}", f"also-{side}")), unique=True)):
            mine[key] = (
                key if shape.identity == "value" else {str(shape.identity): key, "text": draw(st.text(max_size=3))}
            )
            order.insert(draw(st.integers(0, len(order))), key)
        result.append([mine[key] for key in order])
    return result[0], result[1]


@given(disjoint_edits())
def test_disjoint_edits_never_conflict(case: Triple) -> None:
    shape, base, ours, theirs = case
    merged, conflicts = merge_bodies(base, ours, theirs, shape)
    assert conflicts == ()
    assert merged is not None
    for side in (ours, theirs):
        for change in diff_bodies(base, side, shape):
            assert _is_made(change, base, merged, shape), change


@given(triples(), st.lists(st.sampled_from(("ours", "theirs", "base")), min_size=12))
def test_settled_conflicts_are_gone_and_the_rest_stay(case: Triple, takes: list[Side]) -> None:
    shape, base, ours, theirs = case
    merged, conflicts = merge_bodies(base, ours, theirs, shape)
    picked = {one.id: one.side(take) for one, take in zip(conflicts, takes, strict=False)}
    settled, rest = merge_bodies(base, ours, theirs, shape, choices=picked)
    assert [one.id for one in rest] == [one.id for one in conflicts if one.id not in picked]
    on_base = {conflict.id: conflict.side("base") for conflict in conflicts}
    assert same(merged, merge_bodies(base, ours, theirs, shape, choices=on_base)[0])
    for one, take in zip(conflicts, takes, strict=False):
        if one.kind != "order" and settled is not None:
            wanted = one.side(take)
            found = find(settled, one.pointer, shape)[0]
            assert same(absent_as_text(wanted), absent_as_text(found))


# ── snapshots ────────────────────────────────────────────────────────────────────────────────────────────────

STORE: dict[Digest, dict[str, Any]] = {}


def freeze(body: Body) -> EntityBody:
    frozen = freeze_body(body)
    STORE[frozen.digest] = dict(body)
    return frozen


def load(_: Address, digest: Digest) -> Body:
    return STORE[digest]


@st.composite
def snapshots(draw: st.DrawFn) -> tuple[Snapshot, Snapshot, Snapshot]:
    base = {Address("kind", f"e{n}"): draw(bodies(PLAIN)) for n in range(draw(st.integers(0, 4)))}
    sides: list[dict[Address, dict[str, Any]]] = []
    for _ in range(2):
        side = {address: draw(edited_bodies(body, PLAIN)) for address, body in base.items()}
        for slug in draw(st.lists(st.sampled_from(("e0", "e1", "e5")), max_size=2)):
            if side.pop(Address("kind", slug), None) is None:
                side[Address("kind", slug)] = draw(bodies(PLAIN))
        sides.append(side)
    made = [snapshot_of({address: freeze(body).digest for address, body in part.items()}) for part in (base, *sides)]
    return made[0], made[1], made[2]


@given(snapshots())
def test_snapshots_keep_the_laws(case: tuple[Snapshot, Snapshot, Snapshot]) -> None:
    base, ours, theirs = case
    for one, two in ((base, ours), (ours, base), (ours, ours)):
        merge = merge_snapshots(base, one, two, load, freeze, {})
        assert (merge.result, merge.conflicts) == (ours, ())
    merge = merge_snapshots(base, ours, theirs, load, freeze, {})
    swapped = merge_snapshots(base, theirs, ours, load, freeze, {})
    assert merge.result == swapped.result
    assert [turn(conflict) for conflict in swapped.conflicts] == list(merge.conflicts)


@given(snapshots(), st.lists(st.sampled_from(("ours", "theirs", "base")), min_size=20))
def test_conflicts_may_be_settled_in_parts(case: tuple[Snapshot, Snapshot, Snapshot], takes: list[Any]) -> None:
    merge = merge_snapshots(*case, load, freeze, {})
    choices = [Resolution(one.id, take) for one, take in zip(merge.conflicts, takes, strict=False)]
    at_once = resolve(merge, choices)
    in_parts = merge
    for choice in reversed(choices):
        in_parts = resolve(in_parts, [choice])
    assert at_once.result == in_parts.result
    assert at_once.conflicts == in_parts.conflicts == merge.conflicts[len(choices) :]


# ── what the laws ask ────────────────────────────────────────────────────────────────────────────────────────


def find(value: Any, pointer: tuple[str, ...], shape: Shape) -> tuple[Any, Shape]:
    """Returns what stands at a pointer, ABSENT for nothing, with its shape."""
    for step in pointer:
        if isinstance(value, Mapping):
            value, shape = value.get(step, ABSENT), shape_of_field(shape, step)
            continue
        keys = keys_of(value, shape) or []
        value = value[keys.index(step)] if step in keys else ABSENT
        shape = shape.items or PLAIN
    return value, shape


def absent_as_text(value: Any) -> Any:
    return "\0absent" if value is ABSENT else value


def _overlap(one: tuple[str, ...], two: tuple[str, ...]) -> bool:
    short = min(len(one), len(two))
    return one[:short] == two[:short]


def _is_made(change: FieldChange, base: Body, merged: Body, shape: Shape) -> bool:
    found, inner = find(merged, change.pointer, shape)
    if change.op == "removed":
        return _excludes(found, change.before, inner)
    if change.op == "reordered":
        keys = keys_of(found, inner) or []
        moved = [pair for pair in combinations(change.after, 2) if not _in_order(change.before, *pair)]
        return all(_in_order(keys, *pair) for pair in moved if pair[0] in keys and pair[1] in keys)
    if change.form == "code":
        return isinstance(found, str) and all(
            line in found for line in change.after.splitlines() if line not in (change.before or "").splitlines()
        )
    return _contains(found, change.after, inner)


def _in_order(keys: list[str], first: str, second: str) -> bool:
    return keys.index(first) < keys.index(second)


def _contains(found: Any, wanted: Any, shape: Shape) -> bool:
    """Says whether all of a value is there; the other side may have put more beside it."""
    if isinstance(wanted, Mapping) and isinstance(found, Mapping):
        return all(_contains(found.get(key, ABSENT), item, shape_of_field(shape, key)) for key, item in wanted.items())
    keys, have = keys_of(wanted, shape), keys_of(found, shape)
    if keys is not None and have is not None:
        rows = dict(zip(have, found, strict=True))
        items = shape.items or PLAIN
        return all(_contains(rows.get(key, ABSENT), item, items) for key, item in zip(keys, wanted, strict=True))
    return is_same_meaning(found, wanted, shape)


def _excludes(found: Any, gone: Any, shape: Shape) -> bool:
    """Says whether nothing is left of a removed value, which for lists and mappings may have been added to."""
    if found is ABSENT:
        return True
    if isinstance(found, Mapping) and isinstance(gone, Mapping):
        return not found.keys() & gone.keys()
    keys, have = keys_of(gone, shape), keys_of(found, shape)
    return keys is not None and have is not None and not set(keys) & set(have)
