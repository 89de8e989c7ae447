"""Where everything is kept.

A store has two doors for a workspace: `read` and `write`. Work is a plain function of a transaction; it
runs whole or not at all, must not wait for anything else, and may run again after a lost race of the
database's own (serialisation), so it must have no effect but on the transaction. Every method below is
scoped to the workspace that the door was opened for: ids of other workspaces are simply not found.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol, TypeVar

from greenroom.domain.access import ApiKey, Member, Principal, Session
from greenroom.domain.canonical import Digest
from greenroom.domain.conversations import Conversation, Turn
from greenroom.domain.drafts import Draft, DraftChange
from greenroom.domain.entities import Address, EntityBody
from greenroom.domain.environments import Arm, Environment
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
from greenroom.domain.versions import Mark, Snapshot, Version
from greenroom.ports.accounts import AccountReading, AccountSystem, AccountWriting
from greenroom.ports.asked import ConversationFilter, Referrer, Replayed, RunningGroup
from greenroom.ports.measuring import Measuring

T = TypeVar("T")


class Clock(Protocol):
    """Time and ids. `now` is aware UTC; `monotonic_ms` only measures spans."""

    def now(self) -> datetime: ...
    def monotonic_ms(self) -> float: ...
    def new_id(self, noun: str) -> str: ...
    def new_token(self) -> str: ...


class Reading(Measuring, AccountReading, Protocol):
    """A consistent view of one workspace. Lists are newest first unless said otherwise, at most `limit` long.

    `before` is exclusive. Nothing here raises for what is absent: `find_*` returns None.
    """

    def find_project(self, slug_or_id: str) -> Project | None: ...
    def list_projects(self, after_slug: str, limit: int) -> Sequence[Project]:
        """Returns projects by slug, rising."""
        ...

    def list_environments(self, project: ProjectId, *, ever: bool = False) -> Sequence[Environment]:
        """Returns all environments by position; deleted ones with `ever` only."""
        ...

    def find_environment(self, project: ProjectId, alias_or_id: str) -> Environment | None:
        """Returns an environment, a deleted one too: look at `deleted_at`."""
        ...

    def list_aliases(self, project: ProjectId) -> Mapping[str, EnvironmentId]:
        """Returns every alias there ever was, those of deleted environments included."""
        ...

    def load_bodies(self, digests: Collection[Digest]) -> Mapping[Digest, bytes]:
        """Returns the bodies that exist; costs one query for each 500."""
        ...

    def find_snapshot(self, digest: Digest) -> Snapshot | None: ...
    def load_marks(self, snapshots: Collection[Digest]) -> Mapping[Digest, bytes]:
        """Returns the marks of snapshots (see domain.versions.mark_at); cheap, for looking through many."""
        ...

    def list_referrers(self, project: ProjectId, targets: Collection[Address]) -> Sequence[Referrer]: ...

    def find_version(self, project: ProjectId, number: int) -> Version | None: ...
    def list_versions(
        self,
        project: ProjectId,
        before: int | None,
        limit: int,
        *,
        tag: str | None = None,
        author: str | None = None,
        environment: EnvironmentId | None = None,
    ) -> Sequence[Version]:
        """Returns versions by number, falling; `environment` keeps those it served as full arm."""
        ...

    def load_parents(self, project: ProjectId) -> Mapping[int, tuple[int, ...]]:
        """Returns every version's parents."""
        ...

    def find_release(self, environment: EnvironmentId, seq: int) -> Release | None: ...
    def list_releases(self, environment: EnvironmentId, before: int | None, limit: int) -> Sequence[Release]: ...
    def list_releases_after(self, environment: EnvironmentId, seq: int) -> Sequence[Release]:
        """Returns the releases with a higher seq, rising."""
        ...

    def was_full_arm(self, environment: EnvironmentId, version: int) -> bool: ...

    def find_draft(self, environment: EnvironmentId, owner: PrincipalId) -> Draft | None:
        """Returns the owner's open draft."""
        ...

    def find_draft_by_id(self, draft: DraftId) -> Draft | None: ...
    def list_open_drafts(self, environment: EnvironmentId) -> Sequence[Draft]: ...
    def list_closed_drafts(
        self,
        environment: EnvironmentId,
        owner: PrincipalId | None,
        limit: int,
        *,
        before: DraftId | None = None,
        since: datetime | None = None,
        closed_by: Collection[str] | None = None,
    ) -> Sequence[Draft]:
        """Returns an owner's closed drafts (None: everybody's), last closed first; `before` is the last one seen.

        `since` keeps those closed then or later, `closed_by` those closed in one of these ways.
        """
        ...

    def find_last_revision(self, environment: EnvironmentId, owner: PrincipalId) -> int:
        """Returns the highest revision that any draft of the owner has or had there, 0 where there was none."""
        ...

    def load_draft_changes(self, draft: DraftId) -> Mapping[Address, DraftChange]: ...

    def find_conversation(self, conversation: ConversationId) -> Conversation | None: ...
    def list_conversations(
        self, project: ProjectId, where: ConversationFilter, before: str | None, limit: int
    ) -> Sequence[Conversation]:
        """Returns conversations, latest start first; `before` is a conversation id.

        A `text` that nobody said costs a look at every turn that the other filters leave: 3 to 5 ms each thousand.
        """
        ...

    def list_turns(self, conversation: ConversationId, after: int, limit: int) -> Sequence[Turn]:
        """Returns turns with an index above `after`, rising."""
        ...

    def count_running(self, environment: EnvironmentId, active_since: Mapping[str, datetime]) -> Sequence[RunningGroup]:
        """Counts unended, unpinned conversations by start; `active_since` gives the oldest last turn by channel."""
        ...

    def list_events(
        self, project: ProjectId | None, before: int | None, limit: int, *, action: str | None = None
    ) -> Sequence[AuditRecord]: ...
    def list_audit(self, after: int, limit: int) -> Sequence[AuditRecord]:
        """Returns the chain, rising."""
        ...

    def list_keys(self) -> Sequence[ApiKey]: ...
    def list_members(self) -> Sequence[Member]: ...
    def find_replayed(self, principal: PrincipalId, operation: str, key: str) -> Replayed | None: ...

    def find_record(self, project: ProjectId, noun: str, key: str) -> Record | None: ...
    def list_records(
        self,
        project: ProjectId,
        noun: str,
        *,
        owner: str | None = None,
        after: str | None = None,
        limit: int,
        newest_first: bool = False,
        containing: Sequence[str] = (),
    ) -> Sequence[Record]:
        """Returns records by key, rising or (`newest_first`) falling; `after` is the last key seen.

        `containing` keeps those whose body, as canonical JSON, holds all these texts; it may ignore case.
        """
        ...

    def find_records_anywhere(self, noun: str, key: str) -> Sequence[Record]:
        """Returns the records with a key in all projects of the workspace, by project: for what is unique there."""
        ...

    def count_records(self, project: ProjectId, noun: str, owner: str | None = None) -> int: ...


class Writing(Reading, AccountWriting, Protocol):
    """A transaction on one workspace: commits whole when the work returns, leaves nothing when it raises."""

    def insert_project(self, project: Project, environments: Sequence[Environment]) -> bool:
        """Returns False, writing nothing, when the slug is taken."""
        ...

    def delete_project(self, project: ProjectId) -> None:
        """Removes a project and all that belongs to it; audit and shared bodies stay."""
        ...

    def update_project(self, project: Project) -> None: ...

    def hold_project(self, project: ProjectId) -> None:
        """Keeps other transactions from changing the project's own rows and its environments until this one ends.

        What is read after it is what stands when this one commits. Waits for one that holds them already.
        """
        ...

    def insert_environment(self, environment: Environment) -> bool:
        """Keeps a new environment and its alias. Returns False, writing nothing, when the alias is taken."""
        ...

    def update_environment(self, environment: Environment) -> None:
        """Replaces all but what it serves: `seq`, `arms` and `salt` stay, whatever is given."""
        ...

    def insert_alias(self, project: ProjectId, alias: str, environment: EnvironmentId) -> bool:
        """Gives an environment one more alias, for ever. Returns False when it is taken."""
        ...

    def take_version_number(self, project: ProjectId) -> int:
        """Returns the next version number; gaps appear only when the transaction fails."""
        ...

    def put_bodies(
        self, project: ProjectId, bodies: Mapping[Address, EntityBody], mentions: Mapping[Address, Collection[Address]]
    ) -> None:
        """Keeps bodies that are new, and who mentions whom."""
        ...

    def put_snapshot(self, snapshot: Snapshot) -> None:
        """Keeps the snapshot and those of its shards that are new; cost follows what is new."""
        ...

    def insert_version(self, project: ProjectId, version: Version) -> None: ...
    def update_mark(self, project: ProjectId, number: int, mark: Mark) -> None: ...

    def swap_served(self, environment: EnvironmentId, expected_seq: int, arms: Sequence[Arm]) -> bool:
        """Sets what is served and raises `seq` by one, if `seq` is still the expected one.

        Else, and for an environment that was deleted, returns False and changes nothing.
        """
        ...

    def insert_release(self, release: Release) -> None: ...

    def insert_draft(self, draft: Draft) -> None:
        """Raises Conflict `draft_exists` when the owner has an open draft there."""
        ...

    def update_draft(self, draft: Draft, expected_revision: int) -> bool:
        """Replaces the draft's row if its revision is still the expected one. Else False."""
        ...

    def put_draft_changes(self, draft: DraftId, changes: Collection[DraftChange]) -> None: ...
    def drop_draft_changes(self, draft: DraftId, addresses: Collection[Address]) -> None:
        """Takes entities out of the draft: they are again as in its base."""
        ...

    def insert_conversation(self, conversation: Conversation) -> None: ...
    def update_conversation(self, conversation: Conversation, expected_turns: int) -> bool:
        """Replaces the row if it still has that many turns and has not ended. Else False."""
        ...

    def set_tags(self, conversation: ConversationId, expected: Sequence[str], tags: Sequence[str]) -> bool:
        """Replaces the tags, if they are still the expected ones. Else False."""
        ...

    def swap_state(self, conversation: ConversationId, expected: Mapping[str, Any], state: Mapping[str, Any]) -> bool:
        """Replaces the state, of one that has ended too, if it is still the expected one. Else False."""
        ...

    def erase_conversation(self, conversation: ConversationId, at: datetime) -> bool:
        """Empties the state and the sticky key of one that has ended, and says when. Else False."""
        ...

    def insert_turn(self, turn: Turn) -> None: ...
    def replace_turn(self, turn: Turn) -> bool:
        """Replaces what was heard, said, done and traced. Only erasure does so."""
        ...

    def append(self, event: Event) -> AuditRecord:
        """Chains the event into the workspace's audit and puts it in the outbox at the same place.

        Holds the workspace's chain until the commit, so call it last: positions are then in commit order.
        """
        ...

    def record_replay(self, principal: PrincipalId, operation: str, key: str, answer: Replayed, at: datetime) -> None:
        """Raises Conflict `idempotency_race` when a twin committed first."""
        ...

    def insert_key(self, key: ApiKey) -> None: ...
    def update_key(self, key: ApiKey) -> None: ...
    def insert_member(self, member: Member) -> None: ...

    def put_record(self, record: Record, expected_revision: int | None = None) -> bool:
        """Keeps the record. With 0 only if it is new, with n only if the kept one has revision n; else False."""
        ...

    def delete_record(self, project: ProjectId, noun: str, key: str) -> bool:
        """Returns whether there was one."""
        ...

    def delete_records(self, project: ProjectId, noun: str, owner: str) -> int:
        """Removes all records of an owner; returns how many."""
        ...


class System(AccountSystem, Protocol):
    """The few things that belong to no workspace yet. Used by sign-in, bootstrap and delivery only."""

    def insert_workspace(self, workspace: WorkspaceId, name: str, at: datetime) -> None: ...
    def list_workspaces(self) -> Sequence[WorkspaceId]: ...
    def find_principal_by_key(self, key_hash: str) -> Principal | None:
        """Returns the owner of a key that is not revoked."""
        ...

    def list_key_principals(self) -> Mapping[str, Principal]:
        """Returns every unrevoked key's hash and principal."""
        ...

    def insert_session(self, session: Session) -> None: ...
    def take_link(self, token_hash: str, now: datetime) -> Session | None:
        """Uses up a one-time link and returns it, None when unknown, used or expired."""
        ...

    def find_session(self, token_hash: str, now: datetime) -> tuple[Session, Principal] | None: ...
    def delete_session(self, token_hash: str) -> None: ...
    def forget_expired(self, now: datetime, answers_before: datetime) -> int:
        """Removes sessions and tries that are over and stored answers older than `answers_before`; returns how many."""
        ...

    def list_undelivered(self, limit: int) -> Sequence[tuple[WorkspaceId, AuditRecord]]:
        """Returns outbox entries in commit order within each workspace."""
        ...

    def mark_delivered(self, workspace: WorkspaceId, up_to: int) -> None: ...


class Store(Protocol):
    """Where everything is kept. Promises atomic, durable writes and reads that see one moment."""

    async def read(self, workspace: WorkspaceId, work: Callable[[Reading], T]) -> T: ...
    async def write(self, workspace: WorkspaceId, work: Callable[[Writing], T]) -> T: ...
    async def system(self, work: Callable[[System], T]) -> T: ...
    async def wait_for_change(self, timeout_seconds: float) -> bool:
        """Returns True soon after another process (or this one) committed, False after the time-out.

        May return True without a change; never misses one for longer than a second. What changes with every
        turn or request (conversations, turns, replays, sessions, deliveries) is not told at once; of records, only the
        nouns in `domain.records.ANNOUNCED` are.
        """
        ...

    async def check(self) -> None:
        """Raises Unavailable when the store cannot be used or its schema is not the newest."""
        ...

    async def close(self) -> None: ...
