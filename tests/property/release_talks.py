"""Rules of the release machine: conversations, time, archives."""

from __future__ import annotations

from datetime import datetime

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from greenroom.runtime.turn import Heard
from greenroom.services.conversations import Beginning
from tests.fault.dumps import DRAFTS, SNAPSHOTS, TALKS
from tests.property import release_checks as checks
from tests.property.release_model import Talk
from tests.property.release_player import QUESTIONS, Player, ages, members, places, slips, slugs


class TalkRules(Player):
    """Conversations are begun, answered and ended; time passes; states leave as archives and come back."""

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

    @precondition(lambda self: len([t for t in self.model.talks.values() if not t.ended]) > 4)
    @rule(which=st.integers(0, 11))
    def end_talk(self, which: int) -> None:
        self.step_clock()
        talk = list(self.model.talks.values())[which % len(self.model.talks)]
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
        draft = self.model.find_draft(who, into)
        doing = self.desk.imports.import_folder(
            self.call(who),
            "hotel",
            export.archive,
            "greenroom",
            environment=into,
            revision=draft.revision if draft is not None else 0,
        )
        outcome = self.attempt(doing, set(), DRAFTS, ["draft.imported"])
        assert outcome.digest == export.state.digest
        self.model.replace(who, into, content)
