"""Releases: the append-only record of what an environment serves, and what follows from it.

The serving history is a stack kept in the records themselves: each release names the release `beneath`
it. Publish, promote and hotfix push; a rollback to a version on the stack pops to it (R13).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from greenroom.domain.environments import Arm, choose_arm, choose_stable
from greenroom.domain.ids import EnvironmentId, PrincipalId, ReleaseId

Operation = Literal["publish", "promote", "rollback", "hotfix", "clone", "merge"]
Policy = Literal["finish", "switch", "drain"]

DEFAULT_POLICY: dict[Operation, Policy] = {
    "publish": "finish",
    "promote": "finish",
    "hotfix": "finish",
    "rollback": "switch",
    "clone": "finish",
    "merge": "finish",
}


@dataclass(frozen=True, slots=True)
class InFlight:
    """What happens to conversations that run when a release lands. `drain_until` goes with `drain` only."""

    policy: Policy
    drain_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Release:
    """One change of what an environment serves. Never changed, never deleted except with its project."""

    id: ReleaseId
    environment: EnvironmentId
    seq: int
    operation: Operation
    from_arms: tuple[Arm, ...]
    to_arms: tuple[Arm, ...]
    in_flight: InFlight
    actor: PrincipalId
    at: datetime
    reason: str
    beneath: int | None
    """The seq of the release beneath this one on the serving stack."""
    takes_back: tuple[int, ...] = ()
    """The versions a rollback takes back, newest first."""
    caused_by: str | None = None

    @property
    def version(self) -> int:
        """Returns the version of the stable arm."""
        stable = choose_stable(self.to_arms)
        assert stable is not None, "a release serves something"
        return stable


def choose_answering(
    started_with: int,
    slot: int,
    later: Sequence[Release],
    now: datetime,
) -> int:
    """Returns the version that answers the next turn of a conversation (R14).

    `later` holds the releases of its environment after the one it started under, by rising seq.
    Events are replayed in order of seq, each drain deadline falling before the first release that came
    after it: `switch` moves the conversation when its version is in no arm of that release; `drain` does
    the same at its deadline, to what is served then; `finish` does nothing, and undoes nothing.
    Depends on nothing else: turns taken in between do not change the answer.
    """
    version = started_with
    deadlines: list[datetime] = []
    served: tuple[Arm, ...] = ()
    for release in later:
        while deadlines and deadlines[0] <= release.at:
            deadlines.pop(0)
            version = _move(version, slot, served)
        served = release.to_arms
        if release.in_flight.policy == "switch":
            version = _move(version, slot, served)
        elif release.in_flight.policy == "drain" and release.in_flight.drain_until is not None:
            deadlines = sorted([*deadlines, release.in_flight.drain_until])
    if any(deadline <= now for deadline in deadlines):
        version = _move(version, slot, served)
    return version


def _move(version: int, slot: int, served: tuple[Arm, ...]) -> int:
    if any(arm.version == version for arm in served):
        return version
    arm = choose_arm(served, slot)
    return arm.version if arm else version


FindRelease = Callable[[int], Release]
"""Returns the release of one environment with a seq that exists."""


def walk_stack(top: Release | None, load: FindRelease) -> Iterator[Release]:
    """Yields the serving stack from the top down. Costs one load for each entry taken."""
    entry = top
    while entry is not None:
        yield entry
        entry = load(entry.beneath) if entry.beneath is not None else None


def choose_pop(top: Release, version: int, load: FindRelease) -> tuple[int | None, tuple[int, ...]]:
    """Returns what lies beneath after a rollback to `version`, and the versions it takes back, newest first.

    The stack is popped to the highest entry that serves `version`. A version that was served but popped
    before is not on the stack: going back to it (undoing a rollback) pushes it, and takes nothing back.
    """
    popped: list[int] = []
    for entry in walk_stack(top, load):
        if entry.version == version and entry.seq != top.seq:
            return entry.beneath, tuple(popped)
        if entry.version not in popped and entry.version != version:
            popped.append(entry.version)
    return top.seq, ()
