"""Three editors, each with their own, perhaps old, idea of a draft; and a ledger of every save that was accepted."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from greenroom.domain.checkpoints import NOUN as CHECKPOINT
from greenroom.domain.checkpoints import from_record
from greenroom.domain.entities import Address
from greenroom.domain.errors import GreenroomError
from greenroom.services.plans import PublishRequest
from greenroom.services.publishing import parse_resolutions
from greenroom.services.work import Call
from tests.fault.houses import House, Room

ALIAS = {"parallel": "main", "pipeline": "sandbox"}
EDITORS = ("ann", "bob", "cid")
SLUGS = ("bar", "gym", "pool")
NOTE = "Opening hours are given in full"
REFUSALS = {
    "stale_revision",
    "entity_not_found",
    "draft_not_found",
    "revision_required",
    "nothing_to_publish",
    "merge_conflicts",
    "stale_sequence",
    "stale_confirmation",
    "draft_moved",
    "draft_in_the_way",
    "discarded_not_found",
    "nothing_to_keep",
    "checkpoint_not_found",
}
"""What an editor who did not see the last change may be told. Anything else is a fault."""

editors = st.sampled_from(EDITORS)
slugs = st.sampled_from(SLUGS)
picks = st.integers(0, 5)

Token = tuple[str, str]
"""A slug and the digest of one save: every save says something that none said before."""


@dataclass
class Sight:
    """What an editor saw of a draft: its revision and each entity's."""

    revision: int = 0
    entities: dict[str, str] = field(default_factory=dict[str, str])


class DraftMachine(RuleBasedStateMachine):
    """One environment whose draft is shared or private. Subclasses name the template and the house."""

    template = "parallel"
    house: House

    @initialize()
    def begin(self) -> None:
        self.room: Room = self.house.open()
        self.desk, self.alias = self.room.desk, ALIAS[self.template]
        make: Any = self.desk.projects.create(self.room.call(), "Hotel", "hotel", self.template)  # type: ignore[arg-type]
        self.room.run(make)
        self.sights = {who: Sight() for who in EDITORS}
        self.accepted: dict[Token, str] = {}
        self.superseded: set[Token] = set()
        self.count = 0

    # What editors do, each as they last saw it.

    @rule(who=editors)
    def look(self, who: str) -> None:
        view = self.room.run(self.desk.drafts.load(self.call(who), "hotel", self.alias))
        self.sights[who] = Sight(view.revision, {a.slug: digest for a, digest in view.snapshot.items()})

    @rule(who=editors, slug=slugs)
    def save(self, who: str, slug: str) -> None:
        self.room.run(self.saving(who, slug))

    async def saving(self, who: str, slug: str) -> None:
        seen = self.sights[who].entities.get(slug)
        body = self.new_body(slug)
        saved = await self.attempt(
            self.desk.drafts.save(self.call(who), "hotel", self.alias, address_of(slug), body, seen or "*")
        )
        if saved is not None:
            self.supersede(slug, seen)
            self.accepted[slug, saved.revision] = who
            self.sights[who].entities[slug] = saved.revision
            self.count_own(who, saved.draft_revision)

    @rule(who=editors, slug=slugs)
    def remove(self, who: str, slug: str) -> None:
        seen = self.sights[who].entities.get(slug)
        doing = self.desk.drafts.remove(self.call(who), "hotel", self.alias, address_of(slug), seen or "*")
        removed = self.room.run(self.attempt(doing))
        if removed is not None:
            self.supersede(slug, seen)
            del self.sights[who].entities[slug]
            self.count_own(who, removed.draft_revision)

    @rule(who=editors, slug=slugs)
    def bring_in(self, who: str, slug: str) -> None:
        text = f"name: {slug}\ncontent: {self.new_body(slug)['content']}\n".encode()
        doing = self.desk.imports.import_folder(
            self.call(who),
            "hotel",
            text,
            "greenroom",
            environment=self.alias,
            path=f"topic/{slug}.yaml",
            revision=self.sights[who].revision,
        )
        before = self.revision_of(who)
        if self.room.run(self.attempt(doing)) is not None:
            assert before == self.sights[who].revision
            self.supersede(slug, self.sights[who].entities.get(slug))
            self.look(who)
            self.accepted[slug, self.sights[who].entities[slug]] = who

    @precondition(lambda self: self.accepted)
    @rule(who=editors)
    def discard(self, who: str) -> None:
        self.room.run(self.discarding(who))

    async def discarding(self, who: str) -> None:
        doing = self.desk.drafts.discard(self.call(who), "hotel", self.alias, self.sights[who].revision)
        if await self.attempt(doing) is not None:
            self.sights[who].revision = 0

    @precondition(lambda self: self.accepted)
    @rule(who=editors, pick=picks)
    def restore(self, who: str, pick: int) -> None:
        found = self.room.run(self.desk.discards.list_discarded(self.call(who), "hotel", self.alias, None, 10))
        if found:
            id_ = found[pick % len(found)].draft.id
            self.room.run(self.attempt(self.desk.discards.restore(self.call(who), "hotel", self.alias, id_, None)))

    @precondition(lambda self: self.accepted)
    @rule(who=editors, pick=picks, slug=st.one_of(st.none(), slugs))
    def load(self, who: str, pick: int, slug: str | None) -> None:
        versions = self.room.run(self.desk.versions.list(self.call(who), "hotel", None, 10))
        refs = [f"v{view.version.number}" for view in versions]
        if not refs:
            return
        only = None if slug is None else [address_of(slug)]
        seen = self.sights[who]
        doing = self.desk.draft_loads.load_ref(
            self.call(who), "hotel", self.alias, refs[pick % len(refs)], only, seen.revision
        )
        before = self.revision_of(who)
        if self.room.run(self.attempt(doing)) is not None:
            assert before == seen.revision
            if slug is not None:
                self.supersede(slug, seen.entities.get(slug))

    @precondition(lambda self: self.accepted)
    @rule(who=editors)
    def keep(self, who: str) -> None:
        self.room.run(self.attempt(self.desk.checkpoints.save(self.call(who), "hotel", self.alias, "Kept", None)))

    @precondition(lambda self: self.accepted)
    @rule(who=editors, pick=picks)
    def load_checkpoint(self, who: str, pick: int) -> None:
        found = self.room.run(self.desk.checkpoints.list(self.call(who), "hotel", self.alias, None, 10))
        if found:
            id_, seen = found[pick % len(found)].id, self.sights[who].revision
            before = self.revision_of(who)
            if self.room.run(self.attempt(self.desk.checkpoints.load(self.call(who), "hotel", self.alias, id_, seen))):
                assert before == seen

    @precondition(lambda self: self.accepted)
    @rule(who=editors, take=st.sampled_from(["ours", "theirs"]))
    def publish(self, who: str, take: str) -> None:
        self.room.run(self.publishing(who, take))

    async def publishing(self, who: str, take: str) -> None:
        """Settles what conflicts as it was seen, looks at the plan, and publishes that."""
        call, seen = self.call(who), self.sights[who]
        found = await self.attempt(self.desk.publishing.rebase(call, "hotel", self.alias, [], None))
        if found is not None and found.conflicts:
            chosen = parse_resolutions([{"conflict_id": c.id, "take": take} for c in found.conflicts])
            doing = self.desk.publishing.rebase(call, "hotel", self.alias, chosen, None, seen.revision)
            if await self.attempt(doing) is None:
                return
            for conflict in found.conflicts if take == "theirs" else ():
                self.supersede(conflict.address.slug, seen.entities.get(conflict.address.slug))
        plan = await self.attempt(self.desk.publishing.plan(call, "hotel", self.alias, PublishRequest(NOTE)))
        if plan is not None:
            request = PublishRequest(
                NOTE,
                expected_seq=plan.environment.seq,
                confirm_digest=plan.digest,
                revision=plan.draft_revision,
            )
            await self.attempt(self.desk.publishing.publish(call, "hotel", self.alias, request))

    @precondition(lambda self: self.accepted)
    @rule(one=editors, other=editors, mine=slugs, yours=slugs, what=st.sampled_from(["save", "publish", "discard"]))
    def at_once(self, one: str, other: str, mine: str, yours: str, what: str) -> None:
        doing: dict[str, Any] = {
            "save": lambda: self.saving(other, yours),
            "publish": lambda: self.publishing(other, "ours"),
            "discard": lambda: self.discarding(other),
        }

        async def both() -> None:
            await asyncio.gather(doing[what](), self.saving(one, mine))

        self.room.run(both())

    # Nothing is lost.

    @invariant()
    def every_accepted_save_is_somewhere_or_was_overwritten_by_who_saw_it(self) -> None:
        if not hasattr(self, "accepted"):
            return
        kept = self.room.run(self.desk.store.read(self.room.workspace, self.find_kept))
        lost = self.accepted.keys() - self.superseded - kept
        assert not lost, f"lost: {[(slug, self.accepted[slug, digest]) for slug, digest in sorted(lost)]}"

    def find_kept(self, tx: Any) -> set[Token]:
        """Returns what open drafts, versions, discarded drafts and checkpoints hold."""
        project = tx.find_project("hotel")
        here = tx.find_environment(project.id, self.alias)
        kept: set[Token] = set()
        for version in tx.list_versions(project.id, None, 1000):
            kept |= {(a.slug, digest) for a, digest in tx.find_snapshot(version.digest).items()}
        changes: list[Any] = []
        for draft in tx.list_open_drafts(here.id):
            mine = list(tx.load_draft_changes(draft.id).values())
            for change in mine:
                author = self.accepted.get((change.address.slug, change.digest))
                brought = (change.address.slug, change.digest) in kept  # loaded from a version, by somebody else
                assert change.by == f"mem_{author}" or author is None or brought, f"{change} is by {author}"
            changes += mine
        for draft in tx.list_closed_drafts(here.id, None, 1000, closed_by=["discarded"]):
            changes += tx.load_draft_changes(draft.id).values()
        for record in tx.list_records(project.id, CHECKPOINT, limit=1000):
            changes += from_record(record).changes
        return kept | {(change.address.slug, change.digest) for change in changes}

    # Small things.

    def call(self, who: str) -> Call:
        return self.room.call(who)

    def new_body(self, slug: str) -> dict[str, Any]:
        self.count += 1
        return {"name": slug, "content": f"Edition {self.count}."}

    def revision_of(self, who: str) -> int:
        return self.room.run(self.desk.drafts.load(self.call(who), "hotel", self.alias)).revision

    def supersede(self, slug: str, digest: str | None) -> None:
        if digest is not None:
            self.superseded.add((slug, digest))

    def count_own(self, who: str, revision: int) -> None:
        """An editor whose save came right after what they saw has seen the draft as it is now; else not."""
        if revision == self.sights[who].revision + 1:
            self.sights[who].revision = revision

    @staticmethod
    async def attempt(doing: Coroutine[Any, Any, Any]) -> Any:
        try:
            return await doing
        except GreenroomError as refused:
            if refused.code not in REFUSALS:
                raise
            return None


def address_of(slug: str) -> Address:
    return Address("topic", slug)
