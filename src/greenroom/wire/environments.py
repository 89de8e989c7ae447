"""Environments on the network."""

from __future__ import annotations

from greenroom.wire.model import Moment, Out, VersionNumber


class ArmOut(Out):
    """A version served, with the slots it owns (first and last, of 10,000)."""

    version: VersionNumber
    slots: list[tuple[int, int]]


class ServedOut(Out):
    """What an environment serves, since when and by whom."""

    version: VersionNumber
    digest: str
    since: Moment
    by: str
    by_name: str = ""
    operation: str


class RunningOut(Out):
    """Running conversations by the version that would answer their next turn."""

    version: VersionNumber
    conversations: int


class EnvironmentOut(Out):
    """An environment: what it is, what it serves, what a rollback would bring back."""

    id: str
    alias: str
    name: str
    position: int
    editable: bool
    internal: bool
    public: bool
    default_entry: bool
    promotes_from: str | None
    draft_mode: str
    seq: int
    salt: str
    serves: ServedOut | None
    arms: list[ArmOut]
    rollback_to: VersionNumber | None
    running: list[RunningOut]
    draft_changes: int = 0
