"""Data tables: what agents read and write, the same for every version."""

from __future__ import annotations

from typing import Any, cast

from starlette.responses import Response
from starlette.routing import Route

from greenroom.domain.entities import slugify
from greenroom.domain.errors import Fault, GreenroomError, Invalid
from greenroom.domain.tables import COLUMN_TYPES, Column, ColumnType, Table
from greenroom.web.door import Door
from greenroom.web.forms import Form, Refusal, refusal_of
from greenroom.web.session import Visit
from greenroom.web.shell import load_shell
from greenroom.web.typed import parse_typed

PAGE = 100


class TablePages:
    """The pages of tables."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._desk = door.desk

    def routes(self) -> list[Route]:
        """Returns the routes."""
        base = "/projects/{slug}/tables"
        return [
            self._door.route(base, self.list, self.create),
            self._door.route(base + "/{table}", self.table, self.change),
            self._door.route(base + "/{table}/export", self.export),
        ]

    async def list(self, visit: Visit) -> Response:
        """Shows all tables."""
        return await self._list(visit, Refusal())

    async def create(self, visit: Visit) -> Response:
        """Makes a table from lines `name type`."""
        slug, form = visit.path("slug"), visit.form
        name = form.text("name").strip()
        try:
            columns = _read_columns(form.text("columns"))
            table = Table(slugify(name), name, form.text("description").strip(), columns, form.text("key").strip())
            made = await self._desk.tables.create(visit.call, slug, table)
        except GreenroomError as wrong:
            return await self._list(visit, refusal_of(wrong))
        return self._door.go(visit, f"/projects/{slug}/tables/{made.table.slug}", f"{name} is made.")

    async def _list(self, visit: Visit, refusal: Refusal) -> Response:
        slug = visit.path("slug")
        shell = await load_shell(visit, slug, "Tables", "tables")
        tables = await self._desk.tables.list(visit.call, slug)
        status = 422 if refusal else 200
        return self._door.page(shell, "tables/list.html", status, tables=tables, refusal=refusal, types=COLUMN_TYPES)

    async def table(self, visit: Visit) -> Response:
        """Shows a table with a page of its rows."""
        return await self._table(visit, Refusal())

    async def change(self, visit: Visit) -> Response:
        """Writes or removes a row, reads a CSV file, changes the table or deletes it."""
        slug, name, form = visit.path("slug"), visit.path("table"), visit.form
        tables, call, here = (
            self._desk.tables,
            visit.call,
            f"/projects/{visit.path('slug')}/tables/{visit.path('table')}",
        )
        try:
            if form.has("delete"):
                gone = await tables.delete(call, slug, name)
                return self._door.go(visit, f"/projects/{slug}/tables", f"{gone.table.name} is deleted.")
            if form.has("remove"):
                await tables.delete_row(call, slug, name, form.text("remove"))
                return self._door.go(visit, here, "The row is removed.")
            if form.has("import"):
                done = await tables.import_csv(call, slug, name, form.files.get("file", ("", b""))[1])
                return self._door.go(visit, here, f"{done.rows} rows were read, {done.added} of them new.")
            if form.has("alter"):
                columns = _read_columns(form.text("columns"))
                about = form.text("description").strip()
                await tables.alter(call, slug, name, name=form.text("name").strip(), description=about, columns=columns)
                return self._door.go(visit, here, "The table is changed.")
            found = await tables.load(call, slug, name)
            await tables.put_row(call, slug, name, _read_values(found.table, form))
        except GreenroomError as wrong:
            return await self._table(visit, refusal_of(wrong))
        return self._door.go(visit, here, "The row is saved.")

    async def _table(self, visit: Visit, refusal: Refusal) -> Response:
        slug, name = visit.path("slug"), visit.path("table")
        shell = await load_shell(visit, slug, "Table", "tables")
        view = await self._desk.tables.load(visit.call, slug, name)
        rows = await self._desk.tables.find_rows(visit.call, slug, name, {}, visit.query("after") or None, PAGE)
        more = rows[-1].body["key"] if len(rows) == PAGE else ""
        status = 422 if refusal else 200
        return self._door.page(shell, "tables/table.html", status, view=view, rows=rows, more=more, refusal=refusal)

    async def export(self, visit: Visit) -> Response:
        """Sends a table as a CSV file."""
        data = await self._desk.tables.export_csv(visit.call, visit.path("slug"), visit.path("table"))
        table = await self._desk.tables.load(visit.call, visit.path("slug"), visit.path("table"))
        name = f'attachment; filename="{table.table.slug}.csv"'
        return Response(data, 200, {"content-disposition": name}, "text/csv; charset=utf-8")


def _read_columns(text: str) -> tuple[Column, ...]:
    columns: list[Column] = []
    for number, line in enumerate(line for line in text.split("\n") if line.strip()):
        name, _, rest = line.strip().partition(" ")
        words = rest.split()
        type_ = words[0] if words else "text"
        if type_ not in COLUMN_TYPES:
            message = f"line {number + 1}: '{type_[:40]}' is no type; types are: {', '.join(COLUMN_TYPES)}"
            raise Invalid("invalid_column", message, errors=[Fault("/columns", message)])
        columns.append(Column(name, cast(ColumnType, type_), "required" in words[1:]))
    return tuple(columns)


def _read_values(table: Table, form: Form) -> dict[str, Any]:
    given = {column.name: form.text(f"v:{column.name}") for column in table.columns}
    return {
        column.name: parse_typed(column.type, given[column.name], f"/values/{column.name}")
        for column in table.columns
        if given[column.name].strip()
    }
