"""Knowledge: documents, sources, searches."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from greenroom.sdk.exchange import Call, as_model, fill, path_of, read_call, write_call
from greenroom.sdk.verb import ListVerb, Noun, S_co, Verb
from greenroom.wire.knowledge import (
    DocumentEditOut,
    DocumentIn,
    DocumentOut,
    SearchOut,
    SourceOut,
    SyncIn,
)
from greenroom.wire.model import Page


class Knowledge(Noun[S_co]):
    """Documents that all versions of a project share, and the sources that bring them."""

    @ListVerb
    def list_documents(
        self, project: str, *, source: str | None = None, cursor: str | None = None, limit: int | None = None
    ) -> Call[Page[DocumentOut]]:
        """Lists documents by id."""
        query = {"source": source, "cursor": cursor, "limit": limit}
        return read_call(as_model(Page[DocumentOut]), path_of("projects", project, "knowledge", "documents"), query)

    @Verb
    def load_document(self, project: str, document: str, *, digest: str | None = None) -> Call[DocumentOut]:
        """Loads a document with its text, or with an earlier one that is still kept."""
        path = path_of("projects", project, "knowledge", "documents", document)
        return read_call(as_model(DocumentOut), path, {"digest": digest})

    @Verb
    def put_document(
        self,
        project: str,
        text: str,
        *,
        id: str | None = None,  # noqa: A002
        title: str | None = None,
        uri: str | None = None,
        mime: str | None = None,
        tags: Sequence[str] | None = None,
        metadata: Mapping[str, str] | None = None,
        if_match: str | None = None,
        dry_run: bool = False,
    ) -> Call[DocumentEditOut]:
        """Writes a document as text; `if_match` is the revision that was seen, `*` for any."""
        body = fill(
            DocumentIn,
            text=text,
            id=id,
            title=title,
            uri=uri,
            mime=mime,
            tags=None if tags is None else [*tags],
            metadata=None if metadata is None else dict(metadata),
        )
        path = path_of("projects", project, "knowledge", "documents")
        return write_call(
            "POST", as_model(DocumentEditOut), path, body=body, query={"dry_run": dry_run}, headers=_seen(if_match)
        )

    @Verb
    def upload_document(
        self,
        project: str,
        data: bytes,
        name: str,
        *,
        id: str | None = None,  # noqa: A002
        title: str | None = None,
        uri: str | None = None,
        if_match: str | None = None,
        dry_run: bool = False,
        on_sent: Callable[[int], None] | None = None,
    ) -> Call[DocumentEditOut]:
        """Sends a file (Markdown, HTML, PDF, text, DOCX, CSV), which becomes a document."""
        query = {"name": name, "id": id, "title": title, "uri": uri, "dry_run": dry_run}
        headers = {"Content-Type": "application/octet-stream", **_seen(if_match)}
        path = path_of("projects", project, "knowledge", "uploads")
        call = write_call("POST", as_model(DocumentEditOut), path, query=query, headers=headers)
        return replace(call, request=replace(call.request, body=data, on_sent=on_sent))

    @Verb
    def delete_document(
        self, project: str, document: str, *, if_match: str | None = None, dry_run: bool = False
    ) -> Call[DocumentEditOut]:
        """Removes a document; versions that pin its content keep it."""
        path = path_of("projects", project, "knowledge", "documents", document)
        return write_call(
            "DELETE", as_model(DocumentEditOut), path, query={"dry_run": dry_run}, headers=_seen(if_match)
        )

    @ListVerb
    def list_sources(
        self, project: str, *, cursor: str | None = None, limit: int | None = None
    ) -> Call[Page[SourceOut]]:
        """Lists sources with their last sync."""
        query = {"cursor": cursor, "limit": limit}
        return read_call(as_model(Page[SourceOut]), path_of("projects", project, "knowledge", "sources"), query)

    @Verb
    def sync(
        self, project: str, source: str, *, ref: str | None = None, list_documents: bool | None = None
    ) -> Call[SourceOut]:
        """Begins to read a source again; `list_documents` lists what is found in the caller's draft."""
        body = fill(SyncIn, ref=ref, list_documents=list_documents)
        path = path_of("projects", project, "knowledge", "sources", source, "sync")
        return write_call("POST", as_model(SourceOut), path, body=body)

    @Verb
    def search(self, project: str, q: str, ref: str, *, limit: int | None = None) -> Call[SearchOut]:
        """Shows what would be found in a state's knowledge."""
        query = {"q": q, "ref": ref, "limit": limit}
        return read_call(as_model(SearchOut), path_of("projects", project, "knowledge", "search"), query)


def _seen(revision: str | None) -> dict[str, str]:
    if revision is None:
        return {}
    return {"If-Match": revision if revision == "*" else f'"{revision}"'}
