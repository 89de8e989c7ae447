"""Publish, promote, roll back: requests, plans and releases on the network."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AwareDatetime, Field, StringConstraints

from greenroom.wire.drafts import CarriedOut, ConflictOut, ResolutionIn, SeenRevision, TakenBackOut
from greenroom.wire.environments import ArmOut, RunningOut
from greenroom.wire.model import DigestText, In, Moment, Out, SeenSequence, VersionNumber, WarningOut
from greenroom.wire.readiness import ReadinessItemOut
from greenroom.wire.versions import ComparisonOut, VersionOut

PolicyName = Literal["finish", "switch", "drain"]


class InFlightFields(In):
    """What happens to conversations that are running; `drain_until` goes with drain."""

    in_flight: PolicyName | None = None
    drain_until: AwareDatetime | None = None


class ConfirmDigestIn(In):
    """The digest that was reviewed."""

    digest: DigestText


class ConfirmVersionIn(In):
    """The version that was reviewed."""

    version: VersionNumber


class HotfixIn(In):
    """Why a step is skipped."""

    reason: Annotated[str, StringConstraints(strip_whitespace=True, min_length=10, max_length=500)]


class PublishIn(InFlightFields):
    """Publish the caller's draft. `expected_seq` and `confirm` are required in a public environment.

    `revision` is what the caller saw of the draft; required where it holds edits by somebody else and nothing
    is confirmed.
    """

    note: str
    details: str = ""
    release: bool = True
    expected_seq: SeenSequence | None = None
    confirm: ConfirmDigestIn | None = None
    resolutions: list[ResolutionIn] = []
    taken_back: Literal["leave_out", "bring_back"] | None = None
    acknowledged: list[str] = []
    revision: SeenRevision | None = None


class PromoteIn(InFlightFields):
    """Release an existing version here."""

    version: VersionNumber
    expected_seq: SeenSequence | None = None
    confirm: ConfirmVersionIn | None = None
    note: str = Field("", max_length=500)
    hotfix: HotfixIn | None = None
    acknowledged: list[str] = []


class RollbackIn(InFlightFields):
    """Go back: to `to`, or, given `expected_seq`, to what was served beneath."""

    to: VersionNumber | None = None
    expected_seq: SeenSequence | None = None
    reason: Annotated[str, StringConstraints(strip_whitespace=True, min_length=3, max_length=500)]


class ReleaseOut(Out):
    """One change of what an environment serves."""

    id: str
    environment: str
    seq: int
    operation: str
    version: VersionNumber
    from_version: VersionNumber | None
    arms: list[ArmOut]
    from_arms: list[ArmOut]
    in_flight: str
    drain_until: Moment | None
    actor: str
    actor_name: str = ""
    at: Moment
    reason: str
    takes_back: list[VersionNumber]
    caused_by: str | None = None


class PlanOut(Out):
    """What a release operation would do; nothing was written."""

    dry_run: Literal[True] = True
    operation: str
    environment: str
    public: bool
    version: VersionNumber | None
    """Null for a publish: the number is given when it happens."""
    from_version: VersionNumber | None
    digest: str
    expected_seq: int
    confirmation: Literal["none", "version", "digest"]
    comparison: ComparisonOut | None
    versions_included: list[VersionOut]
    takes_back: list[VersionNumber] = []
    gates: list[WarningOut] = []
    warnings: list[WarningOut] = []
    readiness: list[ReadinessItemOut] = []
    """What the environment has and lacks for it; what is blocked is refused when it is carried out."""
    running: list[RunningOut] = []
    in_flight: str
    rollback_would_bring_back: VersionNumber | None
    rebased: bool = False
    taken_back: TakenBackOut | None = None
    conflicts: list[ConflictOut] = []
    draft_revision: int | None = None
    """Of a publish: the revision of the draft that was looked at."""
    carries: list[CarriedOut] = []
    """Of a publish: whose edits it would carry."""


class PublishOut(Out):
    """A new version, its release unless only the version was asked for, and whose edits it carries."""

    version: VersionOut
    release: ReleaseOut | None
    rebased: bool = False
    taken_back: TakenBackOut | None = None
    warnings: list[WarningOut] = []
    carries: list[CarriedOut] = []
