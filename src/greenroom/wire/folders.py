"""What the commands on folders answer, as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from greenroom.domain.errors import Fault
from greenroom.wire.model import Out
from greenroom.wire.problems import FaultOut


class FolderOut(Out):
    """A folder and where it comes from."""

    path: str
    project: str
    environment: str
    ref: str


class PulledEntityOut(Out):
    """What a pull did to one entity. `places` are the `path:line` of conflicts, `kept` copies of replaced files."""

    address: str
    mode: Literal["added", "updated", "removed", "merged", "conflict", "left"]
    places: list[str] = []
    kept: list[str] = []


class PullOut(Out):
    """A pull: what it did to the folder, and the files that it could not read."""

    folder: FolderOut
    dry_run: bool = False
    entities: list[PulledEntityOut]
    conflicts: list[FaultOut] = []
    unreadable: list[FaultOut] = []


class PushedEntityOut(Out):
    """One entity that was sent; `revision` is null for a removed one, and in a dry run."""

    address: str
    op: Literal["added", "removed", "edited"]
    revision: str | None = None
    warnings: list[str] = []


class PushOut(Out):
    """A push: what was sent to the draft. `present` are changes that it had already."""

    folder: FolderOut
    draft: str
    dry_run: bool = False
    pushed: list[PushedEntityOut]
    present: list[str] = []
    elsewhere: list[str] = []
    """Entities that differ in the draft from what was pulled, without a change here: a pull brings them."""
    warnings: list[FaultOut] = []


class LocalChangeOut(Out):
    """One entity that is not as it was pulled; `in_draft`: the draft has it already."""

    address: str
    op: Literal["added", "removed", "edited"]
    in_draft: bool = False


class FolderStatusOut(Out):
    """A folder against what was pulled. `moved`: the server has another state now; null when it was not asked."""

    folder: FolderOut
    changes: list[LocalChangeOut]
    conflicts: list[FaultOut]
    unreadable: list[FaultOut]
    moved: bool | None


class ValidationOut(Out):
    """What is wrong with a folder, each at its `path:line`."""

    entities: int
    errors: list[FaultOut]
    warnings: list[FaultOut]
    not_checked: str


def fault_outs(faults: Sequence[Fault]) -> list[FaultOut]:
    """Returns faults as they are printed in JSON."""
    return [FaultOut(pointer=f.pointer, message=f.message, code=f.code, hint=f.hint) for f in faults]
