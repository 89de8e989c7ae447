"""Projects, imports and exports on the network."""

from __future__ import annotations

from typing import Literal

from greenroom.wire.model import DisplayName, In, Moment, Out, SeenSequence


class ProjectIn(In):
    """A new project."""

    name: DisplayName
    slug: str | None = None
    template: Literal["pipeline", "parallel", "simple", "legacy"] = "pipeline"


class ProjectChangeIn(In):
    """What may change of a project."""

    name: DisplayName


class ProjectOut(Out):
    """A project."""

    id: str
    slug: str
    name: str
    template: str
    default_environment: str
    created_at: Moment


class ImportRow(Out):
    """What became of one thing in an imported folder."""

    path: str
    item: str
    status: Literal["read", "kept", "not_supported"]
    count: int = 1
    address: str = ""
    reason: str = ""


class ImportOut(Out):
    """What an import did to the caller's draft."""

    environment: str
    revision: int
    digest: str
    added: int
    edited: int
    removed: int
    unchanged: int
    overwritten: list[str] = []
    """Entities that the draft had changed in another way."""
    dry_run: bool = False
    report: list[ImportRow] = []


class MigrationIn(In):
    """What the caller saw of the environment that becomes Main."""

    expected_seq: SeenSequence | None = None


class MigrationOut(Out):
    """A legacy project made parallel: `deprecated` names the old aliases with what to use instead."""

    project: str
    template: str
    main: str
    seq: int
    deprecated: dict[str, str]
