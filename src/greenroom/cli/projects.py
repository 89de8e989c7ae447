"""`projects`, `import`, `export`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from greenroom.cli import output
from greenroom.cli.options import AsJson, Cursor, DraftRevision, DryRun, Limit, Project, Ref, Yes
from greenroom.cli.session import open_session

if TYPE_CHECKING:
    from greenroom.wire.projects import ImportOut, ProjectOut

app = typer.Typer(help="Projects: list, create, show, rename, delete.", no_args_is_help=True)

Named = Annotated[str, typer.Argument(help="Slug or id of the project.")]


@app.command("list")
def list_projects(ctx: typer.Context, limit: Limit = 50, cursor: Cursor = None, as_json: AsJson = False) -> None:
    """Lists projects by slug."""
    session = open_session(ctx, as_json)
    page = session.client.projects.list(limit=limit, cursor=cursor).page()
    if not session.answer(page):
        rows = [(p.slug, p.name, p.template, p.created_at.date()) for p in page.items]
        output.show_table(("project", "name", "template", "created"), rows, "no projects yet")
        session.end_of_page(page.next_cursor)


@app.command("create")
def create(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="Display name.")],
    slug: Annotated[str | None, typer.Option("--slug", help="Name in URLs; default: made from the name.")] = None,
    template: Annotated[
        Literal["pipeline", "parallel", "simple", "legacy"], typer.Option("--template", help="Its first environments.")
    ] = "pipeline",
    as_json: AsJson = False,
) -> None:
    """Makes a project with the environments of its template."""
    session = open_session(ctx, as_json)
    made = session.client.projects.create(name, slug=slug, template=template)
    if not session.answer(made):
        output.say(f"created {made.slug} ({made.template})")


@app.command("show")
def show(ctx: typer.Context, name: Named, as_json: AsJson = False) -> None:
    """Shows one project."""
    session = open_session(ctx, as_json)
    found = session.client.projects.load(name)
    if not session.answer(found):
        _show(found)


@app.command("rename")
def rename(
    ctx: typer.Context,
    name: Named,
    new_name: Annotated[str, typer.Argument(help="New display name; the slug stays.")],
    as_json: AsJson = False,
) -> None:
    """Gives a project another display name."""
    session = open_session(ctx, as_json)
    changed = session.client.projects.rename(name, new_name)
    if not session.answer(changed):
        output.say(f"{changed.slug} is now called {changed.name}")


@app.command("migrate")
def migrate(ctx: typer.Context, name: Named, dry_run: DryRun = False, as_json: AsJson = False) -> None:
    """Makes a legacy project parallel: Production becomes Main, and the old aliases go on answering."""
    session = open_session(ctx, as_json)
    found = session.client.projects.load(name)
    seen = session.environment(found.slug, found.default_environment)
    done = session.client.projects.migrate(found.slug, expected_seq=seen.seq, dry_run=dry_run)
    if session.answer(done):
        return
    output.say(f"{'would make' if dry_run else 'made'} {done.project} parallel: {seen.name} is now Main")
    for old, new in done.deprecated.items():
        output.say(f"  {old} goes on answering; use {new} instead")


@app.command("delete")
def delete(ctx: typer.Context, name: Named, yes: Yes = False, as_json: AsJson = False) -> None:
    """Deletes a project with all its versions and conversations; this cannot be undone."""
    session = open_session(ctx, as_json)
    found = session.client.projects.load(name)
    if not yes:
        if not session.interactive:
            raise typer.BadParameter(f"to delete {found.slug} without being asked, add --yes")
        typed = typer.prompt(f"this deletes {found.name} for ever; type {found.slug} to confirm")
        if typed.strip() != found.slug:
            raise typer.Abort
    session.client.projects.delete(found.slug)
    output.say(f"deleted {found.slug}")


def _show(project: ProjectOut) -> None:
    output.show_fields(
        [
            ("project", project.slug),
            ("name", project.name),
            ("template", project.template),
            ("default entry", project.default_environment),
            ("created", str(project.created_at)),
            ("id", project.id),
        ]
    )


def import_folder(
    ctx: typer.Context,
    path: Annotated[Path, typer.Argument(help="A folder, a zip or tar.gz archive of one, or one .yaml file of it.")],
    source: Annotated[
        str | None, typer.Option("--format", help="greenroom (default) or polyai.", metavar="FORMAT")
    ] = None,
    env: Annotated[
        str | None, typer.Option("--env", help="Whose draft to fill; default: the first editable environment.")
    ] = None,
    mode: Annotated[
        Literal["replace", "overlay"] | None,
        typer.Option("--mode", help="replace: what the folder lacks is removed; overlay: it stays."),
    ] = None,
    revision: DraftRevision = None,
    dry_run: DryRun = False,
    project: Project = None,
    as_json: AsJson = False,
) -> None:
    """Reads a folder into your draft. Nothing that answers callers changes.

    Edits in the draft are overwritten only with --revision, which says that you saw them.
    """
    from greenroom.cli.archives import place_of, read_archive

    session = open_session(ctx, as_json)
    named = session.project(project)
    archive = read_archive(path)
    with output.progress("sending", len(archive), shown=not as_json) as tell:
        done = session.client.projects.import_folder(
            named,
            archive,
            format=source,
            environment=env,
            path=place_of(path),
            mode=mode,
            dry_run=dry_run,
            revision=revision,
            on_sent=tell,
        )
    if not session.answer(done):
        _show_import(done)


def _show_import(done: ImportOut) -> None:
    would = "would be " if done.dry_run else ""
    counts = f"{done.added} {would}added, {done.edited} edited, {done.removed} removed, {done.unchanged} unchanged"
    output.say(f"draft:{done.environment}: {counts}")
    if done.overwritten:
        output.say(f"edits in the draft {would}overwritten: {', '.join(done.overwritten)}")
    rows: Sequence[tuple[str, ...]] = [
        (row.status.replace("_", " "), row.path, row.item, row.address, row.reason)
        for row in done.report
        if row.status != "read"
    ]
    if rows:
        output.show(output.make_table(("status", "file", "item", "as", "why"), rows))


def export(
    ctx: typer.Context,
    target: Annotated[
        Path, typer.Option("--output", "-o", help="A .zip file, or a folder that is empty or does not exist.")
    ],
    ref: Ref = None,
    project: Project = None,
    as_json: AsJson = False,
) -> None:
    """Writes a state as a folder of YAML and code files. Or, for a name ending in .zip, as an archive of it."""
    from greenroom.cli.archives import check_target, write_archive

    session = open_session(ctx, as_json)
    check_target(target)
    with output.waiting("exporting", shown=not as_json):
        data = session.client.projects.export(session.project(project), ref=ref)
    count = write_archive(data, target)
    output.say(f"{output.count_of(count, 'file')} in {target}")
