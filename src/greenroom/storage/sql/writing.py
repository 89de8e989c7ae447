"""Writing to one workspace, on either database."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, delete, select, update

from greenroom.domain.access import ApiKey, Member
from greenroom.domain.canonical import Digest
from greenroom.domain.conversations import Conversation, Turn
from greenroom.domain.drafts import Draft, DraftChange
from greenroom.domain.entities import Address, EntityBody
from greenroom.domain.environments import Arm, Environment
from greenroom.domain.events import AuditRecord, Event, chain
from greenroom.domain.ids import ConversationId, DraftId, EnvironmentId, PrincipalId, ProjectId, WorkspaceId
from greenroom.domain.projects import Project
from greenroom.domain.releases import Release
from greenroom.domain.versions import Mark, Snapshot, Version
from greenroom.ports import Replayed
from greenroom.storage.packing import pack
from greenroom.storage.refusals import check_texts, draft_exists, duplicate, idempotency_race, no_such
from greenroom.storage.sql import rows as r
from greenroom.storage.sql import snapshots
from greenroom.storage.sql import tables as t
from greenroom.storage.sql.accounts import AccountWriting
from greenroom.storage.sql.reading import SqlReading
from greenroom.storage.sql.records import RecordWriting
from greenroom.storage.sql.work import WORKSPACE

_ID = bindparam("w_id")
_PROJECT = bindparam("w_project")

p, e, v, d, c = t.projects.c, t.environments.c, t.versions.c, t.drafts.c, t.conversations.c
head = t.workspace_chains.c

_THE_PROJECT = update(t.projects).where(p.workspace == WORKSPACE, p.id == _PROJECT)
_PROJECT_EXISTS = select(p.id).where(p.workspace == WORKSPACE, p.id == _PROJECT)
_TAKE_NUMBER = _THE_PROJECT.values(next_version=p.next_version + 1).returning(p.next_version)
_SWAP_SERVED = (
    update(t.environments)
    .where(e.workspace == WORKSPACE, e.id == _ID, e.seq == bindparam("w_seq"), e.deleted_at.is_(None))
    .values(seq=e.seq + 1, arms=bindparam("new_arms"))
)
# Rows that refer to these may come meanwhile. SQLite has one writer, and reads nothing into FOR UPDATE.
_HOLD_PROJECT = _PROJECT_EXISTS.with_for_update(key_share=True)
_HOLD_ENVIRONMENTS = (
    select(e.id).where(e.workspace == WORKSPACE, e.project == _PROJECT).order_by(e.id).with_for_update(key_share=True)
)
_UPDATE_ENVIRONMENT = update(t.environments).where(e.workspace == WORKSPACE, e.id == _ID)
_UPDATE_MARK = update(t.versions).where(
    v.workspace == WORKSPACE, v.project == _PROJECT, v.number == bindparam("w_number")
)
_UPDATE_DRAFT = update(t.drafts).where(d.workspace == WORKSPACE, d.id == _ID, d.revision == bindparam("w_revision"))
_UPDATE_CONVERSATION = update(t.conversations).where(
    c.workspace == WORKSPACE, c.id == _ID, c.turns == bindparam("w_turns"), c.ended_at.is_(None)
)
_SET_TAGS = update(t.conversations).where(c.workspace == WORKSPACE, c.id == _ID, c.tags == bindparam("w_tags"))
_SWAP_STATE = update(t.conversations).where(c.workspace == WORKSPACE, c.id == _ID, c.state == bindparam("w_state"))
_ERASE_CONVERSATION = update(t.conversations).where(c.workspace == WORKSPACE, c.id == _ID, c.ended_at.is_not(None))
_REPLACE_TURN = update(t.turns).where(
    t.turns.c.workspace == WORKSPACE,
    t.turns.c.conversation == _ID,
    t.turns.c.position == bindparam("w_position"),
)
_DROP_CHANGES = delete(t.draft_changes).where(
    t.draft_changes.c.workspace == WORKSPACE,
    t.draft_changes.c.draft == _ID,
    t.draft_changes.c.address.in_(bindparam("w_addresses", expanding=True)),
)
_UPDATE_KEY = update(t.api_keys).where(t.api_keys.c.workspace == WORKSPACE, t.api_keys.c.id == _ID)
# The first takes the head's lock before anything is read, and the second writes under it.
_TAKE_HEAD = (
    update(t.workspace_chains)
    .where(head.workspace == WORKSPACE)
    .values(seq=head.seq + 1)
    .returning(head.seq, head.digest)
)
_SET_HEAD = update(t.workspace_chains).where(head.workspace == WORKSPACE)

_OF_PROJECT = {
    t.records: t.records.c.project == _PROJECT,
    t.turns: t.turns.c.conversation.in_(select(c.id).where(c.workspace == WORKSPACE, c.project == _PROJECT)),
    t.conversations: c.project == _PROJECT,
    t.draft_changes: t.draft_changes.c.draft.in_(select(d.id).where(d.workspace == WORKSPACE, d.project == _PROJECT)),
    t.drafts: d.project == _PROJECT,
    t.releases: t.releases.c.environment.in_(select(e.id).where(e.workspace == WORKSPACE, e.project == _PROJECT)),
    t.version_tags: t.version_tags.c.project == _PROJECT,
    t.versions: v.project == _PROJECT,
    t.body_mentions: t.body_mentions.c.project == _PROJECT,
    t.environment_aliases: t.environment_aliases.c.project == _PROJECT,
    t.environments: e.project == _PROJECT,
    t.projects: p.id == _PROJECT,
}
"""What goes with a project, children before their parents."""
_DELETE_PROJECT = [delete(table).where(table.c.workspace == WORKSPACE, mine) for table, mine in _OF_PROJECT.items()]


class SqlWriting(SqlReading, RecordWriting, AccountWriting):
    """`ports.Writing` over one transaction."""

    def insert_project(self, project: Project, environments: Sequence[Environment]) -> bool:
        check_texts(project.name, *(environment.name for environment in environments))
        self._announce()
        if not self._work.insert(t.projects, r.project_to_row(project), how="if new"):
            return False
        for environment in environments:
            self._insert_environment(environment)
            self._work.insert(t.environment_aliases, r.alias_to_row(project.id, environment.alias, environment.id))
        return True

    def hold_project(self, project: ProjectId) -> None:
        if self._work.first(_HOLD_PROJECT, w_project=project) is None:
            raise no_such("project")
        self._work.all(_HOLD_ENVIRONMENTS, w_project=project)

    def insert_environment(self, environment: Environment) -> bool:
        check_texts(environment.name)
        self._announce()
        if self.find_environment(environment.project, environment.alias) is not None:
            return False
        self._insert_environment(environment)
        return self.insert_alias(environment.project, environment.alias, environment.id)

    def update_environment(self, environment: Environment) -> None:
        check_texts(environment.name)
        self._announce()
        row = r.environment_to_row(environment)
        for fixed in ("id", "project", "salt", "seq", "arms"):
            del row[fixed]
        self._changed_one("environment", _UPDATE_ENVIRONMENT, w_id=environment.id, **row)

    def insert_alias(self, project: ProjectId, alias: str, environment: EnvironmentId) -> bool:
        self._announce()
        return self._work.insert(t.environment_aliases, r.alias_to_row(project, alias, environment), how="if new")

    def _insert_environment(self, environment: Environment) -> None:
        self._work.insert(t.environments, r.environment_to_row(environment))

    def delete_project(self, project: ProjectId) -> None:
        self._announce()
        self._changed_one("project", _THE_PROJECT, w_project=project, deleting=1)
        self._work.remembered.forget_parents(project)
        for statement in _DELETE_PROJECT:
            self._work.change(statement, w_project=project)

    def update_project(self, project: Project) -> None:
        check_texts(project.name)
        self._announce()
        self._changed_one(
            "project",
            _THE_PROJECT,
            w_project=project.id,
            slug=project.slug,
            name=project.name,
            template=project.template,
            default_environment=project.default_environment,
        )

    def take_version_number(self, project: ProjectId) -> int:
        row = self._work.first(_TAKE_NUMBER, w_project=project)
        if row is None:
            raise no_such("project")
        return row["next_version"] - 1

    def put_bodies(
        self,
        project: ProjectId,
        bodies: Mapping[Address, EntityBody],
        mentions: Mapping[Address, Collection[Address]],
    ) -> None:
        self._check_project(project)
        new = {body.digest: body.data for body in bodies.values()}
        found = [{"digest": digest, "data": data} for digest, data in new.items()]
        self._work.insert_all(t.entity_bodies, found, how="if new")
        pairs = [
            {"project": project, "target": str(to), "source": str(source), "digest": bodies[source].digest}
            for source, targets in mentions.items()
            for to in targets
        ]
        self._work.insert_all(t.body_mentions, pairs, how="if new")

    def put_snapshot(self, snapshot: Snapshot) -> None:
        snapshots.put_snapshot(self._work, snapshot)

    def insert_version(self, project: ProjectId, version: Version) -> None:
        check_texts(version.note, version.details, *version.tags)
        self._announce()
        self._work.insert(t.versions, r.version_to_row(project, version))
        tags = [{"project": project, "tag": tag, "number": version.number} for tag in dict.fromkeys(version.tags)]
        self._work.insert_all(t.version_tags, tags)

    def update_mark(self, project: ProjectId, number: int, mark: Mark) -> None:
        self._announce()
        self._changed_one("version", _UPDATE_MARK, w_project=project, w_number=number, mark=mark)

    def swap_served(self, environment: EnvironmentId, expected_seq: int, arms: Sequence[Arm]) -> bool:
        self._announce()
        packed = r.arms_to_bytes(arms)
        return self._work.change(_SWAP_SERVED, w_id=environment, w_seq=expected_seq, new_arms=packed) == 1

    def insert_release(self, release: Release) -> None:
        check_texts(release.reason)
        self._announce()
        self._work.insert(t.releases, r.release_to_row(release))

    def insert_draft(self, draft: Draft) -> None:
        self._announce()
        if self._work.insert(t.drafts, r.draft_to_row(draft), how="if new"):
            return
        raise duplicate("draft") if self.find_draft_by_id(draft.id) else draft_exists()

    def update_draft(self, draft: Draft, expected_revision: int) -> bool:
        self._announce()
        row = r.draft_to_row(draft)
        for fixed in ("id", "project", "environment", "owner", "started_at"):
            del row[fixed]
        return self._work.change(_UPDATE_DRAFT, w_id=draft.id, w_revision=expected_revision, **row) == 1

    def put_draft_changes(self, draft: DraftId, changes: Collection[DraftChange]) -> None:
        self._announce()
        rows = [r.draft_change_to_row(draft, change) for change in changes]
        self._work.insert_all(t.draft_changes, rows, how="replace")

    def drop_draft_changes(self, draft: DraftId, addresses: Collection[Address]) -> None:
        self._announce()
        self._work.change_each(_DROP_CHANGES, "w_addresses", map(str, addresses), w_id=draft)

    def insert_conversation(self, conversation: Conversation) -> None:
        check_texts(conversation.sticky_key, conversation.ref, conversation.ended_by)
        self._work.insert(t.conversations, r.conversation_to_row(conversation))

    def update_conversation(self, conversation: Conversation, expected_turns: int) -> bool:
        check_texts(conversation.ended_by)
        changed = self._work.change(
            _UPDATE_CONVERSATION,
            w_id=conversation.id,
            w_turns=expected_turns,
            last_at=r.to_us(conversation.last_at),
            turns=conversation.turns,
            ended_at=r.to_us_or_none(conversation.ended_at),
            ended_by=conversation.ended_by,
            state=pack(conversation.state),
            outcome=conversation.outcome,
            topics=r.join_words(conversation.topics),
        )
        return changed == 1

    def set_tags(self, conversation: ConversationId, expected: Sequence[str], tags: Sequence[str]) -> bool:
        check_texts(*tags)
        before, after = r.join_words(expected), r.join_words(tags)
        return self._work.change(_SET_TAGS, w_id=conversation, w_tags=before, tags=after) == 1

    def swap_state(self, conversation: ConversationId, expected: Mapping[str, Any], state: Mapping[str, Any]) -> bool:
        return self._work.change(_SWAP_STATE, w_id=conversation, w_state=pack(expected), state=pack(state)) == 1

    def erase_conversation(self, conversation: ConversationId, at: datetime) -> bool:
        nothing = {"state": pack({}), "sticky_key": ""}
        return self._work.change(_ERASE_CONVERSATION, w_id=conversation, erased_at=r.to_us(at), **nothing) == 1

    def insert_turn(self, turn: Turn) -> None:
        self._work.insert(t.turns, r.turn_to_row(turn))

    def replace_turn(self, turn: Turn) -> bool:
        row = r.turn_to_row(turn)
        news = {"content": row["content"], "search": row["search"]}
        return self._work.change(_REPLACE_TURN, w_id=turn.conversation, w_position=turn.index, **news) == 1

    def append(self, event: Event) -> AuditRecord:
        check_texts(event.action, event.actor, event.project)
        self._announce()
        row = self._work.first(_TAKE_HEAD)
        if row is None:
            raise no_such("workspace")
        record = chain(row["seq"], Digest(row["digest"]), event)
        facts: dict[str, Any] = {
            "seq": record.seq,
            "previous": record.previous,
            "digest": record.digest,
            "project": event.project,
            "action": event.action,
            "actor": event.actor,
            "at": r.to_us(event.at),
            "payload": record.payload,
        }
        self._work.insert(t.audit, facts)
        self._work.change(_SET_HEAD, digest=record.digest)
        return record

    def record_replay(self, principal: PrincipalId, operation: str, key: str, answer: Replayed, at: datetime) -> None:
        check_texts(operation, key)
        row = {
            "principal": principal,
            "operation": operation,
            "key": key,
            "body_hash": answer.body_hash,
            "status": answer.status,
            "body": answer.body,
            "at": r.to_us(at),
        }
        if not self._work.insert(t.idempotency, row, how="if new"):
            raise idempotency_race()

    def insert_key(self, key: ApiKey) -> None:
        self._check_mine(key.workspace)
        check_texts(key.name)
        self._announce()
        self._work.insert(t.api_keys, r.key_to_row(key))

    def update_key(self, key: ApiKey) -> None:
        check_texts(key.name)
        self._announce()
        revoked_at = r.to_us_or_none(key.revoked_at)
        self._changed_one("API key", _UPDATE_KEY, w_id=key.id, name=key.name, role=key.role, revoked_at=revoked_at)

    def insert_member(self, member: Member) -> None:
        self._check_mine(member.workspace)
        check_texts(member.name)
        self._announce()
        self._work.insert(t.members, r.member_to_row(member))

    def _announce(self) -> None:
        self._work.announced = True

    def _changed_one(self, noun: str, statement: Any, **values: Any) -> None:
        if self._work.change(statement, **values) != 1:
            raise no_such(noun)

    def _check_mine(self, workspace: WorkspaceId) -> None:
        if workspace != self._work.workspace:
            raise no_such("workspace")

    def _check_project(self, project: ProjectId) -> None:
        if self._work.first(_PROJECT_EXISTS, w_project=project) is None:
            raise no_such("project")
