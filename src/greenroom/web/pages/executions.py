"""Calls that agents made: functions, tools, servers, knowledge, tables, models."""

from __future__ import annotations

from typing import get_args

from starlette.responses import Response
from starlette.routing import Route

from greenroom.domain.asks import AskedOf
from greenroom.web.door import Door
from greenroom.web.session import Visit
from greenroom.web.shell import load_shell

PAGE = 50
SORTS = get_args(AskedOf)


class ExecutionPages:
    """The page of calls."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._desk = door.desk

    def routes(self) -> list[Route]:
        """Returns the routes."""
        return [self._door.route("/projects/{slug}/executions", self.list)]

    async def list(self, visit: Visit) -> Response:
        """Shows calls, newest first."""
        slug = visit.path("slug")
        sort = visit.query("kind") if visit.query("kind") in SORTS else ""
        failed = visit.query("failed") == "1"
        shell = await load_shell(visit, slug, "Executions", "executions")
        found, more = await self._desk.executions.list(
            visit.call, slug, visit.query("before") or None, PAGE, kind=sort or None, failed=True if failed else None
        )
        return self._door.page(
            shell, "executions/list.html", calls=found, more=more or "", sort=sort, failed=failed, sorts=SORTS
        )
