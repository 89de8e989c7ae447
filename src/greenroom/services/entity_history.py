"""One entity through time: each change with what it did, and for each field who made it what it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from greenroom.domain.blames import choose_blame
from greenroom.domain.body_diffs import diff_bodies
from greenroom.domain.canonical import Digest
from greenroom.domain.changes import FieldChange
from greenroom.domain.entities import Address, Body, parse_body
from greenroom.domain.environments import choose_stable
from greenroom.domain.errors import NotFound
from greenroom.domain.kind import Kind
from greenroom.domain.projects import Project
from greenroom.domain.versions import ancestors_of
from greenroom.ports import Reading
from greenroom.services.content import EntityChange, LastChange, each_change, view_changes
from greenroom.services.states import State, load_project, load_state
from greenroom.services.work import Call, Work

LIMIT = 50
"""So many changes are told at a time."""
WALK = 2_000
"""So many versions are looked at for them: a snapshot is read of each."""


@dataclass(frozen=True, slots=True)
class ToldChange:
    """A version that changed an entity, and which of its fields."""

    change: EntityChange
    fields: Sequence[FieldChange]


@dataclass(frozen=True, slots=True)
class BlamedField:
    """A field with the change that made it what it is; None where that is older than what was looked at."""

    label: str
    by: LastChange | None


@dataclass(frozen=True, slots=True)
class EntityHistory:
    """The history of an entity at a ref. `draft` is the change that the draft makes; `before` is where it goes on."""

    changes: Sequence[ToldChange]
    blame: Sequence[BlamedField]
    draft: LastChange | None
    before: int | None
    name: str


class EntityHistories:
    """The verb of looking at one entity's past."""

    def __init__(self, work: Work) -> None:
        self._work = work

    async def load(self, call: Call, slug: str, address: Address, ref: str, before: int | None = None) -> EntityHistory:
        """Returns the changes of an entity, newest first, and who made each field what it is at a ref.

        Raises NotFound `entity_not_found` where neither the ref nor a version that was looked at has it.
        """
        call.need("content.read")
        return await self._work.read(call, lambda tx: self._load(tx, call, slug, address, ref, before))

    def _load(
        self, tx: Reading, call: Call, slug: str, address: Address, ref: str, before: int | None
    ) -> EntityHistory:
        project = load_project(tx, slug)
        state = load_state(tx, project, ref, call.principal, self._work.clock.now())
        walk = each_change(tx, project, address, before, walk=WALK)
        found = list(islice(walk, LIMIT))
        if not found and before is None and address not in state.snapshot:
            raise NotFound("entity_not_found", f"neither {ref} nor a version of {project.slug} has {address}")
        changes = view_changes(tx, project, address, found)
        draft = _find_draft_change(tx, state, address)
        bodies = self._read(tx, address, [*(c.digest for c in changes), state.snapshot.get(address)])
        kind = self._work.kinds.get(address.kind)
        now = bodies.get(state.snapshot.get(address))
        named = now or next((body for c in changes if (body := bodies.get(c.digest))), None) or {}
        blame = self._blame(tx, project, state, changes, draft, bodies, kind, now) if before is None else ()
        return EntityHistory(
            _tell(changes, bodies, kind),
            blame,
            draft,
            changes[-1].version.number if len(found) == LIMIT else _further(tx, project, before),
            str(named.get("name") or address.slug),
        )

    def _read(self, tx: Reading, address: Address, digests: Sequence[Digest | None]) -> dict[Digest | None, Body]:
        stored = tx.load_bodies({digest for digest in digests if digest is not None})
        kind = self._work.kinds.get(address.kind)
        bodies = {digest: parse_body(data) for digest, data in stored.items()}
        return {digest: kind.upgrade(body) if kind else body for digest, body in bodies.items()}

    @staticmethod
    def _blame(
        tx: Reading,
        project: Project,
        state: State,
        changes: Sequence[EntityChange],
        draft: LastChange | None,
        bodies: Mapping[Digest | None, Body],
        kind: Kind | None,
        now: Body | None,
    ) -> Sequence[BlamedField]:
        """Returns who made each field what it is, along the versions that led to the state."""
        if now is None or kind is None:
            return ()
        number = _version_of(state)
        known = ancestors_of(tx.load_parents(project.id), number) if number is not None else frozenset[int]()
        line = [change for change in reversed(changes) if change.version.number in known]
        makers: list[LastChange | None] = [
            LastChange(c.version.number, c.edited_by, c.version.created_at, c.version.note) for c in line
        ]
        along: list[Body | None] = [bodies.get(change.digest) for change in line]
        if line and line[0].op != "added":
            makers[0] = None  # what it did not change is older, and nobody looked so far back
        if draft is not None or not line:
            along, makers = [*along, now], [*makers, draft]
        return [BlamedField(each.label, makers[each.since]) for each in choose_blame(along, kind.shape)]


def _tell(
    changes: Sequence[EntityChange], bodies: Mapping[Digest | None, Body], kind: Kind | None
) -> Sequence[ToldChange]:
    """Returns each change with the fields that it changed since the one before it in this list."""
    told: list[ToldChange] = []
    for place, change in enumerate(changes):
        before = bodies.get(changes[place + 1].digest) if place + 1 < len(changes) else None
        after = bodies.get(change.digest)
        fields: Sequence[FieldChange] = ()
        if kind is not None and before is not None and after is not None:
            fields = diff_bodies(before, after, kind.shape)
        told.append(ToldChange(change, fields))
    return told


def _version_of(state: State) -> int | None:
    if state.draft is not None:
        return state.draft.base_version
    if state.version is None and state.environment is not None:
        return choose_stable(state.environment.arms)
    return state.version


def _find_draft_change(tx: Reading, state: State, address: Address) -> LastChange | None:
    if state.draft is None:
        return None
    change = tx.load_draft_changes(state.draft.id).get(address)
    return None if change is None else LastChange(None, change.by or state.draft.owner, change.at, "")


def _further(tx: Reading, project: Project, before: int | None) -> int | None:
    """Returns where to look on, where the walk ended before the first version."""
    newest = tx.list_versions(project.id, before, 1)
    number = newest[0].number - WALK + 1 if newest else 0
    return number if number > 1 else None
