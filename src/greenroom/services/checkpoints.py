"""Checkpoints: a draft saved under a name without publishing, and loaded back (R9)."""

from __future__ import annotations

from collections.abc import Sequence

from greenroom.domain.checkpoints import MOST, NOUN, Checkpoint, checkpoint_of, from_record, mark_of, to_record
from greenroom.domain.drafts import name_draft, owner_of_draft
from greenroom.domain.entities import Address
from greenroom.domain.environments import Environment
from greenroom.domain.errors import Fault, Invalid, LimitReached, NotFound, Refused
from greenroom.domain.ids import PrincipalId
from greenroom.ports import Reading, Writing
from greenroom.services.draft_loads import DraftLoads, Loaded, Place, Wanted
from greenroom.services.drafts import Drafts
from greenroom.services.states import State, load_editable, load_project, load_snapshot
from greenroom.services.work import Call, Work

MAX_NAME = 120


class Checkpoints:
    """The verbs of checkpoints. In a private environment each person sees their own."""

    def __init__(self, work: Work, drafts: Drafts, loads: DraftLoads) -> None:
        self._work = work
        self._drafts = drafts
        self._loads = loads

    async def save(self, call: Call, slug: str, alias: str, name: str, revision: int | None) -> Checkpoint:
        """Keeps what the draft changes under a name; the draft stays as it is.

        Raises Refused `nothing_to_keep` for a draft without changes, Stale when it is not at `revision`,
        LimitReached `too_many_checkpoints`.
        """
        call.need("drafts.edit")
        called = _check_name(name)

        def work(tx: Writing) -> Checkpoint:
            place = self._loads.find_place(tx, call, slug, alias, revision)
            changes = tx.load_draft_changes(place.draft.id) if place.draft is not None else {}
            if place.draft is None or not changes:
                named = name_draft(place.environment)
                raise Refused("nothing_to_keep", f"{named} has no changes; there is nothing to keep")
            if tx.count_records(place.project.id, NOUN, place.environment.id) >= MOST:
                detail = f"{alias} keeps {MOST} checkpoints already; remove some first"
                raise LimitReached("too_many_checkpoints", detail, extra={"limit": MOST, "value": MOST})
            id_, now = self._work.clock.new_id("checkpoint"), self._work.clock.now()
            who, held = call.principal.id, tuple(changes.values())
            made = checkpoint_of(id_, called, place.draft, held, place.snapshot.digest, who, now)
            tx.put_snapshot(place.snapshot)
            tx.put_record(to_record(place.draft, made))
            self._append(tx, call, place, made, "draft.checkpoint_saved")
            return made

        return await self._work.change(call, work)

    async def list(self, call: Call, slug: str, alias: str, before: str | None, limit: int) -> Sequence[Checkpoint]:
        """Returns the checkpoints of the draft that the caller edits, newest first."""
        call.need("content.read")

        def work(tx: Reading) -> Sequence[Checkpoint]:
            project = load_project(tx, slug)
            environment = load_editable(tx, project, alias)
            mark = mark_of(owner_of_draft(environment, call.principal.id))
            found = tx.list_records(
                project.id,
                NOUN,
                owner=environment.id,
                after=before,
                limit=limit,
                newest_first=True,
                containing=(mark,),
            )
            return [from_record(record) for record in found]

        return await self._work.read(call, work)

    async def read(self, call: Call, slug: str, alias: str, id_: str) -> Checkpoint:
        """Returns one checkpoint of the draft that the caller edits. Raises NotFound."""
        call.need("content.read")

        def work(tx: Reading) -> Checkpoint:
            environment = load_editable(tx, load_project(tx, slug), alias)
            return _load(tx, environment, call.principal.id, id_)

        return await self._work.read(call, work)

    async def load(self, call: Call, slug: str, alias: str, id_: str, revision: int) -> Loaded:
        """Makes the draft what a checkpoint holds, on the base that it was made on.

        A present draft with changes is put away as a discarded one. Raises Stale when it is not at `revision`,
        NotFound.
        """
        call.need("drafts.edit")

        def work(tx: Writing) -> Loaded:
            place = self._loads.find_place(tx, call, slug, alias, revision)
            found = _load(tx, place.environment, call.principal.id, id_)
            base = State(alias, load_snapshot(tx, found.base_digest), found.base_version, place.environment)
            snapshot = base.snapshot.with_changes({change.address: change.digest for change in found.changes})
            authors = {change.address: change.by for change in found.changes}

            def by(address: Address) -> str:
                return authors.get(address) or call.principal.id

            wanted = Wanted(snapshot, base, found.base_seq, by, whole=True)
            return self._loads.put(tx, call, slug, place, wanted, {"ref": f"checkpoint:{found.id}"})

        return await self._drafts.retry(call, slug, alias, work)

    async def remove(self, call: Call, slug: str, alias: str, id_: str) -> None:
        """Removes a checkpoint; drafts and versions stay as they are. Raises NotFound."""
        call.need("drafts.edit")

        def work(tx: Writing) -> None:
            place = self._loads.find_place(tx, call, slug, alias, None)
            found = _load(tx, place.environment, call.principal.id, id_)
            tx.delete_record(place.project.id, NOUN, found.id)
            self._append(tx, call, place, found, "draft.checkpoint_removed")

        await self._work.change(call, work)

    def _append(self, tx: Writing, call: Call, place: Place, checkpoint: Checkpoint, action: str) -> None:
        tx.append(
            self._work.event(
                call,
                action,
                project=place.project.id,
                environment=place.environment.id,
                subject=checkpoint.id,
                data={"changes": len(checkpoint.changes)},
            )
        )


def _load(tx: Reading, environment: Environment, who: PrincipalId, id_: str) -> Checkpoint:
    record = tx.find_record(environment.project, NOUN, id_)
    found = from_record(record) if record is not None else None
    owner = owner_of_draft(environment, who)
    if found is None or found.environment != environment.id or found.owner != owner:
        detail = f"there is no checkpoint '{id_[:80]}' of {environment.alias}; list them to see which there are"
        raise NotFound("checkpoint_not_found", detail)
    return found


def _check_name(name: str) -> str:
    called = name.strip()
    if not called or len(called) > MAX_NAME or "\0" in called:
        message = f"is 1 to {MAX_NAME} characters, without U+0000"
        raise Invalid("invalid_name", f"a checkpoint's name {message}", errors=[Fault("/name", message)])
    return called
