"""History, audit and keys on the network."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from greenroom.wire.model import In, Moment, Out

RoleName = Literal["viewer", "editor", "publisher", "release_manager", "admin", "owner"]


class EventOut(Out):
    """Something that happened; `summary` says it in words."""

    seq: int
    at: str
    actor: str
    actor_name: str = ""
    action: str
    environment: str = ""
    subject: str = ""
    summary: str = ""
    data: dict[str, Any] = {}


class AuditOut(Out):
    """The outcome of verifying the workspace's audit chain."""

    records: int
    sound: bool
    first_bad: int | None = None
    head: str


class ApiKeyIn(In):
    """A new API key: a person of its own."""

    name: str = Field(min_length=1, max_length=120)
    role: RoleName = "editor"


class ApiKeyOut(Out):
    """An API key without the key."""

    id: str
    name: str
    role: str
    created_at: Moment
    revoked: bool = False


class NewApiKeyOut(ApiKeyOut):
    """A new key; it is shown here and never again."""

    key: str


class MeOut(Out):
    """Who the caller is."""

    id: str
    name: str
    role: str
    workspace: str
    permissions: list[str]
