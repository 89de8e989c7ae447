"""Knowledge on the network: documents that all versions share, sources that bring them, and what is found in them."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import Path, Query
from starlette.datastructures import UploadFile
from starlette.responses import Response

from greenroom.api.asking import Ask, Given, ProjectPath, SlugPath, reply
from greenroom.api.bodies import Limit as BodyLimit
from greenroom.api.etags import parse_if_match, quote_tag
from greenroom.api.nouns import Noun
from greenroom.api.paging import DEFAULT_LIMIT, Cursor, Limit, cut_page, page_of, read_text_cursor
from greenroom.domain.errors import Fault, Invalid
from greenroom.domain.knowledge import MAX_UPLOAD_BYTES, Document, Edit, choose_id
from greenroom.services.knowledge import DocumentEdit, DocumentView
from greenroom.services.knowledge_retrieval import Passage, Searched
from greenroom.services.knowledge_sources import SourceView, SyncState
from greenroom.wire.knowledge import (
    DocumentEditOut,
    DocumentIn,
    DocumentOut,
    PassageOut,
    ReachedOut,
    SearchOut,
    SourceOut,
    SyncErrorOut,
    SyncIn,
    SyncOut,
)
from greenroom.wire.model import Page

NOUN: Final = Noun("knowledge")
TEXT_LIMIT: Final = BodyLimit(8 * 1024 * 1024, 60, 5_000)
UPLOAD_LIMIT: Final = BodyLimit(MAX_UPLOAD_BYTES + 64 * 1024, 120)
DocumentPath = Annotated[str, Path(min_length=1, max_length=200, description="Id of the document; it may hold `/`.")]
DryRun = Annotated[bool, Query(description="Say what would happen, and which environments it reaches; write nothing.")]
_FILE: Final = {"type": "string", "format": "binary"}
_UPLOAD: Final = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {"schema": {"type": "object", "properties": {"file": _FILE}, "required": ["file"]}},
            "application/octet-stream": {"schema": _FILE},
        },
    }
}


@NOUN.verb("GET", "/projects/{project}/knowledge/documents", "list_documents", Page[DocumentOut])
async def list_documents(
    ask: Given,
    project: ProjectPath,
    source: Annotated[str | None, Query(max_length=120, description="Only documents of this source.")] = None,
    cursor: Cursor = None,
    limit: Limit = DEFAULT_LIMIT,
) -> Response:
    """Lists the project's documents by id."""
    after = read_text_cursor("documents", cursor)
    found = await ask.desk.knowledge.list_documents(ask.call, project, after, limit + 1, source)
    return reply(page_of("documents", found, limit, lambda each: each.id, document_out))


@NOUN.verb("POST", "/projects/{project}/knowledge/documents", "put_document", DocumentEditOut, json=TEXT_LIMIT)
async def put_document(ask: Given, project: ProjectPath, body: DocumentIn, dry_run: DryRun = False) -> Response:
    """Writes a document as text, which reaches every environment that lists it."""
    edit = Edit(
        body.id or choose_id(body.title),
        body.text,
        body.title,
        body.uri,
        body.mime,
        tags=tuple(body.tags),
        metadata=body.metadata,
    )
    seen = parse_if_match(ask.request.headers.get("if-match"))
    if dry_run:
        return reply(edit_out(await ask.desk.knowledge.put_document(ask.call, project, edit, seen, dry_run=True)))
    return await ask.write(lambda call: ask.desk.knowledge.put_document(call, project, edit, seen), edit_out)


@NOUN.verb(
    "POST",
    "/projects/{project}/knowledge/uploads",
    "upload_document",
    DocumentEditOut,
    raw=UPLOAD_LIMIT,
    extra=_UPLOAD,
)
async def upload_document(
    ask: Given,
    project: ProjectPath,
    name: Annotated[str, Query(max_length=300, description="The file's name, where it is not in the form.")] = "",
    id: Annotated[str, Query(max_length=200, description="The document's id; without one, made of the name.")] = "",  # noqa: A002
    title: Annotated[str, Query(max_length=300, description="What people call it; else what the file says.")] = "",
    uri: Annotated[str, Query(max_length=2_000, description="Where it can be read.")] = "",
    tags: Annotated[list[str] | None, Query(max_length=50, description="May be repeated.")] = None,
    dry_run: DryRun = False,
) -> Response:
    """Reads a file (Markdown, HTML, PDF, text, DOCX, CSV) into a document."""
    data, mime, named = await _read_upload(ask, name)
    edit = Edit(id, "", title, uri, tags=tuple(tags or ()))
    seen = parse_if_match(ask.request.headers.get("if-match"))
    verb = ask.desk.knowledge.upload_document
    if dry_run:
        return reply(edit_out(await verb(ask.call, project, data, mime, named, edit, seen, dry_run=True)))
    return await ask.write(lambda call: verb(call, project, data, mime, named, edit, seen), edit_out)


@NOUN.verb("GET", "/projects/{project}/knowledge/documents/{document:path}", "load_document", DocumentOut)
async def load_document(
    ask: Given,
    project: ProjectPath,
    document: DocumentPath,
    digest: Annotated[
        str | None, Query(pattern=r"^sha256:[0-9a-f]{64}$", description="An earlier content that is still kept.")
    ] = None,
) -> Response:
    """Loads a document with its text."""
    view = await ask.desk.knowledge.load_document(ask.call, project, document, digest)
    return reply(view_out(view), quote_tag(str(view.document.revision)))


@NOUN.verb("DELETE", "/projects/{project}/knowledge/documents/{document:path}", "delete_document", DocumentEditOut)
async def delete_document(
    ask: Given, project: ProjectPath, document: DocumentPath, dry_run: DryRun = False
) -> Response:
    """Removes a document; versions that pin its content keep it."""
    seen = parse_if_match(ask.request.headers.get("if-match"))
    verb = ask.desk.knowledge.delete_document
    if dry_run:
        return reply(edit_out(await verb(ask.call, project, document, seen, dry_run=True)))
    return await ask.write(lambda call: verb(call, project, document, seen), edit_out)


@NOUN.verb("GET", "/projects/{project}/knowledge/sources", "list_sources", Page[SourceOut])
async def list_sources(
    ask: Given, project: ProjectPath, cursor: Cursor = None, limit: Limit = DEFAULT_LIMIT
) -> Response:
    """Lists sources that are served or in the caller's draft, with their last sync."""
    found = await ask.desk.knowledge.list_sources(ask.call, project)
    return reply(cut_page("sources", found, cursor, limit, lambda each: each.slug, source_out))


@NOUN.verb("POST", "/projects/{project}/knowledge/sources/{slug}/sync", "sync", SourceOut, 202)
async def sync(ask: Given, project: ProjectPath, slug: SlugPath, body: SyncIn) -> Response:
    """Begins to read a source again; the list of sources says how far it is."""
    verb = ask.desk.knowledge.sync
    return await ask.write(
        lambda call: verb(call, project, slug, body.ref, list_documents=body.list_documents), source_out, status=202
    )


@NOUN.verb("GET", "/projects/{project}/knowledge/search", "search", SearchOut)
async def search(
    ask: Given,
    project: ProjectPath,
    q: Annotated[str, Query(min_length=1, max_length=2_000, description="What a caller asks.")],
    ref: Annotated[str, Query(min_length=1, max_length=200, description="Whose knowledge: live, v12, draft:sandbox.")],
    limit: Annotated[int, Query(ge=1, le=50)] = 5,
) -> Response:
    """Shows what would be found in a state's knowledge, with scores."""
    return reply(search_out(await ask.desk.knowledge.search(ask.call, project, ref, q, limit)))


async def _read_upload(ask: Ask, name: str) -> tuple[bytes, str, str]:
    """Returns bytes, type and name of the file that was sent, alone or in a form."""
    mime = ask.request.headers.get("content-type", "")
    if not mime.lower().startswith("multipart/form-data"):
        if not name:
            raise _missing("/name", "say the file's name in the query: ?name=rules.pdf")
        return await ask.request.body(), mime, name
    async with ask.request.form(max_files=1, max_fields=10) as form:
        file = form.get("file")
        if not isinstance(file, UploadFile):
            raise _missing("/file", "the form needs a file in its field 'file'")
        return await file.read(), file.content_type or "", name or file.filename or "document"


def _missing(pointer: str, message: str) -> Invalid:
    return Invalid("file_missing", message, errors=[Fault(pointer, message)])


def document_out(document: Document) -> DocumentOut:
    """Returns a document as it is sent, without its text."""
    return view_out(DocumentView(document))


def view_out(view: DocumentView) -> DocumentOut:
    """Returns a document as it is sent."""
    document = view.document
    return DocumentOut(
        id=document.id,
        title=document.title,
        uri=document.uri,
        mime=document.mime,
        source=document.source,
        digest=document.digest,
        size=document.size,
        tags=list(document.tags),
        metadata=dict(document.metadata),
        revision=document.revision,
        changed_at=document.changed_at,
        text=view.text,
    )


def edit_out(done: DocumentEdit) -> DocumentEditOut:
    """Returns what an edit did as it is sent."""
    reaches = [
        ReachedOut(environment=each.alias, versions=list(each.versions), pinned=each.pinned, public=each.public)
        for each in done.reaches
    ]
    return DocumentEditOut(
        outcome=done.outcome, dry_run=done.dry_run, document=document_out(done.document), reaches=reaches
    )


def source_out(view: SourceView) -> SourceOut:
    """Returns a source as it is sent."""
    return SourceOut(
        slug=view.slug,
        name=view.name,
        type=view.type,
        environments=list(view.environments),
        documents=view.documents,
        every_hours=view.every_hours,
        sync=None if view.sync is None else _sync_out(view.sync),
    )


def _sync_out(sync: SyncState) -> SyncOut:
    return SyncOut(
        state=sync.state,
        ref=sync.ref,
        by=sync.by,
        started_at=sync.started_at,
        finished_at=sync.finished_at,
        done=sync.done,
        of=sync.of,
        added=sync.added,
        changed=sync.changed,
        removed=sync.removed,
        unchanged=sync.unchanged,
        errors=[SyncErrorOut(uri=uri, message=message) for uri, message in sync.errors],
        note=sync.note,
    )


def search_out(found: Searched) -> SearchOut:
    """Returns what was found as it is sent."""
    return SearchOut(
        passages=[_passage_out(each) for each in found.passages],
        documents=found.documents,
        searched=found.searched,
        missing=list(found.missing),
        ranking=found.ranking,
    )


def _passage_out(passage: Passage) -> PassageOut:
    return PassageOut(
        knowledge=passage.knowledge,
        document=passage.document,
        title=passage.title,
        uri=passage.uri,
        headings=list(passage.headings),
        text=passage.text,
        score=passage.score,
        digest=passage.digest,
        pinned=passage.pinned,
    )
