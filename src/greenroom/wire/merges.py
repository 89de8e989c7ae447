"""Merging one environment into another on the network."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from greenroom.wire.drafts import ResolutionIn
from greenroom.wire.environments import DeletionOut
from greenroom.wire.model import Out, SeenSequence, VersionNumber, WarningOut
from greenroom.wire.releases import ConfirmDigestIn, InFlightFields, PlanOut, ReleaseOut
from greenroom.wire.versions import VersionOut

RefText = Annotated[str, Field(min_length=1, max_length=200)]
AliasText = Annotated[str, Field(min_length=1, max_length=80)]


class MergeIn(InFlightFields):
    """Bring `source` into `target`: three-way, or, with `replace`, the source whole.

    `expected_seq` and `confirm` (the digest of the previewed result) are required where the target is public. With
    `delete_source` the source's share, numbers and links go to the target and the source ends.
    """

    source: RefText
    target: AliasText
    strategy: Literal["merge", "replace"] = "merge"
    note: str
    details: str = ""
    resolutions: list[ResolutionIn] = []
    delete_source: bool = False
    expected_seq: SeenSequence | None = None
    expected_source_seq: SeenSequence | None = None
    confirm: ConfirmDigestIn | None = None
    acknowledged: list[str] = []


class MergePlanOut(PlanOut):
    """What a merge would do: `base` is the common ancestor, `conflicts` what both sides changed."""

    source: str
    source_version: VersionNumber | None
    base: VersionNumber | None
    deletion: DeletionOut | None = None


class MergeOut(Out):
    """A merge that was made: a version with both parents, its release, and what became of the source."""

    version: VersionOut
    release: ReleaseOut
    source: str
    base: VersionNumber | None
    deletion: DeletionOut | None = None
    warnings: list[WarningOut] = []
