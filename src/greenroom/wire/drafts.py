"""Drafts on the network."""

from __future__ import annotations

from typing import Any, Literal

from greenroom.wire.content import StateOut
from greenroom.wire.model import In, Moment, Out


class DraftChangeOut(Out):
    """An entity that a draft changes; `revision` is null where the draft removes it."""

    address: str
    op: Literal["added", "removed", "edited"]
    revision: str | None
    at: Moment


class EditorOut(Out):
    """Somebody else's open draft of the same environment."""

    owner: str
    owner_name: str = ""
    changes: int
    updated_at: Moment


class DraftOut(Out):
    """The caller's draft of an environment. `behind` says that the environment moved on since it began."""

    environment: str
    owner: str
    base: StateOut
    revision: int
    digest: str
    changes: list[DraftChangeOut]
    others_editing: list[EditorOut]
    behind: bool
    nudge: str = ""


class SavedOut(Out):
    """One saved entity: its new revision (null when removed) and the draft's."""

    address: str
    revision: str | None
    draft_revision: int
    warnings: list[str] = []


class DiscardIn(In):
    """What the caller saw of the draft that is to go."""

    revision: int


class DiscardOut(Out):
    """A discarded draft; nothing of it is lost for 30 days."""

    discarded_id: str
    changes: int


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
    """Settled conflicts, and what to do with changes that a rollback took back."""

    resolutions: list[ResolutionIn] = []
    taken_back: Literal["leave_out", "bring_back"] | None = None


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
