"""Secrets: where each has a value, set and taken away; a value is never shown."""

from __future__ import annotations

from starlette.responses import Response
from starlette.routing import Route

from greenroom.domain.errors import GreenroomError
from greenroom.web.door import Door
from greenroom.web.forms import Refusal, refusal_of
from greenroom.web.session import Visit
from greenroom.web.shell import load_shell

SIDES = ("live", "draft")


class SecretPages:
    """The page of secrets."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._desk = door.desk

    def routes(self) -> list[Route]:
        """Returns the routes."""
        return [self._door.route("/projects/{slug}/secrets", self.list, self.change)]

    async def list(self, visit: Visit) -> Response:
        """Shows the names, and where each has a value."""
        return await self._list(visit, Refusal())

    async def change(self, visit: Visit) -> Response:
        """Sets a value, or takes one away."""
        slug, form = visit.path("slug"), visit.form
        name, alias = form.text("name").strip(), form.text("alias") or None
        side = form.text("side") if alias and form.text("side") in SIDES else None
        where = f" in {alias} ({side})" if alias else ""
        try:
            if form.has("rotate"):
                said = await self._rotate(visit)
            elif form.has("unset"):
                await self._desk.secrets.unset(visit.call, slug, name, alias, side)
                said = f"{name} has no value{where} any more."
            else:
                await self._desk.secrets.set(visit.call, slug, name, form.text("value"), alias, side)
                said = f"{name} is set{where}."
        except GreenroomError as wrong:
            return await self._list(visit, refusal_of(wrong))
        return self._door.go(visit, f"/projects/{slug}/secrets", said)

    async def _rotate(self, visit: Visit) -> str:
        """Seals everything anew, portion by portion: what is done stays done if it is broken off."""
        slug, count, unopened, cursor = visit.path("slug"), 0, 0, None
        while True:
            done = await self._desk.secrets.rotate(visit.call, slug, cursor)
            count, unopened, cursor = count + sum(done.anew.values()), unopened + done.unopened, done.cursor
            if cursor is None:
                lost = f" {unopened} cannot be opened with any key of this server." if unopened else ""
                return f"{count} sealed anew with the present key.{lost}"

    async def _list(self, visit: Visit, refusal: Refusal) -> Response:
        slug = visit.path("slug")
        shell = await load_shell(visit, slug, "Secrets", "secrets", names=True)
        found = await self._desk.secrets.list(visit.call, slug)
        status = 422 if refusal else 200
        return self._door.page(shell, "secrets/list.html", status, secrets=found, refusal=refusal, sides=SIDES)
