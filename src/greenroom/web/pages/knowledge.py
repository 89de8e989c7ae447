"""Knowledge: documents that all environments share, where each is listed, and what a question finds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from starlette.responses import Response
from starlette.routing import Route

from greenroom.domain.errors import Fault, GreenroomError, Invalid, Missing, NotAllowed, NotFound, Refused
from greenroom.domain.knowledge import Document, Edit
from greenroom.services.knowledge import DocumentEdit
from greenroom.services.knowledge_contents import Reached
from greenroom.services.knowledge_listings import Deed
from greenroom.web.door import Door
from greenroom.web.forms import Form, Refusal, Upload, refusal_of
from greenroom.web.session import Visit
from greenroom.web.shell import load_shell

PAGE = 100
ACCEPTED: Final = ".md,.markdown,.html,.htm,.pdf,.txt,.docx,.csv,.tsv"
"""What a file dialog offers; what a file is, the parser decides."""
DEEDS: Final[dict[str, Deed]] = {"list": "list", "unlist": "unlist", "pin": "pin", "unpin": "unpin"}


class KnowledgePages:
    """The pages of documents."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._desk = door.desk

    def routes(self) -> list[Route]:
        """Returns the routes."""
        base = "/projects/{slug}/knowledge"
        return [
            self._door.route(base, self.list, self.add),
            self._door.route(base + "/document", self.document, self.save),
            self._door.route(base + "/listing", write=self.change_listing),
        ]

    async def list(self, visit: Visit) -> Response:
        """Shows documents and sources, and what a question finds."""
        return await self._list(visit, Refusal())

    async def add(self, visit: Visit) -> Response:
        """Takes new documents: files, or a text."""
        slug, form = visit.path("slug"), visit.form
        edit = read_edit(form)
        try:
            if form.uploads:
                said = await self._upload(visit, form.uploads, edit)
            elif edit.text.strip() and edit.id:
                done = await self._desk.knowledge.put_document(visit.call, slug, edit, None)
                said = f"{done.document.title} is {done.outcome}."
            else:
                message = "give a file, or an id and a text"
                raise Invalid("nothing_given", message, errors=[Fault("/text", message)])
        except Missing as wrong:
            return await self._list(visit, _taken(edit.id or wrong.detail))
        except GreenroomError as wrong:
            return await self._list(visit, refusal_of(wrong))
        return self._door.go(visit, f"/projects/{slug}/knowledge", f"{said} List it in a source to have it used.")

    async def _upload(self, visit: Visit, uploads: Sequence[Upload], edit: Edit) -> str:
        """Adds files; of several, those that can be read are added and the others are told."""
        done: list[str] = []
        wrong: list[str] = []
        single = len(uploads) == 1
        for upload in uploads:
            own = edit if single else Edit("", "", tags=edit.tags)
            mime = visit.form.text("mime") or upload.mime or "application/octet-stream"
            try:
                added = await self._desk.knowledge.upload_document(
                    visit.call, visit.path("slug"), upload.data, mime, upload.name, own, None
                )
                done.append(added.document.title)
            except Missing:
                wrong.append(f"{upload.name}: there is a document of this name already; open it to give it a new file")
            except GreenroomError as fault:
                if single:
                    raise
                wrong.append(f"{upload.name}: {fault.detail}")
        if wrong and (single or not done):
            raise Invalid("not_added", "; ".join(wrong), errors=[Fault("/file", each) for each in wrong])
        told = f" Not added: {'; '.join(wrong)}." if wrong else ""
        return (f"{done[0]} is added." if len(done) == 1 else f"{len(done)} documents are added.") + told

    async def _list(self, visit: Visit, refusal: Refusal) -> Response:
        slug, query = visit.path("slug"), visit.query("q").strip()[:400]
        shell = await load_shell(visit, slug, "Knowledge", "knowledge")
        after = visit.query("after") or None
        source = visit.query("source") if "source" in visit.request.query_params else None
        documents: Sequence[Document] = await self._desk.knowledge.list_documents(
            visit.call, slug, after, PAGE, source or None
        )
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
            listings=await self._desk.knowledge_listings.load(visit.call, slug),
            source=source or "",
            searched=searched,
            query=query,
            ref=ref,
            accepted=ACCEPTED,
            now=self._desk.clock.now(),
            refusal=refusal,
        )

    async def document(self, visit: Visit) -> Response:
        """Shows a document, and whom an edit would reach."""
        return await self._document(visit, visit.query("id"), Refusal())

    async def save(self, visit: Visit) -> Response:
        """Saves or removes a document. What callers hear at once must be acknowledged."""
        slug, form = visit.path("slug"), visit.form
        edit, seen = read_edit(form), form.text("revision") or None
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
            done = await self._write(visit, edit, seen)
        except (NotFound, NotAllowed):
            raise
        except GreenroomError as wrong:
            return await self._document(visit, edit.id, refusal_of(wrong))
        return self._door.go(visit, f"/projects/{slug}/knowledge", f"{done.document.title} is {done.outcome}.")

    async def _write(self, visit: Visit, edit: Edit, seen: str | None) -> DocumentEdit:
        slug, uploads = visit.path("slug"), visit.form.uploads
        if not uploads:
            return await self._desk.knowledge.put_document(visit.call, slug, edit, seen)
        first = uploads[0]
        mime = first.mime or "application/octet-stream"
        return await self._desk.knowledge.upload_document(visit.call, slug, first.data, mime, first.name, edit, seen)

    async def _foresee(self, visit: Visit, edit: Edit, seen: str | None, *, removing: bool) -> DocumentEdit:
        slug, knowledge = visit.path("slug"), self._desk.knowledge
        if removing or visit.form.uploads:
            return await knowledge.delete_document(visit.call, slug, edit.id, seen, dry_run=True)
        return await knowledge.put_document(visit.call, slug, edit, seen, dry_run=True)

    async def change_listing(self, visit: Visit) -> Response:
        """Lists a document in a source of the draft, takes it off, pins it or lets it move."""
        slug, form = visit.path("slug"), visit.form
        id_ = form.text("id")
        deed: Deed | None = next((DEEDS[each] for each in DEEDS if form.has(each)), None)
        alias, _, source = (form.text(deed) if deed else "").partition("/")
        try:
            if deed is None or not source:
                raise Invalid("nothing_given", "choose a source of your draft")
            await self._desk.knowledge_listings.change(visit.call, slug, alias, source, id_, deed)
        except (NotFound, NotAllowed):
            raise
        except GreenroomError as wrong:
            return await self._document(visit, id_, refusal_of(wrong))
        said = {
            "list": f"{id_} is on the list of {source} in your draft of {alias}; it is used once that is published.",
            "unlist": f"{id_} is off the list of {source} in your draft of {alias}.",
            "pin": f"{id_} is pinned in your draft of {alias}: edits will not change what that version says.",
            "unpin": f"{id_} moves again with its edits in your draft of {alias}.",
        }[deed]
        return self._door.go(visit, f"/projects/{slug}/knowledge/document?id={id_}", said)

    async def _document(self, visit: Visit, id_: str, refusal: Refusal) -> Response:
        slug = visit.path("slug")
        shell = await load_shell(visit, slug, "Document", "knowledge")
        view = await self._desk.knowledge.load_document(visit.call, slug, id_)
        reaches: Sequence[Reached] = ()
        if visit.may("knowledge.edit"):
            dry = await self._desk.knowledge.delete_document(visit.call, slug, id_, "*", dry_run=True)
            reaches = dry.reaches
        listings = await self._desk.knowledge_listings.load(visit.call, slug)
        places = listings.get(id_, ())
        here = {(place.alias, place.source) for place in places if place.version is None}
        sources = await self._desk.knowledge_listings.list_draft_sources(visit.call, slug)
        return self._door.page(
            shell,
            "documents/document.html",
            422 if refusal else 200,
            document=view.document,
            text=visit.form.text("text", view.text or ""),
            title=visit.form.text("title", view.document.title),
            reaches=reaches,
            places=places,
            sources=[each for each in sources if (each.alias, each.slug) not in here],
            accepted=ACCEPTED,
            refusal=refusal,
        )


def read_edit(form: Form) -> Edit:
    """Returns the document that a form says."""
    tags = tuple(tag.strip() for tag in form.text("tags").split(",") if tag.strip())
    return Edit(form.text("id").strip(), form.text("text"), form.text("title").strip(), tags=tags)


def _taken(id_: str) -> Refusal:
    detail = f"there is a document '{id_[:200]}' already: open it below to change it, or choose another id"
    return Refusal(detail, "document_taken", [Fault("/id", "is taken already")])
