"""The aliases that lead to environments, and the way from a legacy template to parallel environments."""

from __future__ import annotations

from starlette.responses import Response
from starlette.routing import Route

from greenroom.domain.errors import GreenroomError, NotAllowed
from greenroom.services.migrations import Migration
from greenroom.web.door import Door
from greenroom.web.forms import Refusal, refusal_of
from greenroom.web.session import Visit
from greenroom.web.shell import load_shell

PAGE = 100


class MigrationPages:
    """The list of aliases and the dialog of a migration."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._desk = door.desk

    def routes(self) -> list[Route]:
        """Returns the routes."""
        base = "/projects/{slug}"
        return [
            self._door.route(base + "/aliases", self.aliases),
            self._door.route(base + "/migrate", self.ask, self.migrate),
        ]

    async def aliases(self, visit: Visit) -> Response:
        """Shows every alias that answers, and who still uses those that should no longer be used."""
        slug, after = visit.path("slug"), visit.query("after")
        shell = await load_shell(visit, slug, "Aliases", "environments", names=True)
        found = [v for v in await self._desk.migrations.list_aliases(visit.call, slug) if v.alias > after]
        more = found[PAGE - 1].alias if len(found) > PAGE else ""
        return self._door.page(shell, "environments/aliases.html", aliases=found[:PAGE], more=more)

    async def ask(self, visit: Visit) -> Response:
        """Shows what a migration would do."""
        return await self._ask(visit, Refusal())

    async def migrate(self, visit: Visit) -> Response:
        """Makes a legacy project parallel."""
        slug = visit.path("slug")
        try:
            done = await self._desk.migrations.migrate(visit.call, slug, visit.form.number("seq"))
        except NotAllowed:
            raise
        except GreenroomError as wrong:
            return await self._ask(visit, refusal_of(wrong))
        await self._door.catch_up()
        said = (
            f"{done.project.name} works with Main now. What callers hear is as before; the old aliases go on answering."
        )
        return self._door.go(visit, f"/projects/{slug}/environments", said)

    async def _ask(self, visit: Visit, refusal: Refusal) -> Response:
        slug = visit.path("slug")
        shell = await load_shell(visit, slug, "Move to parallel environments", "settings", names=True)
        plan: Migration | None = None
        try:
            plan = await self._desk.migrations.plan(visit.call, slug)
        except NotAllowed:
            raise
        except GreenroomError as wrong:
            refusal = refusal or refusal_of(wrong)
        main = next((p for p in shell.places if plan and p.environment.id == plan.main.id), None)
        return self._door.sheet(
            shell, "projects/_migrate.html", 422 if refusal else 200, plan=plan, main=main, refusal=refusal
        )
