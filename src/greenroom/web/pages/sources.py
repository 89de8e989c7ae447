"""Sources of knowledge: made with a form for each sort, read with progress, and what came of it."""

from __future__ import annotations

from typing import Any, Final

from starlette.responses import Response
from starlette.routing import Route

from greenroom.domain.entities import Address, slugify
from greenroom.domain.errors import Conflict, Fault, GreenroomError, Invalid, NotAllowed, NotFound
from greenroom.domain.knowledge import KIND
from greenroom.services.knowledge_sources import SourceView
from greenroom.web.door import Door
from greenroom.web.forms import Form, Refusal, refusal_of
from greenroom.web.session import Visit
from greenroom.web.shell import Shell, load_shell

PAGE = 100
SORTS: Final[dict[str, tuple[str, str]]] = {
    "upload": ("Uploaded files", "documents that you add by hand"),
    "urls": ("Web pages", "a list of addresses"),
    "site": ("A web site", "pages found by following links from a first one"),
    "folder": ("A folder", "files in the server's knowledge folder"),
    "zendesk": ("Zendesk", "published articles of a help centre"),
    "shopify": ("Shopify", "products, pages and policies of a shop"),
}
"""What a source may be, as people think of it; the last two are connections."""
CONNECTED: Final = frozenset({"zendesk", "shopify"})


class SourcePages:
    """The pages of sources."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._desk = door.desk

    def routes(self) -> list[Route]:
        """Returns the routes."""
        base = "/projects/{slug}/knowledge"
        return [
            self._door.route(base + "/sources/new", self.ask, self.create),
            self._door.route(base + "/sources/{source}", self.source, self.sync),
        ]

    async def ask(self, visit: Visit) -> Response:
        """Asks for a new source."""
        return await self._ask(visit, Refusal())

    async def create(self, visit: Visit) -> Response:
        """Puts a source into the draft, and begins to read it where that is wanted."""
        slug, form = visit.path("slug"), visit.form
        if form.has("choose"):
            return await self._ask(visit, Refusal())
        alias = form.text("environment")
        name = form.text("name").strip()
        try:
            body = read_source(form)
            address = Address(KIND, slugify(name))
            if not address.slug:
                raise Invalid("no_name", "give the source a name", errors=[Fault("/name", "give the source a name")])
            draft = await self._desk.drafts.load(visit.call, slug, alias)
            if address in draft.snapshot:
                message = "there is a source of this name already"
                raise Conflict("exists", message, errors=[Fault("/name", message)])
            await self._desk.drafts.save(visit.call, slug, alias, address, body, "*")
            said = f"{name} is in your draft of {alias}."
            if form.has("sync") and form.text("sort") != "upload":
                ref = f"draft:{alias}"
                await self._desk.knowledge.sync(visit.call, slug, address.slug, ref, list_documents=True)
                said = f"{said} It is being read; what is found is listed in your draft."
        except (NotFound, NotAllowed):
            raise
        except GreenroomError as wrong:
            return await self._ask(visit, refusal_of(wrong))
        return self._door.go(visit, f"/projects/{slug}/knowledge/sources/{address.slug}", said)

    async def _ask(self, visit: Visit, refusal: Refusal) -> Response:
        visit.call.need("drafts.edit")
        slug = visit.path("slug")
        shell = await load_shell(visit, slug, "New source", "knowledge")
        if not shell.editable:
            raise NotFound("nothing_editable", f"{slug} has no environment that is edited")
        connections = await self._desk.connections.list(visit.call, slug) if visit.may("connections.read") else ()
        sort = visit.form.text("sort") or visit.query("sort")
        return self._door.page(
            shell,
            "documents/new_source.html",
            422 if refusal else 200,
            sorts=SORTS,
            sort=sort if sort in SORTS else "",
            connections=[each for each in connections if each.kind == sort],
            connected=CONNECTED,
            form=visit.form,
            refusal=refusal,
        )

    async def source(self, visit: Visit) -> Response:
        """Shows a source: how far its sync is, what went wrong, its documents."""
        return await self._source(visit, Refusal())

    async def sync(self, visit: Visit) -> Response:
        """Begins to read a source again."""
        slug, source = visit.path("slug"), visit.path("source")
        ref = visit.form.text("ref") or None
        listing = visit.form.has("list") and (ref or "").startswith("draft:")
        try:
            await self._desk.knowledge.sync(visit.call, slug, source, ref, list_documents=listing)
        except (NotFound, NotAllowed):
            raise
        except GreenroomError as wrong:
            return await self._source(visit, refusal_of(wrong))
        return self._door.go(visit, f"/projects/{slug}/knowledge/sources/{source}", f"{source} is being read.")

    async def _source(self, visit: Visit, refusal: Refusal) -> Response:
        slug = visit.path("slug")
        shell = await load_shell(visit, slug, "Source", "knowledge", names=True)
        view = await self._find(visit, shell)
        documents = await self._desk.knowledge.list_documents(
            visit.call, slug, visit.query("after") or None, PAGE, view.slug
        )
        template = "documents/_source.html" if visit.in_dialog else "documents/source.html"
        draw = self._door.part if visit.in_dialog else self._door.page
        return draw(
            shell,
            template,
            409 if refusal else 200,
            source=view,
            address=Address(KIND, view.slug),
            documents=documents,
            more=documents[-1].id if len(documents) == PAGE else "",
            drafts=[place for place in view.environments if place.startswith("draft:")],
            refusal=refusal,
        )

    async def _find(self, visit: Visit, shell: Shell) -> SourceView:
        found = await self._desk.knowledge.list_sources(visit.call, visit.path("slug"))
        view = next((each for each in found if each.slug == visit.path("source")), None)
        if view is None:
            raise NotFound("source_not_found", f"there is no source '{visit.path('source')[:80]}' here")
        return view


def read_source(form: Form) -> dict[str, Any]:
    """Returns the body of a source as a form says it. Raises Invalid; the kind itself looks at the rest."""
    sort = form.text("sort")
    faults: list[Fault] = []
    source: dict[str, Any] = {"type": "connection" if sort in CONNECTED else sort}
    if sort not in SORTS:
        faults.append(Fault("/sort", "choose what it is"))
    if sort == "urls":
        source["urls"] = [line.strip() for line in form.text("urls").split("\n") if line.strip()]
    elif sort == "site":
        source["site"] = {
            "url": form.text("url").strip(),
            "max_pages": form.number("max_pages") or 100,
            "max_depth": 3 if form.number("max_depth") is None else form.number("max_depth"),
            "include": [line.strip() for line in form.text("include").split("\n") if line.strip()],
            "exclude": [line.strip() for line in form.text("exclude").split("\n") if line.strip()],
        }
    elif sort in CONNECTED:
        source["connection"] = form.text("connection").strip()
    if sort in CONNECTED or sort == "folder":
        source["filter"] = form.text("filter").strip()
    if faults:
        raise Invalid("invalid_source", faults[0].message, errors=faults)
    hours = form.number("every_hours")
    refresh = {"refresh": {"every_hours": hours}} if hours and sort != "upload" else {}
    description = form.text("description").strip()
    return {"name": form.text("name").strip(), "description": description, "source": source, **refresh}
