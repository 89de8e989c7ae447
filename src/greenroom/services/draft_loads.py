"""What a draft becomes at a stroke: another state whole, or single entities of it (R9, R21)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from greenroom.domain.canonical import Digest
from greenroom.domain.changes import Operation
from greenroom.domain.drafts import DISCARDED, Draft, name_draft
from greenroom.domain.entities import Address, EntityBody
from greenroom.domain.environments import Environment
from greenroom.domain.errors import Fault, NotFound
from greenroom.domain.ids import DraftId
from greenroom.domain.projects import Project
from greenroom.domain.versions import Snapshot
from greenroom.ports import Reading, Writing
from greenroom.services.comparisons import BodyReader
from greenroom.services.drafts import Drafts, DraftView
from greenroom.services.states import (
    State,
    find_draft,
    load_draft_snapshot,
    load_editable,
    load_project,
    load_served,
    load_snapshot,
    load_state,
)
from greenroom.services.validation import find_broken
from greenroom.services.work import Call, Work


@dataclass(frozen=True, slots=True)
class LoadedChange:
    """An entity that is another one than it was in the draft; `digest` None says that it is gone."""

    address: Address
    op: Operation
    digest: Digest | None


@dataclass(frozen=True, slots=True)
class Loaded:
    """A draft after something was loaded into it. `discarded` is where the draft that made room was put away."""

    draft: DraftView
    changes: Sequence[LoadedChange]
    warnings: Sequence[str]
    discarded: DraftId | None = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a draft is to become: a snapshot on a base, and who made each of its changes."""

    snapshot: Snapshot
    base: State
    seq: int
    by: Callable[[Address], str]
    whole: bool


@dataclass(frozen=True, slots=True)
class Place:
    """Where a draft is: inside a transaction, as a caller finds it."""

    project: Project
    environment: Environment
    draft: Draft | None
    snapshot: Snapshot


class DraftLoads:
    """The verb of loading a ref into a draft, and how every load is carried out."""

    def __init__(self, work: Work, drafts: Drafts) -> None:
        self._work = work
        self._drafts = drafts

    async def load_ref(
        self, call: Call, slug: str, alias: str, ref: str, only: Collection[Address] | None, revision: int
    ) -> Loaded:
        """Makes the draft what a ref holds, or (`only`) takes single entities from there; what it lacks is removed.

        `revision` is the draft's that the caller saw, 0 for none. A draft with changes that is replaced whole is
        put away as a discarded one. Raises Stale, NotFound, Invalid, Refused `not_editable`.
        """
        call.need("drafts.edit")

        def work(tx: Writing) -> Loaded:
            place = self.find_place(tx, call, slug, alias, revision)
            state = load_state(tx, place.project, ref, call.principal, self._work.clock.now())
            wanted = self._choose(tx, call, place, state, only)
            more = {} if only is None else {"only": sorted(map(str, only))}
            return self.put(tx, call, slug, place, wanted, {"ref": ref, **more})

        return await self._drafts.retry(call, slug, alias, work)

    def find_place(self, tx: Reading, call: Call, slug: str, alias: str, revision: int | None) -> Place:
        """Returns the draft that the caller edits, if it is as they saw it. Raises Stale."""
        project = load_project(tx, slug)
        environment = load_editable(tx, project, alias)
        draft = find_draft(tx, environment, call.principal)
        self._drafts.check_revision(tx, call, environment, draft, revision, required=False)
        if draft is None:
            return Place(project, environment, None, load_served(tx, project, environment).snapshot)
        return Place(project, environment, draft, load_draft_snapshot(tx, draft)[0])

    def put(self, tx: Writing, call: Call, slug: str, place: Place, wanted: Wanted, data: Mapping[str, Any]) -> Loaded:
        """Makes the draft what is wanted and says what that changed in it; nothing is written where nothing does."""
        alias = place.environment.alias
        changes = list_changes(place.snapshot, wanted.snapshot)
        if not changes:
            return Loaded(self._drafts.view(tx, call, slug, alias), (), ())
        discarded = self._make_room(tx, place) if wanted.whole else None
        draft, _ = self._drafts.begin(tx, call, place.project, place.environment)
        reader = BodyReader(tx)
        self._keep_mentions(tx, place.project, changes, reader)
        differing = wanted.base.snapshot.differing(wanted.snapshot)
        news = {address: digest for address, _, digest in differing}
        draft = self._drafts.replace_changes(tx, draft, news, wanted.base, wanted.seq, wanted.by)
        broken = find_broken(tx, place.project, place.snapshot, wanted.snapshot, reader, self._work.kinds)
        tx.append(
            self._work.event(
                call,
                "draft.loaded",
                project=place.project.id,
                environment=place.environment.id,
                subject=draft.id,
                data={**data, "changed": len(changes), "digest": wanted.snapshot.digest, "discarded": discarded},
            )
        )
        view = self._drafts.view(tx, call, slug, alias)
        return Loaded(view, changes, [f"{fault.pointer}: {fault.message}" for fault in broken], discarded)

    def _choose(self, tx: Reading, call: Call, place: Place, state: State, only: Collection[Address] | None) -> Wanted:
        who = call.principal.id
        if only is None:
            served = load_served(tx, place.project, place.environment)
            return Wanted(state.snapshot, served, place.environment.seq, lambda _: who, whole=True)
        for index, address in enumerate(only):
            self._drafts.check_address(address)
            if address not in state.snapshot and address not in place.snapshot:
                detail = f"there is no {address} at {state.ref}, nor in {name_draft(place.environment)}"
                raise NotFound("entity_not_found", detail, errors=[Fault(f"/only/{index}", detail)])
        after = place.snapshot.with_changes({address: state.snapshot.get(address) for address in only})
        base, seq = base_of(tx, place)
        return Wanted(after, base, seq, lambda _: who, whole=False)

    def _make_room(self, tx: Writing, place: Place) -> DraftId | None:
        """Puts a draft with changes away, so that what is loaded over it can be undone for 30 days."""
        if place.draft is None or not tx.load_draft_changes(place.draft.id):
            return None
        self._drafts.close(tx, place.draft, DISCARDED)
        return place.draft.id

    def _keep_mentions(
        self, tx: Writing, project: Project, changes: Sequence[LoadedChange], reader: BodyReader
    ) -> None:
        """Keeps who mentions whom here: bodies are shared by all projects of a workspace, mentions are not."""
        new = {c.address: c.digest for c in changes if c.digest is not None and c.address.kind in self._work.kinds}
        reader.fetch(set(new.values()))
        mentions = {
            address: {m.target for m in kind.mentions(kind.upgrade(reader(address, digest)))}
            for address, digest in new.items()
            if (kind := self._work.kinds.get(address.kind)) is not None
        }
        stored = tx.load_bodies(set(new.values()))
        tx.put_bodies(project.id, {a: EntityBody(d, stored[d]) for a, d in new.items()}, mentions)


def base_of(tx: Reading, place: Place) -> tuple[State, int]:
    """Returns what a draft stands on, or would stand on, and since which release."""
    draft, environment = place.draft, place.environment
    if draft is None:
        return load_served(tx, place.project, environment), environment.seq
    base = State(environment.alias, load_snapshot(tx, draft.base_digest), draft.base_version, environment, draft)
    return base, draft.base_seq


def list_changes(before: Snapshot, after: Snapshot) -> list[LoadedChange]:
    """Returns what differs between two states, by address."""
    found: list[LoadedChange] = []
    for address, old, new in before.differing(after):
        op: Operation = "removed" if new is None else "added" if old is None else "edited"
        found.append(LoadedChange(address, op, new))
    return sorted(found, key=lambda change: change.address)
