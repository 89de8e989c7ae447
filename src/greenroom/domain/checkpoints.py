"""Checkpoints: what a draft held at a moment, under a name, without being published (R9)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from greenroom.domain.canonical import Digest
from greenroom.domain.drafts import Draft, DraftChange
from greenroom.domain.entities import parse_address
from greenroom.domain.ids import EnvironmentId, PrincipalId
from greenroom.domain.records import Record

NOUN = "checkpoint"
MOST = 500
"""How many an environment keeps."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A draft's changes and the base that they are made on. Bodies are kept by their digests, for ever."""

    id: str
    environment: EnvironmentId
    owner: PrincipalId
    """Who owns the draft: a person, or SHARED."""
    name: str
    by: PrincipalId
    at: datetime
    base_version: int | None
    base_digest: Digest
    base_seq: int
    changes: tuple[DraftChange, ...]
    digest: Digest
    """Of all that the draft held: the ref by which it compares with anything."""


def checkpoint_of(
    id_: str,
    name: str,
    draft: Draft,
    changes: tuple[DraftChange, ...],
    digest: Digest,
    by: PrincipalId,
    at: datetime,
) -> Checkpoint:
    """Returns the checkpoint of a draft."""
    base = (draft.base_version, draft.base_digest, draft.base_seq)
    return Checkpoint(id_, draft.environment, draft.owner, name, by, at, *base, changes, digest)


def to_record(draft: Draft, checkpoint: Checkpoint) -> Record:
    """Returns how a checkpoint is kept."""
    body = {
        "draft_of": checkpoint.owner,
        "name": checkpoint.name,
        "by": checkpoint.by,
        "base": {
            "version": checkpoint.base_version,
            "digest": checkpoint.base_digest,
            "seq": checkpoint.base_seq,
        },
        "digest": checkpoint.digest,
        "changes": {str(change.address): [change.digest, change.by] for change in checkpoint.changes},
    }
    at = checkpoint.at
    return Record(draft.project, NOUN, checkpoint.id, at, at, body, owner=checkpoint.environment)


def from_record(record: Record) -> Checkpoint:
    """Returns a kept checkpoint."""
    body, base = record.body, cast(Mapping[str, Any], record.body["base"])
    kept = cast(Mapping[str, tuple[Digest | None, str]], body["changes"])
    changes = tuple(
        DraftChange(parse_address(address), digest, 0, record.at, by) for address, (digest, by) in sorted(kept.items())
    )
    return Checkpoint(
        record.key,
        EnvironmentId(record.owner),
        PrincipalId(body["draft_of"]),
        str(body["name"]),
        PrincipalId(body["by"]),
        record.at,
        base["version"],
        Digest(base["digest"]),
        base["seq"],
        changes,
        Digest(body["digest"]),
    )


def mark_of(owner: PrincipalId) -> str:
    """Returns the text that the kept form of every checkpoint of an owner's drafts holds."""
    return f'"draft_of":"{owner}"'
