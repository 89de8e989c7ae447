"""Three snapshots in, one snapshot and its conflicts out (R7, R20). How bodies merge is in body_merges."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, cast

from greenroom.domain.body_diffs import ABSENT
from greenroom.domain.body_merges import SIDES, Conflict, ConflictKind, Side, identify_conflict, merge_bodies
from greenroom.domain.canonical import Digest, same
from greenroom.domain.changes import SnapshotChange
from greenroom.domain.diffs import LoadBody, diff_snapshots
from greenroom.domain.entities import Address, Body, EntityBody
from greenroom.domain.errors import Fault, Invalid
from greenroom.domain.kind import Kind, Registry, Shape
from greenroom.domain.versions import Snapshot

__all__ = [
    "Conflict",
    "ConflictKind",
    "Contested",
    "Freeze",
    "Merge",
    "Resolution",
    "Side",
    "identify_conflict",
    "merge_bodies",
    "merge_snapshots",
    "resolve",
    "resolve_known",
]

Freeze = Callable[[Body], EntityBody]
"""Returns the canonical bytes of a body: `entities.freeze_body`."""


@dataclass(frozen=True, slots=True)
class Contested:
    """An entity that both sides changed: stored digests, and bodies as the present schema writes them."""

    address: Address
    digests: tuple[Digest | None, Digest | None, Digest | None]
    base: Body | None
    ours: Body | None
    theirs: Body | None


@dataclass(frozen=True, slots=True)
class Resolution:
    """A choice for one conflict. `value` counts with `take="value"` only, where None is null."""

    conflict_id: str
    take: Literal["ours", "theirs", "base", "value"]
    value: Any = None


@dataclass(frozen=True, slots=True)
class Merge:
    """A three-way merge. While conflicts are open, `result` holds the base at their places.

    `bodies` are those the merge made: save them before the result. Whether the references of the result
    hold is for the caller to check, and so is whether bodies that were given as values are valid.
    """

    base: Snapshot
    ours: Snapshot
    theirs: Snapshot
    result: Snapshot
    conflicts: tuple[Conflict, ...]
    bodies: Mapping[Digest, EntityBody]
    contested: tuple[Contested, ...] = ()
    chosen: Mapping[str, Any] = field(default_factory=dict[str, Any])
    freeze: Freeze = field(kw_only=True, repr=False, compare=False)
    kinds: Registry = field(kw_only=True, repr=False, compare=False)

    @property
    def changes(self) -> tuple[SnapshotChange, ...]:
        """Returns what the merge changes in ours."""
        return diff_snapshots(self.ours, self.result, self.kinds)


def merge_snapshots(
    base: Snapshot, ours: Snapshot, theirs: Snapshot, load_body: LoadBody, freeze: Freeze, kinds: Registry
) -> Merge:
    """Returns ours with what theirs changed since base, and the conflicts.

    Reads only shards that differ and loads only bodies that both sides changed. Raises what `freeze` raises.
    """
    by_us = {address: after for address, _, after in base.differing(ours)}
    taken: dict[Address, Digest | None] = {}
    contested: list[Contested] = []
    for address, before, after in base.differing(theirs):
        if address not in by_us:
            taken[address] = after
        elif by_us[address] != after:
            digests = (before, by_us[address], after)
            kind = kinds.get(address.kind)
            bodies = [_load(address, digest, load_body, kind) for digest in digests]
            contested.append(Contested(address, digests, *bodies))
    contested.sort(key=lambda entity: entity.address)
    merge = Merge(base, ours, theirs, ours.with_changes(taken), (), {}, tuple(contested), freeze=freeze, kinds=kinds)
    return _settle(merge, {})


def resolve(merge: Merge, resolutions: Sequence[Resolution]) -> Merge:
    """Returns the merge with conflicts settled; those not named stay open.

    Raises Invalid with the pointer `/resolutions/<i>` for an unknown or repeated id, and with
    `/resolutions/<i>/value` for a value that cannot stand there.
    """
    merge, left = resolve_known(merge, resolutions)
    if left:
        index, resolution = min(left.items())
        message = f"there is no open conflict '{resolution.conflict_id[:80]}'"
        raise _invalid("unknown_conflict", f"/resolutions/{index}", message)
    return merge


def resolve_known(merge: Merge, resolutions: Sequence[Resolution]) -> tuple[Merge, dict[int, Resolution]]:
    """Returns the merge with conflicts settled, and by their places the resolutions that settle none of its.

    An entity whose fields are settled may turn out not to be sound as a whole, which is a conflict of its own
    then: hence in rounds. Raises Invalid as `resolve`, but not for an unknown id.
    """
    left: dict[int, Resolution] = {}
    seen: set[str] = set()
    for index, resolution in enumerate(resolutions):
        if resolution.conflict_id in seen:
            message = f"conflict {resolution.conflict_id[:80]} is resolved twice"
            raise _invalid("resolved_twice", f"/resolutions/{index}", message)
        seen.add(resolution.conflict_id)
        left[index] = resolution
    while True:
        open_conflicts = {conflict.id: conflict for conflict in merge.conflicts}
        chosen: dict[str, Any] = {}
        for index, resolution in list(left.items()):
            conflict = open_conflicts.get(resolution.conflict_id)
            if conflict is not None:
                chosen[conflict.id] = _choose(conflict, resolution, f"/resolutions/{index}")
                del left[index]
        if not chosen:
            return merge, left
        merge = _settle(merge, chosen)


def _choose(conflict: Conflict, resolution: Resolution, pointer: str) -> Any:
    if resolution.take != "value":
        if resolution.take not in SIDES:
            raise _invalid("invalid_resolution", f"{pointer}/take", "take one of ours, theirs, base, value")
        return conflict.side(resolution.take)
    value = resolution.value
    if conflict.kind == "order" and not _is_order_of(conflict.ours, value):
        message = f"must hold each of these once: {', '.join(conflict.ours)}"
        raise _invalid("invalid_resolution", f"{pointer}/value", message)
    if not conflict.pointer and not isinstance(value, dict):
        raise _invalid("invalid_resolution", f"{pointer}/value", "must be the fields of an entity")
    return cast(Any, value)


def _is_order_of(keys: Sequence[str], value: Any) -> bool:
    if not isinstance(value, list):
        return False
    wanted = cast(list[Any], value)
    return all(isinstance(key, str) for key in wanted) and sorted(wanted) == sorted(keys)


def _settle(merge: Merge, chosen: Mapping[str, Any]) -> Merge:
    """Merges the contested entities again with the choices known so far, and puts them into the result."""
    choices = {**merge.chosen, **chosen}
    conflicts: list[Conflict] = []
    bodies: dict[Digest, EntityBody] = {}
    digests: dict[Address, Digest | None] = {}
    for entity in merge.contested:
        address, kind = entity.address, merge.kinds.get(entity.address.kind)
        shape = kind.shape if kind else Shape()
        body, found = merge_bodies(entity.base, entity.ours, entity.theirs, shape, address=address, choices=choices)
        if body is not None and not found:
            body, found = _check_whole(entity, body, kind, choices)
        conflicts.extend(found)
        digests[address] = None
        if body is not None:
            known = _find_digest(entity, body)
            if known is None:
                frozen = merge.freeze(_complete(body, kind))
                known = frozen.digest
                bodies[known] = frozen
            digests[address] = known
    result = merge.result.with_changes(digests)
    return replace(merge, result=result, conflicts=tuple(conflicts), bodies=bodies, chosen=choices)


def _check_whole(
    entity: Contested, body: Body, kind: Kind | None, choices: Mapping[str, Any]
) -> tuple[Body | None, tuple[Conflict, ...]]:
    """Returns a merged body, or asks about the entity as a whole when what was merged does not go together.

    Two sound sides may do that to each other: either made another row the default one.
    """
    identity = identify_conflict(entity.address, (), "both_changed")
    if identity in choices:
        chosen = choices[identity]
        return (None if chosen is ABSENT else chosen), ()
    faults = kind.validate(body) if kind and _find_digest(entity, body) is None else ()
    if not faults:
        return body, ()
    sides = (entity.base, entity.ours, entity.theirs)
    absent = frozenset[Side](name for name, side in zip(SIDES, sides, strict=True) if side is None)
    label = f"merged, it is not sound: {faults[0].message}"
    return entity.base, (Conflict(identity, entity.address, (), "both_changed", *sides, absent, label),)


def _find_digest(entity: Contested, body: Body) -> Digest | None:
    """Returns the digest of the side that the merge came back to: bodies are not rewritten for nothing."""
    sides = zip(entity.digests, (entity.base, entity.ours, entity.theirs), strict=True)
    found = [digest for digest, side in sides if digest is not None and side is not None and same(side, body)]
    return min(found, default=None)


def _complete(body: Body, kind: Kind | None) -> Body:
    """Returns the body in its kind's one stored form; an unsound one as it is, for validation to report."""
    if kind is None:
        return body
    try:
        return kind.complete(body)
    except Invalid:
        return body


def _load(address: Address, digest: Digest | None, load_body: LoadBody, kind: Kind | None) -> Body | None:
    if digest is None:
        return None
    body = load_body(address, digest)
    return kind.upgrade(body) if kind else body


def _invalid(code: str, pointer: str, message: str) -> Invalid:
    return Invalid(code, message, errors=[Fault(pointer, message, code)])
