"""Hypothesis drives a desk and the model side by side; after every step they must say the same."""

from __future__ import annotations

from collections.abc import Coroutine, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from greenroom.domain.access import Role
from greenroom.domain.entities import Address
from greenroom.domain.errors import GreenroomError
from greenroom.runtime.turn import Heard
from greenroom.services.conversations import Beginning
from greenroom.services.plans import PolicyChoice, PromoteRequest, PublishRequest, RollbackRequest
from greenroom.services.work import Call
from tests.fault.dumps import DRAFTS, POINTER, PUBLISHED, SNAPSHOTS, TALKS
from tests.fault.houses import House, Room
from tests.property import release_checks as checks
from tests.property.release_model import Model, Talk

QUESTIONS = {"bar": "When does the bar open?", "gym": "Is there a gym?", "pool": "Where is the pool?"}
TEXTS = ("Alpha", "Bravo", "Charlie", "See {{topic.pool}}.")
ROLES: dict[str, Role] = {"anna": "owner", "ben": "release_manager", "vera": "viewer"}
NOTE = "Opening hours are given in full"
ACTIONS = {"promote": "release.promoted", "hotfix": "release.hotfixed", "rollback": "release.rolled_back"}
SEQUENCES = ("no sequence", "old sequence", "future sequence")
CONFIRMATIONS = ("no confirmation", "other confirmation")
PUBLISH_SLIPS = (*SEQUENCES, *CONFIRMATIONS, "vague", "no deadline")
PROMOTE_SLIPS = (*SEQUENCES, *CONFIRMATIONS, "viewer", "hotfix", "hotfix", "acknowledge", "no deadline")

members = st.sampled_from(["anna", "ben"])
places = st.integers(0, 2)
slugs = st.sampled_from(sorted(QUESTIONS))
texts = st.sampled_from([*TEXTS, *TEXTS, None])
ages = st.integers(0, 4)
policies = st.sampled_from([None, None, "finish", "switch", "drain", "drain"])
choices = st.sampled_from([None, "leave_out", "bring_back"])
takes = st.sampled_from([None, None, "ours", "ours", "theirs", "theirs", "unknown"])


def slips(*kinds: str) -> st.SearchStrategy[str]:
    """Returns a strategy for what a caller does wrong: mostly nothing, so that histories grow."""
    return st.integers(0, 3 * len(kinds) - 1).map(lambda n: dict(enumerate(kinds)).get(n - 2 * len(kinds), ""))


def body_of(slug: str, text: str) -> dict[str, Any]:
    return {"name": slug.title(), "sample_questions": [QUESTIONS[slug]], "content": text}


def address_of(slug: str) -> Address:
    return Address("topic", slug)


class ReleaseMachine(RuleBasedStateMachine):
    """One project of one template. Subclasses name the template and the house."""

    template = "pipeline"
    house: House

    @initialize()
    def make_project(self) -> None:
        self.room: Room = self.house.open()
        self.desk = self.room.desk
        call = self.room.call()
        self.room.run(self.desk.projects.create(call, "Hotel", "hotel", self.template))  # type: ignore[arg-type]
        self.model = Model(self.template, self.room.clock.now())
        self.seen = checks.Seen(self.room)

    # Doing things: every call of the desk goes through here.

    def call(self, name: str) -> Call:
        return self.room.call(name, ROLES[name])

    def attempt(
        self, doing: Coroutine[Any, Any, Any], refusals: set[str], tables: set[str], actions: Sequence[str] = ()
    ) -> Any:
        """Runs a verb that must be refused with one of `refusals`, or else changes only `tables` and logs `actions`."""
        try:
            result = self.room.run(doing)
        except GreenroomError as wrong:
            assert wrong.code in refusals, (
                f"refused with {wrong.code}, expected {refusals or 'success'}: {wrong.detail}"
            )
            self.seen.nothing_changed(f"the refused call ({wrong.code})")
            return None
        assert not refusals, f"accepted, but should be refused with one of {refusals}"
        self.seen.only_changed(tables, actions)
        return result

    def alias_at(self, place: int, editable: bool = False) -> str:
        aliases = [e.alias for e in self.model.environments.values() if e.editable or not editable]
        return aliases[place % len(aliases)]

    def number_at(self, age: int, slip: str = "") -> int:
        """Returns the version of an age, 0 the newest; a number that does not exist after that slip."""
        count = len(self.model.versions)
        return count + 1 if slip == "no such version" else count - age % max(count, 1)

    def sequence(self, alias: str, slip: str) -> int | None:
        seq = self.model.environments[alias].seq
        return {"no sequence": None, "old sequence": seq - 1, "future sequence": seq + 1}.get(slip, seq)

    def in_flight(self, policy: str | None, slip: str) -> tuple[PolicyChoice, set[str]]:
        """Returns the choice; deadlines lie between the whole seconds at which things happen."""
        if slip == "no deadline":
            return PolicyChoice("drain"), {"invalid_in_flight"}
        if policy == "drain":
            return PolicyChoice("drain", self.model.now + timedelta(seconds=90.5)), set()
        return PolicyChoice(policy), set()  # type: ignore[arg-type]

    def served_somewhere(self, place: int, slip: str) -> str:
        """Returns an environment that serves something, where there is one and the caller does not slip."""
        aliases = [e.alias for e in self.model.environments.values() if e.stack or slip == "anywhere"]
        return aliases[place % len(aliases)] if aliases else self.alias_at(place)

    def step_clock(self, seconds: float = 1) -> None:
        self.room.clock.pass_seconds(seconds)
        self.model.pass_time(self.room.clock.now())

    # Drafts.

    @rule(
        who=members,
        place=places,
        slug=slugs,
        text=texts,
        slip=slips("viewer", "not editable", "no revision", "other revision"),
    )
    def edit(self, who: str, place: int, slug: str, text: str | None, slip: str) -> None:
        self.step_clock()
        alias, address = self.alias_at(place, editable=slip != "not editable"), address_of(slug)
        who = "vera" if slip == "viewer" else who
        refusals, call, current = set[str](), self.call(who), None
        if self.model.environments[alias].editable:
            current = self.room.run(self.desk.drafts.load(call, "hotel", alias)).snapshot.get(address)
        else:
            refusals.add("not_editable")
        refusals |= {"not_allowed"} if slip == "viewer" else set()
        refusals |= {"precondition_required"} if slip == "no revision" else set()
        refusals |= {"stale_revision"} if slip == "other revision" else set()
        if text is None and slug not in self.model.view(who, alias):
            refusals.add("entity_not_found")
        given = {"no revision": None, "other revision": "sha256:" + "0" * 64}.get(slip, current or "*")
        if text is None:
            doing: Any = self.desk.drafts.remove(call, "hotel", alias, address, given)
        else:
            doing = self.desk.drafts.save(call, "hotel", alias, address, body_of(slug, text), given)
        action = "draft.entity_removed" if text is None else "draft.entity_saved"
        if self.attempt(doing, refusals, DRAFTS, [action]) is not None:
            self.model.edit(who, alias, slug, text)

    @precondition(lambda self: self.model.drafts)
    @rule(who=members, place=places, slip=slips("old revision"))
    def discard(self, who: str, place: int, slip: str) -> None:
        self.step_clock()
        alias = self.alias_at(place, editable=True)
        draft = self.model.drafts.get((who, alias))
        refusals = {"draft_not_found"} if draft is None else {"stale_revision"} if slip else set()
        revision = (draft.revision if draft else 0) - (1 if slip else 0)
        doing = self.desk.drafts.discard(self.call(who), "hotel", alias, revision)
        if self.attempt(doing, refusals, DRAFTS, ["draft.discarded"]) is not None:
            del self.model.drafts[who, alias]

    @precondition(lambda self: self.model.drafts)
    @rule(who=members, place=places, choice=choices, take=takes)
    def rebase(self, who: str, place: int, choice: Any, take: str | None) -> None:
        self.step_clock()
        alias, call = self.alias_at(place, editable=True), self.call(who)
        draft = self.model.drafts.get((who, alias))
        if draft is None:
            return
        here = self.model.environments[alias]
        resolutions, refusals = self.settle(who, alias, choice, take)
        expected = self.model.rebase(who, alias, choice, take if resolutions else None)
        doing = self.desk.publishing.rebase(call, "hotel", alias, _parse(resolutions), choice)
        written = not expected.conflicts and draft.seq != here.seq
        outcome = self.attempt(doing, refusals, DRAFTS if written else set(), ["draft.rebased"] if written else ())
        if outcome is None:
            return
        assert [c.address.slug for c in outcome.conflicts] == expected.conflicts
        assert list(outcome.taken_back.versions if outcome.taken_back else ()) == expected.taken_back
        if written:
            draft.base_version, draft.base, draft.seq = here.served, self.model.content_of(here.served), here.seq
            self.model.replace(who, alias, expected.content)

    def settle(self, who: str, alias: str, choice: Any, take: str | None) -> tuple[list[dict[str, str]], set[str]]:
        """Returns resolutions that take one side of every conflict, and the refusals that they bring."""
        if take == "unknown":
            return [{"conflict_id": "none", "take": "ours"}], {"unknown_conflict"}
        conflicts = self.model.rebase(who, alias, choice, None).conflicts
        if take is None or not conflicts:
            return [], set()
        request = PublishRequest(NOTE, taken_back=choice)
        found: Sequence[Any] = ()
        with suppress(GreenroomError):
            found = self.room.run(self.desk.publishing.plan(self.call(who), "hotel", alias, request)).conflicts
        assert [c.address.slug for c in found] == conflicts
        return [{"conflict_id": c.id, "take": take} for c in found], set()

    # Publish.

    @precondition(lambda self: self.model.drafts)
    @rule(
        who=members,
        place=places,
        release=st.sampled_from([True, True, True, False]),
        choice=choices,
        take=takes,
        policy=policies,
        slip=slips(*PUBLISH_SLIPS, "viewer", "not editable", "nothing"),
    )
    def publish(
        self, who: str, place: int, release: bool, choice: Any, take: str | None, policy: str | None, slip: str
    ) -> None:
        self.step_clock()
        model, alias = self.model, self.alias_at(place, editable=slip != "not editable")
        drafts = [m for (m, at), draft in model.drafts.items() if at == alias and draft.changes and slip != "nothing"]
        who = "vera" if slip == "viewer" else who if who in drafts or not drafts else drafts[0]
        here, draft, call = model.environments[alias], model.drafts.get((who, alias)), self.call(who)
        in_flight, refusals = self.in_flight(policy, slip)
        resolutions: list[dict[str, str]] = []
        expected = None
        if draft is not None and draft.changes:
            resolutions, wrong = self.settle(who, alias, choice, take)
            expected = model.rebase(who, alias, choice, take if resolutions else None)
            refusals |= wrong | checks.publish_refusals(expected, model.content_of(here.served))
        else:
            refusals.add("nothing_to_publish" if here.editable else "not_editable")
        guarded = here.public and release
        refusals |= {"not_allowed"} if slip == "viewer" else set()
        refusals |= {"vague_note"} if slip == "vague" else set()
        refusals |= self.sequence_refusals(slip, guarded)
        refusals |= self.confirmation_refusals(slip) if guarded else set()
        request = PublishRequest(
            "updates" if slip == "vague" else NOTE,
            release=release,
            resolutions=resolutions,
            taken_back=choice,
            in_flight=in_flight,
        )
        digest = None
        with suppress(GreenroomError):
            plan = replace(request, note=NOTE, in_flight=PolicyChoice())
            digest = self.room.run(self.desk.publishing.plan(call, "hotel", alias, plan)).digest
        digest = {"no confirmation": None, "other confirmation": "sha256:1"}.get(slip, digest)
        request = replace(request, expected_seq=self.sequence(alias, slip), confirm_digest=digest)
        actions = ["release.published", "version.published"] if release else ["version.published"]
        tables = PUBLISHED | (POINTER if release else set())
        done = self.attempt(self.desk.publishing.publish(call, "hotel", alias, request), refusals, tables, actions)
        if done is None:
            return
        assert expected is not None
        assert list(done.taken_back.versions if done.taken_back else ()) == expected.taken_back
        version = model.publish(who, alias, expected, NOTE)
        self.seen.published(done.version.version, version)
        if release:
            self.released(done.release, alias, "publish", version.number, in_flight, who, NOTE)

    @staticmethod
    def sequence_refusals(slip: str, required: bool) -> set[str]:
        if slip == "no sequence" and required:
            return {"expected_seq_required"}
        return {"stale_sequence"} if slip in {"old sequence", "future sequence"} else set()

    @staticmethod
    def confirmation_refusals(slip: str) -> set[str]:
        return {"no confirmation": {"confirmation_required"}, "other confirmation": {"stale_confirmation"}}.get(
            slip, set()
        )

    @rule(
        who=members,
        place=places,
        slug=slugs,
        text=st.sampled_from(TEXTS[:3]),
        steps=st.integers(0, 2),
        policy=policies,
        other=texts,
        race=st.booleans(),
        slip=slips(*PUBLISH_SLIPS),
        then=slips(*PROMOTE_SLIPS),
    )
    def ship(
        self, who: str, place: int, slug: str, text: str, steps: int, policy: str | None, other: str | None, race: bool,
        slip: str, then: str,
    ) -> None:  # fmt: skip
        """Edits, publishes and promotes in one go, so that histories grow deep; maybe beneath the other's draft."""
        alias = self.alias_at(place, editable=True)
        if race:
            self.edit("ben" if who == "anna" else "anna", place, slug, other, "")
        self.edit(who, place, slug, text, "")
        count = len(self.model.versions)
        self.publish(who, place, True, "leave_out", None, policy, slip)
        if len(self.model.versions) > count:
            for target in [e for e in self.model.environments.values() if e.alias != alias][:steps]:
                self.promote(who, self.place_of(target.alias), 0, policy, then)

    def place_of(self, alias: str) -> int:
        return list(self.model.environments).index(alias)

    # Promote, roll back, mark.

    @precondition(lambda self: self.model.versions)
    @rule(
        who=members,
        place=places,
        age=ages,
        policy=policies,
        slip=slips(*PROMOTE_SLIPS, "no such version"),
    )
    def promote(self, who: str, place: int, age: int, policy: str | None, slip: str) -> None:
        self.step_clock()
        alias, number, model = self.alias_at(place), self.number_at(age, slip), self.model
        here, who = model.environments[alias], "vera" if slip == "viewer" else who
        in_flight, refusals = self.in_flight(policy, slip)
        operation = model.promotion_of(alias, number, slip == "hotfix") if model.exists(number) else None
        if not model.exists(number):
            refusals.add("version_not_found")
        elif here.served == number:
            refusals.add("already_served")
        elif operation is None:
            refusals.add("skips_a_step")
        elif model.versions[number - 1].mark == "bad" and slip != "acknowledge":
            refusals.add("warnings_unacknowledged")
        refusals |= {"not_allowed"} if who == "vera" or (operation == "hotfix" and who != "anna") else set()
        refusals |= self.sequence_refusals(slip, required=True)
        refusals |= self.confirmation_refusals(slip) if here.public else set()  # decisions/0008: also when it goes back
        request = PromoteRequest(
            number,
            self.sequence(alias, slip),
            {"no confirmation": None, "other confirmation": number + 1}.get(slip, number),
            hotfix="the phone is down" if slip == "hotfix" else None,
            in_flight=in_flight,
            acknowledged=["version_marked_bad"] if slip == "acknowledge" else [],
        )
        call, releases = self.call(who), self.desk.releases
        plan = None if refusals else self.room.run(releases.plan_promotion(call, "hotel", alias, request))
        action = ACTIONS.get(operation or "", "")
        done = self.attempt(releases.promote(call, "hotel", alias, request), refusals, POINTER, [action])
        if done is not None:
            assert operation is not None
            self.released(done, alias, operation, number, in_flight, who, request.hotfix or "")
            self.seen.planned(plan, done, self.model.beneath(alias))

    @precondition(lambda self: self.model.versions)
    @rule(
        who=members,
        place=places,
        age=st.one_of(st.none(), ages),
        policy=policies,
        slip=slips("viewer", "anywhere", "no such version", "no deadline", *SEQUENCES),
    )
    def roll_back(self, who: str, place: int, age: int | None, policy: str | None, slip: str) -> None:
        self.step_clock()
        model, alias = self.model, self.served_somewhere(place, slip)
        here, who = model.environments[alias], "vera" if slip == "viewer" else who
        number = None if age is None else self.number_at(age, slip)
        target = model.beneath(alias) if number is None else number
        in_flight, refusals = self.in_flight(policy, slip)
        refusals |= {"not_allowed"} if who == "vera" else set()
        refusals |= self.sequence_refusals(slip, required=number is None)
        if target is None:
            refusals.add("nothing_beneath")
        elif not model.exists(target):
            refusals.add("version_not_found")
        elif target == here.served:
            refusals.add("already_served")
        elif target not in here.ever:
            refusals.add("never_served")
        request = RollbackRequest("wrong hours", number, self.sequence(alias, slip), in_flight)
        call, releases = self.call(who), self.desk.releases
        plan = None if refusals else self.room.run(releases.plan_rollback(call, "hotel", alias, request))
        doing = releases.roll_back(call, "hotel", alias, request)
        done = self.attempt(doing, refusals, POINTER, [ACTIONS["rollback"]])
        if done is not None:
            assert target is not None
            self.released(done, alias, "rollback", target, in_flight, who, "wrong hours")
            self.seen.planned(plan, done, self.model.beneath(alias))

    def released(
        self, view: Any, alias: str, operation: str, number: int, in_flight: PolicyChoice, who: str, reason: str
    ) -> None:
        policy, deadline = in_flight.policy, in_flight.drain_until
        expected = self.model.release(alias, operation, number, policy, deadline, f"mem_{who}", reason)
        checks.same_release(view.release, expected)
        assert view.alias == alias

    @precondition(lambda self: self.model.versions)
    @rule(who=members, age=ages, mark=st.sampled_from(["good", "bad", "none"]), slip=slips("viewer", "no such version"))
    def mark(self, who: str, age: int, mark: Any, slip: str) -> None:
        self.step_clock()
        number = self.number_at(age, slip)
        refusals = {"viewer": {"not_allowed"}, "no such version": {"version_not_found"}}.get(slip, set())
        who = "vera" if slip == "viewer" else who
        doing = self.desk.versions.mark(self.call(who), "hotel", number, mark)
        if self.attempt(doing, refusals, {"versions", "audit", "workspace_chains"}, ["version.marked"]) is not None:
            self.model.versions[number - 1].mark = mark

    # Conversations and time.

    @precondition(lambda self: self.model.versions and len(self.model.talks) < 12)
    @rule(place=st.one_of(st.none(), places, places), channel=st.sampled_from(["api", "voice"]), slip=slips("anywhere"))
    def start_talk(self, place: int | None, channel: str, slip: str) -> None:
        self.step_clock()
        default = next(e.alias for e in self.model.environments.values() if e.public)
        alias = default if place is None else self.served_somewhere(place, slip)
        served = self.model.environments[alias].served
        begin = Beginning(environment=None if place is None else alias, channel=channel)
        refusals = {"nothing_served"} if served is None else set()
        done = self.attempt(self.desk.conversations.start(self.call("vera"), "hotel", begin), refusals, TALKS)
        if done is not None:
            assert done[0].conversation.started_version == done[1].turn.version == served
            self.remember(done[0].conversation.id, alias, served, self.model.content_of(served), False, channel)

    @precondition(lambda self: self.model.versions and len(self.model.talks) < 12)
    @rule(who=members, place=places, what=st.sampled_from(["version", "served", "beneath", "draft", "talk"]), age=ages)
    def start_test(self, who: str, place: int, what: str, age: int) -> None:
        self.step_clock()
        model, alias = self.model, self.alias_at(place, editable=what == "draft")
        editable = next(e.alias for e in model.environments.values() if e.editable)
        talk = list(model.talks.values())[age % len(model.talks)] if model.talks else None
        ref, version, content, refusals = checks.state_of(model, what, alias, self.number_at(age), who, talk)
        context = alias if what in {"served", "beneath", "draft"} else editable
        doing = self.desk.conversations.start(self.call(who), "hotel", Beginning(ref=ref))
        done = self.attempt(doing, refusals, TALKS | SNAPSHOTS)
        if done is not None:
            assert done[0].conversation.origin == "test"
            assert done[0].conversation.started_version == version
            self.remember(done[0].conversation.id, context, version, content, True, "api")

    def remember(
        self, id_: str, alias: str, version: int | None, content: dict[str, str], pinned: bool, channel: str
    ) -> None:
        self.model.talks[id_] = Talk(id_, alias, version, dict(content), pinned, channel, self.model.now)

    @precondition(lambda self: self.model.talks)
    @rule(which=st.integers(0, 11), slug=slugs)
    def take_turn(self, which: int, slug: str) -> None:
        self.step_clock()
        talk = list(self.model.talks.values())[which % len(self.model.talks)]
        refusals = {"conversation_ended"} if talk.ended else set()
        doing = self.desk.conversations.take_turn(self.call("anna"), talk.id, Heard(QUESTIONS[slug]))
        view = self.attempt(doing, refusals, TALKS)
        if view is not None:
            assert (view.turn.version, view.turn.index) == (talk.version, talk.turns)
            text = talk.content.get(slug, "")
            if text.isalpha():
                assert view.turn.said == text
            talk.turns, talk.last_at, talk.ended = talk.turns + 1, self.model.now, view.ended

    @precondition(lambda self: self.model.talks)
    @rule(which=st.integers(0, 60))
    def end_talk(self, which: int) -> None:
        self.step_clock()
        talk = list(self.model.talks.values())[min(which, len(self.model.talks) - 1)]
        self.attempt(self.desk.conversations.end(self.call("anna"), talk.id), set(), TALKS)
        talk.ended = True

    @rule(seconds=st.sampled_from([30, 90, 11 * 60, 25 * 3600]))
    def wait(self, seconds: int) -> None:
        self.step_clock(seconds)

    @precondition(lambda self: self.model.drains)
    @rule()
    def wait_for_deadline(self) -> None:
        deadline: datetime = min(drain[0] for drain in self.model.drains)
        self.room.clock.moment = deadline
        self.model.pass_time(deadline)
        self.room.run(checks.everything(self))
        self.step_clock(0.5)

    # Archives.

    @precondition(lambda self: self.model.versions)
    @rule(who=members, place=places, what=st.sampled_from(["version", "served", "beneath", "draft"]), age=ages)
    def round_trip(self, who: str, place: int, what: str, age: int) -> None:
        self.step_clock()
        into = self.alias_at(place, editable=True)
        alias = into if what == "draft" else self.alias_at(place)
        ref, _, content, refusals = checks.state_of(self.model, what, alias, self.number_at(age), who, None)
        export = self.attempt(self.desk.imports.export(self.call(who), "hotel", ref), refusals, set())
        if export is None:
            return
        doing = self.desk.imports.import_archive(self.call(who), "hotel", export.archive, "greenroom", environment=into)
        outcome = self.attempt(doing, set(), DRAFTS, ["draft.imported"])
        assert outcome.digest == export.state.digest
        self.model.replace(who, into, content)

    @invariant()
    def agrees(self) -> None:
        if hasattr(self, "seen"):
            self.room.run(checks.everything(self))


def _parse(resolutions: list[dict[str, str]]) -> list[Any]:
    from greenroom.services.publishing import parse_resolutions

    return parse_resolutions(resolutions)
