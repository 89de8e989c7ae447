"""What a turn needs of the outside, as plain data: asked by the engine, answered by the driver, kept for replay."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from greenroom.domain.canonical import Digest
from greenroom.domain.conversations import Origin
from greenroom.domain.ids import EnvironmentId, ProjectId, WorkspaceId

Side = Literal["live", "draft"]
"""Which of an environment's secrets hold: those of its traffic, or those of its drafts' tests (R32)."""

Answer = Mapping[str, Any]
"""Plain JSON; always `ms`, and `error: {code, message}` when the outside failed."""

AskedOf = Literal["function", "tool", "mcp", "knowledge", "model", "table"]


class Streamed(Protocol):
    """Decides which pieces of a text may go out while it is written."""

    def feed(self, text: str) -> tuple[str, str] | None: ...
    def close(self, answer: Answer) -> Answer: ...


class Speaking(Protocol):
    """Says something while an answer is waited for: once at each of `times_ms` after the ask."""

    times_ms: tuple[float, ...]

    def say(self) -> tuple[str, str] | None: ...
    def close(self, answer: Answer) -> Answer: ...


@dataclass(frozen=True, slots=True)
class Ask:
    """One request of a turn. `facts` is plain JSON; secrets stand in it as `{{secret.NAME}}`, never as values.

    `gate` and `waiting` are no part of the record: one lets pieces of a model's reply through while it is written,
    the other speaks while nothing comes.
    """

    to: AskedOf
    facts: Mapping[str, Any]
    gate: Streamed | None = None
    waiting: Speaking | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """Where an ask comes from: it decides which secrets, addresses and data it may use."""

    workspace: WorkspaceId
    project: ProjectId
    environment: EnvironmentId
    alias: str
    side: Side
    digest: Digest
    conversation: str = ""
    channel: str = ""
    origin: Origin = "public"
    now: str = ""


class Streamer(Protocol):
    """Takes the pieces of a reply while a model writes it."""

    def __call__(self, text: str) -> None: ...


def failed(code: str, message: str, ms: float = 0.0, **facts: Any) -> Answer:
    """Returns the answer of an ask that could not be carried out."""
    return {**facts, "error": {"code": code, "message": message}, "ms": ms}
