"""Hand-off tickets: what the agent left for a person to do."""

from __future__ import annotations

from typing import cast

from starlette.responses import Response
from starlette.routing import Route

from greenroom.domain.errors import GreenroomError
from greenroom.domain.tickets import STATUSES, Status
from greenroom.web.door import Door
from greenroom.web.forms import Refusal, refusal_of
from greenroom.web.session import Visit
from greenroom.web.shell import load_shell

PAGE = 50


class TicketPages:
    """The page of tickets."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._desk = door.desk

    def routes(self) -> list[Route]:
        """Returns the routes."""
        return [self._door.route("/projects/{slug}/tickets", self.list, self.change)]

    async def list(self, visit: Visit) -> Response:
        """Shows tickets: those that are open, unless others are asked for."""
        return await self._list(visit, Refusal())

    async def change(self, visit: Visit) -> Response:
        """Gives a ticket to somebody, or closes it with what was done."""
        slug, form = visit.path("slug"), visit.form
        id_ = form.text("id")
        try:
            if form.has("close"):
                await self._desk.tickets.close(visit.call, slug, id_, form.text("comment"))
                said = "The ticket is closed."
            else:
                to = form.text("to").strip() or visit.who.name
                await self._desk.tickets.assign(visit.call, slug, id_, to)
                said = f"The ticket is {to}'s."
        except GreenroomError as wrong:
            return await self._list(visit, refusal_of(wrong))
        return self._door.go(visit, f"/projects/{slug}/tickets", said)

    async def _list(self, visit: Visit, refusal: Refusal) -> Response:
        slug = visit.path("slug")
        asked = visit.query("status", "open")
        status = cast(Status, asked) if asked in STATUSES else None
        shell = await load_shell(visit, slug, "Tickets", "tickets", names=True)
        found = await self._desk.tickets.list(visit.call, slug, visit.query("before") or None, PAGE, status)
        more = found[-1].key if len(found) == PAGE else ""
        code = 422 if refusal else 200
        return self._door.page(
            shell, "tickets/list.html", code, tickets=found, more=more, status=status or "", refusal=refusal
        )
