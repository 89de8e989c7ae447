"""Entities at any ref: lists, one whole, where it is used; and who changed it when."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from greenroom.domain.canonical import Digest
from greenroom.domain.changes import Operation
from greenroom.domain.entities import Address, Body, parse_address
from greenroom.domain.environments import choose_stable
from greenroom.domain.errors import Fault, Invalid, NotFound
from greenroom.domain.ids import EnvironmentId
from greenroom.domain.projects import Project
from greenroom.domain.versions import Snapshot, Version, ancestors_of, mark_at
from greenroom.ports import Reading
from greenroom.services.states import (
    State,
    known_addresses,
    load_bodies,
    load_project,
    load_snapshot,
    load_state,
    load_version,
)
from greenroom.services.work import Call, Work

PORTION = 50
WALK = 200
"""How many versions are read at a time, and how far back the last change is looked for."""


@dataclass(frozen=True, slots=True)
class EntityLine:
    """An entity in a list."""

    address: Address
    name: str
    revision: Digest


@dataclass(frozen=True, slots=True)
class EntityView:
    """An entity whole, with what it names and what names it."""

    address: Address
    revision: Digest
    body: Body
    mentions: Sequence[Address]
    where_used: Sequence[Address]
    last_changed: LastChange | None = None
    """None where it was not changed in the last 200 versions."""


@dataclass(frozen=True, slots=True)
class LastChange:
    """Who changed an entity last: in a version, or (`version` None) in the draft that was read."""

    version: int | None
    by: str
    at: datetime
    note: str


@dataclass(frozen=True, slots=True)
class EntityChange:
    """A version that changed an entity, who edited it in the draft, and the environments that serve that body now."""

    version: Version
    op: Operation
    digest: Digest | None
    edited_by: str
    served_by: Sequence[str]


@dataclass(frozen=True, slots=True)
class Bundle:
    """A complete snapshot with its bodies, as stored bytes."""

    snapshot: Snapshot
    bodies: dict[Address, bytes]


class Content:
    """The verbs of reading content."""

    def __init__(self, work: Work) -> None:
        self._work = work

    async def list(
        self, call: Call, slug: str, ref: str, kind: str | None, after: str, limit: int
    ) -> tuple[State, Sequence[EntityLine], str | None]:
        """Returns a page of entities by kind and slug, and the cursor of the next page.

        Raises Invalid for an unknown kind or a bad ref, NotFound for what does not exist.
        """
        call.need("content.read")
        if kind is not None and kind not in self._work.kinds:
            raise unknown_kind(kind, list(self._work.kinds), "/kind")

        def work(tx: Reading) -> tuple[State, Sequence[EntityLine], str | None]:
            state = load_state(tx, load_project(tx, slug), ref, call.principal, self._work.clock.now())
            addresses = known_addresses(state.snapshot, list(self._work.kinds))
            if kind is not None:
                addresses = [a for a in addresses if a.kind == kind]
            start = _place_after(addresses, after)
            page = addresses[start : start + limit]
            bodies = load_bodies(tx, state.snapshot, page)
            lines = [EntityLine(a, str(bodies[a].get("name", a.slug)), state.snapshot[a]) for a in page]
            more = start + limit < len(addresses)
            return state, lines, str(page[-1]) if more else None

        return await self._work.read(call, work)

    async def load(self, call: Call, slug: str, address: Address, ref: str) -> EntityView:
        """Returns one entity at a ref. Raises NotFound `entity_not_found`."""
        call.need("content.read")
        return await self._work.read(call, lambda tx: self._view(tx, call, slug, address, ref))

    async def load_names(
        self, call: Call, slug: str, ref: str, addresses: Collection[Address]
    ) -> Mapping[Address, str]:
        """Returns the names of those of some entities that are there at a ref."""
        call.need("content.read")

        def work(tx: Reading) -> Mapping[Address, str]:
            state = load_state(tx, load_project(tx, slug), ref, call.principal, self._work.clock.now())
            bodies = load_bodies(tx, state.snapshot, [a for a in addresses if a in state.snapshot])
            return {address: str(body.get("name") or address.slug) for address, body in bodies.items()}

        return await self._work.read(call, work)

    def _view(self, tx: Reading, call: Call, slug: str, address: Address, ref: str) -> EntityView:
        project = load_project(tx, slug)
        state = load_state(tx, project, ref, call.principal, self._work.clock.now())
        digest = state.snapshot.get(address)
        if digest is None:
            raise NotFound("entity_not_found", f"there is no {address} at {ref}")
        body = load_bodies(tx, state.snapshot, [address])[address]
        kind = self._work.kinds.get(address.kind)
        mentions = [] if kind is None else [m.target for m in kind.mentions(kind.upgrade(body))]
        users, last = find_users(tx, project, state, address), find_last_change(tx, project, state, address)
        return EntityView(address, digest, body, sorted(set(mentions)), users, last)

    async def list_history(
        self, call: Call, slug: str, address: Address, before: int | None, limit: int
    ) -> Sequence[EntityChange]:
        """Returns the versions that changed an entity, newest first; a merge counts if it is as none of its parents.

        Raises NotFound `entity_not_found` where no version ever had it. Walks all versions: half a second for 10,000.
        """
        call.need("content.read")

        def work(tx: Reading) -> Sequence[EntityChange]:
            project = load_project(tx, slug)
            walk = each_change(tx, project, address, before)
            found = [change for change, _ in zip(walk, range(limit), strict=False)]
            if not found and before is None:
                raise NotFound("entity_not_found", f"no version of {project.slug} ever had {address}")
            return view_changes(tx, project, address, found)

        return await self._work.read(call, work)

    async def load_bundle(self, call: Call, slug: str, digest: Digest) -> Bundle:
        """Returns the complete snapshot with a digest. Raises NotFound."""
        call.need("content.read")

        def work(tx: Reading) -> Bundle:
            load_project(tx, slug)
            snapshot = load_snapshot(tx, digest)
            stored = tx.load_bodies(set(snapshot.values()))
            return Bundle(snapshot, {a: stored[d] for a, d in sorted(snapshot.items())})

        return await self._work.read(call, work)


def find_users(tx: Reading, project: Project, state: State, address: Address) -> list[Address]:
    """Returns the entities of a state that mention an address."""
    found = tx.list_referrers(project.id, [address])
    return sorted({r.source for r in found if state.snapshot.get(r.source) == r.digest})


def each_change(
    tx: Reading,
    project: Project,
    address: Address,
    before: int | None = None,
    after: int = 0,
    walk: int | None = None,
) -> Iterator[tuple[Version, Operation, Digest | None]]:
    """Yields the versions over `after` in which an entity is as in none of their parents, newest first.

    Looks at `walk` versions at most. A snapshot is read where its part that holds the entity is another than in
    every parent.
    """
    seen = 0
    while versions := tx.list_versions(project.id, before, PORTION):
        seen += len(versions)
        digests = {version.number: version.digest for version in versions}
        parents = {number for version in versions for number in version.parents if number not in digests}
        digests.update({number: load_version(tx, project, number).digest for number in parents})
        marks = {digest: mark_at(row, address) for digest, row in tx.load_marks(set(digests.values())).items()}
        for version in versions:
            if version.number <= after:
                return
            others = [digests[number] for number in version.parents]
            if marks.get(version.digest) in [marks.get(digest) for digest in others]:
                continue
            here = load_snapshot(tx, version.digest).get(address)
            beneath = [load_snapshot(tx, digest).get(address) for digest in others] or [None]
            if here not in beneath:
                had = any(digest is not None for digest in beneath)
                yield version, "removed" if here is None else "edited" if had else "added", here
        before = versions[-1].number
        if walk is not None and seen >= walk:
            return


def view_changes(
    tx: Reading, project: Project, address: Address, found: Sequence[tuple[Version, Operation, Digest | None]]
) -> Sequence[EntityChange]:
    """Returns the changes of an entity with their editors and where each is served now."""
    editors = _find_editors(tx, address, [version for version, _, _ in found])
    served = _find_served(tx, project, address)
    return [
        EntityChange(
            version,
            op,
            digest,
            editors.get(version.number, version.author),
            [alias for alias, body in served.items() if body == digest],
        )
        for version, op, digest in found
    ]


def find_last_change(tx: Reading, project: Project, state: State, address: Address) -> LastChange | None:
    """Returns who made an entity what it is at a state; looks at its last 200 versions at most."""
    number = state.version
    if state.draft is not None:
        change = tx.load_draft_changes(state.draft.id).get(address)
        if change is not None:
            return LastChange(None, change.by or state.draft.owner, change.at, "")
        number = state.draft.base_version
    elif number is None and state.environment is not None:
        number = choose_stable(state.environment.arms)  # a draft that was never begun is what is served
    if number is None:
        return None
    ancestors = ancestors_of(tx.load_parents(project.id), number)
    for version, _, digest in each_change(tx, project, address, number + 1, number - WALK - 1):
        if version.number in ancestors and digest == state.snapshot.get(address):
            editor = _find_editors(tx, address, [version]).get(version.number, version.author)
            return LastChange(version.number, editor, version.created_at, version.note)
    return None


def _find_editors(tx: Reading, address: Address, versions: Sequence[Version]) -> dict[int, str]:
    """Returns who saved an entity in the draft that became each version, where a draft did."""
    places: dict[EnvironmentId, dict[str, int]] = {}
    for version in versions:
        places.setdefault(version.published_in, {})[f"v{version.number}"] = version.number
    found: dict[int, str] = {}
    for environment, numbers in places.items():
        for draft in tx.list_closed_drafts(environment, None, len(numbers), closed_by=numbers.keys()):
            change = tx.load_draft_changes(draft.id).get(address)
            if change is not None and draft.closed_by is not None:
                found[numbers[draft.closed_by]] = change.by or draft.owner
    return found


def _find_served(tx: Reading, project: Project, address: Address) -> Mapping[str, Digest | None]:
    """Returns what each environment that serves something has at an address."""
    found: dict[str, Digest | None] = {}
    for environment in tx.list_environments(project.id):
        number = choose_stable(environment.arms)
        if number is not None:
            found[environment.alias] = load_snapshot(tx, load_version(tx, project, number).digest).get(address)
    return found


def unknown_kind(kind: str, known: Sequence[str], pointer: str) -> Invalid:
    """Returns the refusal of a kind that does not exist."""
    message = f"there is no kind '{kind[:60]}'; kinds are: {', '.join(known)}"
    return Invalid("unknown_kind", message, errors=[Fault(pointer, message)])


def _place_after(addresses: Sequence[Address], after: str) -> int:
    if not after:
        return 0
    wanted = parse_address(after)
    for index, address in enumerate(addresses):
        if address == wanted:
            return index + 1
    raise Invalid("invalid_cursor", "the list changed under this cursor; begin again", errors=[Fault("/cursor", after)])
