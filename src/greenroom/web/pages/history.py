"""What happened in a project, and the box that leads anywhere."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.responses import Response
from starlette.routing import Route

from greenroom.services.content import EntityLine
from greenroom.web.door import Door
from greenroom.web.navigation import find_pages
from greenroom.web.session import Visit, read_number
from greenroom.web.shell import load_shell

PAGE = 50
MOST = 8
NOUNS = ("release", "version", "draft", "conversation", "document", "secret", "table", "ticket", "test_run", "key")


class HistoryPages:
    """The pages of looking back, and of going elsewhere."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._desk = door.desk

    def routes(self) -> list[Route]:
        """Returns the routes."""
        return [
            self._door.route("/projects/{slug}/history", self.history),
            self._door.route("/projects/{slug}/go", self.go),
        ]

    async def history(self, visit: Visit) -> Response:
        """Shows a project's events, newest first, all or of one noun."""
        slug = visit.path("slug")
        action = visit.query("action") if visit.query("action") in NOUNS else ""
        shell = await load_shell(visit, slug, "Project history", "history")
        lines = await self._desk.history.list(visit.call, slug, visit.number("before"), PAGE, action or None)
        more = lines[-1].seq if len(lines) == PAGE else 0
        return self._door.page(shell, "history/history.html", lines=lines, more=more, action=action, nouns=NOUNS)

    async def go(self, visit: Visit) -> Response:
        """Returns what the box found: pages, environments, versions, entities."""
        slug, query = visit.path("slug"), visit.query("q").strip()[:200]
        shell = await load_shell(visit, slug, "Go to", "")
        wanted = query.lower()
        number = read_number(wanted.removeprefix("v")) if wanted else None
        versions = []
        if number is not None:
            before = await self._desk.versions.list(visit.call, slug, number + 1, 1)
            versions = [view for view in before if view.version.number == number]
        return self._door.part(
            shell,
            "_go.html",
            query=query,
            pages=find_pages(query)[:MOST],
            places=[p for p in shell.places if wanted in p.name.lower() or wanted in p.alias][:MOST],
            versions=versions,
            entities=await self._find_entities(visit, slug, wanted) if len(wanted) > 1 else [],
            kinds=self._desk.kinds,
        )

    async def _find_entities(self, visit: Visit, slug: str, wanted: str) -> Sequence[EntityLine]:
        environments = await self._desk.environments.list(visit.call, slug)
        alias = next((e.environment.alias for e in environments if e.environment.editable), None)
        if alias is None:
            return []
        snapshot = (await self._desk.drafts.load(visit.call, slug, alias)).snapshot
        return await self._door.names.find(visit, slug, f"draft:{alias}", snapshot, wanted, MOST)
