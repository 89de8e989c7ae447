"""Entities at a ref on the network."""

from __future__ import annotations

from typing import Any, Literal

from greenroom.wire.model import Moment, Out, VersionNumber


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


class LastChangeOut(Out):
    """Who made an entity what it is: in a version, or (null) in the draft that was read."""

    version: VersionNumber | None
    by: str
    by_name: str = ""
    at: Moment
    note: str = ""


class EntityChangeOut(Out):
    """A version that changed an entity; `served_by` are the environments that serve that very body now.

    `author` published the version, `edited_by` saved the entity in the draft that became it.
    """

    version: VersionNumber
    op: Literal["added", "removed", "edited"]
    revision: str | None
    author: str
    author_name: str = ""
    edited_by: str
    edited_by_name: str = ""
    at: Moment
    note: str
    served_by: list[str]


class EntityOut(EntitySummary):
    """An entity whole. `revision` is the digest of its body; send it as If-Match to change it."""

    body: dict[str, Any]
    mentions: list[str] = []
    where_used: list[str] = []
    last_changed: LastChangeOut | None = None


class KindOut(Out):
    """A kind: its words, its JSON schema and a sample body."""

    name: str
    title: str
    plural: str
    schema_number: int
    singleton: str | None
    sample: dict[str, Any]
