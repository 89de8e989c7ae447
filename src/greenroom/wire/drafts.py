"""Drafts on the network."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from greenroom.wire.content import StateOut
from greenroom.wire.model import In, Moment, Out, VersionNumber

SeenRevision = Annotated[int, Field(strict=True, ge=0, le=2**31 - 1)]
"""The draft's revision that the caller saw, 0 where there was no draft."""

AddressText = Annotated[str, Field(min_length=3, max_length=121)]


class DraftChangeOut(Out):
    """An entity that a draft changes, and who saved it; `revision` is null where the draft removes it."""

    address: str
    op: Literal["added", "removed", "edited"]
    revision: str | None
    at: Moment
    by: str = ""
    by_name: str = ""


class CarriedOut(Out):
    """How many entities somebody changed in a draft or version."""

    by: str
    by_name: str = ""
    changes: int


class PresentOut(Out):
    """Somebody who said within the last minute that they are editing; `entity` is '' or what they have open."""

    id: str
    name: str = ""
    entity: str = ""
    seen_at: Moment


class PresenceIn(In):
    """What the caller has open: kind/slug, or nothing."""

    entity: str = Field("", max_length=121)


class PresenceOut(Out):
    """Everybody who is editing now, the caller among them."""

    present: list[PresentOut]


class EditorOut(Out):
    """Somebody else's open draft of the same environment."""

    owner: str
    owner_name: str = ""
    changes: int
    updated_at: Moment


class DraftOut(Out):
    """The draft that the caller edits: their own, or (mode `shared`, owner `shared`) the one of all editors.

    `behind` says that the environment moved on since it began, `present` who is editing now.
    """

    environment: str
    mode: Literal["private", "shared"] = "private"
    owner: str
    base: StateOut
    revision: int
    digest: str
    changes: list[DraftChangeOut]
    others_editing: list[EditorOut]
    behind: bool
    nudge: str = ""
    present: list[PresentOut] = []


class SavedOut(Out):
    """One saved entity: its new revision (null when removed) and the draft's."""

    address: str
    revision: str | None
    draft_revision: int
    warnings: list[str] = []


class DiscardIn(In):
    """What the caller saw of the draft that is to go."""

    revision: SeenRevision


class DiscardOut(Out):
    """A discarded draft; nothing of it is lost for 30 days."""

    discarded_id: str
    changes: int


class DiscardedOut(DiscardOut):
    """A draft that was put away and can be restored `until` then; `carries` says whose edits it holds."""

    discarded_at: Moment
    until: Moment
    base_version: VersionNumber | None
    addresses: list[str]
    carries: list[CarriedOut]


class RestoreIn(In):
    """Which discarded draft comes back; with `revision` only beside a present draft as the caller saw it."""

    discarded_id: str = Field(min_length=1, max_length=80)
    revision: SeenRevision | None = None


class LoadIn(In):
    """What the draft becomes: a ref whole, or `only` single entities of it; those that it lacks are removed."""

    ref: str = Field(max_length=200)
    only: list[AddressText] | None = Field(None, min_length=1, max_length=1_000)
    revision: SeenRevision


class LoadedChangeOut(Out):
    """An entity that is another one than it was in the draft; `revision` is null where it is gone."""

    address: str
    op: Literal["added", "removed", "edited"]
    revision: str | None


class LoadedOut(Out):
    """The draft after something was loaded or restored, what that changed, and references that lead nowhere.

    A draft with changes that was replaced whole can be restored as `discarded_id`.
    """

    draft: DraftOut
    changes: list[LoadedChangeOut]
    warnings: list[str] = []
    discarded_id: str | None = None


class ResolutionIn(In):
    """How one conflict is settled; `value` goes with take=value."""

    conflict_id: str
    take: Literal["ours", "theirs", "base", "value"]
    value: Any = None


class ConflictOut(Out):
    """Both sides changed one thing.

    `ours` is the draft, or the target of a merge; `theirs` what the environment serves, or the source. `label` says
    where it is, for people. `absent` names the sides on which nothing is there.
    """

    id: str
    address: str
    pointer: str
    kind: str
    base: Any = None
    ours: Any = None
    theirs: Any = None
    absent: list[str] = []
    label: str = ""


class RebaseIn(In):
    """Settled conflicts, and what to do with changes that a rollback took back.

    `revision` is what the caller saw of the draft; required to settle conflicts in somebody else's edits.
    """

    resolutions: list[ResolutionIn] = []
    taken_back: Literal["leave_out", "bring_back"] | None = None
    revision: SeenRevision | None = None


class TakenBackOut(Out):
    """Changes that a rollback took back beneath a draft: left out by default."""

    versions: list[int]
    addresses: list[str]
    choice: Literal["leave_out", "bring_back"]


class RebaseOut(Out):
    """A draft brought onto what its environment serves now."""

    draft: DraftOut
    rebased: bool
    conflicts: list[ConflictOut] = []
    taken_back: TakenBackOut | None = None
