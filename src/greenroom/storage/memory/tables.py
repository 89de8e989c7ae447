"""The rows of a memory store: per workspace, copied by a write only where it touches them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from typing import Generic, TypeVar

from greenroom.domain.access import ApiKey, Member, Session
from greenroom.domain.accounts import Account
from greenroom.domain.canonical import Digest
from greenroom.domain.conversations import Conversation, Turn
from greenroom.domain.drafts import Draft, DraftChange
from greenroom.domain.entities import Address
from greenroom.domain.environments import Environment
from greenroom.domain.events import AuditRecord, Event
from greenroom.domain.ids import (
    ConversationId,
    DraftId,
    EnvironmentId,
    PrincipalId,
    ProjectId,
    WorkspaceId,
)
from greenroom.domain.projects import Project
from greenroom.domain.records import Record
from greenroom.domain.releases import Release
from greenroom.domain.versions import Snapshot, Version
from greenroom.ports import Referrer, Replayed

K = TypeVar("K")
V = TypeVar("V")


class Table(Generic[K, V]):
    """A dictionary whose forks share its rows until one of them writes."""

    __slots__ = ("_rows", "_shared")

    def __init__(self, rows: dict[K, V] | None = None, shared: bool = False) -> None:
        self._rows: dict[K, V] = {} if rows is None else rows
        self._shared = shared

    def fork(self) -> Table[K, V]:
        """Returns a table with the same rows; writes to it stay in it. This one must not be written again."""
        return Table(self._rows, shared=True)

    @property
    def written(self) -> bool:
        """Says whether it was written to since it was forked."""
        return not self._shared

    def find(self, key: K) -> V | None:
        return self._rows.get(key)

    def __contains__(self, key: K) -> bool:
        return key in self._rows

    def __len__(self) -> int:
        return len(self._rows)

    def rows(self) -> Iterator[V]:
        return iter(self._rows.values())

    def items(self) -> Iterator[tuple[K, V]]:
        return iter(self._rows.items())

    def put(self, key: K, row: V) -> None:
        self._own()[key] = row

    def drop(self, key: K) -> V | None:
        return self._own().pop(key, None)

    def drop_where(self, keys: list[K]) -> None:
        rows = self._own()
        for key in keys:
            del rows[key]

    def _own(self) -> dict[K, V]:
        if self._shared:
            self._rows, self._shared = dict(self._rows), False
        return self._rows


@dataclass(slots=True)
class Rows:
    """All that belongs to one workspace."""

    name: str = ""
    created_at: datetime | None = None
    delivered: int = 0
    told: bool = False
    """Whether a record was written since the fork that others must hear of at once."""
    projects: Table[ProjectId, Project] = field(default_factory=Table[ProjectId, Project])
    next_version: Table[ProjectId, int] = field(default_factory=Table[ProjectId, int])
    environments: Table[EnvironmentId, Environment] = field(default_factory=Table[EnvironmentId, Environment])
    aliases: Table[tuple[ProjectId, str], EnvironmentId] = field(
        default_factory=Table[tuple[ProjectId, str], EnvironmentId]
    )
    bodies: Table[Digest, bytes] = field(default_factory=Table[Digest, bytes])
    referrers: Table[tuple[ProjectId, Referrer], None] = field(default_factory=Table[tuple[ProjectId, Referrer], None])
    snapshots: Table[Digest, Snapshot] = field(default_factory=Table[Digest, Snapshot])
    versions: Table[tuple[ProjectId, int], Version] = field(default_factory=Table[tuple[ProjectId, int], Version])
    releases: Table[tuple[EnvironmentId, int], Release] = field(
        default_factory=Table[tuple[EnvironmentId, int], Release]
    )
    drafts: Table[DraftId, Draft] = field(default_factory=Table[DraftId, Draft])
    draft_changes: Table[tuple[DraftId, Address], DraftChange] = field(
        default_factory=Table[tuple[DraftId, Address], DraftChange]
    )
    conversations: Table[ConversationId, Conversation] = field(default_factory=Table[ConversationId, Conversation])
    turns: Table[tuple[ConversationId, int], Turn] = field(default_factory=Table[tuple[ConversationId, int], Turn])
    audit: Table[int, tuple[AuditRecord, Event]] = field(default_factory=Table[int, tuple[AuditRecord, Event]])
    keys: Table[PrincipalId, ApiKey] = field(default_factory=Table[PrincipalId, ApiKey])
    members: Table[PrincipalId, Member] = field(default_factory=Table[PrincipalId, Member])
    records: Table[tuple[ProjectId, str, str], Record] = field(
        default_factory=Table[tuple[ProjectId, str, str], Record]
    )
    sessions: Table[str, Session] = field(default_factory=Table[str, Session])
    accounts: Table[PrincipalId, Account] = field(default_factory=Table[PrincipalId, Account])
    tries: Table[str, datetime] = field(default_factory=Table[str, datetime])
    replays: Table[tuple[PrincipalId, str, str], tuple[Replayed, datetime]] = field(
        default_factory=Table[tuple[PrincipalId, str, str], tuple[Replayed, datetime]]
    )

    def fork(self) -> Rows:
        """Returns rows to write to, which cost nothing until they are."""
        return replace(self, told=False, **{name: getattr(self, name).fork() for name in _TABLES})

    @property
    def announced(self) -> bool:
        """Says whether anything but conversations and quiet records was written to since the fork."""
        return self.told or any(getattr(self, name).written for name in _TABLES if name not in _QUIET)


_QUIET = {"conversations", "turns", "records", "replays", "sessions", "accounts", "tries"}
_TABLES = tuple(f.name for f in fields(Rows) if f.name not in {"name", "created_at", "delivered", "told"})


@dataclass(slots=True)
class State:
    """Everything in a store."""

    workspaces: dict[WorkspaceId, Rows] = field(default_factory=dict[WorkspaceId, Rows])
