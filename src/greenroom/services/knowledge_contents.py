"""Documents and what they hold, inside a transaction: kept by digest, and as long as something needs them."""

from __future__ import annotations

import zlib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from greenroom.domain.canonical import Digest
from greenroom.domain.checkpoints import NOUN as CHECKPOINT
from greenroom.domain.checkpoints import from_record
from greenroom.domain.drafts import DISCARDED, DraftChange
from greenroom.domain.entities import Address, Body, parse_body
from greenroom.domain.environments import Environment
from greenroom.domain.errors import Conflict, Fault, LimitReached, Missing, NotFound, Stale
from greenroom.domain.ids import DraftId, ProjectId
from greenroom.domain.knowledge import (
    KIND,
    MAX_DOCUMENTS,
    Document,
    Edit,
    check_edit,
    decide_collected,
    digest_of_text,
    listings_of,
)
from greenroom.domain.records import Record
from greenroom.domain.versions import EMPTY_SNAPSHOT, Snapshot
from greenroom.ports import Reading, Writing

DOCUMENT = "document"
CONTENT = "document_content"
STATE = "document_state"
STAMP = "stamp"
PORTION = 500
Outcome = Literal["added", "changed", "unchanged"]


@dataclass(frozen=True, slots=True)
class Reached:
    """An environment whose versions list a document. Where all of them pin it, an edit changes nothing there."""

    alias: str
    versions: tuple[int, ...]
    pinned: bool
    public: bool


def document_of(record: Record) -> Document:
    """Returns the document that a record holds."""
    body = record.body
    return Document(
        record.key,
        body["title"],
        body["uri"],
        body["mime"],
        record.owner,
        Digest(body["digest"]),
        body["size"],
        record.changed_at,
        tuple(body["tags"]),
        body["metadata"],
        record.revision,
    )


def find_document(tx: Reading, project: ProjectId, id_: str) -> Document | None:
    """Returns a document."""
    record = tx.find_record(project, DOCUMENT, id_)
    return None if record is None else document_of(record)


def load_document(tx: Reading, project: ProjectId, id_: str) -> Document:
    """Returns a document. Raises NotFound."""
    found = find_document(tx, project, id_)
    if found is None:
        raise NotFound("document_not_found", f"there is no document '{id_[:200]}' in this project")
    return found


def each_record(tx: Reading, project: ProjectId, noun: str, owner: str | None = None) -> Iterator[Record]:
    """Yields all records of a noun by key."""
    after: str | None = None
    while True:
        found = tx.list_records(project, noun, owner=owner, after=after, limit=PORTION)
        yield from found
        if len(found) < PORTION:
            return
        after = found[-1].key


def load_digests(tx: Reading, project: ProjectId) -> Mapping[str, str]:
    """Returns the present digest of each document: what `domain.knowledge.digests_for` wants."""
    return {record.key: str(record.body["digest"]) for record in each_record(tx, project, DOCUMENT)}


def load_text(tx: Reading, project: ProjectId, digest: str) -> str | None:
    """Returns a content, None when it is not kept."""
    record = tx.find_record(project, CONTENT, digest)
    return None if record is None else zlib.decompress(record.data).decode()


def find_stamp(tx: Reading, project: ProjectId) -> int:
    """Returns a number that is another one after each change of a document."""
    record = tx.find_record(project, STATE, STAMP)
    return 0 if record is None else record.revision


def check_revision(document: Document | None, if_match: str | None, id_: str) -> None:
    """Raises Missing or Stale when a writer did not see the document as it is (R5)."""
    if document is None:
        if if_match not in (None, "*", "0"):
            raise Stale("stale_revision", f"the document '{id_[:200]}' is gone; look again", extra={"revision": 0})
        return
    if if_match is None:
        detail = (
            f"there is a document '{id_[:200]}' already: say with If-Match which revision you saw ({document.revision})"
        )
        raise Missing("revision_missing", detail, extra={"revision": document.revision})
    if if_match not in ("*", str(document.revision)):
        detail = f"'{id_[:200]}' is at revision {document.revision}, not {if_match[:20]}; look at it and repeat"
        raise Stale("stale_revision", detail, extra={"revision": document.revision, "digest": document.digest})


def put_document(tx: Writing, project: ProjectId, edit: Edit, now: datetime) -> tuple[Document, Outcome]:
    """Writes a document and its content. Raises Invalid, LimitReached, Conflict."""
    check_edit(edit)
    before = find_document(tx, project, edit.id)
    if before is None and tx.count_records(project, DOCUMENT) >= MAX_DOCUMENTS:
        detail = f"a project has at most {MAX_DOCUMENTS:,} documents; remove some, or sync less of a source"
        raise LimitReached("too_many_documents", detail, extra={"limit": MAX_DOCUMENTS})
    digest = digest_of_text(edit.text)
    same = before is not None and before.digest == digest
    after = Document(
        edit.id,
        edit.title,
        edit.uri,
        edit.mime,
        edit.source,
        digest,
        len(edit.text),
        before.changed_at if same and before else now,
        edit.tags,
        dict(edit.metadata),
        before.revision if before else 0,
    )
    if before is not None and after == before:
        return before, "unchanged"
    after = replace(after, revision=after.revision + 1)
    if not same:
        _put_content(tx, project, edit.text, digest, now)
        if before is not None:
            _leave_content(tx, project, before.digest, now)
    found = tx.find_record(project, DOCUMENT, edit.id)
    if not tx.put_record(_record_of(project, after, found.at if found else now), before.revision if before else 0):
        raise Conflict("document_race", f"somebody else wrote '{edit.id}' a moment ago; look at it and repeat")
    _bump(tx, project, now)
    return after, ("added" if before is None else "changed")


def drop_document(tx: Writing, project: ProjectId, document: Document, now: datetime) -> None:
    """Removes a document; its content stays as long as something may need it."""
    tx.delete_record(project, DOCUMENT, document.id)
    _leave_content(tx, project, document.digest, now)
    _bump(tx, project, now)


def _record_of(project: ProjectId, document: Document, at: datetime) -> Record:
    body = {
        "title": document.title,
        "uri": document.uri,
        "mime": document.mime,
        "digest": document.digest,
        "size": document.size,
        "tags": list(document.tags),
        "metadata": dict(document.metadata),
    }
    return Record(project, DOCUMENT, document.id, at, document.changed_at, body, document.source, document.revision)


def _put_content(tx: Writing, project: ProjectId, text: str, digest: str, now: datetime) -> None:
    data = zlib.compress(text.encode(), 6)
    tx.put_record(Record(project, CONTENT, digest, now, now, {"size": len(text)}, data=data))


def _leave_content(tx: Writing, project: ProjectId, digest: str, now: datetime) -> None:
    """Remembers when a content was last held by a document."""
    record = tx.find_record(project, CONTENT, digest)
    if record is not None:
        tx.put_record(replace(record, changed_at=now))


def _bump(tx: Writing, project: ProjectId, now: datetime) -> None:
    before = tx.find_record(project, STATE, STAMP)
    tx.put_record(Record(project, STATE, STAMP, now, now, revision=before.revision + 1 if before else 1))


def find_reached(tx: Reading, project: ProjectId, document: str) -> tuple[Reached, ...]:
    """Returns the environments whose served versions list a document."""
    found: list[Reached] = []
    for environment in tx.list_environments(project):
        versions, pins = _listing_versions(tx, project, environment, document)
        if versions:
            found.append(Reached(environment.alias, tuple(sorted(versions)), all(pins), not environment.internal))
    return tuple(found)


def _listing_versions(
    tx: Reading, project: ProjectId, environment: Environment, document: str
) -> tuple[list[int], list[bool]]:
    versions: list[int] = []
    pins: list[bool] = []
    for number in {arm.version for arm in environment.arms}:
        version = tx.find_version(project, number)
        snapshot = tx.find_snapshot(version.digest) if version else None
        listed = [
            each for each in listings_of(load_knowledge(tx, snapshot or EMPTY_SNAPSHOT)) if each.document == document
        ]
        if listed:
            versions.append(number)
            pins.append(all(each.pinned for each in listed))
    return versions, pins


def load_knowledge(tx: Reading, snapshot: Snapshot):
    """Returns the knowledge bodies of a snapshot, as they are stored."""
    wanted = {address: digest for address, digest in snapshot.items() if address.kind == KIND}
    stored = tx.load_bodies(set(wanted.values())) if wanted else {}
    return {address: parse_body(stored[digest]) for address, digest in wanted.items()}


def find_lost_pins(tx: Reading, project: ProjectId, entities: Mapping[Address, Body]) -> list[Fault]:
    """Returns a fault for each document that is pinned to a content which is not kept here."""
    found: list[Fault] = []
    for address, body in entities.items():
        for index, listed in enumerate(body.get("documents") or ()):
            pinned = str(listed.get("pinned") or "")
            if pinned and tx.find_record(project, CONTENT, pinned) is None:
                message = (
                    f"nothing here has the digest {pinned[:19]}…, so '{listed.get('document')}' cannot be pinned to it"
                )
                hint = "pin the document's present digest, or one of an earlier version"
                found.append(Fault(f"/{address}/documents/{index}/pinned", message, "pin_unknown", hint))
    return found


def _each_working_state(tx: Reading, project: ProjectId, environment: Environment) -> Iterator[Collection[DraftChange]]:
    """Yields the changes of drafts, of discarded ones (they may be restored), and of checkpoints."""
    for draft in tx.list_open_drafts(environment.id):
        yield tx.load_draft_changes(draft.id).values()
    before: DraftId | None = None
    while gone := tx.list_closed_drafts(environment.id, None, PORTION, before=before, closed_by=(DISCARDED,)):
        for draft in gone:
            yield tx.load_draft_changes(draft.id).values()
        before = gone[-1].id
    for record in each_record(tx, project, CHECKPOINT):
        if record.owner == environment.id:
            yield from_record(record).changes


def find_pins(tx: Reading, project: ProjectId) -> set[str]:
    """Returns the digests that any version or draft of a project pins."""
    held: dict[Digest, Address] = {}
    before: int | None = None
    while versions := tx.list_versions(project, before, PORTION):
        for version in versions:
            snapshot = tx.find_snapshot(version.digest) or EMPTY_SNAPSHOT
            held |= {digest: address for address, digest in snapshot.items() if address.kind == KIND}
        before = versions[-1].number
    for environment in tx.list_environments(project):
        for changes in _each_working_state(tx, project, environment):
            held |= {each.digest: each.address for each in changes if each.digest and each.address.kind == KIND}
    bodies = tx.load_bodies(held.keys())
    entities = ({held[digest]: parse_body(data)} for digest, data in bodies.items())
    return {each.pinned for one in entities for each in listings_of(one) if each.pinned}


def collect_contents(tx: Writing, project: ProjectId, now: datetime) -> int:
    """Removes contents that nothing needs any more; returns how many."""
    contents = [(record.key, record.changed_at) for record in each_record(tx, project, CONTENT)]
    if not contents:
        return 0
    current = load_digests(tx, project).values()
    gone = decide_collected(contents, current, find_pins(tx, project), now)
    for digest in gone:
        tx.delete_record(project, CONTENT, digest)
    return len(gone)
