"""Reading one workspace, on either database."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from sqlalchemy import and_, bindparam, exists, func, or_, select, tuple_

from greenroom.domain.access import ApiKey, Member
from greenroom.domain.canonical import Digest
from greenroom.domain.conversations import Conversation, Turn
from greenroom.domain.drafts import Draft, DraftChange
from greenroom.domain.entities import Address, parse_address
from greenroom.domain.environments import Environment
from greenroom.domain.events import AuditRecord
from greenroom.domain.ids import ConversationId, DraftId, EnvironmentId, PrincipalId, ProjectId
from greenroom.domain.projects import Project
from greenroom.domain.releases import Release
from greenroom.domain.versions import Snapshot, Version
from greenroom.ports import ConversationFilter, Referrer, Replayed, RunningGroup
from greenroom.storage.packing import fold, unpack
from greenroom.storage.sql import rows as r
from greenroom.storage.sql import snapshots
from greenroom.storage.sql import tables as t
from greenroom.storage.sql.accounts import AccountReading
from greenroom.storage.sql.records import RecordReading
from greenroom.storage.sql.results import ResultReading
from greenroom.storage.sql.snapshots import load_marks
from greenroom.storage.sql.work import WORKSPACE, Work

_ID = bindparam("w_id")
_PROJECT = bindparam("w_project")
_ENVIRONMENT = bindparam("w_environment")
_LIMIT = bindparam("w_limit")

p, e, a = t.projects.c, t.environments.c, t.environment_aliases.c
v, rel, d = t.versions.c, t.releases.c, t.drafts.c
c, turn, aud = t.conversations.c, t.turns.c, t.audit.c

_FIND_PROJECT = select(t.projects).where(p.workspace == WORKSPACE, or_(p.id == _ID, p.slug == _ID))
_LIST_PROJECTS = (
    select(t.projects).where(p.workspace == WORKSPACE, p.slug > bindparam("w_after")).order_by(p.slug).limit(_LIMIT)
)
_EVER_ENVIRONMENTS = (
    select(t.environments).where(e.workspace == WORKSPACE, e.project == _PROJECT).order_by(e.position, e.id)
)
_LIST_ENVIRONMENTS = _EVER_ENVIRONMENTS.where(e.deleted_at.is_(None))
_LIST_ALIASES = select(a.alias, a.environment).where(a.workspace == WORKSPACE, a.project == _PROJECT).order_by(a.alias)
_ALIASED = select(a.environment).where(a.workspace == WORKSPACE, a.project == _PROJECT, a.alias == _ID)
_FIND_ENVIRONMENT = select(t.environments).where(
    e.workspace == WORKSPACE,
    e.project == _PROJECT,
    or_(e.id == _ID, e.id == _ALIASED.scalar_subquery()),
)
_LOAD_BODIES = select(t.entity_bodies.c.digest, t.entity_bodies.c.data).where(
    t.entity_bodies.c.workspace == WORKSPACE,
    t.entity_bodies.c.digest.in_(bindparam("w_digests", expanding=True)),
)
_LIST_REFERRERS = select(t.body_mentions).where(
    t.body_mentions.c.workspace == WORKSPACE,
    t.body_mentions.c.project == _PROJECT,
    t.body_mentions.c.target.in_(bindparam("w_targets", expanding=True)),
)
_VERSIONS = select(t.versions).where(v.workspace == WORKSPACE, v.project == _PROJECT)
_FIND_VERSION = _VERSIONS.where(v.number == bindparam("w_number"))
_LOAD_PARENTS = (
    _VERSIONS.with_only_columns(v.number, v.parents).where(v.number > bindparam("w_number")).order_by(v.number)
)
_TAGGED = exists().where(
    t.version_tags.c.workspace == WORKSPACE,
    t.version_tags.c.project == _PROJECT,
    t.version_tags.c.number == v.number,
    t.version_tags.c.tag == bindparam("w_tag"),
)
_RELEASES = select(t.releases).where(rel.workspace == WORKSPACE, rel.environment == _ENVIRONMENT)
_FULL = exists().where(rel.workspace == WORKSPACE, rel.environment == _ENVIRONMENT)
_WAS_FULL_ARM = select(_FULL.where(rel.full_version == bindparam("w_version")))
_FIND_RELEASE = _RELEASES.where(rel.seq == bindparam("w_seq"))
_LIST_RELEASES_AFTER = _RELEASES.where(rel.seq > bindparam("w_seq")).order_by(rel.seq)
_DRAFTS = select(t.drafts).where(d.workspace == WORKSPACE)
_FIND_DRAFT_BY_ID = _DRAFTS.where(d.id == _ID)
_LIST_OPEN_DRAFTS = _DRAFTS.where(d.environment == _ENVIRONMENT, d.closed_at.is_(None)).order_by(
    d.started_at.desc(), d.id.desc()
)
_FIND_DRAFT = _LIST_OPEN_DRAFTS.where(d.owner == bindparam("w_owner"))
_CLOSED_DRAFTS = (
    _DRAFTS.where(d.environment == _ENVIRONMENT, d.closed_at.is_not(None))
    .order_by(d.closed_at.desc(), d.id.desc())
    .limit(_LIMIT)
)
_FIND_LAST_REVISION = _DRAFTS.where(d.environment == _ENVIRONMENT, d.owner == bindparam("w_owner")).with_only_columns(
    func.max(d.revision)
)
_LOAD_DRAFT_CHANGES = (
    select(t.draft_changes)
    .where(t.draft_changes.c.workspace == WORKSPACE, t.draft_changes.c.draft == bindparam("w_draft"))
    .order_by(t.draft_changes.c.address)
)
_CONVERSATIONS = select(t.conversations).where(c.workspace == WORKSPACE)
_FIND_CONVERSATION = _CONVERSATIONS.where(c.id == _ID)
_LIST_CONVERSATIONS = (
    _CONVERSATIONS.where(c.project == _PROJECT).order_by(c.started_at.desc(), c.id.desc()).limit(_LIMIT)
)
_SAYS = exists().where(turn.workspace == WORKSPACE, turn.conversation == c.id)
_LIST_TURNS = (
    select(t.turns)
    .where(
        turn.workspace == WORKSPACE,
        turn.conversation == bindparam("w_conversation"),
        turn.position > bindparam("w_after"),
    )
    .order_by(turn.position)
    .limit(_LIMIT)
)
_COUNT_RUNNING = (
    select(c.started_seq, c.started_version, c.slot, func.count().label("running"))
    .where(
        c.workspace == WORKSPACE,
        c.environment == _ENVIRONMENT,
        c.ended_at.is_(None),
        c.ref.is_(None),
        c.started_version.is_not(None),
    )
    .group_by(c.started_seq, c.started_version, c.slot)
    .order_by(c.started_seq, c.started_version, c.slot)
)
_EVENTS = select(t.audit).where(aud.workspace == WORKSPACE).order_by(aud.seq.desc()).limit(_LIMIT)
_LIST_AUDIT = (
    select(t.audit).where(aud.workspace == WORKSPACE, aud.seq > bindparam("w_after")).order_by(aud.seq).limit(_LIMIT)
)
_LIST_KEYS = (
    select(t.api_keys)
    .where(t.api_keys.c.workspace == WORKSPACE)
    .order_by(t.api_keys.c.created_at.desc(), t.api_keys.c.id.desc())
)
_LIST_MEMBERS = (
    select(t.members)
    .where(t.members.c.workspace == WORKSPACE)
    .order_by(t.members.c.created_at.desc(), t.members.c.id.desc())
)
_FIND_REPLAYED = select(t.idempotency).where(
    t.idempotency.c.workspace == WORKSPACE,
    t.idempotency.c.principal == bindparam("w_principal"),
    t.idempotency.c.operation == bindparam("w_operation"),
    t.idempotency.c.key == bindparam("w_key"),
)


class SqlReading(RecordReading, ResultReading, AccountReading):
    """`ports.Reading` over one transaction."""

    def __init__(self, work: Work) -> None:
        self._work = work

    def find_project(self, slug_or_id: str) -> Project | None:
        row = self._work.first(_FIND_PROJECT, w_id=slug_or_id)
        return None if row is None else r.project_from_row(row)

    def list_projects(self, after_slug: str, limit: int) -> Sequence[Project]:
        found = self._work.all(_LIST_PROJECTS, w_after=after_slug, w_limit=max(limit, 0))
        return tuple(map(r.project_from_row, found))

    def list_environments(self, project: ProjectId, *, ever: bool = False) -> Sequence[Environment]:
        query = _EVER_ENVIRONMENTS if ever else _LIST_ENVIRONMENTS
        return tuple(map(r.environment_from_row, self._work.all(query, w_project=project)))

    def find_environment(self, project: ProjectId, alias_or_id: str) -> Environment | None:
        row = self._work.first(_FIND_ENVIRONMENT, w_project=project, w_id=alias_or_id)
        return None if row is None else r.environment_from_row(row)

    def list_aliases(self, project: ProjectId) -> Mapping[str, EnvironmentId]:
        return {row["alias"]: row["environment"] for row in self._work.all(_LIST_ALIASES, w_project=project)}

    def load_bodies(self, digests: Collection[Digest]) -> Mapping[Digest, bytes]:
        found = self._work.each(_LOAD_BODIES, "w_digests", digests)
        return {Digest(row["digest"]): row["data"] for row in found}

    def find_snapshot(self, digest: Digest) -> Snapshot | None:
        return snapshots.find_snapshot(self._work, digest)

    def load_marks(self, snapshots: Collection[Digest]) -> Mapping[Digest, bytes]:
        return load_marks(self._work, snapshots)

    def list_referrers(self, project: ProjectId, targets: Collection[Address]) -> Sequence[Referrer]:
        found = self._work.each(_LIST_REFERRERS, "w_targets", map(str, targets), w_project=project)
        found.sort(key=lambda row: (row["target"], row["source"], row["digest"]))
        return tuple(
            Referrer(parse_address(row["source"]), Digest(row["digest"]), parse_address(row["target"])) for row in found
        )

    def find_version(self, project: ProjectId, number: int) -> Version | None:
        row = self._work.first(_FIND_VERSION, w_project=project, w_number=number)
        return None if row is None else r.version_from_row(row)

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
        query, values = _VERSIONS.order_by(v.number.desc()).limit(_LIMIT), {}
        if before is not None:
            query = query.where(v.number < before)
        if tag is not None:
            query, values = query.where(_TAGGED), {"w_tag": tag}
        if author is not None:
            query = query.where(v.author == author)
        if environment is not None:
            query = query.where(_FULL.where(rel.full_version == v.number))
            values["w_environment"] = environment
        found = self._work.all(query, w_project=project, w_limit=max(limit, 0), **values)
        return tuple(map(r.version_from_row, found))

    def load_parents(self, project: ProjectId) -> Mapping[int, tuple[int, ...]]:
        known = self._work.remembered.find_parents(project)
        found = self._work.all(_LOAD_PARENTS, w_project=project, w_number=max(known, default=0))
        if found:
            known = {**known, **{row["number"]: tuple(unpack(row["parents"])) for row in found}}
            self._work.remembered.remember_parents(project, known)
        return known

    def find_release(self, environment: EnvironmentId, seq: int) -> Release | None:
        row = self._work.first(_FIND_RELEASE, w_environment=environment, w_seq=seq)
        return None if row is None else r.release_from_row(row)

    def list_releases(self, environment: EnvironmentId, before: int | None, limit: int) -> Sequence[Release]:
        query = _RELEASES.order_by(rel.seq.desc()).limit(_LIMIT)
        if before is not None:
            query = query.where(rel.seq < before)
        found = self._work.all(query, w_environment=environment, w_limit=max(limit, 0))
        return tuple(map(r.release_from_row, found))

    def list_releases_after(self, environment: EnvironmentId, seq: int) -> Sequence[Release]:
        found = self._work.all(_LIST_RELEASES_AFTER, w_environment=environment, w_seq=seq)
        return tuple(map(r.release_from_row, found))

    def was_full_arm(self, environment: EnvironmentId, version: int) -> bool:
        row = self._work.first(_WAS_FULL_ARM, w_environment=environment, w_version=version)
        return bool(row and next(iter(row.values())))

    def find_draft(self, environment: EnvironmentId, owner: PrincipalId) -> Draft | None:
        row = self._work.first(_FIND_DRAFT, w_environment=environment, w_owner=owner)
        return None if row is None else r.draft_from_row(row)

    def find_draft_by_id(self, draft: DraftId) -> Draft | None:
        row = self._work.first(_FIND_DRAFT_BY_ID, w_id=draft)
        return None if row is None else r.draft_from_row(row)

    def list_open_drafts(self, environment: EnvironmentId) -> Sequence[Draft]:
        return tuple(map(r.draft_from_row, self._work.all(_LIST_OPEN_DRAFTS, w_environment=environment)))

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
        query = _CLOSED_DRAFTS
        if owner is not None:
            query = query.where(d.owner == owner)
        if since is not None:
            query = query.where(d.closed_at >= r.to_us(since))
        if closed_by is not None:
            query = query.where(d.closed_by.in_(sorted(closed_by)))
        if before is not None:
            border = self._work.first(_FIND_DRAFT_BY_ID, w_id=before)
            if border is None or border["closed_at"] is None or border["environment"] != environment:
                return ()
            query = query.where(tuple_(d.closed_at, d.id) < tuple_(border["closed_at"], border["id"]))
        found = self._work.all(query, w_environment=environment, w_limit=max(limit, 0))
        return tuple(map(r.draft_from_row, found))

    def find_last_revision(self, environment: EnvironmentId, owner: PrincipalId) -> int:
        row = self._work.first(_FIND_LAST_REVISION, w_environment=environment, w_owner=owner)
        return 0 if row is None else next(iter(row.values())) or 0

    def load_draft_changes(self, draft: DraftId) -> Mapping[Address, DraftChange]:
        found = map(r.draft_change_from_row, self._work.all(_LOAD_DRAFT_CHANGES, w_draft=draft))
        return {change.address: change for change in found}

    def find_conversation(self, conversation: ConversationId) -> Conversation | None:
        row = self._work.first(_FIND_CONVERSATION, w_id=conversation)
        return None if row is None else r.conversation_from_row(row)

    def list_conversations(
        self, project: ProjectId, where: ConversationFilter, before: str | None, limit: int
    ) -> Sequence[Conversation]:
        query = _LIST_CONVERSATIONS
        if where.environment is not None:
            query = query.where(c.environment == where.environment)
        if where.version is not None:
            query = query.where(c.started_version == where.version)
        if where.channel is not None:
            query = query.where(c.channel == where.channel)
        if where.origin is not None:
            query = query.where(c.origin == where.origin)
        if where.outcome is not None:
            query = query.where(c.outcome == where.outcome)
        if where.topic is not None:
            query = query.where(c.topics.contains(f"|{where.topic}|", autoescape=True))
        if where.tag is not None:
            query = query.where(c.tags.contains(f"|{where.tag}|", autoescape=True))
        if where.since is not None:
            query = query.where(c.started_at >= r.to_us(where.since))
        if where.until is not None:
            query = query.where(c.started_at < r.to_us(where.until))
        if where.sticky_key is not None:
            query = query.where(c.sticky_key == where.sticky_key)
        if where.text is not None:
            query = query.where(_SAYS.where(turn.search.contains(fold(where.text), autoescape=True)))
        if before is not None:
            border = self._work.first(_FIND_CONVERSATION, w_id=before)
            if border is None or border["project"] != project:
                return ()
            query = query.where(tuple_(c.started_at, c.id) < tuple_(border["started_at"], border["id"]))
        found = self._work.all(query, w_project=project, w_limit=max(limit, 0))
        return tuple(map(r.conversation_from_row, found))

    def list_turns(self, conversation: ConversationId, after: int, limit: int) -> Sequence[Turn]:
        found = self._work.all(_LIST_TURNS, w_conversation=conversation, w_after=after, w_limit=max(limit, 0))
        return tuple(map(r.turn_from_row, found))

    def count_running(self, environment: EnvironmentId, active_since: Mapping[str, datetime]) -> Sequence[RunningGroup]:
        active = [and_(c.channel == channel, c.last_at >= r.to_us(at)) for channel, at in active_since.items()]
        if not active:
            return ()
        found = self._work.all(_COUNT_RUNNING.where(or_(*active)), w_environment=environment)
        return tuple(
            RunningGroup(row["started_seq"], row["started_version"], row["slot"], row["running"]) for row in found
        )

    def list_events(
        self, project: ProjectId | None, before: int | None, limit: int, *, action: str | None = None
    ) -> Sequence[AuditRecord]:
        query = _EVENTS
        if project is not None:
            query = query.where(aud.project == project)
        if before is not None:
            query = query.where(aud.seq < before)
        if action is not None:
            query = query.where(aud.action == action)
        return tuple(map(r.audit_from_row, self._work.all(query, w_limit=max(limit, 0))))

    def list_audit(self, after: int, limit: int) -> Sequence[AuditRecord]:
        found = self._work.all(_LIST_AUDIT, w_after=after, w_limit=max(limit, 0))
        return tuple(map(r.audit_from_row, found))

    def list_keys(self) -> Sequence[ApiKey]:
        return tuple(map(r.key_from_row, self._work.all(_LIST_KEYS)))

    def list_members(self) -> Sequence[Member]:
        return tuple(map(r.member_from_row, self._work.all(_LIST_MEMBERS)))

    def find_replayed(self, principal: PrincipalId, operation: str, key: str) -> Replayed | None:
        row = self._work.first(_FIND_REPLAYED, w_principal=principal, w_operation=operation, w_key=key)
        return None if row is None else r.replayed_from_row(row)
