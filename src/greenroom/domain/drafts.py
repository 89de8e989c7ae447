"""Working states: a base version and changes, saved one entity at a time, never heard by the public."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from greenroom.domain.canonical import Digest
from greenroom.domain.entities import Address
from greenroom.domain.errors import Missing, Stale
from greenroom.domain.ids import DraftId, EnvironmentId, PrincipalId, ProjectId
from greenroom.domain.versions import Snapshot

CREATE = "*"
"""The precondition that says: this entity must not exist yet."""


@dataclass(frozen=True, slots=True)
class Draft:
    """One person's draft of one environment.

    `revision` rises with every save. `base_version` is None where the environment served nothing yet.
    A discarded or published draft keeps its row with `closed_at` and `closed_by`.
    """

    id: DraftId
    project: ProjectId
    environment: EnvironmentId
    owner: PrincipalId
    base_version: int | None
    base_digest: Digest
    base_seq: int
    revision: int
    started_at: datetime
    updated_at: datetime
    closed_at: datetime | None = None
    closed_by: str | None = None


@dataclass(frozen=True, slots=True)
class DraftChange:
    """The body an entity has in a draft; `digest` None says that the draft removes it."""

    address: Address
    digest: Digest | None
    revision: int
    at: datetime
    by: str = ""
    """Who saved it; differs from the draft's owner in a shared draft."""


def snapshot_of_draft(base: Snapshot, changes: Mapping[Address, DraftChange]) -> Snapshot:
    """Returns what the draft would publish if nothing moved."""
    return base.with_changes({address: change.digest for address, change in changes.items()})


def check_precondition(address: Address, current: Digest | None, if_match: str | None) -> None:
    """Refuses a save that did not see the present state (R5).

    `if_match` is the entity's revision, its body digest, or `*` to create. Raises Missing
    `precondition_required`, or Stale `stale_revision` with the present revision in `extra`.
    """
    if if_match is None:
        raise Missing(
            "precondition_required",
            f"say which revision of {address} you saw with If-Match, or * to create it",
            extra={"revision": current},
        )
    wanted = None if if_match == CREATE else if_match
    if wanted == current:
        return
    if if_match == CREATE:
        detail = f"{address} exists already; read it and send its revision"
    elif current is None:
        detail = f"{address} is gone; send If-Match: * to create it again"
    else:
        detail = f"{address} changed since you read it; your change was not saved"
    raise Stale("stale_revision", detail, extra={"revision": current, "if_match": if_match})
