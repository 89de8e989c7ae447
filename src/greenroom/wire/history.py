"""History, audit and keys on the network."""

from __future__ import annotations

from typing import Any, Literal

from greenroom.wire.model import DisplayName, In, Moment, Out

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


class AuditRecordOut(Out):
    """A link of the audit chain. `payload` is the canonical JSON whose SHA-256 is `digest`."""

    seq: int
    previous: str
    digest: str
    payload: str


class AuditOut(Out):
    """The outcome of verifying the workspace's audit chain."""

    records: int
    sound: bool
    first_bad: int | None = None
    head: str


class ApiKeyIn(In):
    """A new API key: a person of its own."""

    name: DisplayName
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
