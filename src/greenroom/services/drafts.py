"""Drafts: edited one entity at a time, read, discarded."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from weakref import WeakValueDictionary

from greenroom.domain.canonical import Digest
from greenroom.domain.changes import Operation
from greenroom.domain.drafts import Draft, DraftChange, check_precondition
from greenroom.domain.entities import Address, Body, EntityBody, freeze_body
from greenroom.domain.environments import Environment
from greenroom.domain.errors import Conflict, Fault, Invalid, NotFound, Refused, Stale
from greenroom.domain.ids import DraftId
from greenroom.domain.kind import Kind
from greenroom.domain.projects import Project
from greenroom.domain.references import Link, check_links
from greenroom.domain.versions import Snapshot
from greenroom.ports import Reading, Writing
from greenroom.services.content import unknown_kind
from greenroom.services.states import (
    State,
    load_bodies,
    load_draft_snapshot,
    load_environment,
    load_project,
    load_served,
    load_snapshot,
)
from greenroom.services.work import Call, Work

LARGE_DRAFT = 50
OLD_DRAFT = timedelta(days=14)
RETRIES = 4


@dataclass(frozen=True, slots=True)
class Editor:
    """Somebody else's open draft of the same environment."""

    owner: str
    changes: int
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class DraftView:
    """A draft as its owner sees it. An owner without one sees an empty draft on what is served."""

    environment: Environment
    owner: str
    base: State
    revision: int
    snapshot: Snapshot
    changes: Sequence[DraftChange]
    others: Sequence[Editor]
    behind: bool
    nudge: str

    def op_of(self, change: DraftChange) -> Operation:
        """Returns whether a change adds, removes or edits its entity."""
        if change.digest is None:
            return "removed"
        return "edited" if change.address in self.base.snapshot else "added"


@dataclass(frozen=True, slots=True)
class Saved:
    """One saved entity; `revision` None says that the draft removes it."""

    address: Address
    revision: Digest | None
    draft_revision: int
    warnings: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Discarded:
    """A draft that was put away."""

    draft: DraftId
    changes: int


class Drafts:
    """The verbs of drafts."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def load(self, call: Call, slug: str, alias: str) -> DraftView:
        """Returns the caller's draft of an environment. Raises Refused `not_editable`."""
        call.need("content.read")
        return await self._work.read(call, lambda tx: self.view(tx, call, slug, alias))

    def view(self, tx: Reading, call: Call, slug: str, alias: str) -> DraftView:
        """Returns the caller's draft inside a transaction."""
        project = load_project(tx, slug)
        environment = load_editable(tx, project, alias)
        drafts = tx.list_open_drafts(environment.id)
        others = [
            Editor(d.owner, len(tx.load_draft_changes(d.id)), d.updated_at)
            for d in drafts
            if d.owner != call.principal.id
        ]
        draft = tx.find_draft(environment.id, call.principal.id)
        if draft is None:
            served = load_served(tx, project, environment)
            return DraftView(environment, call.principal.id, served, 0, served.snapshot, (), others, False, "")
        snapshot, changes = load_draft_snapshot(tx, draft)
        base = State(environment.alias, load_snapshot(tx, draft.base_digest), draft.base_version, environment, draft)
        return DraftView(
            environment,
            draft.owner,
            base,
            draft.revision,
            snapshot,
            sorted(changes.values(), key=lambda c: c.address),
            others,
            draft.base_seq != environment.seq,
            self._nudge(draft, len(changes)),
        )

    async def save(
        self, call: Call, slug: str, alias: str, address: Address, body: Mapping[str, Any], if_match: str | None
    ) -> Saved:
        """Saves one entity in the caller's draft, beginning the draft where there is none.

        Raises Invalid with a pointer for each fault of the body, Missing without `if_match`, Stale with both
        sides when the entity is not as the caller saw it, Refused where the environment is not editable.
        """
        call.need("drafts.edit")
        kind = self.check_address(address)
        # In a thread: a large body of many faults takes longer than others should wait.
        complete, frozen = await asyncio.to_thread(_freeze, kind, body)

        def work(tx: Writing) -> Saved:
            project = load_project(tx, slug)
            environment = load_editable(tx, project, alias)
            draft, snapshot = self.begin(tx, call, project, environment)
            self._check_current(tx, snapshot, address, if_match, complete)
            put_bodies(tx, project, {address: (frozen, complete)}, self._work.kinds)
            now = self._work.clock.now()
            base = load_snapshot(tx, draft.base_digest)
            after = self._record(tx, draft, [DraftChange(address, frozen.digest, draft.revision + 1, now)], base)
            self._append(tx, call, project, environment, "draft.entity_saved", address, frozen.digest, snapshot)
            return Saved(
                address,
                frozen.digest,
                after.revision,
                self._warnings(kind, address, complete, snapshot),
            )

        return await self._change_mine(call, work)

    async def remove(self, call: Call, slug: str, alias: str, address: Address, if_match: str | None) -> Saved:
        """Takes an entity out in the caller's draft. Raises as `save`, and NotFound `entity_not_found`."""
        call.need("drafts.edit")

        def work(tx: Writing) -> Saved:
            project = load_project(tx, slug)
            environment = load_editable(tx, project, alias)
            draft, snapshot = self.begin(tx, call, project, environment)
            if address not in snapshot:
                raise NotFound("entity_not_found", f"there is no {address} in your draft of {alias}")
            self._check_current(tx, snapshot, address, if_match, None)
            base = load_snapshot(tx, draft.base_digest)
            change = DraftChange(address, None, draft.revision + 1, self._work.clock.now())
            after = self._record(tx, draft, [change], base)
            self._append(tx, call, project, environment, "draft.entity_removed", address, None, snapshot)
            return Saved(address, None, after.revision)

        return await self._change_mine(call, work)

    async def discard(self, call: Call, slug: str, alias: str, revision: int) -> Discarded:
        """Puts the caller's draft away; what the environment serves is the starting point again (R8).

        Raises NotFound `draft_not_found`, Stale `stale_revision` when the draft is not at `revision`.
        """
        call.need("drafts.edit")

        def work(tx: Writing) -> Discarded:
            project = load_project(tx, slug)
            environment = load_editable(tx, project, alias)
            draft = tx.find_draft(environment.id, call.principal.id)
            if draft is None:
                raise NotFound("draft_not_found", f"you have no draft of {alias}")
            if draft.revision != revision:
                raise Stale(
                    "stale_revision",
                    f"your draft is at revision {draft.revision}, not {revision}; look at it again before discarding",
                    extra={"revision": draft.revision},
                )
            count = len(tx.load_draft_changes(draft.id))
            self.close(tx, draft, "discarded")
            tx.append(
                self._work.event(
                    call,
                    "draft.discarded",
                    project=project.id,
                    environment=environment.id,
                    subject=draft.id,
                    data={"changes": count},
                )
            )
            return Discarded(draft.id, count)

        return await self._work.change(call, work)

    # What other services build on, inside their transactions.

    def check_address(self, address: Address) -> Kind:
        """Returns the kind of an address. Raises Invalid for an unknown kind or a singleton's wrong slug."""
        kind = self._work.kinds.get(address.kind)
        if kind is None:
            raise unknown_kind(address.kind, list(self._work.kinds), "/kind")
        if kind.singleton is not None and address.slug != kind.singleton:
            message = f"there is only one {kind.title.lower()} in a project: {kind.name}/{kind.singleton}"
            raise Invalid("singleton", message, errors=[Fault("/slug", message)])
        return kind

    def begin(self, tx: Writing, call: Call, project: Project, environment: Environment) -> tuple[Draft, Snapshot]:
        """Returns the caller's draft and its snapshot, beginning one on what is served where there is none."""
        draft = tx.find_draft(environment.id, call.principal.id)
        if draft is not None:
            return draft, load_draft_snapshot(tx, draft)[0]
        # Nobody deletes the environment at the same time: what is saved there would be lost unseen.
        tx.hold_project(project.id)
        environment = load_editable(tx, project, environment.id)
        served = load_served(tx, project, environment)
        now = self._work.clock.now()
        draft = Draft(
            id=DraftId(self._work.clock.new_id("draft")),
            project=project.id,
            environment=environment.id,
            owner=call.principal.id,
            base_version=served.version,
            base_digest=served.digest,
            base_seq=environment.seq,
            revision=0,
            started_at=now,
            updated_at=now,
        )
        tx.insert_draft(draft)
        return draft, served.snapshot

    def replace_changes(
        self, tx: Writing, draft: Draft, wanted: Mapping[Address, Digest | None], base: State, seq: int
    ) -> Draft:
        """Makes a draft have exactly the given changes on a base (import, rebase)."""
        now = self._work.clock.now()
        had = tx.load_draft_changes(draft.id)
        revision = draft.revision + 1
        tx.drop_draft_changes(draft.id, [a for a in had if a not in wanted])
        news = [DraftChange(a, d, revision, now) for a, d in wanted.items() if a not in had or had[a].digest != d]
        tx.put_draft_changes(draft.id, news)
        after = replace(
            draft,
            base_version=base.version,
            base_digest=base.digest,
            base_seq=seq,
            revision=revision,
            updated_at=now,
        )
        self._swap(tx, after, draft)
        return after

    def close(self, tx: Writing, draft: Draft, how: str) -> None:
        """Ends a draft: its row and changes stay, its owner may begin a new one."""
        now = self._work.clock.now()
        closed = replace(draft, revision=draft.revision + 1, updated_at=now, closed_at=now, closed_by=how)
        self._swap(tx, closed, draft)

    async def _change_mine(self, call: Call, work: Callable[[Writing], Saved]) -> Saved:
        """Runs a save, and again where one of another entity came first: that is no reason to refuse it (R5)."""
        lock = self._locks.setdefault(call.principal.id, asyncio.Lock())
        async with lock:  # of this process; the repeats are for others
            for _ in range(RETRIES):
                try:
                    return await self._work.change(call, work)
                except Conflict as raced:
                    if raced.code not in ("draft_race", "draft_exists"):
                        raise
            return await self._work.change(call, work)

    def _record(self, tx: Writing, draft: Draft, changes: Sequence[DraftChange], base: Snapshot) -> Draft:
        back = [c.address for c in changes if base.get(c.address) == c.digest]
        tx.drop_draft_changes(draft.id, back)
        tx.put_draft_changes(draft.id, [c for c in changes if c.address not in back])
        after = replace(draft, revision=draft.revision + 1, updated_at=self._work.clock.now())
        self._swap(tx, after, draft)
        return after

    @staticmethod
    def _swap(tx: Writing, after: Draft, before: Draft) -> None:
        if not tx.update_draft(after, before.revision):
            raise Conflict("draft_race", "another save of this draft came first; read it and repeat")

    def _check_current(
        self, tx: Reading, snapshot: Snapshot, address: Address, if_match: str | None, yours: Body | None
    ) -> None:
        current = snapshot.get(address)
        try:
            check_precondition(address, current, if_match)
        except Stale as stale:
            theirs = load_bodies(tx, snapshot, [address])[address] if current is not None else None
            raise Stale(
                stale.code, stale.detail, errors=stale.errors, extra={**stale.extra, "yours": yours, "theirs": theirs}
            ) from None

    def _warnings(self, kind: Kind, address: Address, body: Body, snapshot: Snapshot) -> Sequence[str]:
        links = [Link(address, mention) for mention in kind.mentions(body)]
        errors, warnings = check_links(
            links, lambda target: target in snapshot or target == address, frozenset(self._work.kinds)
        )
        return [fault.message for fault in (*errors, *warnings)]

    def _append(
        self,
        tx: Writing,
        call: Call,
        project: Project,
        environment: Environment,
        action: str,
        address: Address,
        digest: Digest | None,
        before: Snapshot,
    ) -> None:
        tx.append(
            self._work.event(
                call,
                action,
                project=project.id,
                environment=environment.id,
                subject=str(address),
                data={"from": before.get(address), "to": digest},
            )
        )

    def _nudge(self, draft: Draft, changes: int) -> str:
        if changes > LARGE_DRAFT:
            return f"this draft has {changes} changes; small releases are easier to review and to roll back"
        if changes and self._work.clock.now() - draft.started_at > OLD_DRAFT:
            return "this draft is more than two weeks old; publish or discard it before it drifts further"
        return ""


def _freeze(kind: Kind, body: Body) -> tuple[Body, EntityBody]:
    complete = kind.complete(body)
    return complete, freeze_body(complete)


def load_editable(tx: Reading, project: Project, alias: str) -> Environment:
    """Returns an environment that has drafts. Raises Refused `not_editable`."""
    environment = load_environment(tx, project, alias)
    if not environment.editable:
        editable = ", ".join(e.alias for e in tx.list_environments(project.id) if e.editable)
        raise Refused(
            "not_editable",
            f"{environment.alias} has no drafts: versions come to it by promotion. Edit in: {editable}",
        )
    return environment


def put_bodies(
    tx: Writing, project: Project, bodies: Mapping[Address, tuple[EntityBody, Body]], kinds: Mapping[str, Kind]
) -> None:
    """Keeps bodies with the entities they mention."""
    mentions = {
        address: {m.target for m in kinds[address.kind].mentions(body)} for address, (_, body) in bodies.items()
    }
    tx.put_bodies(project.id, {address: frozen for address, (frozen, _) in bodies.items()}, mentions)
