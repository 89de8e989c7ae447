"""What a caller says of a merge, and what a merge would do or did."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from greenroom.domain.promotion import Caution
from greenroom.services.deletions import Deletion
from greenroom.services.environments import ReleaseView
from greenroom.services.plans import Plan, PolicyChoice
from greenroom.services.states import State
from greenroom.services.versions import VersionView

Strategy = Literal["merge", "replace"]


@dataclass(frozen=True, slots=True)
class MergeRequest:
    """What a caller says when merging `source` (a ref that names a version) into the environment `target`."""

    source: str
    target: str
    note: str
    details: str = ""
    strategy: Strategy = "merge"
    resolutions: Sequence[Mapping[str, object]] = ()
    delete_source: bool = False
    expected_seq: int | None = None
    expected_source_seq: int | None = None
    confirm_digest: str | None = None
    in_flight: PolicyChoice = field(default_factory=PolicyChoice)
    acknowledged: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class MergePlan:
    """What a merge would do. `base` is the common ancestor, None where there is none."""

    plan: Plan
    source: State
    base: int | None
    deletion: Deletion | None


@dataclass(frozen=True, slots=True)
class MergeOutcome:
    """A merge that was made: the new version of the target, its release, what became of the source."""

    version: VersionView
    release: ReleaseView
    source: State
    base: int | None
    deletion: Deletion | None
    cautions: Sequence[Caution]
