"""Any two states side by side: entities, fields, words, who changed them, what to test."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from greenroom.domain.canonical import Digest
from greenroom.domain.changes import Comparison
from greenroom.domain.checklists import CheckItem, checklist
from greenroom.domain.diffs import diff_snapshots, explain, list_kinds
from greenroom.domain.entities import Address, Body, parse_body
from greenroom.domain.environments import choose_stable
from greenroom.domain.ids import PrincipalId
from greenroom.domain.kind import Registry
from greenroom.domain.projects import Project
from greenroom.domain.versions import EMPTY_SNAPSHOT, Version, differing_parts, find_parting, shard_of
from greenroom.ports import Reading
from greenroom.services.states import State, load_project, load_snapshot, load_state
from greenroom.services.work import Call, Work

MAX_WALK = 200
"""How many versions are searched for the last author of a change."""
PORTION = 50


@dataclass(frozen=True, slots=True)
class Compared:
    """Two states, how they differ, and the release checklist that follows."""

    base: State
    head: State
    comparison: Comparison
    checklist: Sequence[CheckItem]
    authors: dict[Address, PrincipalId]


class Comparisons:
    """The verb of comparing."""

    def __init__(self, work: Work) -> None:
        self._work = work

    async def compare(self, call: Call, slug: str, base: str, head: str) -> Compared:
        """Compares any two refs. Raises Invalid for a bad ref, NotFound for what does not exist."""
        call.need("content.read")

        def work(tx: Reading) -> Compared:
            project = load_project(tx, slug)
            now = self._work.clock.now()
            before = load_state(tx, project, base, call.principal, now, "/base")
            after = load_state(tx, project, head, call.principal, now, "/head")
            return compare_states(tx, project, before, after, self._work.kinds)

        return await self._work.read(call, work)


class BodyReader:
    """Bodies by digest inside one transaction, each read once."""

    def __init__(self, tx: Reading) -> None:
        self._tx = tx
        self._known: dict[Digest, Body] = {}

    def fetch(self, digests: Collection[Digest]) -> None:
        """Reads many bodies in one go."""
        missing = set(digests) - self._known.keys()
        self._known.update((d, parse_body(data)) for d, data in self._tx.load_bodies(missing).items())

    def keep(self, digest: Digest, body: Body) -> None:
        """Adds a body that is not stored yet."""
        self._known[digest] = body

    def __call__(self, address: Address, digest: Digest) -> Body:
        if digest not in self._known:
            self.fetch([digest])
        return self._known[digest]


def compare_states(
    tx: Reading, project: Project, base: State, head: State, kinds: Registry, reader: BodyReader | None = None
) -> Compared:
    """Returns how two states differ, read inside a transaction; cost follows what differs."""
    reader = reader or BodyReader(tx)
    changes = diff_snapshots(base.snapshot, head.snapshot, kinds)
    reader.fetch([d for c in changes for d in (c.before, c.after) if d is not None])
    comparison = explain(changes, reader, kinds, present=list_kinds(base.snapshot, head.snapshot))
    authors = find_authors(tx, project, head, [c.address for c in comparison.changes])
    return Compared(base, head, comparison, checklist(comparison.changes, kinds), authors)


def find_authors(
    tx: Reading, project: Project, head: State, addresses: Collection[Address]
) -> dict[Address, PrincipalId]:
    """Returns who last changed each entity as it is at `head`: who saved it in the draft, or a version's author.

    Walks back along first parents, at most 200 versions; older changes are left out.
    """
    waiting = {address: shard_of(address) for address in addresses}
    found: dict[Address, PrincipalId] = {}
    if head.draft is not None:
        changes = tx.load_draft_changes(head.draft.id)
        for address in changes.keys() & waiting.keys():
            found[address] = PrincipalId(changes[address].by or head.draft.owner)
            del waiting[address]
    number = head.version if head.draft is None else head.draft.base_version
    if number is None and head.draft is None and head.environment is not None:
        number = choose_stable(head.environment.arms)  # a draft that was never begun is what is served
    walk = _Walk(tx, project)
    for _ in range(MAX_WALK):
        version = walk.find(number) if number is not None and waiting else None
        if version is None:
            break
        number = version.parents[0] if version.parents else None
        for address in walk.find_touched(version, walk.find(number) if number is not None else None, waiting):
            found[address] = version.author
            del waiting[address]
    return found


class _Walk:
    """Versions and the marks of their snapshots, read in portions; a snapshot where a mark says that it matters."""

    def __init__(self, tx: Reading, project: Project) -> None:
        self._tx = tx
        self._project = project
        self._versions: dict[int, Version] = {}
        self._marks: dict[Digest, bytes] = {}

    def find(self, number: int) -> Version | None:
        if number not in self._versions:
            portion = self._tx.list_versions(self._project.id, number + 1, PORTION)
            self._versions.update({version.number: version for version in portion})
            self._marks.update(self._tx.load_marks({version.digest for version in portion}))
        return self._versions.get(number)

    def find_touched(self, version: Version, parent: Version | None, parts: Mapping[Address, int]) -> list[Address]:
        """Returns the addresses, given with their shards, at which a version is not as its parent."""
        mine, theirs = (self._marks.get(each.digest, b"") if each else b"" for each in (version, parent))
        differing = differing_parts(theirs, mine)
        maybe = [address for address, part in parts.items() if part in differing] if differing else []
        here = load_snapshot(self._tx, version.digest) if maybe else EMPTY_SNAPSHOT
        beneath = load_snapshot(self._tx, parent.digest) if maybe and parent else EMPTY_SNAPSHOT
        return [address for address in maybe if here.get(address) != beneath.get(address)]


def versions_between(tx: Reading, project: Project, served: int | None, wanted: int) -> list[int]:
    """Returns the versions that come with `wanted`, newest first: its ancestors that `served` lacks."""
    return sorted(find_parting(tx.load_parents(project.id), served, wanted).second, reverse=True)
