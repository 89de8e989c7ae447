"""Knowledge: documents that belong to the project, and what versions say about them (R33).

The list of documents and their pins belong to a version; what the documents hold does not. A content is known by
the digest of its text, so equal texts are kept once.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, cast

from greenroom.domain.canonical import Digest, digest_of_bytes
from greenroom.domain.entities import Address, Body
from greenroom.domain.errors import Fault, Invalid
from greenroom.domain.ids import ProjectId

KIND = "knowledge"
DOCUMENT_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:/@%+~-]{0,199}")
MAX_DOCUMENTS = 20_000
MAX_TEXT = 2_000_000
"""Characters of one document's text."""
MAX_UPLOAD_BYTES = 25 * 1024 * 1024
MAX_TITLE = 300
MAX_TAGS = 50
MAX_TAG = 100
MAX_METADATA = 50
MAX_METADATA_TEXT = 1_000
KEPT_FOR = timedelta(days=30)
"""How long a content is kept that no document holds any more: as long as a discarded draft can come back (R8)."""
_UNSTORABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_UNFIT = re.compile(r"[^A-Za-z0-9_.:/@%+~-]+")


@dataclass(frozen=True, slots=True)
class Document:
    """One document of a project. `source` is the slug of the source that brought it; '' for an upload."""

    id: str
    title: str
    uri: str
    mime: str
    source: str
    digest: Digest
    size: int
    """Characters of its text."""
    changed_at: datetime
    """When its text last became another one."""
    tags: tuple[str, ...] = ()
    metadata: Mapping[str, str] = field(default_factory=dict[str, str])
    revision: int = 1


@dataclass(frozen=True, slots=True)
class Listing:
    """One document as a version lists it."""

    knowledge: str
    document: str
    title: str
    pinned: str


@dataclass(frozen=True, slots=True)
class Edit:
    """What is to be written of a document."""

    id: str
    text: str
    title: str = ""
    uri: str = ""
    mime: str = "text/plain"
    source: str = ""
    tags: tuple[str, ...] = ()
    metadata: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True)
class SourceRef:
    """One source of a project."""

    project: ProjectId
    slug: str


@dataclass(frozen=True, slots=True)
class Difference:
    """A listed document whose content is no longer what it was when the version was published."""

    document: str
    seen: str
    """The digest at publishing; '' when there was no such document."""
    now: str
    """The digest at present; '' when the document is gone."""


def clean_document_text(text: str) -> str:
    """Returns text as it is kept: one sort of line end, nothing that a database or a prompt cannot carry."""
    plain = text.replace("\r\n", "\n").replace("\r", "\n")
    return _UNSTORABLE.sub("", plain).strip("\n")


def digest_of_text(text: str) -> Digest:
    """Returns the digest of a content."""
    return digest_of_bytes(text.encode())


def choose_id(text: str, fallback: str = "document") -> str:
    """Returns an id made of a file's name or an address, the same for the same text.

    What does not fit is replaced; of what is too long, the end gives way to a digest.
    """
    plain = _UNFIT.sub("-", text).strip("-./:")
    plain = re.sub(r"^[^A-Za-z0-9]+", "", plain) or fallback
    if len(plain) <= 200 and plain == text:
        return plain
    if len(plain) > 200 or _UNFIT.search(text):
        return f"{plain[:180].rstrip('-./:')}-{digest_of_text(text)[7:17]}"
    return plain


def check_edit(edit: Edit) -> None:
    """Raises Invalid `invalid_document` with a fault for each thing that is wrong."""
    faults: list[Fault] = []
    if not DOCUMENT_ID.fullmatch(edit.id):
        message = "is 1 to 200 letters, digits and -_.:/@%+~, beginning with a letter or digit"
        faults.append(Fault("/document", message, hint="leave it out to have one made of the name"))
    if not edit.text.strip():
        faults.append(Fault("/text", "there is no text in it", hint="a scan needs its text recognised first"))
    if len(edit.text) > MAX_TEXT:
        faults.append(Fault("/text", f"is longer than {MAX_TEXT:,} characters; split it into several documents"))
    if len(edit.title) > MAX_TITLE:
        faults.append(Fault("/title", f"is longer than {MAX_TITLE} characters"))
    if len(edit.uri) > 2_000:
        faults.append(Fault("/uri", "is longer than 2,000 characters"))
    faults += _faults_of_tags(edit.tags)
    faults += _faults_of_metadata(edit.metadata)
    if faults:
        where = "; ".join(f"{fault.pointer} {fault.message}" for fault in faults[:3])
        raise Invalid("invalid_document", f"the document '{edit.id[:80]}' cannot be kept: {where}", errors=faults)


def _faults_of_tags(tags: tuple[str, ...]) -> list[Fault]:
    faults = [
        Fault(f"/tags/{index}", f"is 1 to {MAX_TAG} characters of one line")
        for index, tag in enumerate(tags)
        if not tag.strip() or len(tag) > MAX_TAG or _UNSTORABLE.search(tag) or "\n" in tag
    ]
    if len(tags) > MAX_TAGS:
        faults.append(Fault("/tags", f"holds more than {MAX_TAGS} tags"))
    return faults


def _faults_of_metadata(metadata: Mapping[str, str]) -> list[Fault]:
    if len(metadata) > MAX_METADATA:
        return [Fault("/metadata", f"holds more than {MAX_METADATA} entries")]
    return [
        Fault("/metadata", f"'{name[:60]}': names have 1 to 100 characters, texts at most {MAX_METADATA_TEXT:,}")
        for name, text in metadata.items()
        if not name or len(name) > 100 or len(text) > MAX_METADATA_TEXT or _UNSTORABLE.search(name + text)
    ]


def listings_of(entities: Mapping[Address, Body]) -> tuple[Listing, ...]:
    """Returns the documents that a version's knowledge lists, by source and document. Foreign forms are skipped."""
    found: list[Listing] = []
    for address, body in sorted(entities.items()):
        if address.kind != KIND:
            continue
        listed = body.get("documents")
        for each in cast(list[Any], listed) if isinstance(listed, list) else ():
            if isinstance(each, Mapping):
                found.append(_listing(address.slug, cast(Mapping[str, Any], each)))
    return tuple(each for each in found if each.document)


def _listing(slug: str, body: Mapping[str, Any]) -> Listing:
    def text(name: str) -> str:
        value = body.get(name)
        return value if isinstance(value, str) else ""

    return Listing(slug, text("document"), text("title"), text("pinned"))


def digests_for(entities: Mapping[Address, Body], documents: Mapping[str, str]) -> Mapping[str, str]:
    """Returns what goes on the row of a version that is published: listed document → digest of its content (R33).

    `entities` are the version's knowledge bodies, `documents` the present digests by document. A pinned document
    has the digest it is pinned to; one that does not exist has ''.
    """
    digests: dict[str, str] = {}
    for listing in listings_of(entities):
        present = documents.get(listing.document, "")
        # Listed twice, pinned and not: what moves is what must be watched.
        if listing.document not in digests or not listing.pinned:
            digests[listing.document] = listing.pinned or present
    return digests


def changed_since(
    seen: Mapping[str, str], documents: Mapping[str, str], pinned: Mapping[str, str] | None = None
) -> tuple[Difference, ...]:
    """Returns the documents that changed since a version was published, by document.

    `seen` is from the version's row, `documents` are the present digests, `pinned` those that do not move: document
    → digest.
    """
    fixed = pinned or {}
    return tuple(
        Difference(document, digest, documents.get(document, ""))
        for document, digest in sorted(seen.items())
        if fixed.get(document, "") != digest and documents.get(document, "") != digest
    )


def pins_of(entities: Mapping[Address, Body]) -> Mapping[str, str]:
    """Returns the documents that a version pins, with their digests; one that is listed unpinned as well moves."""
    listed = listings_of(entities)
    moving = {listing.document for listing in listed if not listing.pinned}
    return {each.document: each.pinned for each in listed if each.pinned and each.document not in moving}


def decide_collected(
    contents: Iterable[tuple[str, datetime]], current: Iterable[str], pinned: Iterable[str], now: datetime
) -> tuple[str, ...]:
    """Returns the digests of contents that may go: no document holds them, no version or draft pins them, and that
    has been so for 30 days.

    `contents` are digests with the moment when a document last held them.
    """
    needed = {*current, *pinned}
    return tuple(sorted(digest for digest, last in contents if digest not in needed and now - last > KEPT_FOR))
