"""Erasure: what a person said and what is kept of them is removed; that it happened stays in the audit (R36)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from greenroom.domain.conversations import Conversation, Turn
from greenroom.domain.errors import Conflict, Fault, Invalid
from greenroom.domain.ids import ConversationId, ProjectId
from greenroom.ports import ConversationFilter, Reading, Writing
from greenroom.services import evaluations, executions, sealing, tickets, transcripts
from greenroom.services.states import load_project
from greenroom.services.testers import forget_tester
from greenroom.services.transcripts import load_conversation
from greenroom.services.work import Call, Work

MASK = "•••"
_PORTION = 100
_KEPT_OF_EVENTS = frozenset({"type", "topic", "agent", "before", "by", "handoff", "method", "workflow", "step"})
_KEPT_OF_EVENTS |= {"function", "tool", "mcp", "status", "ms", "variable", "playbook", "sms", "knowledge"}
_KEPT_OF_TRACE = frozenset({"brain", "agent", "turn", "decision", "topic", "stages", "latency_ms", "channel"})
_KEPT_OF_TRACE |= {"environment", "in_scope", "threshold", "rules", "models", "now"}


@dataclass(frozen=True, slots=True)
class Erasure:
    """What the erasure of a person removed."""

    conversations: int
    user: bool
    """Whether variables of the user were kept, and are gone."""


class Erasures:
    """The verbs of erasure."""

    def __init__(self, work: Work) -> None:
        self._work = work

    async def erase(self, call: Call, id_: str) -> Conversation:
        """Erases what was said in a conversation, and ends it if it goes on. Erasing twice is the same as once."""
        call.need("conversations.erase")

        def work(tx: Writing) -> Conversation:
            before = load_conversation(tx, id_)
            if before.erased_at is not None:
                return before
            after = _erase(tx, before, self._work.clock.now())
            event = self._work.event(
                call,
                "conversation.erased",
                project=after.project,
                environment=after.environment,
                subject=after.id,
                data={"turns": after.turns},
            )
            tx.append(event)
            return after

        return await self._work.change(call, work)

    async def erase_person(
        self, call: Call, slug: str, *, user_id: str | None = None, caller: str | None = None
    ) -> Erasure:
        """Erases all conversations of a user or a caller, and what is kept of the user. Raises Invalid, NotFound."""
        call.need("conversations.erase")
        if (user_id is None) == (caller is None) or not (user_id or caller):
            message = "give the person's user_id or their caller number: one of them"
            raise Invalid("user_or_caller", message, errors=[Fault("/user_id", message)])
        project = await self._work.read(call, lambda tx: load_project(tx, slug).id)
        person = user_id or caller or ""
        count = 0
        alone = replace(call, idempotency=None)
        while found := await self._work.read(call, lambda tx: _find_of(tx, project, person)):
            for id_ in found:
                await self.erase(alone, id_)
            count += len(found)

        def finish(tx: Writing) -> Erasure:
            done = Erasure(count, user_id is not None and sealing.forget_user(tx, project, person))
            by = "user" if user_id is not None else "caller"
            forget_tester(tx, call.workspace, project, "user_id" if user_id is not None else "caller", person)
            data = {"conversations": done.conversations, "by": by}
            tx.append(self._work.event(call, "person.erased", project=project, subject="a person", data=data))
            return done

        return await self._work.change(call, finish)


def _find_of(tx: Reading, project: ProjectId, person: str) -> list[ConversationId]:
    found = [c.id for c in tx.list_conversations(project, ConversationFilter(sticky_key=person), None, _PORTION)]
    noted = sealing.list_of_caller(tx, project, person, None, _PORTION)
    return list(dict.fromkeys([*found, *map(ConversationId, noted)]))


def _erase(tx: Writing, before: Conversation, now: datetime) -> Conversation:
    project, id_ = before.project, before.id
    conversation = before
    if before.ended_at is None:
        conversation = replace(before, ended_at=now, ended_by="erasure")
        if not tx.update_conversation(conversation, before.turns):
            raise Conflict("turn_race", "a turn of this conversation came first; repeat")
    after = -1
    while turns := tx.list_turns(id_, after, _PORTION):
        for turn in turns:
            tx.replace_turn(_erase_turn(turn))
        after = turns[-1].index
    for noun in (sealing.RAW, executions.NOUN, transcripts.NOTE):
        tx.delete_records(project, noun, id_)
    tx.delete_record(project, sealing.CALLER, id_)
    _erase_comments(tx, project, id_)
    evaluations.forget_reasons(tx, project, id_)
    tx.erase_conversation(id_, now)
    return replace(conversation, state={}, sticky_key="", erased_at=now)


def _erase_turn(turn: Turn) -> Turn:
    events = tuple(_keep(event, _KEPT_OF_EVENTS) for event in turn.events)
    heard, said = (MASK if text else "" for text in (turn.heard, turn.said))
    return replace(turn, heard=heard, said=said, events=events, trace=_keep(turn.trace, _KEPT_OF_TRACE))


def _keep(facts: Mapping[str, Any], names: frozenset[str]) -> dict[str, Any]:
    return {name: value for name, value in facts.items() if name in names}


def _erase_comments(tx: Writing, project: ProjectId, id_: ConversationId) -> None:
    for record in tx.list_records(project, transcripts.FEEDBACK, owner=id_, limit=transcripts.MAX_MARKS):
        if record.body["comment"]:
            tx.put_record(replace(record, body={**record.body, "comment": MASK}, revision=record.revision + 1))
    ticket = tx.find_record(project, tickets.NOUN, tickets.key_of(id_))
    if ticket is not None:
        erased = {**ticket.body, "reason": MASK, "comment": MASK, "destination": {}}
        tx.put_record(replace(ticket, body=erased, revision=ticket.revision + 1))
