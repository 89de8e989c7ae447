"""What is known to be in the database and never changes there, kept parsed: shards, snapshots, versions' parents."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping
from types import MappingProxyType
from typing import Generic, TypeVar

from greenroom.domain.canonical import Digest
from greenroom.domain.ids import ProjectId, WorkspaceId
from greenroom.domain.versions import EMPTY_SHARD, EMPTY_SHARD_DIGEST, Shard, Snapshot

V = TypeVar("V")

MAX_SHARD_ENTITIES = 200_000
"""About 60 MB: a dozen unrelated projects of 10,000 entities, or one with hundreds of versions."""
MAX_SNAPSHOTS = 256
MAX_PARENTS = 200_000
"""Versions whose parents are kept: about 40 MB."""

Key = tuple[WorkspaceId, str]
Parents = Mapping[int, tuple[int, ...]]
"""A version's number → the versions that it came from. Numbers rise with commits, so what is missing is newer."""

NO_PARENTS: Parents = MappingProxyType({})


class Lru(Generic[V]):
    """The most recently used values within a total weight. Serves all threads."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._weight = 0
        self._lock = threading.Lock()
        self._values: OrderedDict[Key, tuple[V, int]] = OrderedDict()

    def find(self, key: Key) -> V | None:
        """Returns the value, and counts it as used."""
        with self._lock:
            entry = self._values.get(key)
            if entry is None:
                return None
            self._values.move_to_end(key)
            return entry[0]

    def put(self, key: Key, value: V, weight: int) -> None:
        """Keeps a value, in exchange for those that were not used for longest."""
        with self._lock:
            self._drop(key)
            self._values[key] = (value, weight)
            self._weight += weight
            while self._weight > self._limit:
                _, (_, dropped) = self._values.popitem(last=False)
                self._weight -= dropped

    def drop(self, key: Key) -> None:
        """Forgets a value."""
        with self._lock:
            self._drop(key)

    def _drop(self, key: Key) -> None:
        _, weight = self._values.pop(key, (None, 0))
        self._weight -= weight


class Caches:
    """What one store knows of content-addressed rows."""

    def __init__(self) -> None:
        self.shards: Lru[Shard] = Lru(MAX_SHARD_ENTITIES)
        self.snapshots: Lru[Snapshot] = Lru(MAX_SNAPSHOTS)
        self.parents: Lru[Parents] = Lru(MAX_PARENTS)


class Remembered:
    """What one transaction saw or wrote; others learn of it only when it commits."""

    def __init__(self, caches: Caches, workspace: WorkspaceId) -> None:
        self._caches = caches
        self._workspace = workspace
        self._shards: dict[Digest, Shard] = {}
        self._snapshots: dict[Digest, Snapshot] = {}
        self._parents: dict[ProjectId, Parents | None] = {}

    def find_shard(self, digest: Digest) -> Shard | None:
        """Returns a shard that is in the database."""
        if digest == EMPTY_SHARD_DIGEST:
            return EMPTY_SHARD
        return self._shards.get(digest) or self._caches.shards.find((self._workspace, digest))

    def find_snapshot(self, digest: Digest) -> Snapshot | None:
        """Returns a snapshot that is in the database."""
        return self._snapshots.get(digest) or self._caches.snapshots.find((self._workspace, digest))

    def remember(self, snapshot: Snapshot) -> None:
        """Notes that a snapshot and its shards are in the database."""
        self._snapshots[snapshot.digest] = snapshot
        for digest, shard in zip(snapshot.shard_digests, snapshot.shards, strict=True):
            if digest not in self._shards and shard:
                self._shards[digest] = shard

    def find_parents(self, project: ProjectId) -> Parents:
        """Returns the parents of a project's versions as far as they are known."""
        if project in self._parents:
            return self._parents[project] or NO_PARENTS
        return self._caches.parents.find((self._workspace, project)) or NO_PARENTS

    def remember_parents(self, project: ProjectId, parents: Parents) -> None:
        """Notes the parents of all versions that a project has."""
        self._parents[project] = parents

    def forget_parents(self, project: ProjectId) -> None:
        """Notes that a project is gone."""
        self._parents[project] = None

    def share(self) -> None:
        """Tells the other transactions. To be called after the commit."""
        for digest, shard in self._shards.items():
            self._caches.shards.put((self._workspace, digest), shard, len(shard))
        for digest, snapshot in self._snapshots.items():
            self._caches.snapshots.put((self._workspace, digest), snapshot, 1)
        for project, parents in self._parents.items():
            if parents is None:
                self._caches.parents.drop((self._workspace, project))
            else:
                self._caches.parents.put((self._workspace, project), parents, len(parents))
