"""Drafts: edited one entity at a time, read, discarded."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, TypeVar
from weakref import WeakValueDictionary

from greenroom.domain.canonical import Digest
from greenroom.domain.changes import Operation
from greenroom.domain.drafts import (
    DISCARDED,
    Draft,
    DraftChange,
    check_precondition,
    check_seen,
    choose_nudge,
    name_draft,
    owner_of_draft,
)
from greenroom.domain.entities import Address, Body
from greenroom.domain.environments import Environment
from greenroom.domain.errors import Conflict, Fault, Invalid, NotFound, Stale
from greenroom.domain.ids import DraftId
from greenroom.domain.kind import Kind
from greenroom.domain.projects import Project
from greenroom.domain.references import Link, check_links
from greenroom.domain.versions import Snapshot
from greenroom.ports import Reading, Writing
from greenroom.services.bodies import freeze_complete, put_bodies
from greenroom.services.content import unknown_kind
from greenroom.services.presence import Present, list_present
from greenroom.services.states import (
    State,
    find_draft,
    load_bodies,
    load_draft_snapshot,
    load_editable,
    load_project,
    load_served,
    load_snapshot,
)
from greenroom.services.work import Call, Work

T = TypeVar("T")

RETRIES = 9
"""In a shared draft, everybody who saves is in everybody's way."""


@dataclass(frozen=True, slots=True)
class Editor:
    """Somebody else's open draft of the same environment."""

    owner: str
    changes: int
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class DraftView:
    """A draft as its editors see it. Where there is none, an empty one on what is served."""

    environment: Environment
    owner: str
    base: State
    revision: int
    snapshot: Snapshot
    changes: Sequence[DraftChange]
    others: Sequence[Editor]
    behind: bool
    nudge: str
    present: Sequence[Present] = ()

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
        """Returns the draft that the caller edits inside a transaction."""
        project = load_project(tx, slug)
        environment = load_editable(tx, project, alias)
        owner = owner_of_draft(environment, call.principal.id)
        drafts = tx.list_open_drafts(environment.id)
        others = [Editor(d.owner, len(tx.load_draft_changes(d.id)), d.updated_at) for d in drafts if d.owner != owner]
        present = list_present(tx, environment, self._work.clock.now())
        draft = find_draft(tx, environment, call.principal)
        if draft is None:
            served = load_served(tx, project, environment)
            return DraftView(environment, owner, served, 0, served.snapshot, (), others, False, "", present)
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
            choose_nudge(draft, len(changes), self._work.clock.now()),
            present,
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
        complete, frozen = await asyncio.to_thread(freeze_complete, kind, body)

        def work(tx: Writing) -> Saved:
            project = load_project(tx, slug)
            environment = load_editable(tx, project, alias)
            draft, snapshot = self.begin(tx, call, project, environment)
            self._check_current(tx, snapshot, address, if_match, complete)
            put_bodies(tx, project, {address: (frozen, complete)}, self._work.kinds)
            base = load_snapshot(tx, draft.base_digest)
            after = self._record(tx, call, draft, address, frozen.digest, base)
            self._append(tx, call, project, environment, "draft.entity_saved", address, frozen.digest, snapshot)
            return Saved(
                address,
                frozen.digest,
                after.revision,
                self._warnings(kind, address, complete, snapshot),
            )

        return await self.retry(call, slug, alias, work)

    async def remove(self, call: Call, slug: str, alias: str, address: Address, if_match: str | None) -> Saved:
        """Takes an entity out in the caller's draft. Raises as `save`, and NotFound `entity_not_found`."""
        call.need("drafts.edit")

        def work(tx: Writing) -> Saved:
            project = load_project(tx, slug)
            environment = load_editable(tx, project, alias)
            draft, snapshot = self.begin(tx, call, project, environment)
            if address not in snapshot:
                raise NotFound("entity_not_found", f"there is no {address} in {name_draft(environment)}")
            self._check_current(tx, snapshot, address, if_match, None)
            base = load_snapshot(tx, draft.base_digest)
            after = self._record(tx, call, draft, address, None, base)
            self._append(tx, call, project, environment, "draft.entity_removed", address, None, snapshot)
            return Saved(address, None, after.revision)

        return await self.retry(call, slug, alias, work)

    async def discard(self, call: Call, slug: str, alias: str, revision: int) -> Discarded:
        """Puts the draft away for 30 days; what the environment serves is the starting point again (R8).

        Raises NotFound `draft_not_found`, Stale `stale_revision` when the draft is not at `revision`.
        """
        call.need("drafts.edit")

        def work(tx: Writing) -> Discarded:
            project = load_project(tx, slug)
            environment = load_editable(tx, project, alias)
            draft = find_draft(tx, environment, call.principal)
            if draft is None:
                raise NotFound("draft_not_found", f"{name_draft(environment)} is empty; there is nothing to discard")
            self.check_revision(tx, call, environment, draft, revision, required=True)
            authors = Counter(change.by or draft.owner for change in tx.load_draft_changes(draft.id).values())
            count = authors.total()
            self.close(tx, draft, DISCARDED)
            tx.append(
                self._work.event(
                    call,
                    "draft.discarded",
                    project=project.id,
                    environment=environment.id,
                    subject=draft.id,
                    data={"changes": count, "carries": say_carried(authors)},
                )
            )
            return Discarded(draft.id, count)

        return await self.retry(call, slug, alias, work)

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

    @staticmethod
    def check_revision(
        tx: Reading, call: Call, environment: Environment, draft: Draft | None, seen: int | None, *, required: bool
    ) -> None:
        """Refuses to act on a draft that is not as the caller saw it (`check_seen`).

        With `required` they must say what they saw where somebody else's edits are in it.
        """
        revision = draft.revision if draft is not None else 0
        if seen == revision or (seen is None and not required):
            return
        changes = tx.load_draft_changes(draft.id) if draft is not None else {}
        others = any((c.by or call.principal.id) != call.principal.id for c in changes.values())
        why = "holds edits by somebody else" if others else ""
        check_seen(name_draft(environment), revision, seen, changes, why)

    def begin(self, tx: Writing, call: Call, project: Project, environment: Environment) -> tuple[Draft, Snapshot]:
        """Returns the draft that the caller edits and its snapshot, beginning one on what is served if need be."""
        draft = find_draft(tx, environment, call.principal)
        if draft is not None:
            return draft, load_draft_snapshot(tx, draft)[0]
        served = load_served(tx, project, environment)
        now = self._work.clock.now()
        owner = owner_of_draft(environment, call.principal.id)
        draft = Draft(
            id=DraftId(self._work.clock.new_id("draft")),
            project=project.id,
            environment=environment.id,
            owner=owner,
            base_version=served.version,
            base_digest=served.digest,
            base_seq=environment.seq,
            revision=tx.find_last_revision(environment.id, owner),
            started_at=now,
            updated_at=now,
        )
        tx.insert_draft(draft)
        return draft, served.snapshot

    def replace_changes(
        self,
        tx: Writing,
        draft: Draft,
        wanted: Mapping[Address, Digest | None],
        base: State,
        seq: int,
        by: Callable[[Address], str],
    ) -> Draft:
        """Makes a draft have exactly the given changes on a base (import, load, rebase); `by` names their authors."""
        now = self._work.clock.now()
        had = tx.load_draft_changes(draft.id)
        revision = draft.revision + 1
        tx.drop_draft_changes(draft.id, [a for a in had if a not in wanted])
        news = [
            DraftChange(a, d, revision, now, by(a)) for a, d in wanted.items() if a not in had or had[a].digest != d
        ]
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
        """Ends a draft: its row and changes stay, and a new one may begin."""
        now = self._work.clock.now()
        closed = replace(draft, revision=draft.revision + 1, updated_at=now, closed_at=now, closed_by=how)
        self._swap(tx, closed, draft)

    async def retry(self, call: Call, slug: str, alias: str, work: Callable[[Writing], T]) -> T:
        """Runs a change, and again where another one came first: that alone is no reason to refuse it (R5).

        The work looks at the draft anew each time, and refuses what its caller did not see.
        """
        lock = self._locks.setdefault(f"{call.workspace}/{slug}/{alias}", asyncio.Lock())
        async with lock:  # of this process; the repeats are for others
            for _ in range(RETRIES):
                try:
                    return await self._work.change(call, work)
                except Conflict as raced:
                    if raced.code not in ("draft_race", "draft_exists"):
                        raise
            return await self._work.change(call, work)

    def _record(
        self, tx: Writing, call: Call, draft: Draft, address: Address, digest: Digest | None, base: Snapshot
    ) -> Draft:
        now, revision = self._work.clock.now(), draft.revision + 1
        if base.get(address) == digest:
            tx.drop_draft_changes(draft.id, [address])
        else:
            tx.put_draft_changes(draft.id, [DraftChange(address, digest, revision, now, call.principal.id)])
        after = replace(draft, revision=revision, updated_at=now)
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


def say_carried(authors: Mapping[str, int]) -> list[dict[str, Any]]:
    """Returns whose changes something holds, as events have it."""
    return [{"by": who, "changes": count} for who, count in authors.items()]
