"""`knowledge`: documents that all versions share, the sources that bring them, and what is found in them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from greenroom.cli import output
from greenroom.cli.options import AsJson, Cursor, DryRun, Limit, Project
from greenroom.cli.session import Session, open_session
from greenroom.domain.errors import Invalid, NotFound

if TYPE_CHECKING:
    from greenroom.wire.knowledge import DocumentEditOut, SourceOut, SyncOut

app = typer.Typer(help="Knowledge: add, list, show, remove documents; sources, sync, search.", no_args_is_help=True)

DocumentId = Annotated[str, typer.Argument(metavar="DOCUMENT", help="The document's id.")]
Revision = Annotated[
    str | None, typer.Option("--if-match", help="The revision you saw, to replace a document; * for any.")
]
POLL_MS = 500


@app.command("add")
def add(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(help="Markdown, HTML, PDF, text, DOCX or CSV.")],
    id: Annotated[str | None, typer.Option("--id", help="The document's id; default: made of the name.")] = None,  # noqa: A002
    title: Annotated[str | None, typer.Option("--title", help="What people call it; default: what it says.")] = None,
    uri: Annotated[str | None, typer.Option("--uri", help="Where people can read it.")] = None,
    if_match: Revision = None,
    dry_run: DryRun = False,
    project: Project = None,
    as_json: AsJson = False,
) -> None:
    """Adds a file, or writes a document anew; says which environments it reaches."""
    session = open_session(ctx, as_json)
    try:
        data = file.read_bytes()
    except OSError as wrong:
        raise Invalid("unreadable_path", f"{file}: {wrong.strerror}") from None
    with output.progress(f"sending {file.name}", len(data), not as_json) as tell:
        done = session.client.knowledge.upload_document(
            session.project(project),
            data,
            file.name,
            id=id,
            title=title,
            uri=uri,
            if_match=if_match,
            dry_run=dry_run,
            on_sent=tell,
        )
    if not session.answer(done):
        _say_edit(done)


@app.command("list")
def list_documents(
    ctx: typer.Context,
    source: Annotated[str | None, typer.Option("--source", help="Only documents of this source.")] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
    project: Project = None,
    as_json: AsJson = False,
) -> None:
    """Lists documents."""
    session = open_session(ctx, as_json)
    page = session.client.knowledge.list_documents(
        session.project(project), source=source, limit=limit, cursor=cursor
    ).page()
    if not session.answer(page):
        rows = [(d.id, d.title, d.source or "upload", f"{d.size:,}", d.digest[7:19]) for d in page.items]
        output.show_table(("document", "title", "from", "characters", "digest"), rows, "no documents")
        session.end_of_page(page.next_cursor)


@app.command("show")
def show(ctx: typer.Context, document: DocumentId, project: Project = None, as_json: AsJson = False) -> None:
    """Shows a document with its text."""
    session = open_session(ctx, as_json)
    found = session.client.knowledge.load_document(session.project(project), document)
    if not session.answer(found):
        fields = [("title", found.title), ("from", found.uri or found.source), ("digest", found.digest)]
        output.show_fields([*fields, ("revision", found.revision), ("tags", ", ".join(found.tags))])
        output.show("", found.text or "")


@app.command("remove")
def remove(
    ctx: typer.Context,
    document: DocumentId,
    dry_run: DryRun = False,
    project: Project = None,
    as_json: AsJson = False,
) -> None:
    """Removes a document; versions that pin its content keep it."""
    session = open_session(ctx, as_json)
    done = session.client.knowledge.delete_document(session.project(project), document, dry_run=dry_run)
    if not session.answer(done):
        _say_edit(done)


@app.command("sources")
def list_sources(
    ctx: typer.Context, limit: Limit = 50, cursor: Cursor = None, project: Project = None, as_json: AsJson = False
) -> None:
    """Lists sources with their last sync."""
    session = open_session(ctx, as_json)
    page = session.client.knowledge.list_sources(session.project(project), limit=limit, cursor=cursor).page()
    if not session.answer(page):
        rows = [(s.slug, s.type, ", ".join(s.environments), s.documents, _say_sync(s.sync)) for s in page.items]
        output.show_table(("source", "type", "in", "documents", "last sync"), rows, "no sources")
        session.end_of_page(page.next_cursor)


@app.command("sync")
def sync(
    ctx: typer.Context,
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="The source's slug.")],
    ref: Annotated[str | None, typer.Option("--ref", help="Whose source; default: your draft.")] = None,
    list_documents: Annotated[bool, typer.Option("--list", help="List what is found in your draft.")] = False,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Wait until it is over.")] = True,
    project: Project = None,
    as_json: AsJson = False,
) -> None:
    """Reads a source again."""
    from greenroom.sdk.clock import SystemClock

    session = open_session(ctx, as_json)
    clock = session.around.clock or SystemClock()
    named = session.project(project)
    found = session.client.knowledge.sync(named, source, ref=ref, list_documents=list_documents or None)
    with output.waiting(f"reading {source}", wait and not as_json):
        while wait and found.sync is not None and found.sync.state == "running":
            clock.wait(POLL_MS)
            found = _find_source(session, named, source)
    if not session.answer(found):
        output.say(f"{source}: {_say_sync(found.sync)}")
        for error in found.sync.errors if found.sync else ():
            output.say(f"  {error.uri}: {error.message}")
    if found.sync is not None and found.sync.state in {"failed", "interrupted"}:
        raise typer.Exit(output.NO)


@app.command("search")
def search(
    ctx: typer.Context,
    question: Annotated[str, typer.Argument(help="What a caller asks.")],
    ref: Annotated[str, typer.Option("--ref", help="Whose knowledge: live, v12, draft:sandbox.")] = "draft:sandbox",
    limit: Annotated[int, typer.Option("--limit", min=1, max=50, help="How many passages.")] = 5,
    project: Project = None,
    as_json: AsJson = False,
) -> None:
    """Shows what would be found, with scores."""
    session = open_session(ctx, as_json)
    found = session.client.knowledge.search(session.project(project), question, ref, limit=limit)
    if not session.answer(found):
        rows = [(f"{p.score:.2f}", p.knowledge, p.document, p.text[:120].replace("\n", " ")) for p in found.passages]
        output.show_table(("score", "source", "document", "passage"), rows, "nothing is found")
        for document in found.missing:
            output.say(f"listed, but not there: {document}")


def _find_source(session: Session, project: str, slug: str) -> SourceOut:
    for found in session.client.knowledge.list_sources(project):
        if found.slug == slug:
            return found
    raise NotFound("source_not_found", f"the source '{slug}' is gone")


def _say_sync(sync: SyncOut | None) -> str:
    if sync is None:
        return "never read"
    counts = ((sync.added, "added"), (sync.changed, "changed"), (sync.removed, "removed"), (sync.unchanged, "same"))
    said = ", ".join(f"{number:,} {word}" for number, word in counts if number) or "nothing found"
    errors = f", {output.count_of(len(sync.errors), 'error')}" if sync.errors else ""
    return f"{sync.state}, {sync.done:,} of {sync.of:,}: {said}{errors}" + (f" ({sync.note})" if sync.note else "")


def _say_edit(done: DocumentEditOut) -> None:
    would = "would be " if done.dry_run else ""
    output.say(f"{done.document.id}: {would}{done.outcome} ({done.document.size:,} characters)")
    for each in done.reaches:
        how = "pinned, so unchanged there" if each.pinned else "reached at once"
        versions = ", ".join(f"v{number}" for number in each.versions)
        output.say(f"  {each.environment} lists it in {versions}: {how}")
