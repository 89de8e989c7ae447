"""Named places where a version runs and receives traffic, and the templates that make a project's first ones."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

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
