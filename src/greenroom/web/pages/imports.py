"""A folder of another system, or of ours, read into a draft."""

from __future__ import annotations

from starlette.responses import Response
from starlette.routing import Route

from greenroom.domain.errors import Fault, GreenroomError, Invalid, NotAllowed, NotFound
from greenroom.services.imports import ImportOutcome
from greenroom.web.door import Door
from greenroom.web.forms import Refusal, refusal_of
from greenroom.web.session import Visit
from greenroom.web.shell import load_shell

FORMATS = ("greenroom", "polyai")


class ImportPages:
    """The page of importing."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._desk = door.desk

    def routes(self) -> list[Route]:
        """Returns the routes."""
        return [self._door.route("/projects/{slug}/import", self.ask, self.read)]

    async def ask(self, visit: Visit) -> Response:
        """Asks for an archive."""
        return await self._ask(visit, Refusal())

    async def read(self, visit: Visit) -> Response:
        """Reads an archive into the draft, or only says what it would do."""
        slug, form = visit.path("slug"), visit.form
        name, data = form.files.get("file", ("", b""))
        form_at = form.text("format") if form.text("format") in FORMATS else FORMATS[0]
        try:
            if not data:
                message = "choose a zip or tar.gz of the folder"
                raise Invalid("nothing_given", message, errors=[Fault("/file", message)])
            done = await self._desk.imports.import_folder(
                visit.call,
                slug,
                data,
                form_at,
                environment=form.text("environment") or None,
                overlay=form.has("overlay"),
                dry_run=form.has("look"),
            )
        except (NotFound, NotAllowed):
            raise
        except GreenroomError as wrong:
            return await self._ask(visit, refusal_of(wrong))
        return await self._ask(visit, Refusal(), done, name)

    async def _ask(self, visit: Visit, refusal: Refusal, done: ImportOutcome | None = None, name: str = "") -> Response:
        shell = await load_shell(visit, visit.path("slug"), "Import", "build")
        status = 422 if refusal else 200
        return self._door.page(
            shell, "imports/import.html", status, refusal=refusal, done=done, name=name, formats=FORMATS
        )
