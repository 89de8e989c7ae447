"""Three snapshots become one, and references that a clean merge broke become conflicts too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from greenroom.domain.body_merges import SIDES, Side, identify_conflict
from greenroom.domain.canonical import Digest
from greenroom.domain.entities import Address, Body, EntityBody, freeze_body, parse_body
from greenroom.domain.errors import Fault, Invalid
from greenroom.domain.kind import Registry
from greenroom.domain.merges import Conflict, Resolution, merge_snapshots, resolve
from greenroom.domain.projects import Project
from greenroom.domain.references import Link
from greenroom.domain.versions import Snapshot
from greenroom.ports import Reading
from greenroom.services.comparisons import BodyReader
from greenroom.services.validation import find_dangling


@dataclass(frozen=True, slots=True)
class Sides:
    """What a merge is made of: `ours` is the target, `theirs` the source."""

    base: Snapshot
    ours: Snapshot
    theirs: Snapshot


@dataclass(frozen=True, slots=True)
class Merged:
    """The outcome: `bodies` are those that are new, `conflicts` those that are open."""

    snapshot: Snapshot
    bodies: Mapping[Address, tuple[EntityBody, Body]]
    conflicts: Sequence[Conflict]


def merge_sides(
    tx: Reading,
    project: Project,
    sides: Sides,
    kinds: Registry,
    reader: BodyReader,
    resolutions: Sequence[Resolution],
    strategy: Literal["merge", "replace"] = "merge",
) -> Merged:
    """Returns the merge with the given conflicts settled; `replace` takes the source whole.

    Raises Invalid with the pointer `/resolutions/<i>` for a resolution that settles nothing.
    """
    if strategy == "replace":
        if resolutions:
            message = "`replace` takes the source whole; there is nothing to settle"
            raise Invalid("unknown_conflict", message, errors=[Fault("/resolutions", message)])
        return Merged(sides.theirs, {}, ())
    merge = merge_snapshots(sides.base, sides.ours, sides.theirs, reader, freeze_body, kinds)
    known = {conflict.id for conflict in merge.conflicts}
    _check_once(resolutions)
    mine = [resolution for resolution in resolutions if resolution.conflict_id in known]
    merge = resolve(merge, mine) if mine else merge
    bodies: dict[Address, tuple[EntityBody, Body]] = {}
    for entity in merge.contested:
        digest = merge.result.get(entity.address)
        if digest is not None and digest in merge.bodies:
            bodies[entity.address] = _keep(reader, merge.bodies[digest])
    mending = _Mending(tx, project, sides, kinds, reader, merge.result, bodies)
    waiting = {r.conflict_id: (i, r) for i, r in enumerate(resolutions) if r.conflict_id not in known}
    broken = mending.run(waiting)
    if waiting and not merge.conflicts:
        index, resolution = min(waiting.values(), key=lambda pair: pair[0])
        message = f"there is no open conflict '{resolution.conflict_id[:80]}'"
        raise Invalid("unknown_conflict", message, errors=[Fault(f"/resolutions/{index}", message)])
    return Merged(mending.snapshot, bodies, (*merge.conflicts, *broken))


def _check_once(resolutions: Sequence[Resolution]) -> None:
    seen: set[str] = set()
    for index, resolution in enumerate(resolutions):
        if resolution.conflict_id in seen:
            message = f"conflict {resolution.conflict_id[:80]} is resolved twice"
            raise Invalid("resolved_twice", message, errors=[Fault(f"/resolutions/{index}", message, "resolved_twice")])
        seen.add(resolution.conflict_id)


def _keep(reader: BodyReader, frozen: EntityBody) -> tuple[EntityBody, Body]:
    body = parse_body(frozen.data)
    reader.keep(frozen.digest, body)
    return frozen, body


@dataclass(slots=True)
class _Mending:
    """The search for links that neither side had broken by itself, and their repair."""

    tx: Reading
    project: Project
    sides: Sides
    kinds: Registry
    reader: BodyReader
    snapshot: Snapshot
    bodies: dict[Address, tuple[EntityBody, Body]]

    def run(self, waiting: dict[str, tuple[int, Resolution]]) -> list[Conflict]:
        """Settles what `waiting` settles, taking it out, and returns what stays open.

        An entity that comes back may itself name one that is gone, so it looks again after every repair.
        """
        while True:
            open_conflicts = self._find()
            settled = [c for c in open_conflicts if c.id in waiting]
            if not settled:
                return open_conflicts
            for conflict in settled:
                index, resolution = waiting.pop(conflict.id)
                self._settle(conflict, resolution, index)

    def _find(self) -> list[Conflict]:
        dangling: dict[Address, list[Link]] = {}
        links = find_dangling(self.tx, self.project, self.sides.ours, self.snapshot, self.reader, self.kinds)
        for link in links:
            target = link.mention.target
            if any(target in side for side in (self.sides.base, self.sides.ours, self.sides.theirs)):
                dangling.setdefault(target, []).append(link)
        return [self._conflict(target, mentioned) for target, mentioned in sorted(dangling.items())]

    def _conflict(self, target: Address, links: Sequence[Link]) -> Conflict:
        bodies: dict[Side, Any] = {side: self._body(target, side) for side in SIDES}
        names = ", ".join(sorted({str(link.source) for link in links}))
        return Conflict(
            identify_conflict(target, (), "broken_reference"),
            target,
            (),
            "broken_reference",
            bodies["base"],
            bodies["ours"],
            bodies["theirs"],
            frozenset(side for side in SIDES if bodies[side] is None),
            f"{names} still names it",
        )

    def _body(self, address: Address, side: Side) -> Body | None:
        digest = self._digest(address, side)
        return None if digest is None else self.reader(address, digest)

    def _digest(self, address: Address, side: Side) -> Digest | None:
        snapshot: Snapshot = getattr(self.sides, side)
        return snapshot.get(address)

    def _settle(self, conflict: Conflict, resolution: Resolution, index: int) -> None:
        address, take = conflict.address, resolution.take
        if take == "value":
            kind = self.kinds[address.kind]
            if not isinstance(resolution.value, Mapping):
                message = "must be the fields of an entity"
                raise Invalid("invalid_resolution", message, errors=[Fault(f"/resolutions/{index}/value", message)])
            frozen = freeze_body(kind.complete(dict(resolution.value)))
            self.bodies[address] = _keep(self.reader, frozen)
            self.snapshot = self.snapshot.with_changes({address: frozen.digest})
            return
        digest = self._digest(address, take)
        if digest is None:
            message = f"{take} has no {address}, so {conflict.label}: take a side that has it, or give a value"
            raise Invalid("invalid_resolution", message, errors=[Fault(f"/resolutions/{index}/take", message)])
        self.snapshot = self.snapshot.with_changes({address: digest})
