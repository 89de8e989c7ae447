"""Conversations: begun under the version their environment serves, pinned, answered turn by turn."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from weakref import WeakValueDictionary

from greenroom.domain.asks import Place
from greenroom.domain.canonical import Digest
from greenroom.domain.conversations import CHANNELS, Conversation, Origin, Turn, choose_outcome
from greenroom.domain.environments import Environment, choose_arm, choose_slot
from greenroom.domain.errors import Fault, GreenroomError, Invalid, NotFound, Refused
from greenroom.domain.events import format_time
from greenroom.domain.ids import ConversationId
from greenroom.domain.projects import Project
from greenroom.ports import Cipher, ConversationFilter, Outside, Reading, Writing
from greenroom.runtime.driver import Delta, finish_turn, run_turn, start_turn
from greenroom.runtime.turn import Heard
from greenroom.services.entries import enter
from greenroom.services.keeping import Answered, Beginning, Keeper, context_at, raced, write_context
from greenroom.services.numbers import entry_of, find_way
from greenroom.services.programs import Programs
from greenroom.services.states import (
    State,
    load_answering,
    load_context_environment,
    load_environment,
    load_project,
    load_state,
    load_version,
)
from greenroom.services.work import Call, Work


@dataclass(frozen=True, slots=True)
class ConversationView:
    """A conversation with its environment's alias; `draft_changed` says that a tested draft moved on."""

    conversation: Conversation
    alias: str
    draft_changed: bool = False


@dataclass(frozen=True, slots=True)
class TurnView:
    """A turn as it was recorded."""

    turn: Turn
    ended: bool
    draft_changed: bool = False


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a new conversation runs and what answers it."""

    project: Project
    environment: Environment
    origin: Origin
    version: int | None
    digest: Digest
    slot: int
    state: State | None
    ref: str | None = None
    """The ref that it is a test of, and stays with."""
    entry: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True)
class _Next:
    """A conversation about to take a turn."""

    conversation: Conversation
    alias: str
    version: int | None
    digest: Digest
    draft_changed: bool


class Conversations:
    """The verbs of conversations."""

    def __init__(self, work: Work, programs: Programs, outside: Outside, cipher: Cipher | None = None) -> None:
        self._work = work
        self._programs = programs
        self._outside = outside
        self._keeper = Keeper(work, cipher)
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def start(self, call: Call, slug: str, begin: Beginning) -> tuple[ConversationView, TurnView]:
        """Begins a conversation and greets.

        Without an environment or ref it goes where the called number leads, else to the default entry. Raises Refused
        `nothing_served` where no version answers and `number_unknown`, Invalid for an unknown channel or both of
        environment and ref, NotFound.
        """
        self._check(call, begin)
        clock = self._work.clock
        id_ = ConversationId(clock.new_id("conversation"))
        place = await self._work.read(call, lambda tx: self._find_place(tx, call, slug, begin, id_))
        if place.state is not None and place.state.draft is not None:
            await self._work.change(replace_answer(call), lambda tx: tx.put_snapshot(_snapshot(place)))
        program = await self._programs.load(call.workspace, place.digest)
        now = clock.now()
        kept = await self._work.read(call, lambda tx: self._keeper.load_user(tx, place.project.id, begin.user_id or ""))
        context = write_context(place.environment.alias, begin, id_, kept)
        outcome = start_turn(program, context_at(context, now), clock)
        conversation = Conversation(
            id=id_,
            project=place.project.id,
            origin=place.origin,
            channel=begin.channel,
            environment=place.environment.id,
            ref=place.ref,
            started_seq=place.environment.seq,
            started_version=place.version,
            started_digest=place.digest,
            slot=place.slot,
            sticky_key=_sticky(begin, id_),
            started_at=now,
            last_at=now,
            turns=1,
            ended_at=now if outcome.ended else None,
            ended_by=outcome.ended_by,
            state=self._keeper.seal_state(id_, context, outcome.state),
            outcome=choose_outcome("running", outcome.record.effects, outcome.ended_by),
            entry=place.entry,
        )

        def work(tx: Writing) -> tuple[ConversationView, TurnView]:
            tx.insert_conversation(conversation)
            turn = self._keeper.keep_start(tx, call, conversation, context, outcome)
            return ConversationView(conversation, place.environment.alias), TurnView(turn, outcome.ended)

        return await self._work.change(call, work)

    async def take_turn(self, call: Call, id_: str, heard: Heard) -> TurnView:
        """Answers one input with the version that R14 gives. Raises NotFound, Refused `conversation_ended`."""
        async with self._lock(id_):
            coming = await self._work.read(call, lambda tx: self._find_next(tx, call, id_))
            program = await self._programs.load(call.workspace, coming.digest)
            known = self._keeper.recall(coming.conversation)
            place, clock = self._place(call, coming), self._work.clock
            outcome = await finish_turn(program, known.state, heard, known.context, clock, self._outside, place)
            answered = Answered(coming.version, coming.digest, heard, outcome, known.held)
            return await self._work.change(call, lambda tx: self._record(tx, call, coming, answered))

    async def stream_turn(self, call: Call, id_: str, heard: Heard) -> AsyncIterator[Delta | TurnView]:
        """Yields the reply piece by piece, then the recorded turn. The pieces come before the turn is durable."""
        async with self._lock(id_):
            coming = await self._work.read(call, lambda tx: self._find_next(tx, call, id_))
            program = await self._programs.load(call.workspace, coming.digest)
            known = self._keeper.recall(coming.conversation)
            place = self._place(call, coming)
            clock, outside = self._work.clock, self._outside
            async for piece in run_turn(program, known.state, heard, known.context, clock, outside, place):
                if isinstance(piece, Delta):
                    yield piece
                else:
                    answered = Answered(coming.version, coming.digest, heard, piece, known.held)
                    yield await self._work.change(call, lambda tx, done=answered: self._record(tx, call, coming, done))

    async def load(self, call: Call, id_: str, after: int, limit: int) -> tuple[ConversationView, Sequence[TurnView]]:
        """Returns a conversation and a page of its turns."""
        call.need("conversations.read")

        def work(tx: Reading) -> tuple[ConversationView, Sequence[TurnView]]:
            conversation = _load(tx, id_)
            turns = tx.list_turns(conversation.id, after, limit)
            return self._view(tx, call, conversation), [TurnView(t, _ends(t)) for t in turns]

        return await self._work.read(call, work)

    async def load_last(self, call: Call, id_: str, limit: int) -> tuple[ConversationView, Sequence[TurnView]]:
        """Returns a conversation and its last turns, rising."""
        call.need("conversations.read")

        def work(tx: Reading) -> tuple[ConversationView, Sequence[TurnView]]:
            conversation = _load(tx, id_)
            turns = tx.list_turns(conversation.id, max(conversation.turns - limit, 0) - 1, limit)
            return self._view(tx, call, conversation), [TurnView(t, _ends(t)) for t in turns]

        return await self._work.read(call, work)

    async def list(
        self,
        call: Call,
        slug: str,
        before: str | None,
        limit: int,
        *,
        environment: str | None = None,
        version: int | None = None,
        channel: str | None = None,
        origin: str | None = None,
        text: str | None = None,
        topic: str | None = None,
        outcome: str | None = None,
        tag: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> Sequence[ConversationView]:
        """Returns conversations, latest start first."""
        call.need("conversations.read")

        def work(tx: Reading) -> Sequence[ConversationView]:
            project = load_project(tx, slug)
            where = load_environment(tx, project, environment, ever=True).id if environment else None
            wanted = ConversationFilter(where, version, channel, origin, text, topic, outcome, tag, since, until)
            aliases = {e.id: e.alias for e in tx.list_environments(project.id, ever=True)}
            found = tx.list_conversations(project.id, wanted, before, limit)
            return [ConversationView(c, aliases.get(c.environment, "")) for c in found]

        return await self._work.read(call, work)

    async def end(self, call: Call, id_: str) -> ConversationView:
        """Ends a conversation from outside. Ending twice is the same as once."""
        call.need("conversations.start")
        async with self._lock(id_):

            def work(tx: Writing) -> ConversationView:
                conversation = _load(tx, id_)
                if conversation.ended_at is None:
                    ended = replace(conversation, ended_at=self._work.clock.now(), ended_by="api")
                    if not tx.update_conversation(ended, conversation.turns):
                        raise raced()
                    conversation = ended
                return self._view(tx, call, conversation)

            return await self._work.change(call, work)

    def _lock(self, id_: str) -> asyncio.Lock:
        lock = self._locks.get(id_)
        if lock is None:
            lock = self._locks[id_] = asyncio.Lock()
        return lock

    @staticmethod
    def _check(call: Call, begin: Beginning) -> None:
        call.need("conversations.test" if begin.ref is not None else "conversations.start")
        if begin.ref is not None and begin.environment is not None:
            message = "give an environment (traffic) or a ref (a test), not both"
            raise Invalid("environment_or_ref", message, errors=[Fault("/ref", message)])
        if begin.share_link is not None and (begin.ref is not None or begin.environment is not None):
            message = "a share link leads to its own environment; give neither an environment nor a ref beside it"
            raise Invalid("environment_or_ref", message, errors=[Fault("/share_link", message)])
        if begin.now is not None and begin.ref is None:
            message = "only a test of a ref pretends that it is another time; give a ref, or leave the time out"
            raise Invalid("time_is_for_tests", message, errors=[Fault("/now", message)])
        if begin.channel not in CHANNELS:
            message = f"'{begin.channel[:40]}' is not a channel; channels are: {', '.join(CHANNELS)}"
            raise Invalid("unknown_channel", message, errors=[Fault("/channel", message)])

    def _find_place(self, tx: Reading, call: Call, slug: str, begin: Beginning, id_: ConversationId) -> _Place:
        project = load_project(tx, slug)
        if begin.ref is not None:
            return self._find_tested(tx, call, project, begin.ref)
        named = begin.environment is not None or begin.share_link is not None
        way = find_way(tx, project, begin.called, begin.sip_headers) if begin.called and not named else None
        if way is not None and way.version is not None:
            place = self._find_tested(tx, call, project, f"v{way.version}", way.environment or None)
            return replace(place, entry=entry_of(begin.called or "", way))
        entered = enter(tx, call.workspace, project, begin, id_, self._work.clock.now(), way)
        environment = entered.environment
        slot = choose_slot(environment.salt, _sticky(begin, id_))
        arm = choose_arm(environment.arms, slot)
        if arm is None:
            raise Refused("nothing_served", f"{environment.alias} serves nothing yet; release a version there first")
        version = load_version(tx, project, arm.version)
        return _Place(project, environment, "public", version.number, version.digest, slot, None, entry=entered.entry)

    def _find_tested(self, tx: Reading, call: Call, project: Project, ref: str, alias: str | None = None) -> _Place:
        """Returns the place of a test of a ref: its environment, the one with an alias or id, else the context's."""
        state = load_state(tx, project, ref, call.principal, self._work.clock.now())
        own = load_environment(tx, project, alias) if alias else state.environment
        environment = own or load_context_environment(tx, project)
        return _Place(project, environment, "test", state.version, state.digest, 0, state, ref)

    def _find_next(self, tx: Reading, call: Call, id_: str) -> _Next:
        call.need("conversations.start")
        conversation = _load(tx, id_)
        if conversation.pinned and conversation.entry.get("by") != "number":
            # What a number's rule led to a version goes on for whoever may hold conversations at all.
            call.need("conversations.test")
        now = self._work.clock.now()
        ended_by = conversation.find_end(now)
        if ended_by is not None:
            raise Refused("conversation_ended", f"this conversation was ended by {ended_by}; start a new one")
        project = load_project(tx, conversation.project)
        environment = tx.find_environment(project.id, conversation.environment)
        if environment is not None and environment.ends_conversations(now):
            detail = f"this conversation ended when {environment.alias} was deleted; start a new one"
            raise Refused("conversation_ended", detail)
        version, digest = load_answering(tx, project, conversation, now, environment)
        alias = environment.alias if environment else ""
        return _Next(conversation, alias, version, digest, self._is_changed(tx, call, project, conversation))

    def _view(self, tx: Reading, call: Call, conversation: Conversation) -> ConversationView:
        project = load_project(tx, conversation.project)
        environment = tx.find_environment(project.id, conversation.environment)
        alias = environment.alias if environment else ""
        return ConversationView(conversation, alias, self._is_changed(tx, call, project, conversation))

    def _is_changed(self, tx: Reading, call: Call, project: Project, conversation: Conversation) -> bool:
        """Says whether the draft that a conversation tests moved on."""
        if conversation.ref is None or not conversation.ref.startswith("draft:"):
            return False
        try:
            state = load_state(tx, project, conversation.ref, call.principal, self._work.clock.now())
        except GreenroomError:
            # Published, discarded, or not this reader's to see: the conversation is there all the same.
            return True
        return state.digest != conversation.started_digest

    def _place(self, call: Call, coming: _Next) -> Place:
        """Returns where the turn's asks come from: only traffic sees an environment's live secrets (R32)."""
        conversation = coming.conversation
        return Place(
            call.workspace,
            conversation.project,
            conversation.environment,
            coming.alias,
            "live" if conversation.origin == "public" else "draft",
            coming.digest,
            conversation.id,
            conversation.channel,
            conversation.origin,
            format_time(self._work.clock.now()),
        )

    def _record(self, tx: Writing, call: Call, coming: _Next, answered: Answered) -> TurnView:
        turn = self._keeper.keep_turn(tx, call, coming.conversation, answered)
        return TurnView(turn, answered.outcome.ended, coming.draft_changed)


def replace_answer(call: Call) -> Call:
    """Returns the call without its idempotency record: for a write that is only a preparation."""
    return replace(call, idempotency=None)


def _sticky(begin: Beginning, id_: ConversationId) -> str:
    """Returns what finds a person's conversations again, and a rollout's arm; the split has a choice of its own."""
    return begin.user_id or begin.caller or id_


def _load(tx: Reading, id_: str) -> Conversation:
    found = tx.find_conversation(ConversationId(id_))
    if found is None:
        raise NotFound("conversation_not_found", f"there is no conversation '{id_[:80]}'")
    return found


def _ends(turn: Turn) -> bool:
    return any(event.get("type") in {"ended", "handed_off"} for event in turn.events)


def _snapshot(place: _Place) -> Any:
    assert place.state is not None
    return place.state.snapshot
