"""Knowledge: documents that all environments share, the sources that bring them, and what a question finds."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.responses import Response
from starlette.routing import Route

from greenroom.domain.errors import Fault, GreenroomError, Invalid, NotAllowed, NotFound, Refused
from greenroom.domain.knowledge import Document, Edit
from greenroom.services.knowledge import DocumentEdit
from greenroom.services.knowledge_contents import Reached
from greenroom.web.door import Door
from greenroom.web.forms import Form, Refusal, refusal_of
from greenroom.web.session import Visit
from greenroom.web.shell import load_shell

PAGE = 100


class KnowledgePages:
    """The pages of knowledge."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._desk = door.desk

    def routes(self) -> list[Route]:
        """Returns the routes."""
        base = "/projects/{slug}/knowledge"
        return [
            self._door.route(base, self.list, self.add),
            self._door.route(base + "/sync", write=self.sync),
            self._door.route(base + "/document", self.document, self.save),
        ]

    async def list(self, visit: Visit) -> Response:
        """Shows documents and sources, and what a question finds."""
        return await self._list(visit, Refusal())

    async def add(self, visit: Visit) -> Response:
        """Takes a new document: a file, or text."""
        slug, form = visit.path("slug"), visit.form
        name, data = form.files.get("file", ("", b""))
        edit = _edit(form)
        try:
            if data:
                mime = form.text("mime") or "application/octet-stream"
                done = await self._desk.knowledge.upload_document(visit.call, slug, data, mime, name, edit, None)
            elif edit.text.strip() and edit.id:
                done = await self._desk.knowledge.put_document(visit.call, slug, edit, None)
            else:
                message = "give a file, or an id and a text"
                raise Invalid("nothing_given", message, errors=[Fault("/text", message)])
        except GreenroomError as wrong:
            return await self._list(visit, refusal_of(wrong))
        return self._door.go(visit, f"/projects/{slug}/knowledge", f"{done.document.title} is {done.outcome}.")

    async def _list(self, visit: Visit, refusal: Refusal) -> Response:
        slug, query = visit.path("slug"), visit.query("q").strip()[:400]
        shell = await load_shell(visit, slug, "Knowledge", "knowledge")
        after = visit.query("after") or None
        documents: Sequence[Document] = await self._desk.knowledge.list_documents(visit.call, slug, after, PAGE)
        searched, ref = None, visit.query("ref") or (shell.live.alias if shell.live and shell.live.version else "")
        if query and ref:
            try:
                searched = await self._desk.knowledge.search(visit.call, slug, ref, query, 8)
            except GreenroomError as wrong:
                refusal = refusal_of(wrong)
        return self._door.page(
            shell,
            "documents/list.html",
            422 if refusal else 200,
            documents=documents,
            more=documents[-1].id if len(documents) == PAGE else "",
            sources=await self._desk.knowledge.list_sources(visit.call, slug),
            searched=searched,
            query=query,
            ref=ref,
            refusal=refusal,
        )

    async def sync(self, visit: Visit) -> Response:
        """Begins to read a source again."""
        slug, source = visit.path("slug"), visit.form.text("source")
        try:
            await self._desk.knowledge.sync(visit.call, slug, source)
        except GreenroomError as wrong:
            return await self._list(visit, refusal_of(wrong))
        return self._door.go(visit, f"/projects/{slug}/knowledge", f"{source} is being read.")

    async def document(self, visit: Visit) -> Response:
        """Shows a document, and whom an edit would reach."""
        return await self._document(visit, visit.query("id"), Refusal())

    async def save(self, visit: Visit) -> Response:
        """Saves or removes a document. What callers hear at once must be acknowledged."""
        slug, form = visit.path("slug"), visit.form
        edit, seen = _edit(form), form.text("revision") or None
        knowledge = self._desk.knowledge
        try:
            foreseen = await self._foresee(visit, edit, seen, removing=form.has("remove"))
            public = [reached.alias for reached in foreseen.reaches if reached.public and not reached.pinned]
            if public and not form.has("known"):
                message = f"callers of {', '.join(public)} hear it at once: tick that you know it"
                raise Refused("reaches_public", message, errors=[Fault("/known", message)])
            if form.has("remove"):
                await knowledge.delete_document(visit.call, slug, edit.id, seen)
                return self._door.go(visit, f"/projects/{slug}/knowledge", f"{edit.id} is removed.")
            done = await knowledge.put_document(visit.call, slug, edit, seen)
        except (NotFound, NotAllowed):
            raise
        except GreenroomError as wrong:
            return await self._document(visit, edit.id, refusal_of(wrong))
        return self._door.go(visit, f"/projects/{slug}/knowledge", f"{done.document.title} is {done.outcome}.")

    async def _foresee(self, visit: Visit, edit: Edit, seen: str | None, *, removing: bool) -> DocumentEdit:
        slug, knowledge = visit.path("slug"), self._desk.knowledge
        if removing:
            return await knowledge.delete_document(visit.call, slug, edit.id, seen, dry_run=True)
        return await knowledge.put_document(visit.call, slug, edit, seen, dry_run=True)

    async def _document(self, visit: Visit, id_: str, refusal: Refusal) -> Response:
        slug = visit.path("slug")
        shell = await load_shell(visit, slug, "Document", "knowledge")
        view = await self._desk.knowledge.load_document(visit.call, slug, id_)
        reaches: Sequence[Reached] = ()
        if visit.may("knowledge.edit"):
            reaches = (await self._foresee(visit, Edit(id_, view.text or ""), "*", removing=True)).reaches
        status = 422 if refusal else 200
        return self._door.page(
            shell,
            "documents/document.html",
            status,
            document=view.document,
            text=visit.form.text("text", view.text or ""),
            title=visit.form.text("title", view.document.title),
            reaches=reaches,
            refusal=refusal,
        )


def _edit(form: Form) -> Edit:
    tags = tuple(tag.strip() for tag in form.text("tags").split(",") if tag.strip())
    return Edit(form.text("id").strip(), form.text("text"), form.text("title").strip(), tags=tags)
