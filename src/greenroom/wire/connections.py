"""Connections on the network."""

from __future__ import annotations

from typing import Any

from greenroom.wire.model import In, Moment, Out


class ConnectionIn(In):
    """Where a provider is and which secret opens it. `secret` is the name of a secret, never its value."""

    kind: str
    provider: str = ""
    base_url: str = ""
    secret: str = ""
    settings: dict[str, Any] = {}


class ConnectionOut(Out):
    """A connection; `revision` is its ETag."""

    slug: str
    kind: str
    provider: str
    base_url: str
    secret: str
    settings: dict[str, Any]
    revision: int
    created_at: Moment | None
    changed_at: Moment | None
    changed_by: str
