"""Connections: where a project's providers are, and which secret opens them."""

from __future__ import annotations

from starlette.responses import Response
from starlette.routing import Route

from greenroom.domain.connections import Connection
from greenroom.domain.errors import GreenroomError
from greenroom.web.door import Door
from greenroom.web.forms import Refusal, refusal_of
from greenroom.web.session import Visit
from greenroom.web.shell import load_shell


class ConnectionPages:
    """The page of connections."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._desk = door.desk

    def routes(self) -> list[Route]:
        """Returns the routes."""
        return [self._door.route("/projects/{slug}/connections", self.list, self.change)]

    async def list(self, visit: Visit) -> Response:
        """Shows all connections, and a form for one."""
        return await self._list(visit, Refusal())

    async def change(self, visit: Visit) -> Response:
        """Saves a connection, or removes one."""
        slug, form = visit.path("slug"), visit.form
        name, seen = form.text("slug").strip(), form.text("revision") or "*"
        try:
            if form.has("remove"):
                await self._desk.connections.remove(visit.call, slug, name, seen)
                said = f"{name} is removed."
            else:
                wanted = Connection(
                    name,
                    form.text("kind").strip(),
                    form.text("provider").strip(),
                    form.text("base_url").strip(),
                    form.text("secret").strip(),
                )
                await self._desk.connections.save(visit.call, slug, wanted, seen)
                said = f"{name} is saved."
        except GreenroomError as wrong:
            return await self._list(visit, refusal_of(wrong))
        return self._door.go(visit, f"/projects/{slug}/connections", said)

    async def _list(self, visit: Visit, refusal: Refusal) -> Response:
        slug = visit.path("slug")
        shell = await load_shell(visit, slug, "Connections", "connections", names=True)
        found = await self._desk.connections.list(visit.call, slug)
        status = 422 if refusal else 200
        return self._door.page(shell, "connections/list.html", status, connections=found, refusal=refusal)
