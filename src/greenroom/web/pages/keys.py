"""API keys: made, shown once, revoked; and the workspace's audit with its proof."""

from __future__ import annotations

from typing import cast

from starlette.responses import Response
from starlette.routing import Route

from greenroom.domain.access import ROLES, Role
from greenroom.domain.canonical import parse_json
from greenroom.domain.errors import Fault, GreenroomError, Invalid
from greenroom.domain.events import say_event
from greenroom.services.keys import NewKey
from greenroom.web.door import Door
from greenroom.web.forms import Refusal, refusal_of
from greenroom.web.session import Visit
from greenroom.web.shell import plain_shell

PAGE = 100
MAX_NAME = 120


class KeyPages:
    """The pages of the workspace."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._desk = door.desk

    def routes(self) -> list[Route]:
        """Returns the routes."""
        return [
            self._door.route("/keys", self.list, self.change),
            self._door.route("/audit", self.audit),
        ]

    async def list(self, visit: Visit) -> Response:
        """Shows all keys, revoked ones too."""
        return await self._list(visit, Refusal())

    async def change(self, visit: Visit) -> Response:
        """Makes a key and shows it once, or revokes one."""
        form = visit.form
        try:
            if form.has("revoke"):
                gone = await self._desk.keys.revoke(visit.call, form.text("revoke"))
                return self._door.go(visit, "/keys", f"{gone.name} is revoked; it opens nothing from now on.")
            name = form.text("name").strip()
            if not 1 <= len(name) <= MAX_NAME:
                message = f"is 1 to {MAX_NAME} characters"
                raise Invalid("invalid_name", f"the name {message}", errors=[Fault("/name", message)])
            asked = form.text("role")
            made = await self._desk.keys.create(visit.call, name, cast(Role, asked if asked in ROLES else "viewer"))
        except GreenroomError as wrong:
            return await self._list(visit, refusal_of(wrong))
        await self._door.catch_up()
        return await self._list(visit, Refusal(), made)

    async def _list(self, visit: Visit, refusal: Refusal, made: NewKey | None = None) -> Response:
        keys = await self._desk.keys.list(visit.call)
        mine = ROLES[: ROLES.index(visit.who.role) + 1]
        return self._door.page(
            plain_shell(visit, "API keys"),
            "keys/list.html",
            422 if refusal else 200,
            keys=keys,
            made=made,
            roles=mine,
            refusal=refusal,
        )

    async def audit(self, visit: Visit) -> Response:
        """Shows the chain from where the address says, and whether it is whole."""
        after = visit.number("after") or 0
        records = await self._desk.history.list_audit(visit.call, after, PAGE)
        names = await self._desk.history.load_names(visit.call)
        report = await self._desk.history.verify(visit.call) if visit.query("verify") == "1" else None
        lines = []
        for record in records:
            event = parse_json(record.payload)["event"]
            who = names.get(event["actor"], event["actor"])
            lines.append((record, event, f"{who} {say_event(event, '')}"))
        more = records[-1].seq if len(records) == PAGE else 0
        return self._door.page(plain_shell(visit, "Audit"), "keys/audit.html", lines=lines, more=more, report=report)
