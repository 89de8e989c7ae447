"""Hypothesis drives a desk and the model side by side; after every step they must say the same."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import invariant, precondition, rule

from greenroom.domain.errors import GreenroomError
from greenroom.services.plans import PolicyChoice, PromoteRequest, PublishRequest, RollbackRequest
from greenroom.services.publishing import parse_resolutions
from tests.fault.dumps import DRAFTS, POINTER, PUBLISHED
from tests.property import release_checks as checks
from tests.property.release_data import DataRules
from tests.property.release_player import (
    ACTIONS,
    NOTE,
    PROMOTE_SLIPS,
    PUBLISH_SLIPS,
    SEQUENCES,
    TEXTS,
    address_of,
    ages,
    body_of,
    choices,
    members,
    places,
    policies,
    rollbacks,
    slips,
    slugs,
    takes,
    texts,
)


class ReleaseMachine(DataRules):
    """Drafts, versions and releases, beside conversations and data."""

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
        draft = self.model.find_draft(who, alias)
        refusals = {"draft_not_found"} if draft is None else {"stale_revision"} if slip else set()
        revision = (draft.revision if draft else 0) - (1 if slip else 0)
        doing = self.desk.drafts.discard(self.call(who), "hotel", alias, revision)
        if self.attempt(doing, refusals, DRAFTS, ["draft.discarded"]) is not None:
            self.model.close_draft(who, alias)

    @precondition(lambda self: self.model.drafts)
    @rule(who=members, place=places, choice=choices, take=takes)
    def rebase(self, who: str, place: int, choice: Any, take: str | None) -> None:
        self.step_clock()
        alias, call = self.alias_at(place, editable=True), self.call(who)
        draft = self.model.find_draft(who, alias)
        if draft is None:
            return
        here = self.model.environments[alias]
        resolutions, refusals = self.settle(who, alias, choice, take)
        expected = self.model.rebase(who, alias, choice, take if resolutions else None)
        settled = parse_resolutions(resolutions)
        doing = self.desk.publishing.rebase(call, "hotel", alias, settled, choice, draft.revision)
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
        # A plan would refuse a draft without changes of its own; a rebase with open conflicts writes nothing.
        # Who may only read may not look so at a shared draft: its conflicts are those that its editors see.
        editor = "anna" if who == "vera" else who
        looking = self.desk.publishing.rebase(self.call(editor), "hotel", alias, [], choice)
        found = self.room.run(looking).conflicts
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
        other = "ben" if who == "anna" else "anna"
        mine, theirs = (model.find_draft(m, alias) for m in (who, other))
        if slip != "nothing" and theirs is not None and theirs.changes and not (mine and mine.changes):
            who = other
        who = "vera" if slip == "viewer" else who
        here, draft, call = model.environments[alias], model.find_draft(who, alias), self.call(who)
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
        refusals |= {"stale_revision"} if slip == "old revision" else set()
        refusals |= self.confirmation_refusals(slip) if guarded else set()
        seen = draft.revision if draft is not None else 0
        request = PublishRequest(
            "updates" if slip == "vague" else NOTE,
            release=release,
            resolutions=resolutions,
            taken_back=choice,
            in_flight=in_flight,
            revision=seen + 1 if slip == "old revision" else seen,
        )
        digest = None
        with suppress(GreenroomError):
            plan = replace(request, note=NOTE, in_flight=PolicyChoice(), revision=None)
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

    @rule(
        who=members,
        place=places,
        slug=slugs,
        text=st.sampled_from(TEXTS[:3]),
        steps=st.integers(0, 2),
        policy=policies,
        other=texts,
        race=st.booleans(),
        jump=st.booleans(),
        slip=slips(*PUBLISH_SLIPS),
        then=slips(*PROMOTE_SLIPS),
    )
    def ship(
        self,
        who: str,
        place: int,
        slug: str,
        text: str,
        steps: int,
        policy: str | None,
        other: str | None,
        race: bool,
        jump: bool,
        slip: str,
        then: str,
    ) -> None:
        """Edits, publishes and promotes in one go, so that histories grow deep; maybe beneath the other's draft."""
        alias = self.alias_at(place, editable=True)
        if race:
            self.edit("ben" if who == "anna" else "anna", place, slug, other, "")
        self.edit(who, place, slug, text, "")
        count = len(self.model.versions)
        self.publish(who, place, True, "leave_out", None, policy, slip)
        if len(self.model.versions) > count:
            targets = [e for e in self.model.environments.values() if e.alias != alias]
            for target in (targets[::-1] if jump else targets)[:steps]:
                self.promote(who, self.place_of(target.alias), 0, policy, then or ("hotfix" if jump else ""))

    @rule(who=members, place=places, slug=slugs, text=st.sampled_from(TEXTS[:3]), age=rollbacks, choice=choices)
    def publish_over_a_rollback(self, who: str, place: int, slug: str, text: str, age: int | None, choice: Any) -> None:
        """Edits, takes what lies beneath the draft away, and publishes: with what was taken back or without it."""
        alias = self.alias_at(place, editable=True)
        self.edit(who, place, slug, text, "")
        if self.model.environments[alias].stack:
            self.roll_back(who, self.place_of(alias), age, None, "")
        self.publish(who, place, True, choice, "ours", None, "")

    @precondition(lambda self: self.model.versions and len(self.model.talks) < 12)
    @rule(who=members, place=places, slug=slugs, policy=policies)
    def overtake_a_drain(self, who: str, place: int, slug: str, policy: str | None) -> None:
        """Publishes with a drain under a conversation, publishes again before the deadline, and waits for it."""
        place = self.place_of(self.alias_at(place, editable=True))
        self.start_talk(place, "api", "")
        for text, way in (("Alpha", "drain"), ("Bravo", policy)):
            self.edit(who, place, slug, text, "")
            self.publish(who, place, True, "leave_out", "ours", way, "")
        if self.model.drains:
            self.wait_for_deadline()

    # Promote, roll back, mark.

    @precondition(lambda self: self.model.versions)
    @rule(
        who=members,
        place=places,
        age=ages,
        policy=policies,
        slip=slips(*PROMOTE_SLIPS, "no such version", "served"),
    )
    def promote(self, who: str, place: int, age: int, policy: str | None, slip: str) -> None:
        self.step_clock()
        alias, number, model = self.alias_at(place), self.number_at(age, slip), self.model
        if number == model.environments[alias].served and slip != "served":
            number = self.number_at(age + 1)
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
            hotfix={"hotfix": "the phone is down", "hotfix without a reason": "  "}.get(slip),
            in_flight=in_flight,
            acknowledged=["version_marked_bad"] if slip == "acknowledge" else [],
        )
        call, releases = self.call(who), self.desk.releases
        plan = None if refusals else self.room.run(releases.plan_promotion(call, "hotel", alias, request))
        action = ACTIONS.get(operation or "", "")
        done = self.attempt(releases.promote(call, "hotel", alias, request), refusals, POINTER, [action])
        if done is not None:
            assert operation is not None
            self.released(done, alias, operation, number, in_flight, who, (request.hotfix or "").strip())
            self.seen.planned(plan, done, self.model.beneath(alias))

    @precondition(lambda self: self.model.versions)
    @rule(
        who=members,
        place=places,
        age=rollbacks,
        policy=policies,
        slip=slips("viewer", "anywhere", "no such version", "no deadline", *SEQUENCES),
    )
    def roll_back(self, who: str, place: int, age: int | None, policy: str | None, slip: str) -> None:
        self.step_clock()
        model, alias = self.model, self.served_somewhere(place, slip)
        here, who = model.environments[alias], "vera" if slip == "viewer" else who
        number = None if age is None else self.number_at(age, slip)
        before = sorted(here.ever - {here.served}, reverse=True)
        if number is not None and before and not slip:
            number = before[number % len(before)]
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

    @invariant()
    def agrees(self) -> None:
        if hasattr(self, "seen"):
            self.room.run(checks.everything(self))
