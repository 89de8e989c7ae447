"""One version: what it says of itself, what it changed, and whether people know it as good or bad."""

from __future__ import annotations

from typing import cast

from starlette.responses import Response
from starlette.routing import Route

from greenroom.domain.errors import NotFound
from greenroom.domain.versions import Mark
from greenroom.web.door import Door
from greenroom.web.session import Visit, read_number
from greenroom.web.shell import load_shell

MARKS = ("good", "bad", "none")
RUNS = 5


class VersionPages:
    """The pages of versions."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._desk = door.desk

    def routes(self) -> list[Route]:
        """Returns the routes."""
        base = "/projects/{slug}/versions/{number}"
        return [
            self._door.route(base, self.version),
            self._door.route(base + "/mark", write=self.mark),
            self._door.route(base + "/export", self.export),
        ]

    async def version(self, visit: Visit) -> Response:
        """Shows a version whole."""
        slug, number = visit.path("slug"), _number(visit)
        shell = await load_shell(visit, slug, f"v{number}", "environments", names=True)
        view = await self._desk.versions.load(visit.call, slug, number)
        parents = view.version.parents
        compared = None
        if parents:
            compared = await self._desk.comparisons.compare(visit.call, slug, f"v{parents[0]}", f"v{number}")
        return self._door.page(
            shell,
            "versions/version.html",
            view=view,
            compared=compared,
            kinds=self._desk.kinds,
            was_in=view.was_in,
            runs=await self._desk.test_runs.list(visit.call, slug, None, RUNS, digest=view.version.digest),
        )

    async def mark(self, visit: Visit) -> Response:
        """Marks a version as known good or bad, or takes the mark away."""
        slug, number, mark = visit.path("slug"), _number(visit), visit.form.text("mark")
        chosen = cast(Mark, mark) if mark in MARKS else "none"
        await self._desk.versions.mark(visit.call, slug, number, chosen)
        said = f"v{number} is marked as known {chosen}." if chosen != "none" else f"v{number} has no mark any more."
        return self._door.go(visit, f"/projects/{slug}/versions/{number}", said)

    async def export(self, visit: Visit) -> Response:
        """Sends a version as a folder of YAML and code files."""
        slug, number = visit.path("slug"), _number(visit)
        done = await self._desk.imports.export(visit.call, slug, f"v{number}")
        name = f'attachment; filename="{slug}-v{number}.zip"'
        return Response(done.archive, 200, {"content-disposition": name}, "application/zip")


def _number(visit: Visit) -> int:
    number = read_number(visit.path("number").removeprefix("v"))
    if number is None:
        raise NotFound("version_not_found", f"there is no version '{visit.path('number')[:40]}'")
    return number
