"""Data tables on the network: made, altered, filled, asked, and carried in and out as CSV."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import Path, Query
from starlette.responses import Response

from greenroom.api.asking import Given, ProjectPath, reply
from greenroom.api.bodies import Limit as BodyLimit
from greenroom.api.nouns import Noun
from greenroom.api.paging import DEFAULT_LIMIT, Cursor, Limit, cut_page, page_of, read_text_cursor
from greenroom.domain.canonical import parse_json
from greenroom.domain.errors import Fault, Invalid
from greenroom.domain.records import Record
from greenroom.domain.tables import Column, Table
from greenroom.services.tables import Imported, TableView
from greenroom.wire.model import Page
from greenroom.wire.tables import (
    ColumnIn,
    ColumnOut,
    RowIn,
    RowOut,
    TableChangeIn,
    TableImportOut,
    TableIn,
    TableOut,
)

NOUN: Final = Noun("tables")
CSV: Final = "text/csv; charset=utf-8"
CSV_LIMIT: Final = BodyLimit(32 * 1024 * 1024, 60)
TablePath = Annotated[str, Path(min_length=1, max_length=80, description="Slug of the table.")]
KeyQuery = Annotated[str, Query(min_length=1, max_length=200, description="The row's key.")]
_UPLOAD: Final = {"requestBody": {"required": True, "content": {"text/csv": {"schema": {"type": "string"}}}}}
_DOWNLOAD: Final = {
    "responses": {"200": {"description": "The rows.", "content": {"text/csv": {"schema": {"type": "string"}}}}}
}


@NOUN.verb("POST", "/projects/{project}/tables", "create", TableOut, 201)
async def create(ask: Given, project: ProjectPath, body: TableIn) -> Response:
    """Makes a data table, which belongs to the project and to no version."""
    table = Table(body.slug, body.name or body.slug, body.description, _columns(body.columns), body.key)
    return await ask.write(lambda call: ask.desk.tables.create(call, project, table), table_out, status=201)


@NOUN.verb("GET", "/projects/{project}/tables", "list", Page[TableOut])
async def list_(ask: Given, project: ProjectPath, cursor: Cursor = None, limit: Limit = DEFAULT_LIMIT) -> Response:
    """Lists the project's data tables by slug."""
    found = await ask.desk.tables.list(ask.call, project)
    return reply(cut_page("tables", found, cursor, limit, lambda view: view.table.slug, table_out))


@NOUN.verb("GET", "/projects/{project}/tables/{table}", "load", TableOut)
async def load(ask: Given, project: ProjectPath, table: TablePath) -> Response:
    """Loads a table's columns and the count of its rows."""
    return reply(table_out(await ask.desk.tables.load(ask.call, project, table)))


@NOUN.verb("PATCH", "/projects/{project}/tables/{table}", "alter", TableOut)
async def alter(ask: Given, project: ProjectPath, table: TablePath, body: TableChangeIn) -> Response:
    """Renames a table, describes it, and adds columns to it."""
    return await ask.write(
        lambda call: ask.desk.tables.alter(
            call,
            project,
            table,
            name=body.name,
            description=body.description,
            columns=_columns(body.add_columns),
        ),
        table_out,
    )


@NOUN.verb("DELETE", "/projects/{project}/tables/{table}", "delete", None, 204)
async def delete(ask: Given, project: ProjectPath, table: TablePath) -> Response:
    """Removes a table with all its rows."""
    return await ask.write(lambda call: ask.desk.tables.delete(call, project, table), lambda _: None, status=204)


@NOUN.verb("GET", "/projects/{project}/tables/{table}/rows", "find_rows", Page[RowOut])
async def find_rows(
    ask: Given,
    project: ProjectPath,
    table: TablePath,
    where: Annotated[
        str | None, Query(max_length=4_000, description='What rows must be equal to, as JSON: {"city": "Rome"}.')
    ] = None,
    cursor: Cursor = None,
    limit: Limit = DEFAULT_LIMIT,
) -> Response:
    """Finds rows by key that are equal to `where` in every column it names."""
    after = read_text_cursor("rows", cursor)
    found = await ask.desk.tables.find_rows(ask.call, project, table, _where(where), after, limit + 1)
    return reply(page_of("rows", found, limit, lambda row: str(row.body["key"]), row_out))


@NOUN.verb("POST", "/projects/{project}/tables/{table}/rows", "put_row", RowOut)
async def put_row(ask: Given, project: ProjectPath, table: TablePath, body: RowIn) -> Response:
    """Writes a row whole: a new one, or over the one of the same key."""
    return await ask.write(
        lambda call: ask.desk.tables.put_row(call, project, table, body.values, key=body.key, revision=body.revision),
        row_out,
    )


@NOUN.verb("DELETE", "/projects/{project}/tables/{table}/rows", "delete_row", None, 204)
async def delete_row(ask: Given, project: ProjectPath, table: TablePath, key: KeyQuery) -> Response:
    """Removes a row."""
    return await ask.write(
        lambda call: ask.desk.tables.delete_row(call, project, table, key), lambda _: None, status=204
    )


@NOUN.verb(
    "POST", "/projects/{project}/tables/{table}/import", "import_csv", TableImportOut, raw=CSV_LIMIT, extra=_UPLOAD
)
async def import_csv(ask: Given, project: ProjectPath, table: TablePath) -> Response:
    """Reads a CSV file into a table; nothing is written of a file with a wrong line."""
    data = await ask.request.body()
    return await ask.write(lambda call: ask.desk.tables.import_csv(call, project, table, data), imported_out)


@NOUN.verb("GET", "/projects/{project}/tables/{table}/export", "export_csv", None, extra=_DOWNLOAD)
async def export_csv(ask: Given, project: ProjectPath, table: TablePath) -> Response:
    """Returns all rows of a table as CSV."""
    data = await ask.desk.tables.export_csv(ask.call, project, table)
    headers = {"content-disposition": f'attachment; filename="{table}.csv"'}
    return Response(data, 200, headers, CSV)


def table_out(view: TableView) -> TableOut:
    """Returns a table as it is sent."""
    table = view.table
    return TableOut(
        slug=table.slug,
        name=table.name,
        description=table.description,
        columns=[ColumnOut(name=c.name, type=c.type, required=c.required) for c in table.columns],
        key=table.key,
        rows=view.rows,
        created_at=view.record.at,
        changed_at=view.record.changed_at,
    )


def row_out(row: Record) -> RowOut:
    """Returns a row as it is sent."""
    return RowOut(revision=row.revision, at=row.at, changed_at=row.changed_at, **row.body)


def imported_out(done: Imported) -> TableImportOut:
    """Returns what an import wrote as it is sent."""
    return TableImportOut(rows=done.rows, added=done.added)


def _columns(columns: list[ColumnIn]) -> tuple[Column, ...]:
    return tuple(Column(each.name, each.type, each.required) for each in columns)


def _where(text: str | None) -> dict[str, Any]:
    read = parse_json(text.encode()) if text else {}
    if not isinstance(read, dict):
        message = 'is a JSON object such as {"city": "Rome"}'
        raise Invalid("invalid_where", f"where {message}", errors=[Fault("/where", message)])
    return read
