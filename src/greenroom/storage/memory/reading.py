"""Reading one workspace of a memory store."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import islice
from typing import TypeVar

from greenroom.domain.access import ApiKey, Member
from greenroom.domain.canonical import Digest
from greenroom.domain.conversations import Conversation, Turn
from greenroom.domain.drafts import Draft, DraftChange
from greenroom.domain.entities import Address
from greenroom.domain.environments import Environment
from greenroom.domain.events import AuditRecord
from greenroom.domain.ids import ConversationId, DraftId, EnvironmentId, PrincipalId, ProjectId
from greenroom.domain.projects import Project
from greenroom.domain.releases import Release
from greenroom.domain.versions import Snapshot, Version, marks_of
from greenroom.ports import ConversationFilter, Referrer, Replayed, RunningGroup
from greenroom.storage.memory.accounts import AccountReading
from greenroom.storage.memory.records import RecordReading
from greenroom.storage.memory.results import ResultReading
from greenroom.storage.memory.tables import Rows
from greenroom.storage.packing import fold, plain

T = TypeVar("T")


class MemoryReading(RecordReading, ResultReading, AccountReading):
    """`ports.Reading` over dictionaries."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    def find_project(self, slug_or_id: str) -> Project | None:
        by_id = self._rows.projects.find(ProjectId(slug_or_id))
        return by_id or next((p for p in self._rows.projects.rows() if p.slug == slug_or_id), None)

    def list_projects(self, after_slug: str, limit: int) -> Sequence[Project]:
        later = [project for project in self._rows.projects.rows() if project.slug > after_slug]
        return _first(sorted(later, key=lambda project: project.slug), limit)

    def list_environments(self, project: ProjectId, *, ever: bool = False) -> Sequence[Environment]:
        mine = [e for e in self._rows.environments.rows() if e.project == project and (ever or e.deleted_at is None)]
        return tuple(sorted(mine, key=lambda environment: (environment.position, environment.id)))

    def find_environment(self, project: ProjectId, alias_or_id: str) -> Environment | None:
        id_ = self._rows.aliases.find((project, alias_or_id)) or EnvironmentId(alias_or_id)
        found = self._rows.environments.find(id_)
        return found if found is not None and found.project == project else None

    def list_aliases(self, project: ProjectId) -> Mapping[str, EnvironmentId]:
        return {alias: id_ for (where, alias), id_ in sorted(self._rows.aliases.items()) if where == project}

    def load_bodies(self, digests: Collection[Digest]) -> Mapping[Digest, bytes]:
        found = {digest: self._rows.bodies.find(digest) for digest in digests}
        return {digest: data for digest, data in found.items() if data is not None}

    def find_snapshot(self, digest: Digest) -> Snapshot | None:
        return self._rows.snapshots.find(digest)

    def load_marks(self, snapshots: Collection[Digest]) -> Mapping[Digest, bytes]:
        found = [snapshot for digest in snapshots if (snapshot := self._rows.snapshots.find(digest)) is not None]
        return {snapshot.digest: marks_of(snapshot) for snapshot in found}

    def list_referrers(self, project: ProjectId, targets: Collection[Address]) -> Sequence[Referrer]:
        wanted = set(targets)
        found = [r for (where, r), _ in self._rows.referrers.items() if where == project and r.target in wanted]
        return tuple(sorted(found, key=lambda r: (str(r.target), str(r.source), r.digest)))

    def find_version(self, project: ProjectId, number: int) -> Version | None:
        return self._rows.versions.find((project, number))

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
        found = [
            version
            for (owner, number), version in self._rows.versions.items()
            if owner == project
            and (before is None or number < before)
            and (tag is None or tag in version.tags)
            and (author is None or version.author == author)
            and (environment is None or self.was_full_arm(environment, number))
        ]
        return _first(sorted(found, key=lambda version: -version.number), limit)

    def load_parents(self, project: ProjectId) -> Mapping[int, tuple[int, ...]]:
        return {n: version.parents for (owner, n), version in self._rows.versions.items() if owner == project}

    def find_release(self, environment: EnvironmentId, seq: int) -> Release | None:
        return self._rows.releases.find((environment, seq))

    def list_releases(self, environment: EnvironmentId, before: int | None, limit: int) -> Sequence[Release]:
        found = [r for r in self._releases(environment) if before is None or r.seq < before]
        return _first(sorted(found, key=lambda release: -release.seq), limit)

    def list_releases_after(self, environment: EnvironmentId, seq: int) -> Sequence[Release]:
        found = [release for release in self._releases(environment) if release.seq > seq]
        return tuple(sorted(found, key=lambda release: release.seq))

    def was_full_arm(self, environment: EnvironmentId, version: int) -> bool:
        return any(len(r.to_arms) == 1 and r.version == version for r in self._releases(environment))

    def _releases(self, environment: EnvironmentId) -> Iterable[Release]:
        return (r for (where, _), r in self._rows.releases.items() if where == environment)

    def find_draft(self, environment: EnvironmentId, owner: PrincipalId) -> Draft | None:
        return next((d for d in self.list_open_drafts(environment) if d.owner == owner), None)

    def find_draft_by_id(self, draft: DraftId) -> Draft | None:
        return self._rows.drafts.find(draft)

    def list_open_drafts(self, environment: EnvironmentId) -> Sequence[Draft]:
        found = [d for d in self._rows.drafts.rows() if d.environment == environment and d.closed_at is None]
        return tuple(sorted(found, key=lambda draft: (draft.started_at, draft.id), reverse=True))

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
        found = [
            (draft.closed_at, draft.id, draft)
            for draft in self._rows.drafts.rows()
            if draft.environment == environment
            and owner in {None, draft.owner}
            and draft.closed_at is not None
            and (since is None or draft.closed_at >= since)
            and (closed_by is None or draft.closed_by in closed_by)
        ]
        if before is not None:
            border = self._rows.drafts.find(before)
            if border is None or border.closed_at is None or border.environment != environment:
                return ()
            found = [each for each in found if each[:2] < (border.closed_at, border.id)]
        return _first((draft for _, _, draft in sorted(found, key=lambda each: each[:2], reverse=True)), limit)

    def find_last_revision(self, environment: EnvironmentId, owner: PrincipalId) -> int:
        found = (d for d in self._rows.drafts.rows() if d.environment == environment and d.owner == owner)
        return max((draft.revision for draft in found), default=0)

    def load_draft_changes(self, draft: DraftId) -> Mapping[Address, DraftChange]:
        found = [(a, change) for (where, a), change in self._rows.draft_changes.items() if where == draft]
        return dict(sorted(found, key=lambda pair: str(pair[0])))

    def find_conversation(self, conversation: ConversationId) -> Conversation | None:
        found = self._rows.conversations.find(conversation)
        return found and replace(found, state=plain(found.state))

    def list_conversations(
        self, project: ProjectId, where: ConversationFilter, before: str | None, limit: int
    ) -> Sequence[Conversation]:
        found = [c for c in self._rows.conversations.rows() if c.project == project and self._fits(c, where)]
        if before is not None:
            border = self._rows.conversations.find(ConversationId(before))
            if border is None or border.project != project:
                return ()
            found = [c for c in found if (c.started_at, c.id) < (border.started_at, border.id)]
        found.sort(key=lambda c: (c.started_at, c.id), reverse=True)
        return tuple(replace(c, state=plain(c.state)) for c in islice(found, max(limit, 0)))

    def _fits(self, conversation: Conversation, where: ConversationFilter) -> bool:
        return (
            (where.environment is None or conversation.environment == where.environment)
            and (where.version is None or conversation.started_version == where.version)
            and (where.channel is None or conversation.channel == where.channel)
            and (where.origin is None or conversation.origin == where.origin)
            and (where.outcome is None or conversation.outcome == where.outcome)
            and (where.topic is None or where.topic in conversation.topics)
            and (where.tag is None or where.tag in conversation.tags)
            and (where.since is None or conversation.started_at >= where.since)
            and (where.until is None or conversation.started_at < where.until)
            and where.sticky_key in {None, conversation.sticky_key}
            and (where.text is None or self._says(conversation.id, fold(where.text)))
        )

    def _says(self, conversation: ConversationId, text: str) -> bool:
        turns = (t for (whose, _), t in self._rows.turns.items() if whose == conversation)
        return any(text in fold(turn.heard, turn.said) for turn in turns)

    def list_turns(self, conversation: ConversationId, after: int, limit: int) -> Sequence[Turn]:
        found = [t for (whose, i), t in self._rows.turns.items() if whose == conversation and i > after]
        found.sort(key=lambda turn: turn.index)
        return tuple(
            replace(turn, events=tuple(plain(turn.events)), trace=plain(turn.trace))
            for turn in islice(found, max(limit, 0))
        )

    def count_running(self, environment: EnvironmentId, active_since: Mapping[str, datetime]) -> Sequence[RunningGroup]:
        counts: dict[tuple[int, int, int], int] = {}
        for c in self._rows.conversations.rows():
            oldest = active_since.get(c.channel)
            if c.environment != environment or c.ended_at is not None or c.pinned or oldest is None:
                continue
            if c.started_version is not None and c.last_at >= oldest:
                key = (c.started_seq, c.started_version, c.slot)
                counts[key] = counts.get(key, 0) + 1
        return tuple(RunningGroup(*key, count) for key, count in sorted(counts.items()))

    def list_events(
        self, project: ProjectId | None, before: int | None, limit: int, *, action: str | None = None
    ) -> Sequence[AuditRecord]:
        found = [
            record
            for record, event in self._rows.audit.rows()
            if (project is None or event.project == project)
            and (before is None or record.seq < before)
            and (action is None or event.action == action)
        ]
        return _first(sorted(found, key=lambda record: -record.seq), limit)

    def list_audit(self, after: int, limit: int) -> Sequence[AuditRecord]:
        found = [record for record, _ in self._rows.audit.rows() if record.seq > after]
        return _first(sorted(found, key=lambda record: record.seq), limit)

    def list_keys(self) -> Sequence[ApiKey]:
        return tuple(sorted(self._rows.keys.rows(), key=lambda key: (key.created_at, key.id), reverse=True))

    def list_members(self) -> Sequence[Member]:
        return tuple(sorted(self._rows.members.rows(), key=lambda m: (m.created_at, m.id), reverse=True))

    def find_replayed(self, principal: PrincipalId, operation: str, key: str) -> Replayed | None:
        found = self._rows.replays.find((principal, operation, key))
        return found[0] if found else None


def _first(rows: Iterable[T], limit: int) -> Sequence[T]:
    return tuple(islice(rows, max(limit, 0)))
