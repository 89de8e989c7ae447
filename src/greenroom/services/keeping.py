"""What is kept of a conversation: turns with personal data masked; raw inputs and state sealed; tickets; calls."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from greenroom.domain.canonical import Digest
from greenroom.domain.conversations import Conversation, Turn, choose_outcome, join_topics
from greenroom.domain.errors import Conflict
from greenroom.domain.events import format_time
from greenroom.domain.ids import ConversationId, ProjectId
from greenroom.ports import Cipher, Reading, Writing
from greenroom.runtime.driver import TurnOutcome
from greenroom.runtime.turn import Context, Heard
from greenroom.services import sealing
from greenroom.services.executions import executions_of
from greenroom.services.states import load_project
from greenroom.services.tickets import opened, tickets_of
from greenroom.services.work import Call, Work


@dataclass(frozen=True, slots=True)
class Beginning:
    """What a caller says to start a conversation: an environment (None: the default entry), or a ref to test.

    `share_link` is a token, which leads past the default entry to one environment.
    """

    environment: str | None = None
    ref: str | None = None
    user_id: str | None = None
    channel: str = "api"
    caller: str = ""
    called: str = ""
    variant: str = ""
    language: str = ""
    variables: Mapping[str, Any] = field(default_factory=dict[str, Any])
    sip_headers: Mapping[str, str] = field(default_factory=dict[str, str])
    share_link: str | None = None
    now: datetime | None = None
    """The time that all its turns pretend it is; for tests of a ref alone."""


@dataclass(frozen=True, slots=True)
class Answered:
    """What a turn heard, and how which version answered."""

    version: int | None
    digest: Digest
    heard: Heard
    outcome: TurnOutcome
    context: Mapping[str, Any]
    """Where and with whom the conversation is held, as `write_context` made it."""


@dataclass(frozen=True, slots=True)
class Recalled:
    """What is known of a conversation before its next turn: opened once."""

    state: Mapping[str, Any]
    held: Mapping[str, Any]
    """The context as it is kept."""
    context: Context


class Keeper:
    """Writes turns, inside the transaction of whoever calls. Without a cipher nothing is sealed, and no raw kept."""

    def __init__(self, work: Work, cipher: Cipher | None) -> None:
        self._work = work
        self._cipher = cipher

    def load_user(self, tx: Reading, project: ProjectId, user: str) -> Mapping[str, Any]:
        """Returns the variables kept of a user."""
        return sealing.load_user(self._cipher, tx, project, user) if self._cipher else {}

    def seal_state(self, id_: str, context: Mapping[str, Any], engine: Mapping[str, Any]) -> Mapping[str, Any]:
        """Returns a conversation's state as it is stored."""
        state = {"context": dict(context), "engine": dict(engine)}
        return sealing.seal_state(self._cipher, id_, state) if self._cipher else state

    def recall(self, conversation: Conversation) -> Recalled:
        """Returns what is known of a conversation, for its next turn, now."""
        stored = self._open(conversation)
        held = stored["context"]
        return Recalled(stored["engine"], held, context_at(held, self._work.clock.now()))

    def keep_start(
        self, tx: Writing, call: Call, conversation: Conversation, context: Mapping[str, Any], outcome: TurnOutcome
    ) -> Turn:
        """Keeps the greeting."""
        caller = sealing.caller_of(conversation, str(context.get("caller", "")))
        if caller is not None:
            tx.put_record(caller)
        answered = Answered(conversation.started_version, conversation.started_digest, Heard(), outcome, context)
        return self._keep(tx, call, conversation, 0, answered)

    def keep_turn(self, tx: Writing, call: Call, before: Conversation, answered: Answered) -> Turn:
        """Keeps a turn and where the conversation stands after it. Raises Conflict `turn_race`."""
        outcome, now = answered.outcome, self._work.clock.now()
        effects = outcome.record.effects
        after = replace(
            before,
            last_at=now,
            turns=before.turns + 1,
            ended_at=now if outcome.ended else None,
            ended_by=outcome.ended_by,
            state=self.seal_state(before.id, answered.context, outcome.state),
            outcome=choose_outcome(before.outcome, effects, outcome.ended_by),
            topics=join_topics(before.topics, effects),
        )
        if not tx.update_conversation(after, before.turns):
            raise raced()
        return self._keep(tx, call, after, before.turns, answered)

    def _keep(self, tx: Writing, call: Call, conversation: Conversation, index: int, answered: Answered) -> Turn:
        record, now = answered.outcome.record, conversation.last_at
        turn = Turn(
            conversation=conversation.id,
            index=index,
            at=now,
            heard=record.heard,
            said=record.said,
            version=answered.version,
            digest=answered.digest,
            events=tuple(record.effects),
            trace=record.trace,
        )
        tx.insert_turn(turn)
        for execution in executions_of(conversation, index, record.asks, now):
            tx.put_record(execution)
        self._keep_apart(tx, conversation, index, answered)
        if any(effect.get("method") == "ticket" for effect in record.effects):
            project = load_project(tx, conversation.project)
            for ticket in tickets_of(project, conversation, record.effects, now):
                tx.put_record(ticket)
                tx.append(opened(self._work, call, ticket))
        return turn

    def _keep_apart(self, tx: Writing, conversation: Conversation, index: int, answered: Answered) -> None:
        """Seals what the person said, what the outside answered, and what is kept of the user."""
        if self._cipher is None:
            return
        outcome, now = answered.outcome, conversation.last_at
        if index:
            heard = {"text": answered.heard.text, "event": answered.heard.event}
            raw = {
                "heard": heard,
                "answers": [ask["answer"] for ask in outcome.asks],
                "now": str(outcome.trace.get("now", "")),
            }
            tx.put_record(sealing.seal_turn(self._cipher, conversation, index, raw))
        user = str(answered.context.get("user_id", ""))
        if user and outcome.user_variables:
            sealing.save_user(self._cipher, tx, conversation.project, user, outcome.user_variables, now)

    def _open(self, conversation: Conversation) -> Mapping[str, Any]:
        stored = conversation.state
        return sealing.open_state(self._cipher, conversation.id, stored) if self._cipher else stored


def raced() -> Conflict:
    """Returns the refusal of a turn that was overtaken."""
    return Conflict("turn_race", "another turn of this conversation came first; read it and repeat")


def write_context(
    alias: str, begin: Beginning, id_: ConversationId, user_variables: Mapping[str, Any]
) -> dict[str, Any]:
    """Returns what all turns of a conversation know of where and with whom it is held, as plain JSON."""
    return {
        "conversation": id_,
        "user_id": begin.user_id or "",
        "user_variables": dict(user_variables),
        "environment": alias,
        "channel": begin.channel,
        "caller": begin.caller,
        "called": begin.called,
        "variant": begin.variant,
        "language": begin.language,
        "sip_headers": dict(begin.sip_headers),
        "variables": dict(begin.variables),
        **({"now": format_time(begin.now.astimezone(UTC))} if begin.now is not None else {}),
    }


def context_at(held: Mapping[str, Any], now: datetime) -> Context:
    """Returns the context of a turn: at the time that is pretended, where one is, else now."""
    return Context(**{"now": format_time(now), **held})
