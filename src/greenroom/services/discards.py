"""Discarded drafts: listed and restored for 30 days (R8)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from greenroom.domain.drafts import (
    DISCARDED,
    KEPT_FOR,
    RESTORED,
    Draft,
    DraftChange,
    authors_of,
    check_restorable,
    name_draft,
    owner_of_draft,
)
from greenroom.domain.entities import Address, Body, EntityBody, freeze_body, parse_body
from greenroom.domain.errors import Conflict, Fault, NotFound
from greenroom.domain.ids import DraftId
from greenroom.domain.merges import Merge, merge_snapshots
from greenroom.ports import Reading, Writing
from greenroom.services.bodies import put_bodies
from greenroom.services.comparisons import BodyReader
from greenroom.services.draft_loads import DraftLoads, Loaded, Place, base_of, list_changes
from greenroom.services.drafts import Drafts
from greenroom.services.states import load_draft_snapshot, load_editable, load_project, load_snapshot
from greenroom.services.validation import find_broken
from greenroom.services.work import Call, Work


@dataclass(frozen=True, slots=True)
class DiscardedDraft:
    """A draft that was put away, what it changes, and until when it can be restored."""

    draft: Draft
    changes: Sequence[DraftChange]
    at: datetime
    until: datetime


class Discards:
    """The verbs of drafts that were put away."""

    def __init__(self, work: Work, drafts: Drafts, loads: DraftLoads) -> None:
        self._work = work
        self._drafts = drafts
        self._loads = loads

    async def list_discarded(
        self, call: Call, slug: str, alias: str, before: str | None, limit: int
    ) -> Sequence[DiscardedDraft]:
        """Returns the caller's discarded drafts of the last 30 days (or the shared ones), last discarded first."""
        call.need("content.read")
        since = self._work.clock.now() - KEPT_FOR

        def work(tx: Reading) -> Sequence[DiscardedDraft]:
            environment = load_editable(tx, load_project(tx, slug), alias)
            drafts = tx.list_closed_drafts(
                environment.id,
                owner_of_draft(environment, call.principal.id),
                limit,
                before=DraftId(before) if before else None,
                since=since,
                closed_by=(DISCARDED,),
            )
            return [_view(tx, draft, draft.closed_at) for draft in drafts if draft.closed_at is not None]

        return await self._work.read(call, work)

    async def read(self, call: Call, slug: str, alias: str, discarded: str) -> DiscardedDraft:
        """Returns one draft that can still be restored. Raises NotFound."""
        call.need("content.read")

        def work(tx: Reading) -> DiscardedDraft:
            place = self._loads.find_place(tx, call, slug, alias, None)
            kept = self._load(tx, call, place, DraftId(discarded))
            return _view(tx, kept, kept.closed_at or self._work.clock.now())

        return await self._work.read(call, work)

    async def restore(self, call: Call, slug: str, alias: str, discarded: str, revision: int | None) -> Loaded:
        """Brings a discarded draft's changes back, onto what they were made on or beside the present draft's.

        Raises Conflict `draft_in_the_way` where the present draft changes the same things, NotFound after 30
        days, Stale when the present draft is not at `revision`.
        """
        call.need("drafts.edit")

        def work(tx: Writing) -> Loaded:
            place = self._loads.find_place(tx, call, slug, alias, revision)
            kept = self._load(tx, call, place, DraftId(discarded))
            after = self._reopen(tx, place, kept) if place.draft is None else self._join(tx, call, place, kept)
            snapshot, _ = load_draft_snapshot(tx, after)
            changes = list_changes(place.snapshot, snapshot)
            broken = find_broken(tx, place.project, place.snapshot, snapshot, BodyReader(tx), self._work.kinds)
            tx.append(
                self._work.event(
                    call,
                    "draft.restored",
                    project=place.project.id,
                    environment=place.environment.id,
                    subject=after.id,
                    data={"from": kept.id, "changed": len(changes)},
                )
            )
            view = self._drafts.view(tx, call, slug, alias)
            return Loaded(view, changes, [f"{fault.pointer}: {fault.message}" for fault in broken])

        return await self._drafts.retry(call, slug, alias, work)

    def _load(self, tx: Reading, call: Call, place: Place, id_: DraftId) -> Draft:
        kept, owner = tx.find_draft_by_id(id_), owner_of_draft(place.environment, call.principal.id)
        if kept is None or kept.environment != place.environment.id or kept.owner != owner:
            detail = f"there is no discarded draft '{id_[:80]}' of {place.environment.alias}; list them to see which"
            raise NotFound("discarded_not_found", detail, errors=[Fault("/discarded_id", detail)])
        check_restorable(kept, self._work.clock.now())
        return kept

    def _reopen(self, tx: Writing, place: Place, kept: Draft) -> Draft:
        """Opens the draft again on its old base: if the environment moved on, a rebase settles it field by field."""
        last = tx.find_last_revision(place.environment.id, kept.owner)
        opened = replace(kept, closed_at=None, closed_by=None, revision=last + 1, updated_at=self._work.clock.now())
        self._swap(tx, opened, kept)
        return opened

    def _join(self, tx: Writing, call: Call, place: Place, kept: Draft) -> Draft:
        """Puts the changes beside those of the present draft, where none meet."""
        assert place.draft is not None
        changes, mine = tx.load_draft_changes(kept.id), tx.load_draft_changes(place.draft.id)
        in_way = [a for a, change in changes.items() if a in mine and mine[a].digest != change.digest]
        reader = BodyReader(tx)
        theirs, _ = load_draft_snapshot(tx, kept)
        base = load_snapshot(tx, kept.base_digest)
        merge = merge_snapshots(base, place.snapshot, theirs, reader, freeze_body, self._work.kinds)
        _check_way(place, kept, {*in_way, *(conflict.address for conflict in merge.conflicts)})
        put_bodies(tx, place.project, _bodies_of(merge), self._work.kinds)
        stands_on, seq = base_of(tx, place)
        wanted = {address: new for address, _, new in stands_on.snapshot.differing(merge.result)}
        by = authors_of({**mine, **changes}, call.principal.id)
        after = self._drafts.replace_changes(tx, place.draft, wanted, stands_on, seq, by)
        self._swap(tx, replace(kept, closed_by=RESTORED), kept)
        return after

    @staticmethod
    def _swap(tx: Writing, after: Draft, before: Draft) -> None:
        if not tx.update_draft(after, before.revision):
            raise Conflict("draft_race", "somebody else restored this draft a moment ago; look again")


def _view(tx: Reading, draft: Draft, at: datetime) -> DiscardedDraft:
    return DiscardedDraft(draft, list(tx.load_draft_changes(draft.id).values()), at, at + KEPT_FOR)


def _check_way(place: Place, kept: Draft, in_way: set[Address]) -> None:
    """Refuses where the present draft, or what it stands on, changed the same things."""
    if not in_way:
        return
    listed = sorted(map(str, in_way))
    named = name_draft(place.environment)
    raise Conflict(
        "draft_in_the_way",
        f"{named} changes {', '.join(listed[:10])} too; publish or discard it first, then restore {kept.id}",
        errors=[Fault(f"/{address}", "is changed in both drafts", "draft_in_the_way") for address in listed],
        extra={"addresses": listed},
    )


def _bodies_of(merge: Merge) -> dict[Address, tuple[EntityBody, Body]]:
    bodies: dict[Address, tuple[EntityBody, Body]] = {}
    for entity in merge.contested:
        digest = merge.result.get(entity.address)
        if digest is not None and digest in merge.bodies:
            frozen = merge.bodies[digest]
            bodies[entity.address] = (frozen, parse_body(frozen.data))
    return bodies
