"""Environments on the network."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from greenroom.wire.model import In, Moment, Out, VersionNumber, WarningOut

ModeName = Literal["private", "shared"]
Name = Annotated[str, Field(min_length=1, max_length=200)]


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
    revision: str = ""
    """Of its settings, for If-Match; what it serves has `seq`."""


class EnvironmentIn(In):
    """A new environment: empty, or a clone of any ref that names a version, by reference."""

    name: Name
    alias: Annotated[str | None, Field(max_length=200)] = None
    clone_from: Annotated[str | None, Field(min_length=1, max_length=200)] = None
    include_draft: bool = False
    editable: bool = True
    internal: bool = False
    promotes_from: Annotated[str | None, Field(max_length=80)] = None
    draft_mode: ModeName | None = None


class EnvironmentChangeIn(In):
    """What is to change; what is left out stays. An empty `promotes_from` ends the step before."""

    name: Name | None = None
    add_alias: Annotated[str | None, Field(min_length=1, max_length=200)] = None
    draft_mode: ModeName | None = None
    editable: bool | None = None
    internal: bool | None = None
    promotes_from: Annotated[str | None, Field(max_length=80)] = None


class CreatedOut(Out):
    """A new environment, and what came with it."""

    environment: EnvironmentOut
    copied_secrets: int
    copied_changes: int
    advice: str = ""


class DependantOut(Out):
    """Something that depends on an environment; `remedy` says what to do about it."""

    what: str
    name: str
    count: int
    movable: bool
    remedy: str


class DeletionOut(Out):
    """What a deletion does: what goes to `moved_to`, what is in the way, until when conversations go on."""

    environment: str
    moved_to: str | None
    moved: list[DependantOut]
    in_the_way: list[DependantOut]
    conversations_end_at: Moment | None
    warnings: list[WarningOut] = []
    seq: int
    dry_run: bool = False


class AliasUseOut(Out):
    """Who still calls a deprecated alias."""

    principal: str
    name: str = ""
    last_at: Moment


class AliasOut(Out):
    """An alias and where it leads; a deprecated one goes on answering, and says what to use instead."""

    alias: str
    environment: str
    primary: bool
    deprecated_at: Moment | None = None
    successor: str = ""
    uses: list[AliasUseOut] = []
