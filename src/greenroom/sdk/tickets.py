"""Hand-off tickets: list, look at, assign, close."""

from __future__ import annotations

from greenroom.sdk.exchange import Call, as_model, fill, path_of, read_call, write_call
from greenroom.sdk.verb import ListVerb, Noun, S_co, Verb
from greenroom.wire.model import Page
from greenroom.wire.tickets import AssignIn, CloseIn, TicketOut


class Tickets(Noun[S_co]):
    """What agents left for people to do."""

    @ListVerb
    def list(
        self, project: str, *, status: str | None = None, cursor: str | None = None, limit: int | None = None
    ) -> Call[Page[TicketOut]]:
        """Lists tickets, newest conversation first; `status` is open or closed."""
        query = {"status": status, "cursor": cursor, "limit": limit}
        return read_call(as_model(Page[TicketOut]), path_of("projects", project, "tickets"), query)

    @Verb
    def load(self, project: str, ticket: str) -> Call[TicketOut]:
        """Loads a ticket."""
        return read_call(as_model(TicketOut), path_of("projects", project, "tickets", ticket))

    @Verb
    def assign(self, project: str, ticket: str, assignee: str) -> Call[TicketOut]:
        """Gives an open ticket to somebody; '' to nobody."""
        path = path_of("projects", project, "tickets", ticket, "assign")
        return write_call("POST", as_model(TicketOut), path, body=fill(AssignIn, assignee=assignee))

    @Verb
    def close(self, project: str, ticket: str, comment: str | None = None) -> Call[TicketOut]:
        """Closes a ticket, with what was done."""
        path = path_of("projects", project, "tickets", ticket, "close")
        return write_call("POST", as_model(TicketOut), path, body=fill(CloseIn, comment=comment))
