"""Snapshots that share what did not change, and the versions that publish them."""

from __future__ import annotations

import hashlib
import heapq
from collections.abc import ItemsView, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Literal

from greenroom.domain.canonical import Digest, digest_of
from greenroom.domain.entities import Address, parse_address
from greenroom.domain.ids import EnvironmentId, PrincipalId

SHARDS = 256
FORMAT = 1

_BOTH = 3

Shard = Mapping[Address, Digest]

EMPTY_SHARD: Shard = MappingProxyType({})


def shard_of(address: Address) -> int:
    """Returns the shard that holds an address: the first byte of its SHA-256."""
    return hashlib.sha256(str(address).encode()).digest()[0]


def digest_of_shard(shard: Shard) -> Digest:
    """Returns the digest of a shard's `address → body digest` pairs."""
    return digest_of({str(address): digest for address, digest in shard.items()})


EMPTY_SHARD_DIGEST = digest_of_shard(EMPTY_SHARD)


class Snapshot(Mapping[Address, Digest]):
    """A complete, immutable mapping `kind/slug → body digest` in 256 shards.

    Two snapshots with the same entities have the same digest, however they came about. Changing n
    entities copies at most n shards; comparing two snapshots reads only shards that differ.
    """

    __slots__ = ("digest", "shard_digests", "shards", "size")

    def __init__(self, shards: tuple[Shard, ...], shard_digests: tuple[Digest, ...]) -> None:
        self.shards = shards
        self.shard_digests = shard_digests
        self.digest = digest_of({"format": FORMAT, "shards": list(shard_digests)})
        self.size = sum(map(len, shards))

    def __getitem__(self, address: Address) -> Digest:
        return self.shards[shard_of(address)][address]

    def __iter__(self) -> Iterator[Address]:
        for shard in self.shards:
            yield from shard

    def __len__(self) -> int:
        return self.size

    def items(self) -> ItemsView[Address, Digest]:
        """Returns the pairs, without looking each address up."""
        return _Pairs(self)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Snapshot) and self.digest == other.digest

    def __hash__(self) -> int:
        return hash(self.digest)

    def __repr__(self) -> str:
        return f"Snapshot({self.digest[:19]}…, {self.size} entities)"

    def with_changes(self, changes: Mapping[Address, Digest | None]) -> Snapshot:
        """Returns the snapshot with bodies replaced; None removes the entity (absent ones are ignored)."""
        touched: dict[int, dict[Address, Digest]] = {}
        for address, digest in changes.items():
            index = shard_of(address)
            shard = touched.get(index)
            if shard is None:
                shard = touched[index] = dict(self.shards[index])
            if digest is None:
                shard.pop(address, None)
            else:
                shard[address] = digest
        if not touched:
            return self
        shards, digests = list(self.shards), list(self.shard_digests)
        for index, shard in touched.items():
            shards[index] = MappingProxyType(shard)
            digests[index] = digest_of_shard(shard)
        return Snapshot(tuple(shards), tuple(digests))

    def differing(self, other: Snapshot) -> Iterator[tuple[Address, Digest | None, Digest | None]]:
        """Yields (address, digest here, digest there) for every entity that is not the same in both."""
        for index in range(SHARDS):
            if self.shard_digests[index] == other.shard_digests[index]:
                continue
            here, there = self.shards[index], other.shards[index]
            for address in here.keys() | there.keys():
                mine, theirs = here.get(address), there.get(address)
                if mine != theirs:
                    yield address, mine, theirs


class _Pairs(ItemsView[Address, Digest]):
    """The pairs of a snapshot, shard by shard: the address of each would otherwise be hashed anew."""

    _mapping: Snapshot

    def __iter__(self) -> Iterator[tuple[Address, Digest]]:
        for shard in self._mapping.shards:
            yield from shard.items()


EMPTY_SNAPSHOT = Snapshot((EMPTY_SHARD,) * SHARDS, (EMPTY_SHARD_DIGEST,) * SHARDS)


def marks_of(snapshot: Snapshot) -> bytes:
    """Returns 32 bytes for each shard, the same wherever the shard is the same."""
    return b"".join(bytes.fromhex(digest.removeprefix("sha256:")) for digest in snapshot.shard_digests)


def mark_at(marks: bytes, address: Address) -> bytes:
    """Returns the mark of the shard that holds an address: as long as it is the same, the entity is."""
    at = shard_of(address) * 32
    return marks[at : at + 32]


def differing_parts(before: bytes, after: bytes) -> frozenset[int]:
    """Returns the shards whose marks differ; all of them where one side has no marks and the other has."""
    if before == after:
        return frozenset()
    return frozenset(
        index for index in range(SHARDS) if before[index * 32 : index * 32 + 32] != after[index * 32 : index * 32 + 32]
    )


def snapshot_of(entities: Mapping[Address, Digest] | Iterable[tuple[Address, Digest]]) -> Snapshot:
    """Returns the snapshot of the given entities."""
    return EMPTY_SNAPSHOT.with_changes(dict(entities))


def shard_from_json(pairs: Mapping[str, str]) -> Shard:
    """Returns a stored shard."""
    return MappingProxyType({parse_address(text): Digest(digest) for text, digest in pairs.items()})


Mark = Literal["good", "bad", "none"]


@dataclass(frozen=True, slots=True)
class Version:
    """A published snapshot. Only `mark` may change after publishing; it is not part of what was published."""

    number: int
    digest: Digest
    note: str
    details: str
    tags: tuple[str, ...]
    author: PrincipalId
    created_at: datetime
    parents: tuple[int, ...]
    published_in: EnvironmentId
    mark: Mark = "none"
    documents: Mapping[str, str] = field(default_factory=dict[str, str])
    """The content of each listed knowledge document when it was published: id → digest (R33)."""


@dataclass(frozen=True, slots=True)
class Parting:
    """How two versions came apart: what each descends from alone, itself included, and where they last agreed."""

    first: frozenset[int]
    second: frozenset[int]
    common: int | None


def find_parting(parents: Mapping[int, tuple[int, ...]], first: int | None, second: int | None) -> Parting:
    """Returns how two versions of the parent graph came apart; None stands for no version.

    Walks from the newest down, which parents' lower numbers allow, and only until nothing but common
    ancestors is left: the cost follows what lies between the two, not how long the project has existed.
    """
    whose: dict[int, int] = {}
    for number, flag in ((first, 1), (second, 2)):
        if number is not None:
            whose[number] = whose.get(number, 0) | flag
    waiting = [-number for number in whose]
    heapq.heapify(waiting)
    alone = sum(flags != _BOTH for flags in whose.values())
    sides: dict[int, set[int]] = {1: set(), 2: set()}
    common: int | None = None
    while waiting and alone:
        number = -heapq.heappop(waiting)
        flags = whose.pop(number)
        if flags == _BOTH:
            common = common or number
        else:
            sides[flags].add(number)
            alone -= 1
        for parent in parents.get(number, ()):
            before = whose.get(parent)
            if before is None:
                heapq.heappush(waiting, -parent)
            whose[parent] = flags | (before or 0)
            alone += (whose[parent] != _BOTH) - (before is not None and before != _BOTH)
    if common is None and waiting:
        common = -waiting[0]
    return Parting(frozenset(sides[1]), frozenset(sides[2]), common)


def find_common_ancestor(parents: Mapping[int, tuple[int, ...]], a: int, b: int) -> int | None:
    """Returns the nearest common ancestor of two versions in the parent graph, or None.

    Nearest is the common ancestor with the highest number that is not an ancestor of another common
    one; since parents always have lower numbers, that is the highest common number.
    """
    return find_parting(parents, a, b).common


def ancestors_of(parents: Mapping[int, tuple[int, ...]], number: int) -> frozenset[int]:
    """Returns a version and everything it descends from."""
    seen: set[int] = set()
    waiting = [number]
    while waiting:
        current = waiting.pop()
        if current not in seen:
            seen.add(current)
            waiting.extend(parents.get(current, ()))
    return frozenset(seen)
