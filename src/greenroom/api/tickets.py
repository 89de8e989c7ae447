"""Hand-off tickets on the network."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from fastapi import Path, Query
from starlette.responses import Response

from greenroom.api.asking import Given, ProjectPath, reply
from greenroom.api.nouns import Noun
from greenroom.api.paging import DEFAULT_LIMIT, Cursor, Limit, page_of, read_text_cursor
from greenroom.domain.records import Record
from greenroom.wire.model import Page
from greenroom.wire.tickets import AssignIn, CloseIn, TicketOut

NOUN: Final = Noun("tickets")
TicketPath = Annotated[str, Path(min_length=1, max_length=80, description="The ticket's id.")]


@NOUN.verb("GET", "/projects/{project}/tickets", "list", Page[TicketOut])
async def list_(
    ask: Given,
    project: ProjectPath,
    status: Annotated[Literal["open", "closed"] | None, Query(description="Keeps those that are so.")] = None,
    cursor: Cursor = None,
    limit: Limit = DEFAULT_LIMIT,
) -> Response:
    """Lists hand-off tickets, those of the newest conversations first."""
    before = read_text_cursor("tickets", cursor)
    found = await ask.desk.tickets.list(ask.call, project, before, limit + 1, status)
    return reply(page_of("tickets", found, limit, lambda ticket: ticket.key, ticket_out))


@NOUN.verb("GET", "/projects/{project}/tickets/{ticket}", "load", TicketOut)
async def load(ask: Given, project: ProjectPath, ticket: TicketPath) -> Response:
    """Loads a ticket."""
    return reply(ticket_out(await ask.desk.tickets.load(ask.call, project, ticket)))


@NOUN.verb("POST", "/projects/{project}/tickets/{ticket}/assign", "assign", TicketOut)
async def assign(ask: Given, project: ProjectPath, ticket: TicketPath, body: AssignIn) -> Response:
    """Gives an open ticket to somebody, or to nobody."""
    return await ask.write(lambda call: ask.desk.tickets.assign(call, project, ticket, body.assignee), ticket_out)


@NOUN.verb("POST", "/projects/{project}/tickets/{ticket}/close", "close", TicketOut)
async def close(ask: Given, project: ProjectPath, ticket: TicketPath, body: CloseIn) -> Response:
    """Closes a ticket, with what was done."""
    return await ask.write(lambda call: ask.desk.tickets.close(call, project, ticket, body.comment), ticket_out)


def ticket_out(ticket: Record) -> TicketOut:
    """Returns a ticket as it is sent."""
    return TicketOut(id=ticket.key, opened_at=ticket.at, changed_at=ticket.changed_at, **ticket.body)
