"""Conversations and turns on the network."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import AwareDatetime, Field

from greenroom.wire.model import In, Moment, Out, VersionNumber


class ConversationIn(In):
    """Start a conversation: in an environment (or the default entry), or, as a test, on any ref."""

    environment: str | None = None
    ref: str | None = None
    user_id: str | None = Field(None, max_length=200)
    channel: str = "api"
    variables: dict[str, Any] = {}
    sip_headers: dict[str, str] = {}
    caller: str = Field("", max_length=100)
    called: str = Field("", max_length=100)
    variant: str = Field("", max_length=80)
    language: str = Field("", max_length=35)
    """A tag such as de-DE; without one, or where the agent does not speak it, the default language."""
    share_link: str | None = Field(None, max_length=200)
    """The token of a share link, which leads to its environment; without environment and ref."""
    now: AwareDatetime | None = None
    """For a test of a ref: the time that all its turns pretend it is."""


class ConversationOut(Out):
    """A conversation."""

    id: str
    environment: str
    ref: str | None
    origin: str
    channel: str
    version: VersionNumber | None
    """The version it began with; null on a draft or bare digest."""
    digest: str
    started_at: Moment
    last_at: Moment
    turns: int
    ended: bool
    ended_by: str | None = None
    outcome: str = "running"
    topics: list[str] = []
    tags: list[str] = []
    entry: dict[str, Any] = {}
    """How it came in: by which number, and which of its rules."""
    erased_at: Moment | None = None
    """When what was said in it was erased; null where it was not."""


class StartedOut(ConversationOut):
    """A conversation just begun."""

    greeting: str
    events: list[dict[str, Any]] = []
    draft_changed: bool = False


class TurnIn(In):
    """What the user said, or an event of the channel."""

    text: str | None = Field(None, max_length=20_000)
    event: Literal["silence", "hang_up"] | None = None


class TurnOut(Out):
    """What the agent did with it. `version` is the one that answered."""

    index: int
    heard: str
    reply: str
    events: list[dict[str, Any]]
    ended: bool
    version: VersionNumber | None
    digest: str
    trace: dict[str, Any] = {}
    at: Moment | None = None
    draft_changed: bool = False


class TranscriptOut(ConversationOut):
    """A conversation with its turns."""

    transcript: list[TurnOut]
    next_cursor: str | None = None


class ResolveOut(Out):
    """Which version serves a key, and why."""

    environment: str
    version: VersionNumber
    digest: str
    seq: int
    slot: int
    reason: str


class ReplayedTurnOut(Out):
    """One turn as it was, and as it is now."""

    index: int
    heard: str
    said: str
    said_now: str
    topic: str
    topic_now: str
    actions: list[str]
    actions_now: list[str]
    same: bool


class ReplayOut(Out):
    """A conversation, played again with the same inputs and nobody outside."""

    ref: str | None
    turns: list[ReplayedTurnOut]
    changed: int
    """How many turns are not what they were."""
