"""Keeping snapshots: a row of 256 shard digests, and every shard once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import orjson
from sqlalchemy import bindparam, select

from greenroom.domain.canonical import Digest, canonical_json, digest_of_bytes
from greenroom.domain.versions import (
    EMPTY_SHARD,
    EMPTY_SHARD_DIGEST,
    FORMAT,
    Shard,
    Snapshot,
    marks_of,
    shard_from_json,
)
from greenroom.storage.refusals import unavailable
from greenroom.storage.sql import tables as t
from greenroom.storage.sql.work import WORKSPACE, Work

_DIGEST_BYTES = 32
_PREFIX = "sha256:"

_SNAPSHOT = select(t.snapshots.c.shards).where(
    t.snapshots.c.workspace == WORKSPACE, t.snapshots.c.digest == bindparam("w_digest")
)
_MARKS = select(t.snapshots.c.digest, t.snapshots.c.shards).where(
    t.snapshots.c.workspace == WORKSPACE, t.snapshots.c.digest.in_(bindparam("w_digests", expanding=True))
)
_SHARDS = select(t.shards.c.digest, t.shards.c.data).where(
    t.shards.c.workspace == WORKSPACE, t.shards.c.digest.in_(bindparam("w_digests", expanding=True))
)
_KNOWN_SHARDS = _SHARDS.with_only_columns(t.shards.c.digest)


def unpack_digests(data: bytes) -> tuple[Digest, ...]:
    """Returns the digests that `marks_of` wrote."""
    parts = (data[at : at + _DIGEST_BYTES] for at in range(0, len(data), _DIGEST_BYTES))
    return tuple(Digest(_PREFIX + part.hex()) for part in parts)


def find_snapshot(work: Work, digest: Digest) -> Snapshot | None:
    """Returns a snapshot; costs one query for itself and one for its shards that no cache holds."""
    known = work.remembered.find_snapshot(digest)
    if known is not None:
        return known
    row = work.first(_SNAPSHOT, w_digest=digest)
    if row is None:
        return None
    digests = unpack_digests(row["shards"])
    known_shards = {each: work.remembered.find_shard(each) for each in digests}
    loaded = _load_shards(work, [each for each, shard in known_shards.items() if shard is None])
    snapshot = Snapshot(tuple(known_shards[each] or loaded[each] for each in digests), digests)
    if snapshot.digest != digest:
        raise unavailable("a snapshot is damaged", snapshot=digest)
    work.remembered.remember(snapshot)
    return snapshot


def load_marks(work: Work, snapshots: Iterable[Digest]) -> Mapping[Digest, bytes]:
    """Returns the rows of snapshots as they are; those that a cache holds cost nothing."""
    known = {digest: work.remembered.find_snapshot(digest) for digest in snapshots}
    marks = {digest: marks_of(snapshot) for digest, snapshot in known.items() if snapshot is not None}
    missing = [digest for digest, snapshot in known.items() if snapshot is None]
    return marks | {Digest(row["digest"]): row["shards"] for row in work.each(_MARKS, "w_digests", missing)}


def put_snapshot(work: Work, snapshot: Snapshot) -> None:
    """Keeps a snapshot and its new shards; asks the database only about shards that no cache holds."""
    if work.remembered.find_snapshot(snapshot.digest) is not None:
        return
    unsure = {
        digest: shard
        for digest, shard in zip(snapshot.shard_digests, snapshot.shards, strict=True)
        if work.remembered.find_shard(digest) is None
    }
    kept = {row["digest"] for row in work.each(_KNOWN_SHARDS, "w_digests", unsure)}
    rows = [
        {"digest": digest, "data": canonical_json({str(address): body for address, body in shard.items()})}
        for digest, shard in unsure.items()
        if digest not in kept
    ]
    work.insert_all(t.shards, rows, how="if new")
    packed = marks_of(snapshot)
    work.insert(t.snapshots, {"digest": snapshot.digest, "format": FORMAT, "shards": packed}, how="if new")
    work.remembered.remember(snapshot)


def _load_shards(work: Work, digests: list[Digest]) -> Mapping[Digest, Shard]:
    loaded: dict[Digest, Shard] = {EMPTY_SHARD_DIGEST: EMPTY_SHARD}
    for row in work.each(_SHARDS, "w_digests", digests):
        if digest_of_bytes(row["data"]) != row["digest"]:
            raise unavailable("a shard is damaged", shard=row["digest"])
        loaded[Digest(row["digest"])] = shard_from_json(orjson.loads(row["data"]))
    for digest in digests:
        if digest not in loaded:
            raise unavailable("a shard is lost", shard=digest)
    return loaded
