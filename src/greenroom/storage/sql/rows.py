"""Rows to domain values and back. The order of columns here is the order in `tables`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from sqlalchemy import RowMapping

from greenroom.domain.access import ApiKey, Member, Role
from greenroom.domain.canonical import Digest
from greenroom.domain.conversations import Conversation, Origin, Outcome, Turn
from greenroom.domain.drafts import Draft, DraftChange
from greenroom.domain.entities import parse_address
from greenroom.domain.environments import Arm, DraftMode, Environment, TemplateName
from greenroom.domain.events import AuditRecord
from greenroom.domain.ids import (
    ConversationId,
    DraftId,
    EnvironmentId,
    PrincipalId,
    ProjectId,
    ReleaseId,
    WorkspaceId,
)
from greenroom.domain.projects import Project
from greenroom.domain.releases import InFlight, Operation, Policy, Release
from greenroom.domain.versions import Mark, Version
from greenroom.ports import Replayed
from greenroom.storage.packing import fold, pack, unpack
from greenroom.storage.sql.times import from_us, from_us_or_none, to_us, to_us_or_none

Row = RowMapping
"""Column → value."""


def join_words(words: Sequence[str]) -> str:
    """Returns words as `|one|two|`, '' for none."""
    return f"|{'|'.join(words)}|" if words else ""


def split_words(text: str) -> tuple[str, ...]:
    """Returns what `join_words` was given."""
    return tuple(text[1:-1].split("|")) if text else ()


def arms_to_bytes(arms: Sequence[Arm]) -> bytes:
    return pack([[arm.version, arm.slots] for arm in arms])


def arms_from_bytes(data: bytes) -> tuple[Arm, ...]:
    return tuple(Arm(version, tuple((a, b) for a, b in slots)) for version, slots in unpack(data))


def full_version(arms: Sequence[Arm]) -> int | None:
    """Returns the version of the full arm; None where a rollout shares the slots."""
    return arms[0].version if len(arms) == 1 else None


def project_to_row(project: Project) -> dict[str, Any]:
    return {
        "id": project.id,
        "slug": project.slug,
        "name": project.name,
        "template": project.template,
        "default_environment": project.default_environment,
        "created_at": to_us(project.created_at),
        "next_version": 1,
        "deleting": 0,
    }


def project_from_row(row: Row) -> Project:
    return Project(
        ProjectId(row["id"]),
        row["slug"],
        row["name"],
        cast(TemplateName, row["template"]),
        EnvironmentId(row["default_environment"]),
        from_us(row["created_at"]),
    )


def environment_to_row(environment: Environment) -> dict[str, Any]:
    return {
        "id": environment.id,
        "project": environment.project,
        "alias": environment.alias,
        "name": environment.name,
        "position": environment.position,
        "editable": int(environment.editable),
        "internal": int(environment.internal),
        "promotes_from": environment.promotes_from,
        "draft_mode": environment.draft_mode,
        "salt": environment.salt,
        "seq": environment.seq,
        "arms": arms_to_bytes(environment.arms),
        "deleted_at": to_us_or_none(environment.deleted_at),
        "conversations_end_at": to_us_or_none(environment.conversations_end_at),
    }


def environment_from_row(row: Row) -> Environment:
    return Environment(
        EnvironmentId(row["id"]),
        ProjectId(row["project"]),
        row["alias"],
        row["name"],
        row["position"],
        bool(row["editable"]),
        bool(row["internal"]),
        row["promotes_from"],
        cast(DraftMode, row["draft_mode"]),
        row["salt"],
        row["seq"],
        arms_from_bytes(row["arms"]),
        from_us_or_none(row["deleted_at"]),
        from_us_or_none(row["conversations_end_at"]),
    )


def alias_to_row(project: ProjectId, alias: str, environment: EnvironmentId) -> dict[str, Any]:
    return {"project": project, "alias": alias, "environment": environment}


def version_to_row(project: ProjectId, version: Version) -> dict[str, Any]:
    return {
        "project": project,
        "number": version.number,
        "digest": version.digest,
        "note": version.note,
        "details": version.details,
        "tags": pack(version.tags),
        "author": version.author,
        "created_at": to_us(version.created_at),
        "parents": pack(version.parents),
        "published_in": version.published_in,
        "mark": version.mark,
        "documents": pack(version.documents).decode(),
    }


def version_from_row(row: Row) -> Version:
    return Version(
        row["number"],
        Digest(row["digest"]),
        row["note"],
        row["details"],
        tuple(unpack(row["tags"])),
        PrincipalId(row["author"]),
        from_us(row["created_at"]),
        tuple(unpack(row["parents"])),
        EnvironmentId(row["published_in"]),
        cast(Mark, row["mark"]),
        unpack(row["documents"]),
    )


def release_to_row(release: Release) -> dict[str, Any]:
    return {
        "environment": release.environment,
        "seq": release.seq,
        "id": release.id,
        "operation": release.operation,
        "from_arms": arms_to_bytes(release.from_arms),
        "to_arms": arms_to_bytes(release.to_arms),
        "full_version": full_version(release.to_arms),
        "policy": release.in_flight.policy,
        "drain_until": to_us_or_none(release.in_flight.drain_until),
        "actor": release.actor,
        "at": to_us(release.at),
        "reason": release.reason,
        "beneath": release.beneath,
        "takes_back": pack(release.takes_back),
        "caused_by": release.caused_by,
    }


def release_from_row(row: Row) -> Release:
    return Release(
        ReleaseId(row["id"]),
        EnvironmentId(row["environment"]),
        row["seq"],
        cast(Operation, row["operation"]),
        arms_from_bytes(row["from_arms"]),
        arms_from_bytes(row["to_arms"]),
        InFlight(cast(Policy, row["policy"]), from_us_or_none(row["drain_until"])),
        PrincipalId(row["actor"]),
        from_us(row["at"]),
        row["reason"],
        row["beneath"],
        tuple(unpack(row["takes_back"])),
        row["caused_by"],
    )


def draft_to_row(draft: Draft) -> dict[str, Any]:
    return {
        "id": draft.id,
        "project": draft.project,
        "environment": draft.environment,
        "owner": draft.owner,
        "base_version": draft.base_version,
        "base_digest": draft.base_digest,
        "base_seq": draft.base_seq,
        "revision": draft.revision,
        "started_at": to_us(draft.started_at),
        "updated_at": to_us(draft.updated_at),
        "closed_at": to_us_or_none(draft.closed_at),
        "closed_by": draft.closed_by,
    }


def draft_from_row(row: Row) -> Draft:
    return Draft(
        DraftId(row["id"]),
        ProjectId(row["project"]),
        EnvironmentId(row["environment"]),
        PrincipalId(row["owner"]),
        row["base_version"],
        Digest(row["base_digest"]),
        row["base_seq"],
        row["revision"],
        from_us(row["started_at"]),
        from_us(row["updated_at"]),
        from_us_or_none(row["closed_at"]),
        row["closed_by"],
    )


def draft_change_to_row(draft: DraftId, change: DraftChange) -> dict[str, Any]:
    return {
        "draft": draft,
        "address": str(change.address),
        "digest": change.digest,
        "revision": change.revision,
        "at": to_us(change.at),
        "author": change.by,
    }


def draft_change_from_row(row: Row) -> DraftChange:
    return DraftChange(parse_address(row["address"]), row["digest"], row["revision"], from_us(row["at"]), row["author"])


def conversation_to_row(conversation: Conversation) -> dict[str, Any]:
    return {
        "id": conversation.id,
        "project": conversation.project,
        "origin": conversation.origin,
        "channel": conversation.channel,
        "environment": conversation.environment,
        "ref": conversation.ref,
        "started_seq": conversation.started_seq,
        "started_version": conversation.started_version,
        "started_digest": conversation.started_digest,
        "slot": conversation.slot,
        "sticky_key": conversation.sticky_key,
        "started_at": to_us(conversation.started_at),
        "last_at": to_us(conversation.last_at),
        "turns": conversation.turns,
        "ended_at": to_us_or_none(conversation.ended_at),
        "ended_by": conversation.ended_by,
        "state": pack(conversation.state),
        "outcome": conversation.outcome,
        "topics": join_words(conversation.topics),
        "tags": join_words(conversation.tags),
        "erased_at": to_us_or_none(conversation.erased_at),
        "entry": pack(conversation.entry).decode(),
    }


def conversation_from_row(row: Row) -> Conversation:
    return Conversation(
        ConversationId(row["id"]),
        ProjectId(row["project"]),
        cast(Origin, row["origin"]),
        row["channel"],
        EnvironmentId(row["environment"]),
        row["ref"],
        row["started_seq"],
        row["started_version"],
        Digest(row["started_digest"]),
        row["slot"],
        row["sticky_key"],
        from_us(row["started_at"]),
        from_us(row["last_at"]),
        row["turns"],
        from_us_or_none(row["ended_at"]),
        row["ended_by"],
        unpack(row["state"]),
        cast(Outcome, row["outcome"]),
        split_words(row["topics"]),
        split_words(row["tags"]),
        from_us_or_none(row["erased_at"]),
        unpack(row["entry"].encode()),
    )


def turn_to_row(turn: Turn) -> dict[str, Any]:
    return {
        "conversation": turn.conversation,
        "position": turn.index,
        "at": to_us(turn.at),
        "content": pack({"heard": turn.heard, "said": turn.said, "events": turn.events, "trace": turn.trace}),
        "search": fold(turn.heard, turn.said),
        "version": turn.version,
        "digest": turn.digest,
    }


def turn_from_row(row: Row) -> Turn:
    content = unpack(row["content"])
    return Turn(
        ConversationId(row["conversation"]),
        row["position"],
        from_us(row["at"]),
        content["heard"],
        content["said"],
        row["version"],
        Digest(row["digest"]),
        tuple(content["events"]),
        content["trace"],
    )


def audit_from_row(row: Row) -> AuditRecord:
    return AuditRecord(row["seq"], Digest(row["previous"]), Digest(row["digest"]), row["payload"])


def replayed_from_row(row: Row) -> Replayed:
    return Replayed(row["body_hash"], row["status"], row["body"])


def key_to_row(key: ApiKey) -> dict[str, Any]:
    return {
        "id": key.id,
        "name": key.name,
        "role": key.role,
        "key_hash": key.key_hash,
        "created_at": to_us(key.created_at),
        "revoked_at": to_us_or_none(key.revoked_at),
    }


def key_from_row(row: Row) -> ApiKey:
    return ApiKey(
        PrincipalId(row["id"]),
        WorkspaceId(row["workspace"]),
        row["name"],
        cast(Role, row["role"]),
        row["key_hash"],
        from_us(row["created_at"]),
        from_us_or_none(row["revoked_at"]),
    )


def member_to_row(member: Member) -> dict[str, Any]:
    return {
        "id": member.id,
        "name": member.name,
        "role": member.role,
        "created_at": to_us(member.created_at),
    }


def member_from_row(row: Row) -> Member:
    return Member(
        PrincipalId(row["id"]),
        WorkspaceId(row["workspace"]),
        row["name"],
        cast(Role, row["role"]),
        from_us(row["created_at"]),
    )
