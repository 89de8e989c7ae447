"""Named places where a version runs and receives traffic, and the templates that make a project's first ones."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from greenroom.domain.canonical import digest_of
from greenroom.domain.errors import Conflict, Fault, Invalid, Refused
from greenroom.domain.ids import EnvironmentId, ProjectId

SLOTS = 10_000

SlotRange = tuple[int, int]
"""First and last slot, both included."""

DraftMode = Literal["private", "shared"]
TemplateName = Literal["pipeline", "parallel", "simple", "legacy"]


@dataclass(frozen=True, slots=True)
class Arm:
    """A version served by an environment with the slots it owns."""

    version: int
    slots: tuple[SlotRange, ...]


def full_arm(version: int) -> tuple[Arm, ...]:
    """Returns the arms of an environment that serves one version to everybody."""
    return (Arm(version, ((0, SLOTS - 1),)),)


def choose_stable(arms: Sequence[Arm]) -> int | None:
    """Returns the version of the full (or stable: first) arm, None before the first release."""
    return arms[0].version if arms else None


def choose_slot(salt: str, sticky_key: str) -> int:
    """Returns the slot of a traffic key: integers only, the same in every SDK.

    (blake2b-64 of `salt NUL key`, big-endian) × 10,000 ÷ 2^64, rounded down. Formula after flagd's.
    """
    digest = hashlib.blake2b(f"{salt}\0{sticky_key}".encode(), digest_size=8).digest()
    return (int.from_bytes(digest, "big") * SLOTS) >> 64


def choose_arm(arms: Sequence[Arm], slot: int) -> Arm | None:
    """Returns the arm that owns a slot; None when nothing is served."""
    for arm in arms:
        if any(first <= slot <= last for first, last in arm.slots):
            return arm
    return None


@dataclass(frozen=True, slots=True)
class Environment:
    """What an environment is and serves. `seq` rises with every release; 0 before the first."""

    id: EnvironmentId
    project: ProjectId
    alias: str
    name: str
    position: int
    editable: bool
    internal: bool
    promotes_from: EnvironmentId | None
    draft_mode: DraftMode
    salt: str
    seq: int = 0
    arms: tuple[Arm, ...] = ()
    deleted_at: datetime | None = None
    """When it was deleted. Its row, releases and aliases stay: an alias never comes to mean another place (R16)."""
    conversations_end_at: datetime | None = None
    """When the conversations of a deleted environment end; None lets them finish."""

    def ends_conversations(self, now: datetime) -> bool:
        """Says whether its conversations are over because it was deleted."""
        return self.conversations_end_at is not None and self.conversations_end_at <= now


@dataclass(frozen=True, slots=True)
class Deprecated:
    """What is told of an alias that goes on answering and should not be used any more."""

    since: datetime
    successor: str


@dataclass(frozen=True, slots=True)
class EnvironmentPlan:
    """An environment of a template; `promotes_from` is an alias."""

    alias: str
    name: str
    editable: bool = False
    internal: bool = False
    promotes_from: str | None = None
    default_entry: bool = False


@dataclass(frozen=True, slots=True)
class Template:
    """The environments a new project begins with."""

    draft_mode: DraftMode
    environments: tuple[EnvironmentPlan, ...]


TEMPLATES: Mapping[str, Template] = {
    "pipeline": Template(
        "private",
        (
            EnvironmentPlan("sandbox", "Sandbox", editable=True, internal=True),
            EnvironmentPlan("pre-release", "Pre-release", internal=True, promotes_from="sandbox"),
            EnvironmentPlan("live", "Live", promotes_from="pre-release", default_entry=True),
        ),
    ),
    "parallel": Template("shared", (EnvironmentPlan("main", "Main", editable=True, default_entry=True),)),
    "simple": Template("shared", (EnvironmentPlan("production", "Production", editable=True, default_entry=True),)),
    "legacy": Template(
        "shared",
        (
            EnvironmentPlan("development", "Development", editable=True, internal=True),
            EnvironmentPlan("staging", "Staging", internal=True, promotes_from="development"),
            EnvironmentPlan("production", "Production", promotes_from="staging", default_entry=True),
        ),
    ),
}


MOST_ENVIRONMENTS = 10
"""Environments of one project where no setting says otherwise (R16)."""
MAX_NAME = 80
_ALIAS_LENGTH = 40


def check_environment_name(name: str, others: Sequence[Environment], pointer: str = "/name") -> str:
    """Returns a name that no other environment of the project has, whatever the case of its letters.

    Raises Invalid `invalid_name`, Conflict `name_taken`.
    """
    chosen = " ".join(name.split())
    if not 1 <= len(chosen) <= MAX_NAME:
        message = f"an environment's name has 1 to {MAX_NAME} characters"
        raise Invalid("invalid_name", message, errors=[Fault(pointer, message)])
    twin = next((other for other in others if other.name.casefold() == chosen.casefold()), None)
    if twin is not None:
        message = f"{twin.alias} is called '{twin.name}' already; choose a name that people can tell apart"
        raise Conflict("name_taken", message, errors=[Fault(pointer, message)])
    return chosen


def suggest_alias(name: str, taken: Collection[str]) -> str:
    """Returns an alias made from a name that is not among those taken."""
    text = re.sub(r"[^a-z0-9]+", "-", name.strip().lower()).strip("-").lstrip("0123456789-")
    stem = text[: _ALIAS_LENGTH - 4].rstrip("-") or "environment"
    if re.fullmatch(r"v[0-9]+|draft|default|conversation|sha256", stem):
        stem = f"{stem}-environment"
    candidates = [stem, *(f"{stem}-{number}" for number in range(2, len(taken) + 3))]
    return next(candidate for candidate in candidates if candidate not in taken)


def check_room(environments: Sequence[Environment], most: int) -> None:
    """Refuses one environment too many. Raises Refused `too_many_environments` that lists them."""
    if len(environments) >= most:
        names = ", ".join(e.alias for e in environments)
        raise Refused(
            "too_many_environments",
            f"this project has {len(environments)} environments, and {most} is the most; delete or merge one: {names}",
            extra={"most": most, "environments": [e.alias for e in environments]},
        )


def advise_on_room(count: int, most: int) -> str:
    """Returns advice when a project comes near its limit of environments, '' before."""
    if count < most - 2:
        return ""
    return f"{count} of at most {most} environments: merge and delete those whose work is done"


def revision_of_settings(environment: Environment) -> str:
    """Returns a short digest of what people may change of an environment, for If-Match."""
    settings = [environment.alias, environment.name, environment.editable, environment.internal]
    return digest_of([*settings, environment.promotes_from, environment.draft_mode])[7:23]


@dataclass(frozen=True, slots=True)
class Dependant:
    """Something that depends on an environment: it must be moved, or settled, before a deletion (R16).

    `movable` things go to another environment with `move_to`; the others are settled as `remedy` says.
    """

    what: str
    name: str
    movable: bool
    remedy: str
    count: int = 1


def check_dependants(alias: str, dependants: Sequence[Dependant], *, moving: bool) -> None:
    """Refuses a deletion while something depends on the environment. Raises Refused `environment_in_use`."""
    left = [d for d in dependants if not (moving and d.movable)]
    if not left:
        return
    listed = "; ".join(f"{d.what} {d.name}".strip() for d in left)
    raise Refused(
        "environment_in_use",
        f"{alias} cannot be deleted while these depend on it: {listed}",
        errors=[Fault("", f"{d.what} {d.name}".strip(), d.what, d.remedy) for d in left],
        extra={"dependants": [dependant_to_json(d) for d in left]},
    )


def dependant_to_json(dependant: Dependant) -> dict[str, object]:
    """Returns a dependant as plain JSON."""
    return {
        "what": dependant.what,
        "name": dependant.name,
        "count": dependant.count,
        "movable": dependant.movable,
        "remedy": dependant.remedy,
    }
