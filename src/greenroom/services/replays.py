"""Conversations, played again from their record: the same inputs, with nobody outside.

Without a ref each turn runs on the version that answered it, with the answers that the outside gave then, and comes
out the same. On another ref the same inputs meet another version: a call that is like a recorded one (same function,
tool, server or search) gets its answer, any other fails as not recorded. Nothing is stored, sent or called.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from greenroom.domain.asks import Answer, Ask
from greenroom.domain.canonical import Digest
from greenroom.domain.conversations import Conversation, Turn
from greenroom.domain.errors import NotFound, Refused
from greenroom.domain.ids import ConversationId
from greenroom.domain.versions import Snapshot
from greenroom.ports import Cipher, Reading
from greenroom.runtime.engine import NOT_RECORDED, Step, name_ask, recorded, stages, start
from greenroom.runtime.program import Program
from greenroom.runtime.turn import Context, Heard
from greenroom.services import sealing
from greenroom.services.programs import Programs
from greenroom.services.states import load_project, load_state
from greenroom.services.work import Call, Work

MOST = 500
"""So many turns of one conversation are played."""


@dataclass(frozen=True, slots=True)
class ReplayedTurn:
    """One turn then and now, as it may be shown."""

    index: int
    heard: str
    said: str
    said_now: str
    topic: str
    topic_now: str
    actions: Sequence[str]
    actions_now: Sequence[str]

    @property
    def same(self) -> bool:
        """Says whether reply, topic and actions are what they were."""
        then, now = (self.said, self.topic, self.actions), (self.said_now, self.topic_now, self.actions_now)
        return then == now


@dataclass(frozen=True, slots=True)
class _Played:
    conversation: Conversation
    digest: Digest | None
    state: Mapping[str, Any]
    turns: Sequence[Turn]
    raw: Sequence[sealing.Opened]
    draft: Snapshot | None = None


class Replays:
    """The verb of replays."""

    def __init__(self, work: Work, programs: Programs, cipher: Cipher | None) -> None:
        self._work = work
        self._programs = programs
        self._cipher = cipher

    async def replay(self, call: Call, id_: str, ref: str | None = None) -> Sequence[ReplayedTurn]:
        """Plays a conversation again. Raises Refused `raw_input_gone` after erasure or the end of retention."""
        call.need("conversations.test")
        played = await self._work.read(call, lambda tx: self._read(tx, call, id_, ref))
        if (snapshot := played.draft) is not None:
            await self._work.change(replace(call, idempotency=None), lambda tx: tx.put_snapshot(snapshot))
        state: Mapping[str, Any] = {}
        found: list[ReplayedTurn] = []
        raw = {opened.index: opened for opened in played.raw}
        for turn in played.turns:
            program = await self._programs.load(call.workspace, played.digest or turn.digest)
            given = raw.get(turn.index)
            now = str(turn.trace.get("now", "")) if given is None else given.now
            here = Context(**{**played.state["context"], "now": now})
            if given is None:
                step = start(program, here)
            else:
                heard = Heard(str(given.heard.get("text", "")), given.heard.get("event", ""))
                step = _play(program, state, heard, here, _Answers(turn, given.answers))
            state = step.state
            found.append(_compare(turn, program, step))
            if step.ended:
                break
        return found

    def _read(self, tx: Reading, call: Call, id_: str, ref: str | None) -> _Played:
        conversation = tx.find_conversation(ConversationId(id_))
        if conversation is None:
            raise NotFound("conversation_not_found", f"there is no conversation '{id_[:80]}'")
        if self._cipher is None or conversation.erased_at is not None:
            raise Refused("raw_input_gone", "what was said in this conversation is not kept; it cannot be replayed")
        raw = sealing.open_turns(self._cipher, tx, conversation)
        state = sealing.open_state(self._cipher, conversation.id, conversation.state)
        turns = tx.list_turns(conversation.id, -1, MOST)
        if ref is None:
            return _Played(conversation, None, state, turns, raw)
        project = load_project(tx, conversation.project)
        found = load_state(tx, project, ref, call.principal, self._work.clock.now())
        draft = found.snapshot if found.draft is not None else None
        return _Played(conversation, found.digest, state, turns, raw, draft)


class _Answers:
    """Recorded answers: in their order while the asks are the same, else by what was asked."""

    def __init__(self, turn: Turn, answers: Sequence[Mapping[str, Any]]) -> None:
        asked: Sequence[str] = turn.trace.get("asked") or ()
        self._left = list(zip((*asked, *[""] * len(answers)), answers, strict=False))

    def answer(self, ask: Ask) -> Answer:
        """Returns the first recorded answer to something like it."""
        name = name_ask(ask.to, ask.facts)
        for place, (known, answer) in enumerate(self._left):
            if known in {name, ""}:
                del self._left[place]
                return answer
        return NOT_RECORDED


def _play(program: Program, state: Mapping[str, Any], heard: Heard, context: Context, answers: _Answers) -> Step:
    work = stages(program, state, heard, context)
    sent: Answer | None = None
    while True:
        try:
            item = work.send(sent)
        except StopIteration as done:
            return done.value
        sent = answers.answer(item) if isinstance(item, Ask) else None


def _compare(turn: Turn, program: Program, step: Step) -> ReplayedTurn:
    shown = recorded(program, step)
    return ReplayedTurn(
        turn.index,
        turn.heard,
        turn.said,
        shown.said,
        str(turn.trace.get("topic") or ""),
        str(shown.trace.get("topic") or ""),
        _actions(turn.events),
        _actions(shown.effects),
    )


_ACTIONS = frozenset(
    {
        "sms_offered",
        "sms_sent",
        "handed_off",
        "function_called",
        "tool_called",
        "mcp_called",
        "workflow_started",
        "ended",
    }
)


def _actions(events: Sequence[Mapping[str, Any]]) -> list[str]:
    """Returns what was done besides speaking: `sms_sent late-checkout`."""
    names = ("sms", "handoff", "function", "tool", "workflow", "by")
    return [
        " ".join([event["type"], *(str(event[name]) for name in names if event.get(name))])
        for event in events
        if event.get("type") in _ACTIONS
    ]
