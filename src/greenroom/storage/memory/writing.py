"""Writing to one workspace of a memory store: to a fork of its rows."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from greenroom.domain.access import ApiKey, Member
from greenroom.domain.conversations import Conversation, Turn
from greenroom.domain.drafts import Draft, DraftChange
from greenroom.domain.entities import Address, EntityBody
from greenroom.domain.environments import Arm, Environment
from greenroom.domain.events import GENESIS, AuditRecord, Event, chain
from greenroom.domain.ids import ConversationId, DraftId, EnvironmentId, PrincipalId, ProjectId, WorkspaceId
from greenroom.domain.projects import Project
from greenroom.domain.releases import Release
from greenroom.domain.versions import Mark, Snapshot, Version
from greenroom.ports import Referrer, Replayed
from greenroom.storage.memory.accounts import AccountWriting
from greenroom.storage.memory.reading import MemoryReading
from greenroom.storage.memory.records import RecordWriting
from greenroom.storage.memory.tables import Rows, Table
from greenroom.storage.packing import plain
from greenroom.storage.refusals import check_texts, draft_exists, duplicate, idempotency_race, no_such


class MemoryWriting(MemoryReading, RecordWriting, AccountWriting):
    """`ports.Writing` over rows of its own; the store swaps them in when the work returns."""

    def __init__(self, workspace: WorkspaceId, rows: Rows | None, everybody: Iterable[Rows] = ()) -> None:
        super().__init__(rows or Rows())
        self._everybody = everybody
        self._workspace = workspace
        self._known = rows is not None

    def insert_project(self, project: Project, environments: Sequence[Environment]) -> bool:
        self._check_workspace()
        check_texts(project.name, *(environment.name for environment in environments))
        if any(p.slug == project.slug or p.id == project.id for p in self._rows.projects.rows()):
            return False
        self._rows.projects.put(project.id, project)
        self._rows.next_version.put(project.id, 1)
        for environment in environments:
            self._check_project(environment.project)
            if not self.insert_environment(environment):
                raise duplicate("environment")
        return True

    def hold_project(self, project: ProjectId) -> None:
        self._check_project(project)  # one lock serves all writers

    def insert_environment(self, environment: Environment) -> bool:
        self._check_project(environment.project)
        check_texts(environment.name)
        if self.find_environment(environment.project, environment.alias) is not None:
            return False
        _insert(self._rows.environments, environment.id, environment, "environment")
        return self.insert_alias(environment.project, environment.alias, environment.id)

    def update_environment(self, environment: Environment) -> None:
        check_texts(environment.name)
        self._check_environment(environment.id, environment.project)
        old = self._rows.environments.find(environment.id)
        assert old is not None, "it was checked"
        kept = replace(environment, salt=old.salt, seq=old.seq, arms=old.arms)
        self._rows.environments.put(environment.id, kept)

    def insert_alias(self, project: ProjectId, alias: str, environment: EnvironmentId) -> bool:
        self._check_environment(environment, project)
        if self._rows.aliases.find((project, alias)) is not None:
            return False
        self._rows.aliases.put((project, alias), environment)
        return True

    def delete_project(self, project: ProjectId) -> None:
        self._check_project(project)
        rows = self._rows
        environments = {e.id for e in rows.environments.rows() if e.project == project}
        drafts = {draft.id for draft in rows.drafts.rows() if draft.project == project}
        conversations = {c.id for c in rows.conversations.rows() if c.project == project}
        rows.turns.drop_where([key for key, _ in rows.turns.items() if key[0] in conversations])
        rows.conversations.drop_where(list(conversations))
        rows.draft_changes.drop_where([key for key, _ in rows.draft_changes.items() if key[0] in drafts])
        rows.drafts.drop_where(list(drafts))
        rows.releases.drop_where([key for key, _ in rows.releases.items() if key[0] in environments])
        rows.records.drop_where([key for key, _ in rows.records.items() if key[0] == project])
        rows.versions.drop_where([key for key, _ in rows.versions.items() if key[0] == project])
        rows.referrers.drop_where([key for key, _ in rows.referrers.items() if key[0] == project])
        rows.aliases.drop_where([key for key, _ in rows.aliases.items() if key[0] == project])
        rows.environments.drop_where(list(environments))
        rows.next_version.drop(project)
        rows.projects.drop(project)

    def update_project(self, project: Project) -> None:
        old = self._check_project(project.id)
        check_texts(project.name)
        if any(p.slug == project.slug and p.id != project.id for p in self._rows.projects.rows()):
            raise duplicate("project")
        changed = replace(project, created_at=old.created_at)
        self._rows.projects.put(project.id, changed)

    def take_version_number(self, project: ProjectId) -> int:
        number = self._rows.next_version.find(project)
        if number is None:
            raise no_such("project")
        self._rows.next_version.put(project, number + 1)
        return number

    def put_bodies(
        self,
        project: ProjectId,
        bodies: Mapping[Address, EntityBody],
        mentions: Mapping[Address, Collection[Address]],
    ) -> None:
        self._check_project(project)
        for body in bodies.values():
            self._rows.bodies.put(body.digest, body.data)
        for source, targets in mentions.items():
            for target in targets:
                self._rows.referrers.put((project, Referrer(source, bodies[source].digest, target)), None)

    def put_snapshot(self, snapshot: Snapshot) -> None:
        self._check_workspace()
        self._rows.snapshots.put(snapshot.digest, snapshot)

    def insert_version(self, project: ProjectId, version: Version) -> None:
        self._check_project(project)
        check_texts(version.note, version.details, *version.tags)
        _insert(self._rows.versions, (project, version.number), version, "version")

    def update_mark(self, project: ProjectId, number: int, mark: Mark) -> None:
        version = self._rows.versions.find((project, number))
        if version is None:
            raise no_such("version")
        self._rows.versions.put((project, number), replace(version, mark=mark))

    def swap_served(self, environment: EnvironmentId, expected_seq: int, arms: Sequence[Arm]) -> bool:
        found = self._rows.environments.find(environment)
        if found is None or found.seq != expected_seq or found.deleted_at is not None:
            return False
        self._rows.environments.put(environment, replace(found, seq=expected_seq + 1, arms=tuple(arms)))
        return True

    def insert_release(self, release: Release) -> None:
        self._check_environment(release.environment)
        check_texts(release.reason)
        if any(r.id == release.id for r in self._rows.releases.rows()):
            raise duplicate("release")
        _insert(self._rows.releases, (release.environment, release.seq), release, "release")

    def insert_draft(self, draft: Draft) -> None:
        self._check_environment(draft.environment, draft.project)
        if draft.closed_at is None and self.find_draft(draft.environment, draft.owner):
            raise draft_exists()
        _insert(self._rows.drafts, draft.id, draft, "draft")

    def update_draft(self, draft: Draft, expected_revision: int) -> bool:
        found = self._rows.drafts.find(draft.id)
        if found is None or found.revision != expected_revision:
            return False
        open_twin = self.find_draft(found.environment, found.owner)
        if draft.closed_at is None and open_twin and open_twin.id != draft.id:
            raise draft_exists()
        kept = replace(
            draft,
            project=found.project,
            environment=found.environment,
            owner=found.owner,
            started_at=found.started_at,
        )
        self._rows.drafts.put(draft.id, kept)
        return True

    def put_draft_changes(self, draft: DraftId, changes: Collection[DraftChange]) -> None:
        if changes and draft not in self._rows.drafts:
            raise no_such("draft")
        for change in changes:
            self._rows.draft_changes.put((draft, change.address), change)

    def drop_draft_changes(self, draft: DraftId, addresses: Collection[Address]) -> None:
        for address in addresses:
            self._rows.draft_changes.drop((draft, address))

    def insert_conversation(self, conversation: Conversation) -> None:
        self._check_environment(conversation.environment, conversation.project)
        check_texts(conversation.sticky_key, conversation.ref, conversation.ended_by)
        kept = replace(conversation, state=plain(conversation.state))
        _insert(self._rows.conversations, conversation.id, kept, "conversation")

    def update_conversation(self, conversation: Conversation, expected_turns: int) -> bool:
        check_texts(conversation.ended_by)
        found = self._rows.conversations.find(conversation.id)
        if found is None or found.turns != expected_turns or found.ended_at is not None:
            return False
        kept = replace(
            found,
            last_at=conversation.last_at,
            turns=conversation.turns,
            ended_at=conversation.ended_at,
            ended_by=conversation.ended_by,
            state=plain(conversation.state),
            outcome=conversation.outcome,
            topics=conversation.topics,
        )
        self._rows.conversations.put(conversation.id, kept)
        return True

    def set_tags(self, conversation: ConversationId, expected: Sequence[str], tags: Sequence[str]) -> bool:
        check_texts(*tags)
        found = self._rows.conversations.find(conversation)
        if found is None or found.tags != tuple(expected):
            return False
        self._rows.conversations.put(conversation, replace(found, tags=tuple(tags)))
        return True

    def swap_state(self, conversation: ConversationId, expected: Mapping[str, Any], state: Mapping[str, Any]) -> bool:
        found = self._rows.conversations.find(conversation)
        if found is None or found.state != plain(expected):
            return False
        self._rows.conversations.put(conversation, replace(found, state=plain(state)))
        return True

    def erase_conversation(self, conversation: ConversationId, at: datetime) -> bool:
        found = self._rows.conversations.find(conversation)
        if found is None or found.ended_at is None:
            return False
        self._rows.conversations.put(conversation, replace(found, state={}, sticky_key="", erased_at=at))
        return True

    def insert_turn(self, turn: Turn) -> None:
        if turn.conversation not in self._rows.conversations:
            raise no_such("conversation")
        heard, said, events, trace = plain([turn.heard, turn.said, turn.events, turn.trace])
        kept = replace(turn, heard=heard, said=said, events=tuple(events), trace=trace)
        _insert(self._rows.turns, (turn.conversation, turn.index), kept, "turn")

    def replace_turn(self, turn: Turn) -> bool:
        found = self._rows.turns.find((turn.conversation, turn.index))
        if found is None:
            return False
        heard, said, events, trace = plain([turn.heard, turn.said, turn.events, turn.trace])
        kept = replace(found, heard=heard, said=said, events=tuple(events), trace=trace)
        self._rows.turns.put((turn.conversation, turn.index), kept)
        return True

    def append(self, event: Event) -> AuditRecord:
        self._check_workspace()
        check_texts(event.action, event.actor, event.project)
        seq = len(self._rows.audit) + 1
        before = self._rows.audit.find(seq - 1)
        record = chain(seq, before[0].digest if before else GENESIS, event)
        self._rows.audit.put(seq, (record, event))
        return record

    def record_replay(self, principal: PrincipalId, operation: str, key: str, answer: Replayed, at: datetime) -> None:
        self._check_workspace()
        check_texts(operation, key)
        if (principal, operation, key) in self._rows.replays:
            raise idempotency_race()
        self._rows.replays.put((principal, operation, key), (answer, at))

    def insert_key(self, key: ApiKey) -> None:
        self._check_workspace(key.workspace)
        check_texts(key.name)
        if any(other.key_hash == key.key_hash for other in self._rows.keys.rows()):
            raise duplicate("API key")
        _insert(self._rows.keys, key.id, key, "API key")

    def update_key(self, key: ApiKey) -> None:
        check_texts(key.name)
        found = self._rows.keys.find(key.id)
        if found is None:
            raise no_such("API key")
        self._rows.keys.put(key.id, replace(found, name=key.name, role=key.role, revoked_at=key.revoked_at))

    def insert_member(self, member: Member) -> None:
        self._check_workspace(member.workspace)
        check_texts(member.name)
        _insert(self._rows.members, member.id, member, "member")

    def _check_workspace(self, named: WorkspaceId | None = None) -> None:
        if not self._known or named not in {None, self._workspace}:
            raise no_such("workspace")

    def _check_project(self, project: ProjectId) -> Project:
        found = self._rows.projects.find(project)
        if found is None:
            raise no_such("project")
        return found

    def _check_environment(self, environment: EnvironmentId, project: ProjectId | None = None) -> None:
        found = self._rows.environments.find(environment)
        if found is None or (project is not None and found.project != project):
            raise no_such("environment")


def _insert(table: Table, key: object, row: object, noun: str) -> None:
    if key in table:
        raise duplicate(noun)
    table.put(key, row)
