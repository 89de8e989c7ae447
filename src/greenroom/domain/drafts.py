"""Working states: a base version and changes, saved one entity at a time, never heard by the public."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from greenroom.domain.canonical import Digest
from greenroom.domain.entities import Address
from greenroom.domain.environments import Environment
from greenroom.domain.errors import Missing, NotFound, Stale
from greenroom.domain.events import format_time
from greenroom.domain.ids import DraftId, EnvironmentId, PrincipalId, ProjectId
from greenroom.domain.versions import Snapshot

CREATE = "*"
"""The precondition that says: this entity must not exist yet."""

SHARED = PrincipalId("shared")
"""The owner of the one draft that all editors of an environment share. No person and no key has this id."""

KEPT_FOR = timedelta(days=30)
"""How long a discarded draft can be restored (R8)."""

LARGE_DRAFT = 50
OLD_DRAFT = timedelta(days=14)

DISCARDED = "discarded"
RESTORED = "restored"
"""What `closed_by` says of a draft that was put away, and of one whose changes went into a later draft."""


@dataclass(frozen=True, slots=True)
class Draft:
    """One person's draft of one environment, or the one that all its editors share.

    `revision` rises with every save, and goes on rising in the owner's next draft there: the same number never
    means two states. `base_version` is None where the environment served nothing yet.
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


def owner_of_draft(environment: Environment, principal: PrincipalId) -> PrincipalId:
    """Returns who owns the draft that a principal edits in an environment (R6)."""
    return SHARED if environment.draft_mode == "shared" else principal


def name_draft(environment: Environment) -> str:
    """Returns what messages call the draft that a caller edits in an environment."""
    return f"{'the shared' if environment.draft_mode == 'shared' else 'your'} draft of {environment.alias}"


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


def check_seen(
    name: str, current: int, seen: int | None, changes: Mapping[Address, DraftChange], why: str = ""
) -> None:
    """Refuses what would act on a whole draft in another state than the caller saw (R5).

    `current` is the draft's revision, 0 where there is none; `seen` is what the caller says. With `why` something
    must be said. Raises Missing `revision_required`, or Stale `stale_revision` with what was saved since.
    """
    if seen == current or (seen is None and not why):
        return
    if seen is None:
        raise Missing(
            "revision_required",
            f"{name} is at revision {current} and {why}; look at it, then say `revision`: {current}",
            extra={"revision": current, "changes": _list_changes(changes, 0)},
        )
    since = _list_changes(changes, seen if seen < current else 0)
    what = f"saved since: {', '.join(c['address'] for c in since[:10])}" if since else "read it again"
    is_at = f"is at revision {current}" if current else "is not there any more"
    raise Stale(
        "stale_revision",
        f"{name} {is_at}, you saw {seen}; nothing was done ({what})",
        extra={"revision": current, "seen": seen, "changed_since": since},
    )


def _list_changes(changes: Mapping[Address, DraftChange], after: int) -> list[dict[str, Any]]:
    found = [change for _, change in sorted(changes.items()) if change.revision > after]
    return [{"address": str(c.address), "revision": c.digest, "by": c.by, "at": format_time(c.at)} for c in found]


def count_carried(
    changes: Mapping[Address, DraftChange], base: Snapshot, head: Snapshot, otherwise: str
) -> dict[str, int]:
    """Returns how many of the entities that differ between two snapshots each person changed, most first.

    What no change of the draft explains (a merge, a change brought back) counts for `otherwise`.
    """
    authors = Counter(
        (changes[address].by if address in changes else "") or otherwise for address, _, _ in base.differing(head)
    )
    return dict(sorted(authors.items(), key=lambda pair: (-pair[1], pair[0])))


def authors_of(changes: Mapping[Address, DraftChange], otherwise: str) -> Callable[[Address], str]:
    """Returns who an entity's change stays with when a draft is made anew: its author, else `otherwise`."""
    return lambda address: (changes[address].by if address in changes else "") or otherwise


def check_restorable(draft: Draft, now: datetime) -> None:
    """Refuses to restore what was not discarded, or too long ago (R8). Raises NotFound `discarded_not_found`."""
    if draft.closed_by == RESTORED:
        raise NotFound("discarded_not_found", f"{draft.id} was restored already")
    if draft.closed_by != DISCARDED or draft.closed_at is None:
        raise NotFound("discarded_not_found", f"{draft.id} is not a discarded draft")
    if now - draft.closed_at > KEPT_FOR:
        raise NotFound(
            "discarded_not_found", f"{draft.id} was discarded more than {KEPT_FOR.days} days ago; it is kept no longer"
        )


def choose_nudge(draft: Draft, changes: int, now: datetime) -> str:
    """Returns what to tell the editors of a draft that grows large or old (R3), '' for nothing."""
    if changes > LARGE_DRAFT:
        return f"this draft has {changes} changes; small releases are easier to review and to roll back"
    if changes and now - draft.started_at > OLD_DRAFT:
        return "this draft is more than two weeks old; publish or discard it before it drifts further"
    return ""
