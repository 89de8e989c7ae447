"""Whether an environment has what a version needs: secrets, values, connections, knowledge, numbers."""

from __future__ import annotations

from starlette.responses import Response
from starlette.routing import Route

from greenroom.domain.errors import GreenroomError, NotAllowed, NotFound
from greenroom.services.readiness import ReadinessView
from greenroom.web.door import Door
from greenroom.web.fixes import draw_readiness, sync_source
from greenroom.web.forms import Refusal, refusal_of
from greenroom.web.session import Visit
from greenroom.web.shell import load_shell


class ReadinessPages:
    """The panel of readiness, which is a page of its own, too."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._desk = door.desk

    def routes(self) -> list[Route]:
        """Returns the routes."""
        return [self._door.route("/projects/{slug}/environments/{alias}/readiness", self.look, self.sync)]

    async def look(self, visit: Visit) -> Response:
        """Shows what the environment has and lacks for what comes next, or for the version that is asked for."""
        return await self._look(visit, visit.number("version"), Refusal(), "")

    async def sync(self, visit: Visit) -> Response:
        """Begins to read a source again, and looks again."""
        version, said, refusal = visit.form.number("version"), "", Refusal()
        try:
            said = await sync_source(visit, f"v{version}" if version else visit.path("alias"))
        except (NotFound, NotAllowed):
            raise
        except GreenroomError as wrong:
            refusal = refusal_of(wrong)
        return await self._look(visit, version, refusal, said)

    async def _look(self, visit: Visit, version: int | None, refusal: Refusal, said: str) -> Response:
        slug, alias = visit.path("slug"), visit.path("alias")
        shell = await load_shell(visit, slug, "Readiness", "environments", alias=alias)
        view: ReadinessView | None = None
        try:
            view = await self._desk.readiness.check(visit.call, slug, alias, version)
        except (NotFound, NotAllowed):
            raise
        except GreenroomError as wrong:
            refusal = refusal or refusal_of(wrong)
        return self._door.sheet(
            shell,
            "readiness/_panel.html",
            place=shell.here,
            view=view,
            findings=draw_readiness(view.items, shell) if view else [],
            refusal=refusal,
            said=said,
        )
