"""Versions and comparisons on the network."""

from __future__ import annotations

from typing import Any, Literal

from greenroom.wire.content import StateOut
from greenroom.wire.drafts import CarriedOut
from greenroom.wire.model import In, Moment, Out, VersionNumber


class VersionOut(Out):
    """A published version; `environments` are the aliases that serve it now."""

    number: VersionNumber
    ref: str
    digest: str
    note: str
    details: str
    tags: list[str]
    author: str
    author_name: str = ""
    created_at: Moment
    parents: list[VersionNumber]
    published_in: str
    environments: list[str] = []
    mark: str = "none"
    carries: list[CarriedOut] = []
    """Whose edits it published, most first; only when one is loaded."""
    changed_documents: list[str] = []
    """Listed documents whose content is another one than when the version was published; only when one is loaded."""


class VersionChangeIn(In):
    """What may change of a version: the mark that people give it."""

    mark: Literal["good", "bad", "none"]


class FieldChangeOut(Out):
    """One changed field; hunks are (same|added|removed, text), by words for text and by lines for code."""

    pointer: str
    label: str
    op: str
    form: str
    before: Any = None
    after: Any = None
    hunks: list[tuple[str, str]] = []


class ChangeOut(Out):
    """One entity that is not the same at both refs."""

    address: str
    kind: str
    name: str
    op: Literal["added", "removed", "edited"]
    description: str = ""
    fields: list[FieldChangeOut] = []
    links_added: list[str] = []
    links_removed: list[str] = []
    author: str | None = None
    author_name: str = ""


class CheckOut(Out):
    """One test that a person should make before the release."""

    id: str
    address: str | None
    text: str
    channels: list[str] = []


class ComparisonOut(Out):
    """Two states side by side: entity, field, word; and what did not change."""

    base: StateOut
    head: StateOut
    summary: str
    changes: list[ChangeOut]
    counts: dict[str, int]
    unchanged_kinds: list[str]
    unchanged: str
    checklist: list[CheckOut]
