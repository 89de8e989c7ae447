"""Whether a snapshot may become a version: what changed, and every reference from or to it (R4)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from greenroom.domain.canonical import canonical_json
from greenroom.domain.entities import MAX_BODY_BYTES, Address, Body
from greenroom.domain.errors import Fault
from greenroom.domain.kind import Registry
from greenroom.domain.projects import Project
from greenroom.domain.references import Link, check_links
from greenroom.domain.versions import Snapshot
from greenroom.ports import Reading
from greenroom.runtime.program import check_program
from greenroom.services.comparisons import BodyReader


class Entities(Mapping[Address, Body]):
    """A snapshot's bodies as the present schemas write them, each read when it is asked for."""

    def __init__(self, snapshot: Snapshot, reader: BodyReader, kinds: Registry) -> None:
        self._snapshot = snapshot
        self._reader = reader
        self._kinds = kinds

    def __getitem__(self, address: Address) -> Body:
        body = self._reader(address, self._snapshot[address])
        kind = self._kinds.get(address.kind)
        return kind.upgrade(body) if kind else body

    def __iter__(self) -> Iterator[Address]:
        return iter(self._snapshot)

    def __len__(self) -> int:
        return len(self._snapshot)

    def __contains__(self, address: object) -> bool:
        return address in self._snapshot


@dataclass(frozen=True, slots=True)
class Findings:
    """What is wrong (publishing is refused) and what is odd."""

    errors: tuple[Fault, ...]
    warnings: tuple[Fault, ...]


def check_snapshot(
    tx: Reading, project: Project, parent: Snapshot, snapshot: Snapshot, reader: BodyReader, kinds: Registry
) -> Findings:
    """Checks what differs from `parent`; the cost follows the changes, not the size of the project."""
    changed = {address for address, _, after in parent.differing(snapshot) if after is not None}
    removed = {address for address, _, after in parent.differing(snapshot) if after is None}
    reader.fetch([snapshot[a] for a in changed])
    entities = Entities(snapshot, reader, kinds)
    errors: list[Fault] = []
    for address in sorted(changed):
        errors.extend(_check_body(address, entities, kinds))
    users = _find_users(tx, project, changed | removed, snapshot)
    links = _find_links(changed, removed, users, entities, kinds)
    broken, loose = check_links(links, lambda target: target in snapshot, frozenset(kinds))
    if not errors:
        found, odd = check_program(entities, only=changed | removed | users)
        return Findings((*broken, *found), (*loose, *odd))
    return Findings((*errors, *broken), loose)


def find_dangling(
    tx: Reading, project: Project, before: Snapshot, after: Snapshot, reader: BodyReader, kinds: Registry
) -> list[Link]:
    """Returns the links from and to what changed that lead nowhere; optional ones may do so."""
    links = _find_touched(tx, project, before, after, reader, kinds)
    return [link for link in links if link.mention.target not in after and not link.mention.optional]


def find_broken(
    tx: Reading, project: Project, before: Snapshot, after: Snapshot, reader: BodyReader, kinds: Registry
) -> Sequence[Fault]:
    """Returns the references from and to what changed that lead nowhere, without looking at anything else."""
    links = _find_touched(tx, project, before, after, reader, kinds)
    broken, loose = check_links(links, lambda target: target in after, frozenset(kinds))
    return (*broken, *loose)


def _find_touched(
    tx: Reading, project: Project, before: Snapshot, after: Snapshot, reader: BodyReader, kinds: Registry
) -> list[Link]:
    changed = {address for address, _, digest in before.differing(after) if digest is not None}
    removed = {address for address, _, digest in before.differing(after) if digest is None}
    reader.fetch([after[a] for a in changed])
    users = _find_users(tx, project, removed, after)
    return _find_links(changed, removed, users, Entities(after, reader, kinds), kinds)


def _find_links(
    changed: set[Address], removed: set[Address], users: set[Address], entities: Entities, kinds: Registry
) -> list[Link]:
    links: list[Link] = []
    for address in sorted(changed):
        if address.kind in kinds:
            links.extend(Link(address, m) for m in kinds[address.kind].mentions(entities[address]))
    links.extend(_links_to(users, removed, entities, kinds))
    return links


def _check_body(address: Address, entities: Entities, kinds: Registry) -> Iterator[Fault]:
    kind = kinds.get(address.kind)
    if kind is None:
        yield Fault(f"/{address}", f"there is no kind '{address.kind}'", "unknown_kind")
        return
    body = entities[address]
    for fault in kind.validate(body):
        yield Fault(f"/{address}{fault.pointer}", fault.message, fault.code, fault.hint)
    size = len(canonical_json(body))
    if size > MAX_BODY_BYTES:
        yield Fault(f"/{address}", f"is {size:,} bytes; at most {MAX_BODY_BYTES:,} are allowed", "body_too_large")


def _find_users(tx: Reading, project: Project, touched: set[Address], snapshot: Snapshot) -> set[Address]:
    """Returns the entities of the snapshot that mention any of `touched`."""
    found = tx.list_referrers(project.id, touched) if touched else ()
    return {r.source for r in found if snapshot.get(r.source) == r.digest}


def _links_to(users: set[Address], removed: set[Address], entities: Entities, kinds: Registry) -> Iterator[Link]:
    """Yields the mentions of removed entities that remain, each with its place in the text."""
    for source in sorted(users) if removed else ():
        for mention in kinds[source.kind].mentions(entities[source]):
            if mention.target in removed:
                yield Link(source, mention)
