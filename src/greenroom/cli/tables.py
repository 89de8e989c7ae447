"""`tables`: data that agents read and write, the same for every version."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from greenroom.cli import output
from greenroom.cli.options import AsJson, Cursor, Limit, Project, Yes
from greenroom.cli.session import open_session
from greenroom.domain.errors import Invalid

app = typer.Typer(
    help="Data tables: list, show, create, alter, delete, rows, put, remove, import, export.", no_args_is_help=True
)

Slug = Annotated[str, typer.Argument(metavar="TABLE", help="The table's slug.")]
Columns = Annotated[
    list[str],
    typer.Option(
        "--column",
        metavar="NAME[:TYPE][!]",
        help="A column; TYPE is text, number, boolean, date, list or object, ! makes it required. May be repeated.",
    ),
]
Pairs = Annotated[
    list[str] | None, typer.Option("--set", metavar="COLUMN=VALUE", help="A value of the row; may be repeated.")
]


@app.command("list")
def list_tables(
    ctx: typer.Context, limit: Limit = 50, cursor: Cursor = None, project: Project = None, as_json: AsJson = False
) -> None:
    """Lists tables."""
    session = open_session(ctx, as_json)
    page = session.client.tables.list(session.project(project), limit=limit, cursor=cursor).page()
    if not session.answer(page):
        rows = [(t.slug, t.name, t.key, t.rows, ", ".join(c.name for c in t.columns)) for t in page.items]
        output.show_table(("table", "name", "key", "rows", "columns"), rows, "no tables")
        session.end_of_page(page.next_cursor)


@app.command("show")
def show(ctx: typer.Context, table: Slug, project: Project = None, as_json: AsJson = False) -> None:
    """Shows a table's columns."""
    session = open_session(ctx, as_json)
    found = session.client.tables.load(session.project(project), table)
    if not session.answer(found):
        output.show(f"{found.slug}: {found.name}, {output.count_of(found.rows, 'row')}")
        rows = [
            (c.name, c.type, "required" if c.required else "", "key" * (c.name == found.key)) for c in found.columns
        ]
        output.show_table(("column", "type", "", ""), rows, "no columns")


@app.command("create")
def create(
    ctx: typer.Context,
    table: Slug,
    column: Columns,
    key: Annotated[str | None, typer.Option("--key", help="The column whose values are unique.")] = None,
    name: Annotated[str | None, typer.Option("--name", help="What people call it.")] = None,
    description: Annotated[str | None, typer.Option("--description", help="What it is for.")] = None,
    project: Project = None,
    as_json: AsJson = False,
) -> None:
    """Makes a table."""
    session = open_session(ctx, as_json)
    made = session.client.tables.create(
        session.project(project), table, _columns(column), key=key, name=name, description=description
    )
    if not session.answer(made):
        output.say(f"made {made.slug} with {output.count_of(len(made.columns), 'column')}")


@app.command("alter")
def alter(
    ctx: typer.Context,
    table: Slug,
    column: Columns = [],  # noqa: B006 typer's way of "none"
    name: Annotated[str | None, typer.Option("--name", help="What people call it.")] = None,
    description: Annotated[str | None, typer.Option("--description", help="What it is for.")] = None,
    project: Project = None,
    as_json: AsJson = False,
) -> None:
    """Adds columns to a table, renames or describes it."""
    session = open_session(ctx, as_json)
    added = _columns(column) if column else None
    changed = session.client.tables.alter(
        session.project(project), table, name=name, description=description, add_columns=added
    )
    if not session.answer(changed):
        output.say(f"{changed.slug} has {output.count_of(len(changed.columns), 'column')}")


@app.command("delete")
def delete(ctx: typer.Context, table: Slug, yes: Yes = False, project: Project = None, as_json: AsJson = False) -> None:
    """Removes a table with all its rows."""
    session = open_session(ctx, as_json)
    if not yes:
        if not session.interactive:
            raise typer.BadParameter("nobody can be asked here: add --yes")
        typer.confirm(f"remove {table} with all its rows?", abort=True)
    session.client.tables.delete(session.project(project), table)
    output.say(f"deleted {table}")


@app.command("rows")
def find_rows(
    ctx: typer.Context,
    table: Slug,
    where: Annotated[
        list[str] | None, typer.Option("--where", metavar="COLUMN=VALUE", help="Only equal rows; may be repeated.")
    ] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
    project: Project = None,
    as_json: AsJson = False,
) -> None:
    """Finds rows, by key."""
    session = open_session(ctx, as_json)
    page = session.client.tables.find_rows(
        session.project(project), table, where=_values(where, "--where"), limit=limit, cursor=cursor
    ).page()
    if not session.answer(page):
        rows = [(r.key, json.dumps(r.values, ensure_ascii=False), r.revision) for r in page.items]
        output.show_table(("key", "values", "revision"), rows, "no rows")
        session.end_of_page(page.next_cursor)


@app.command("put")
def put_row(
    ctx: typer.Context,
    table: Slug,
    values: Pairs = None,
    key: Annotated[str | None, typer.Option("--key", help="The row's key, where the table has no key column.")] = None,
    revision: Annotated[int | None, typer.Option("--revision", min=0, help="The one you saw; 0 for a new row.")] = None,
    project: Project = None,
    as_json: AsJson = False,
) -> None:
    """Writes a row, whole."""
    session = open_session(ctx, as_json)
    row = session.client.tables.put_row(
        session.project(project), table, _values(values, "--set"), key=key, revision=revision
    )
    if not session.answer(row):
        output.say(f"wrote {row.key} (revision {row.revision})")


@app.command("remove")
def delete_row(
    ctx: typer.Context,
    table: Slug,
    key: Annotated[str, typer.Argument(help="The row's key.")],
    project: Project = None,
    as_json: AsJson = False,
) -> None:
    """Removes a row."""
    session = open_session(ctx, as_json)
    session.client.tables.delete_row(session.project(project), table, key)
    output.say(f"removed {key}")


@app.command("import")
def import_csv(
    ctx: typer.Context,
    table: Slug,
    file: Annotated[Path, typer.Argument(help="A CSV file in UTF-8 whose first line names columns.")],
    project: Project = None,
    as_json: AsJson = False,
) -> None:
    """Reads a CSV file into a table, by its key."""
    session = open_session(ctx, as_json)
    try:
        data = file.read_bytes()
    except OSError as wrong:
        raise Invalid("unreadable_path", f"{file}: {wrong.strerror}") from None
    done = session.client.tables.import_csv(session.project(project), table, data)
    if not session.answer(done):
        output.say(f"wrote {output.count_of(done.rows, 'row')}, {done.added:,} of them new")


@app.command("export")
def export_csv(
    ctx: typer.Context,
    table: Slug,
    file: Annotated[Path | None, typer.Argument(help="Where to write; without one, to stdout.")] = None,
    project: Project = None,
    as_json: AsJson = False,
) -> None:
    """Writes all rows of a table as CSV."""
    session = open_session(ctx, as_json)
    data = session.client.tables.export_csv(session.project(project), table)
    if file is None:
        sys.stdout.buffer.write(data)
    else:
        file.write_bytes(data)
        output.say(f"wrote {file}")


def _columns(given: list[str]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for text in given:
        name, _, kind = text.removesuffix("!").partition(":")
        found.append({"name": name, "type": kind or "text", "required": text.endswith("!")})
    return found


def _values(given: list[str] | None, option: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for text in given or []:
        name, sign, value = text.partition("=")
        if not name or not sign:
            raise typer.BadParameter(f"'{text}' is not COLUMN=VALUE", param_hint=option)
        found[name] = value
    return found
