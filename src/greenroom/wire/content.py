"""Entities at a ref on the network."""

from __future__ import annotations

from typing import Any

from greenroom.wire.model import Out, VersionNumber


class StateOut(Out):
    """A state that a ref names."""

    ref: str
    digest: str
    version: VersionNumber | None = None
    entities: int = 0


class EntitySummary(Out):
    """An entity in a list."""

    address: str
    kind: str
    slug: str
    name: str
    revision: str


class EntityOut(EntitySummary):
    """An entity whole. `revision` is the digest of its body; send it as If-Match to change it."""

    body: dict[str, Any]
    mentions: list[str] = []
    where_used: list[str] = []


class KindOut(Out):
    """A kind: its words, its JSON schema and a sample body."""

    name: str
    title: str
    plural: str
    schema_number: int
    singleton: str | None
    sample: dict[str, Any]
