"""Documents: project-wide, shared by all versions that list them (R33)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from greenroom.domain.canonical import Digest
from greenroom.domain.errors import Invalid, NotFound
from greenroom.domain.events import Event
from greenroom.domain.ids import ProjectId
from greenroom.domain.knowledge import (
    Document,
    Edit,
    check_edit,
    choose_id,
    clean_document_text,
    digest_of_text,
)
from greenroom.ports import Parser, Reading, Writing
from greenroom.services.knowledge_contents import (
    DOCUMENT,
    Outcome,
    Reached,
    check_revision,
    collect_contents,
    document_of,
    drop_document,
    find_document,
    find_reached,
    load_document,
    load_text,
    put_document,
)
from greenroom.services.knowledge_retrieval import Retrieval, Searched
from greenroom.services.knowledge_sources import SourceView, list_sources
from greenroom.services.knowledge_syncs import SyncJobs
from greenroom.services.states import load_project
from greenroom.services.work import Call, Work


@dataclass(frozen=True, slots=True)
class DocumentView:
    """A document, with its text where one was asked for."""

    document: Document
    text: str | None = None


@dataclass(frozen=True, slots=True)
class DocumentEdit:
    """What an edit does, or would do: whom it reaches, and what the document is then."""

    outcome: Outcome | str
    document: Document
    reaches: tuple[Reached, ...]
    dry_run: bool


class Knowledge:
    """The verbs of knowledge. Without a parser, only text is taken."""

    def __init__(self, work: Work, parser: Parser | None, retrieval: Retrieval, jobs: SyncJobs) -> None:
        self._work = work
        self._parser = parser
        self._retrieval = retrieval
        self._jobs = jobs

    async def list_documents(
        self, call: Call, slug: str, after: str | None, limit: int, source: str | None = None
    ) -> Sequence[Document]:
        """Returns documents by id; `source` keeps those of one source ('' for uploads). Raises NotFound."""
        call.need("knowledge.read")

        def work(tx: Reading) -> Sequence[Document]:
            project = load_project(tx, slug)
            records = tx.list_records(project.id, DOCUMENT, owner=source, after=after, limit=limit)
            return [document_of(record) for record in records]

        return await self._work.read(call, work)

    async def load_document(self, call: Call, slug: str, id_: str, digest: str | None = None) -> DocumentView:
        """Returns a document with its text, or with an earlier one that is still kept. Raises NotFound."""
        call.need("knowledge.read")

        def work(tx: Reading) -> DocumentView:
            project = load_project(tx, slug).id
            document = load_document(tx, project, id_)
            text = load_text(tx, project, digest or document.digest)
            if text is None:
                raise NotFound("content_not_found", f"the content {str(digest)[:80]} is not kept here any more")
            return DocumentView(replace(document, digest=Digest(digest or document.digest), size=len(text)), text)

        return await self._work.read(call, work)

    async def put_document(
        self, call: Call, slug: str, edit: Edit, if_match: str | None = None, *, dry_run: bool = False
    ) -> DocumentEdit:
        """Writes a document; says which environments list it. Raises Invalid, Missing, Stale, LimitReached."""
        call.need("knowledge.edit")
        text = clean_document_text(edit.text)
        edit = replace(edit, text=text, title=edit.title.strip() or edit.id)
        check_edit(edit)
        now = self._work.clock.now()

        def work(tx: Reading) -> tuple[ProjectId, Document | None, tuple[Reached, ...]]:
            project = load_project(tx, slug).id
            before = find_document(tx, project, edit.id)
            check_revision(before, if_match, edit.id)
            return project, before, find_reached(tx, project, edit.id)

        if dry_run:
            _, before, reaches = await self._work.read(call, work)
            return _foresee(edit, before, reaches, now)

        def write(tx: Writing) -> DocumentEdit:
            project, before, reaches = work(tx)
            # A source's document that is edited by hand stays that source's: its next sync takes it back.
            kept = replace(edit, source=edit.source or (before.source if before else ""))
            document, outcome = put_document(tx, project, kept, now)
            if outcome != "unchanged":
                action = "document.added" if outcome == "added" else "document.changed"
                tx.append(self._event(call, action, project, document, reaches))
            return DocumentEdit(outcome, document, reaches, dry_run=False)

        return await self._work.change(call, write)

    async def upload_document(
        self,
        call: Call,
        slug: str,
        data: bytes,
        mime: str,
        name: str,
        edit: Edit,
        if_match: str | None = None,
        *,
        dry_run: bool = False,
    ) -> DocumentEdit:
        """Reads a file and writes what it holds as `put_document` does; `edit` says the rest. Raises Invalid for files
        that cannot be read."""
        call.need("knowledge.edit")
        if self._parser is None:
            raise Invalid("unsupported_document", "this installation reads no files: send the document as text")
        parsed = await self._parser.parse(data, mime, name)
        read = replace(
            edit,
            id=edit.id or choose_id(name),
            text=parsed.text,
            title=edit.title or parsed.title,
            mime=mime.partition(";")[0].strip().lower()[:100] or "application/octet-stream",
        )
        return await self.put_document(call, slug, read, if_match, dry_run=dry_run)

    async def delete_document(
        self, call: Call, slug: str, id_: str, if_match: str | None = None, *, dry_run: bool = False
    ) -> DocumentEdit:
        """Removes a document; versions that pin its content keep it. Raises NotFound, Stale."""
        call.need("knowledge.edit")
        now = self._work.clock.now()

        def work(tx: Reading) -> tuple[ProjectId, DocumentEdit]:
            project = load_project(tx, slug).id
            document = load_document(tx, project, id_)
            check_revision(document, if_match or "*", id_)
            return project, DocumentEdit("removed", document, find_reached(tx, project, id_), dry_run)

        if dry_run:
            return (await self._work.read(call, work))[1]

        def write(tx: Writing) -> DocumentEdit:
            project, done = work(tx)
            drop_document(tx, project, done.document, now)
            tx.append(self._event(call, "document.removed", project, done.document, done.reaches))
            return done

        return await self._work.change(call, write)

    async def list_sources(self, call: Call, slug: str) -> Sequence[SourceView]:
        """Returns every source that an environment or the caller's draft has, where, and how its last sync went."""
        call.need("knowledge.read")
        now = self._work.clock.now()

        def work(tx: Reading) -> tuple[ProjectId, Sequence[SourceView]]:
            project = load_project(tx, slug)
            return project.id, list_sources(tx, project, call.principal, now, self._work.kinds)

        project, found = await self._work.read(call, work)
        return [self._jobs.see(project, view) for view in found]

    async def sync(
        self, call: Call, slug: str, source: str, ref: str | None = None, *, list_documents: bool = False
    ) -> SourceView:
        """Begins to read a source again, as a ref has it; with `list_documents`, lists what it finds in the caller's
        draft. Raises Conflict `sync_running`, NotFound, Invalid."""
        call.need("knowledge.sync")
        if list_documents:
            call.need("drafts.edit")
        return await self._jobs.start(call, slug, source, ref, list_documents=list_documents)

    async def search(self, call: Call, slug: str, ref: str, query: str, limit: int = 5) -> Searched:
        """Returns what a ref's knowledge would answer, with scores. Raises NotFound, Invalid."""
        call.need("knowledge.read")
        return await self._retrieval.search(call, slug, ref, query, limit)

    async def collect(self, call: Call, slug: str) -> int:
        """Removes contents that nothing needs any more; returns how many. For the background."""
        now = self._work.clock.now()
        return await self._work.change(call, lambda tx: collect_contents(tx, load_project(tx, slug).id, now))

    def _event(
        self, call: Call, action: str, project: ProjectId, document: Document, reaches: Sequence[Reached]
    ) -> Event:
        data = {"digest": document.digest, "reaches": [each.alias for each in reaches if not each.pinned]}
        return self._work.event(call, action, project=project, subject=document.id, data=data)


def _foresee(edit: Edit, before: Document | None, reaches: tuple[Reached, ...], now: datetime) -> DocumentEdit:
    digest = digest_of_text(edit.text)
    outcome = "added" if before is None else "unchanged" if before.digest == digest else "changed"
    document = Document(
        edit.id,
        edit.title,
        edit.uri,
        edit.mime,
        edit.source,
        digest,
        len(edit.text),
        before.changed_at if before else now,
        edit.tags,
        dict(edit.metadata),
        before.revision if before else 0,
    )
    return DocumentEdit(outcome, document, reaches, dry_run=True)
