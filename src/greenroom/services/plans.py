"""What a release operation would do, worked out in full before anything is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from greenroom.domain.canonical import Digest
from greenroom.domain.environments import Environment, choose_stable
from greenroom.domain.merges import Conflict
from greenroom.domain.projects import Project
from greenroom.domain.promotion import Caution
from greenroom.domain.readiness import Item
from greenroom.domain.releases import Operation, Policy
from greenroom.services.comparisons import Compared
from greenroom.services.versions import VersionView

Choice = Literal["leave_out", "bring_back"]


@dataclass(frozen=True, slots=True)
class TakenBack:
    """Changes beneath a draft that a rollback took back, and what happens to them."""

    versions: Sequence[int]
    addresses: Sequence[str]
    choice: Choice


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that a release operation would do. `version` is None for a publish: it has no number yet."""

    operation: Operation
    project: Project
    environment: Environment
    public: bool
    version: int | None
    digest: Digest
    compared: Compared | None
    included: Sequence[VersionView]
    cautions: Sequence[Caution]
    running: Mapping[int, int]
    policy: Policy
    brings_back: int | None
    """The version that a rollback after this operation would bring back."""
    takes_back: Sequence[int] = ()
    rebased: bool = False
    taken_back: TakenBack | None = None
    conflicts: Sequence[Conflict] = ()
    readiness: Sequence[Item] = ()
    """What the environment has and lacks for it; what blocks is refused when it is carried out."""
    draft_revision: int | None = None
    """Of a publish: the revision of the draft that was looked at."""
    carries: Mapping[str, int] = field(default_factory=dict[str, int])
    """Of a publish: how many entities each person changed, by their id."""

    @property
    def from_version(self) -> int | None:
        """Returns the version that is served now."""
        return choose_stable(self.environment.arms)


@dataclass(frozen=True, slots=True)
class PolicyChoice:
    """The caller's in-flight policy, None for the operation's default."""

    policy: Policy | None = None
    drain_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class PublishRequest:
    """What a caller says when publishing; `revision` is what they saw of the draft."""

    note: str
    details: str = ""
    release: bool = True
    expected_seq: int | None = None
    confirm_digest: str | None = None
    resolutions: Sequence[Mapping[str, object]] = ()
    taken_back: Choice | None = None
    in_flight: PolicyChoice = field(default_factory=PolicyChoice)
    acknowledged: Sequence[str] = ()
    revision: int | None = None


@dataclass(frozen=True, slots=True)
class PromoteRequest:
    """What a caller says when promoting; `hotfix` is the reason for skipping a step."""

    version: int
    expected_seq: int | None = None
    confirm_version: int | None = None
    note: str = ""
    hotfix: str | None = None
    in_flight: PolicyChoice = field(default_factory=PolicyChoice)
    acknowledged: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class RollbackRequest:
    """What a caller says when rolling back: to a named version, or to what lies beneath `expected_seq`."""

    reason: str
    to: int | None = None
    expected_seq: int | None = None
    in_flight: PolicyChoice = field(default_factory=PolicyChoice)
