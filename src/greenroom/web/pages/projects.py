"""Projects: all of them, and one at a glance."""

from __future__ import annotations

from typing import cast

from starlette.responses import Response
from starlette.routing import Route

from greenroom.domain.environments import TEMPLATES, TemplateName
from greenroom.domain.errors import Fault, GreenroomError, Invalid
from greenroom.domain.projects import MAX_NAME
from greenroom.domain.releases import Release
from greenroom.web.door import Door
from greenroom.web.forms import Refusal, refusal_of
from greenroom.web.health import load_health
from greenroom.web.session import Visit
from greenroom.web.shell import Place, Shell, draw_places, load_shell, plain_shell

PAGE = 50
LAST = 8
RELEASES = 6


class ProjectPages:
    """The pages of projects."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._desk = door.desk

    def routes(self) -> list[Route]:
        """Returns the routes."""
        return [
            self._door.route("/", self.home),
            self._door.route("/projects/new", self.ask, self.create),
            self._door.route("/projects/{slug}", self.project),
            self._door.route("/projects/{slug}/settings", self.settings, self.change),
        ]

    async def home(self, visit: Visit) -> Response:
        """Shows every project and what its environments serve."""
        call = visit.call
        projects = await self._desk.projects.list(call, visit.query("after"), PAGE)
        cards = [
            (view.project, draw_places(await self._desk.environments.list(call, view.project.slug)))
            for view in projects
        ]
        more = projects[-1].project.slug if len(projects) == PAGE else ""
        return self._door.page(plain_shell(visit, "Projects"), "projects/home.html", cards=cards, more=more)

    async def ask(self, visit: Visit) -> Response:
        """Asks for the name and template of a new project."""
        return self._ask(visit, Refusal())

    async def create(self, visit: Visit) -> Response:
        """Makes a project and goes to it."""
        asked = visit.form.text("template")
        template = cast(TemplateName, asked if asked in TEMPLATES else "pipeline")
        slug = visit.form.text("slug").strip() or None
        name = visit.form.text("name").strip()
        try:
            check_name(name)
            made = await self._desk.projects.create(visit.call, name, slug, template)
        except GreenroomError as wrong:
            return self._ask(visit, refusal_of(wrong))
        return self._door.go(visit, f"/projects/{made.project.slug}", f"{made.project.name} is made.")

    def _ask(self, visit: Visit, refusal: Refusal) -> Response:
        return self._door.sheet(
            plain_shell(visit, "New project"),
            "projects/_new.html",
            422 if refusal else 200,
            templates=list(TEMPLATES),
            refusal=refusal,
        )

    async def project(self, visit: Visit) -> Response:
        """Shows what is live, since when and by whom, the drafts, and what happened last."""
        slug, call = visit.path("slug"), visit.call
        shell = await load_shell(visit, slug, "Overview", "home", names=True)
        return self._door.page(
            shell,
            "projects/project.html",
            live_note=await self._live_note(visit, shell),
            health=await load_health(visit, shell.live) if shell.live else None,
            drafts=[(place, await self._desk.drafts.load(call, slug, place.alias)) for place in shell.editable],
            history=await self._desk.history.list(call, slug, None, LAST),
            releases=await self._last_releases(visit, shell),
        )

    async def settings(self, visit: Visit) -> Response:
        """Shows what holds for the whole project."""
        return await self._settings(visit, Refusal())

    async def change(self, visit: Visit) -> Response:
        """Renames a project, or deletes it when its slug is typed."""
        slug, form = visit.path("slug"), visit.form
        name = form.text("name").strip()
        try:
            if form.has("delete"):
                visit.call.need("projects.delete")
                if form.text("slug").strip() != slug:
                    message = f"type {slug} to confirm"
                    raise Invalid("not_confirmed", message, errors=[Fault("/slug", message)])
                await self._desk.projects.delete(visit.call, slug)
                await self._door.catch_up()
                return self._door.go(visit, "/", f"{slug} is deleted.")
            check_name(name)
            await self._desk.projects.rename(visit.call, slug, name)
        except GreenroomError as wrong:
            return await self._settings(visit, refusal_of(wrong))
        return self._door.go(visit, f"/projects/{slug}/settings", f"The project is called {name}.")

    async def _settings(self, visit: Visit, refusal: Refusal) -> Response:
        shell = await load_shell(visit, visit.path("slug"), "Project settings", "settings")
        return self._door.page(shell, "projects/settings.html", 422 if refusal else 200, refusal=refusal)

    async def _last_releases(self, visit: Visit, shell: Shell) -> list[tuple[Place, Release]]:
        """Returns the last releases of the whole project, latest first."""
        found = [
            (place, view.release)
            for place in shell.places
            for view in await self._desk.environments.list_releases(
                visit.call, visit.path("slug"), place.alias, None, RELEASES
            )
        ]
        return sorted(found, key=lambda pair: pair[1].at, reverse=True)[:RELEASES]

    async def _live_note(self, visit: Visit, shell: Shell) -> str:
        number = shell.live.version if shell.live else None
        if number is None:
            return ""
        return (await self._desk.versions.load(visit.call, visit.path("slug"), number)).version.note


def check_name(name: str) -> None:
    """Raises Invalid `invalid_name` for a name that is empty or too long."""
    if not 1 <= len(name) <= MAX_NAME:
        message = f"is 1 to {MAX_NAME} characters"
        raise Invalid("invalid_name", f"the name {message}", errors=[Fault("/name", message)])
