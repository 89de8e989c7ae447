"""What happened, by whom, on the network: a project's history, the workspace's audit and its proof."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import Query
from starlette.responses import Response

from greenroom.api.asking import Given, ProjectPath, reply
from greenroom.api.nouns import Noun
from greenroom.api.paging import DEFAULT_LIMIT, Cursor, Limit, page_of, read_cursor
from greenroom.domain.events import AuditRecord
from greenroom.services.history import ChainReport, HistoryLine
from greenroom.wire.history import AuditOut, AuditRecordOut, EventOut
from greenroom.wire.model import Page

NOUN: Final = Noun("history")
AUDIT_NOUN: Final = Noun("audit")


@NOUN.verb("GET", "/projects/{project}/history", "list", Page[EventOut])
async def list_(
    ask: Given,
    project: ProjectPath,
    action: Annotated[str | None, Query(max_length=80, description="Keeps one action: release.promoted.")] = None,
    cursor: Cursor = None,
    limit: Limit = DEFAULT_LIMIT,
) -> Response:
    """Lists everything that happened in a project, newest first."""
    found = await ask.desk.history.list(ask.call, project, read_cursor("history", cursor), limit + 1, action)
    return reply(page_of("history", found, limit, lambda line: line.seq, event_out))


@AUDIT_NOUN.verb("GET", "/audit", "list", Page[AuditRecordOut])
async def list_audit(ask: Given, cursor: Cursor = None, limit: Limit = DEFAULT_LIMIT) -> Response:
    """Lists the workspace's audit chain, oldest first, as it was hashed: enough to verify it elsewhere."""
    found = await ask.desk.history.list_audit(ask.call, read_cursor("audit", cursor) or 0, limit + 1)
    return reply(page_of("audit", found, limit, lambda record: record.seq, record_out))


@AUDIT_NOUN.verb("GET", "/audit/verify", "verify", AuditOut)
async def verify(ask: Given) -> Response:
    """Walks the whole audit chain and says where it first breaks, if it does."""
    return reply(report_out(await ask.desk.history.verify(ask.call)))


def event_out(line: HistoryLine) -> EventOut:
    """Returns an event as it is sent."""
    event = line.event
    return EventOut(
        seq=line.seq,
        at=event["at"],
        actor=event["actor"],
        actor_name=line.actor_name,
        action=event["action"],
        environment=line.environment_alias,
        subject=event["subject"],
        summary=line.summary,
        data=event["data"],
    )


def record_out(record: AuditRecord) -> AuditRecordOut:
    """Returns a link of the chain as it is sent."""
    return AuditRecordOut(
        seq=record.seq, previous=record.previous, digest=record.digest, payload=record.payload.decode()
    )


def report_out(report: ChainReport) -> AuditOut:
    """Returns the outcome of a verification as it is sent."""
    return AuditOut(
        records=report.records, sound=report.first_bad is None, first_bad=report.first_bad, head=report.head
    )
