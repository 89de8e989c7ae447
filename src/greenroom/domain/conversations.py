"""Exchanges with users: each pinned at its start to an environment, a release and a slot, or to a ref."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

from greenroom.domain.canonical import Digest
from greenroom.domain.ids import ConversationId, EnvironmentId, ProjectId

Origin = Literal["public", "test", "replay"]
Outcome = Literal["running", "contained", "handed_off", "abandoned", "no_match", "error"]
"""How it went: contained means ended with an answer and without a person; no_match, with nothing answered."""
OUTCOMES: tuple[Outcome, ...] = ("running", "contained", "handed_off", "abandoned", "no_match", "error")
MAX_TOPICS = 50

IDLE_LIMITS: Mapping[str, timedelta] = {
    "voice": timedelta(minutes=10),
    "api": timedelta(hours=24),
    "chat": timedelta(hours=24),
    "widget": timedelta(hours=24),
    "sms": timedelta(hours=24),
    "whatsapp": timedelta(hours=24),
    "instagram": timedelta(hours=24),
}
CHANNELS = tuple(IDLE_LIMITS)
MESSAGING = frozenset({"widget", "sms", "whatsapp", "instagram"})
"""Channels without a hang-up: only time ends their conversations."""


@dataclass(frozen=True, slots=True)
class Conversation:
    """One exchange. Its row is written by turns only; no release operation touches it (R1, R14)."""

    id: ConversationId
    project: ProjectId
    origin: Origin
    channel: str
    environment: EnvironmentId
    """Where it came in; for a test of a ref, the context environment."""
    ref: str | None
    """The ref it was opened by; such a conversation never moves."""
    started_seq: int
    started_version: int | None
    """None when it was opened on a draft or a bare digest."""
    started_digest: Digest
    slot: int
    sticky_key: str
    started_at: datetime
    last_at: datetime
    turns: int = 0
    ended_at: datetime | None = None
    ended_by: str | None = None
    state: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """The engine's state: plain JSON, replaced whole by every turn."""
    outcome: Outcome = "running"
    topics: tuple[str, ...] = ()
    """Topics that were answered, each once, in their order."""
    tags: tuple[str, ...] = ()
    erased_at: datetime | None = None
    """When what the user said was erased (R36)."""
    entry: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """How it came in, so that "why this one?" has an answer for ever (R22); free of personal data."""

    @property
    def pinned(self) -> bool:
        """Says whether the conversation stays with the ref that opened it."""
        return self.ref is not None

    def is_running(self, now: datetime) -> bool:
        """Says whether it is not ended and not idle beyond its channel's limit."""
        return self.ended_at is None and now - self.last_at <= IDLE_LIMITS[self.channel]

    def find_end(self, now: datetime) -> str | None:
        """Returns what ended the conversation, None while it goes on.

        One of a messaging channel ends by idle time, so that every channel reaches the new version (R14).
        """
        if self.ended_at is not None:
            return self.ended_by or "its agent"
        return "idle time" if self.channel in MESSAGING and not self.is_running(now) else None


@dataclass(frozen=True, slots=True)
class Turn:
    """One user input and what the agent did with it. Index 0 is the greeting, which has no input."""

    conversation: ConversationId
    index: int
    at: datetime
    heard: str
    said: str
    version: int | None
    digest: Digest
    events: tuple[Mapping[str, Any], ...]
    trace: Mapping[str, Any]


def choose_outcome(before: Outcome, events: Sequence[Mapping[str, Any]], ended_by: str | None) -> Outcome:
    """Returns how a conversation stands after a turn; `before` carries what earlier turns have shown.

    While it goes on, `no_match` and `error` mean that nothing has been answered yet but something failed.
    """
    kinds = {event.get("type") for event in events}
    if "handed_off" in kinds:
        return "handed_off"
    answered = bool(kinds & {"topic_cited", "knowledge_cited", "workflow_ended", "slot_filled", "sms_sent"})
    failed = any("error" in event for event in events)
    if answered:
        now: Outcome = "contained"
    elif before == "running" and failed:
        now = "error"
    elif before == "running" and kinds & {"fallback", "out_of_scope"}:
        now = "no_match"
    else:
        now = before
    if ended_by is None:
        return now
    if ended_by in {"silence", "idle time"} and now != "contained":
        return "abandoned"
    return "abandoned" if now == "running" else now


def join_topics(before: tuple[str, ...], events: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    """Returns the topics of a conversation with those of a turn added, at most 50."""
    cited = (str(event["topic"]) for event in events if event.get("type") == "topic_cited")
    return tuple(dict.fromkeys((*before, *cited)))[:MAX_TOPICS]
