"""What a store is asked by, and what it answers with, beside the nouns of the domain."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from greenroom.domain.canonical import Digest
from greenroom.domain.entities import Address
from greenroom.domain.ids import EnvironmentId


@dataclass(frozen=True, slots=True)
class Referrer:
    """A body that mentions a target; it may belong to any version, so look whether a snapshot still has it."""

    source: Address
    digest: Digest
    target: Address


@dataclass(frozen=True, slots=True)
class RunningGroup:
    """Running, movable conversations that began under one release with one version."""

    started_seq: int
    version: int
    slot: int
    count: int


@dataclass(frozen=True, slots=True)
class ConversationFilter:
    """What a list of conversations is narrowed by; None means any."""

    environment: EnvironmentId | None = None
    version: int | None = None
    channel: str | None = None
    origin: str | None = None
    text: str | None = None
    topic: str | None = None
    outcome: str | None = None
    tag: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    """Started from `since` on, and before `until`."""
    sticky_key: str | None = None


@dataclass(frozen=True, slots=True)
class Replayed:
    """The stored answer to a request that was made before with the same idempotency key."""

    body_hash: str
    status: int
    body: bytes
