"""Data tables: project-wide, never versioned. People change them here, agents by asking for them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from greenroom.domain.errors import Conflict, Fault, Invalid, LimitReached, NotFound
from greenroom.domain.events import Event
from greenroom.domain.ids import ProjectId
from greenroom.domain.records import Record
from greenroom.domain.tables import (
    MAX_ROWS,
    MAX_TABLES,
    Column,
    Table,
    add_columns,
    check_table,
    read_values,
    read_where,
    table_from_body,
    table_to_body,
)
from greenroom.ports import Reading, Writing
from greenroom.services.states import load_project
from greenroom.services.table_rows import PORTION, ROW, find_rows, put_row, row_key, row_record
from greenroom.services.work import Call, Work
from greenroom.wire.tables_csv import read_csv, write_csv

TABLE = "table"


@dataclass(frozen=True, slots=True)
class TableView:
    """A table with the count of its rows."""

    project: ProjectId
    table: Table
    rows: int
    record: Record


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import did."""

    rows: int
    added: int


class Tables:
    """The verbs of tables."""

    def __init__(self, work: Work) -> None:
        self._work = work

    async def create(self, call: Call, slug: str, table: Table) -> TableView:
        """Makes a table. Raises Invalid, Conflict for a taken slug, LimitReached, NotFound."""
        call.need("tables.manage")
        check_table(table)
        now = self._work.clock.now()

        def work(tx: Writing) -> TableView:
            project = load_project(tx, slug).id
            if tx.count_records(project, TABLE) >= MAX_TABLES:
                detail = f"a project has at most {MAX_TABLES} tables"
                raise LimitReached("too_many_tables", detail, extra={"limit": MAX_TABLES})
            record = Record(project, TABLE, table.slug, now, now, table_to_body(table))
            if not tx.put_record(record, 0):
                detail = f"there is a table '{table.slug}' already; choose another slug"
                raise Conflict("table_exists", detail, errors=[Fault("/slug", detail)])
            tx.append(self._event(call, "table.created", project, table.slug))
            return TableView(project, table, 0, record)

        return await self._work.change(call, work)

    async def list(self, call: Call, slug: str) -> Sequence[TableView]:
        """Returns all tables by slug. Raises NotFound."""
        call.need("tables.read")

        def work(tx: Reading) -> Sequence[TableView]:
            project = load_project(tx, slug).id
            return [_view(tx, record) for record in tx.list_records(project, TABLE, limit=MAX_TABLES)]

        return await self._work.read(call, work)

    async def load(self, call: Call, slug: str, table: str) -> TableView:
        """Returns a table. Raises NotFound."""
        call.need("tables.read")
        return await self._work.read(call, lambda tx: load_table(tx, load_project(tx, slug).id, table))

    async def alter(
        self,
        call: Call,
        slug: str,
        table: str,
        *,
        name: str | None = None,
        description: str | None = None,
        columns: Sequence[Column] = (),
    ) -> TableView:
        """Renames a table and adds columns to it; no column ever goes. Raises Invalid, NotFound."""
        call.need("tables.manage")
        now = self._work.clock.now()

        def work(tx: Writing) -> TableView:
            before = load_table(tx, load_project(tx, slug).id, table)
            named = replace(
                before.table,
                name=before.table.name if name is None else name,
                description=before.table.description if description is None else description,
            )
            after = add_columns(named, columns)
            old = before.record
            record = replace(old, body=table_to_body(after), revision=old.revision + 1, changed_at=now)
            if not tx.put_record(record, old.revision):
                raise Conflict("table_race", "somebody else changed this table a moment ago; look at it and repeat")
            added = [column.name for column in columns]
            tx.append(self._event(call, "table.altered", before.project, table, {"added": added}))
            return replace(before, table=after, record=record)

        return await self._work.change(call, work)

    async def delete(self, call: Call, slug: str, table: str) -> TableView:
        """Removes a table with its rows. Raises NotFound."""
        call.need("tables.manage")

        def work(tx: Writing) -> TableView:
            found = load_table(tx, load_project(tx, slug).id, table)
            tx.delete_records(found.project, ROW, table)
            tx.delete_record(found.project, TABLE, table)
            tx.append(self._event(call, "table.deleted", found.project, table, {"rows": found.rows}))
            return found

        return await self._work.change(call, work)

    async def find_rows(
        self, call: Call, slug: str, table: str, where: Mapping[str, Any], after: str | None, limit: int
    ) -> Sequence[Record]:
        """Returns rows that equal `where` in every column it names, by key. Raises Invalid, NotFound."""
        call.need("tables.read")

        def work(tx: Reading) -> Sequence[Record]:
            found = load_table(tx, load_project(tx, slug).id, table)
            return find_rows(tx, found.project, found.table, read_where(found.table, where), after, limit)

        return await self._work.read(call, work)

    async def put_row(
        self,
        call: Call,
        slug: str,
        table: str,
        values: Mapping[str, Any],
        *,
        key: str | None = None,
        revision: int | None = None,
    ) -> Record:
        """Writes a row whole. `revision` is the one that was seen, 0 for a row that must be new.

        Raises Invalid, Conflict `row_changed`, LimitReached, NotFound.
        """
        call.need("tables.write")
        clock = self._work.clock

        def work(tx: Writing) -> Record:
            found = load_table(tx, load_project(tx, slug).id, table)
            kept = read_values(found.table, values)
            chosen = row_key(found.table, kept, key) or clock.new_id("row")
            record = put_row(tx, found.project, found.table, chosen, kept, clock.now(), revision)
            tx.append(self._event(call, "table.row_saved", found.project, table))
            return record

        return await self._work.change(call, work)

    async def delete_row(self, call: Call, slug: str, table: str, key: str) -> None:
        """Removes a row. Raises NotFound."""
        call.need("tables.write")

        def work(tx: Writing) -> None:
            found = load_table(tx, load_project(tx, slug).id, table)
            if not tx.delete_record(found.project, ROW, row_record(table, key)):
                raise NotFound("row_not_found", f"{table} has no row '{key[:80]}'")
            tx.append(self._event(call, "table.row_removed", found.project, table))

        await self._work.change(call, work)

    async def import_csv(self, call: Call, slug: str, table: str, data: bytes) -> Imported:
        """Writes every row of a CSV file, by the table's key where it has one. Raises Invalid that lists wrong lines.

        Nothing is written of a file that has a wrong line. A large file is written in portions.
        """
        call.need("tables.write")
        found = await self._work.read(call, lambda tx: load_table(tx, load_project(tx, slug).id, table))
        rows = read_csv(found.table, data)
        keyed = self._keyed(found.table, rows)
        await self._work.read(call, lambda tx: _check_room(tx, found, keyed))
        alone = replace(call, idempotency=None)
        added = 0
        portions = [keyed[at : at + PORTION] for at in range(0, len(keyed), PORTION)]
        for portion in portions:
            added += await self._work.change(alone, lambda tx, rows=portion: self._write(tx, found, rows))

        def finish(tx: Writing) -> Imported:
            data = {"rows": len(keyed), "added": added}
            tx.append(self._event(call, "table.imported", found.project, table, data))
            return Imported(len(keyed), added)

        return await self._work.change(call, finish)

    async def export_csv(self, call: Call, slug: str, table: str) -> bytes:
        """Returns all rows of a table as CSV. Raises NotFound."""
        call.need("tables.read")
        found = await self._work.read(call, lambda tx: load_table(tx, load_project(tx, slug).id, table))
        rows: list[Mapping[str, Any]] = []
        after: str | None = None
        while portion := await self._work.read(
            call, lambda tx, at=after: find_rows(tx, found.project, found.table, {}, at, PORTION)
        ):
            rows += [record.body["values"] for record in portion]
            after = portion[-1].body["key"]
        return b"".join(write_csv(found.table, rows))

    def _keyed(self, table: Table, rows: Sequence[Mapping[str, Any]]) -> list[tuple[str, Mapping[str, Any]]]:
        keyed = [(row_key(table, row, None) or self._work.clock.new_id("row"), row) for row in rows]
        twice = find_twice([key for key, _ in keyed])
        if twice is not None:
            message = f"two rows have the key '{twice[:80]}'; nothing was imported"
            raise Invalid("invalid_csv", message, errors=[Fault("", message)])
        return keyed

    def _write(self, tx: Writing, found: TableView, rows: Sequence[tuple[str, Mapping[str, Any]]]) -> int:
        load_table(tx, found.project, found.table.slug)
        now, added = self._work.clock.now(), 0
        for key, values in rows:
            record = put_row(tx, found.project, found.table, key, values, now, None, counted=False)
            added += record.revision == 1
        return added

    def _event(
        self, call: Call, action: str, project: ProjectId, table: str, data: Mapping[str, Any] | None = None
    ) -> Event:
        return self._work.event(call, action, project=project, subject=table, data=data)


def load_table(tx: Reading, project: ProjectId, slug: str) -> TableView:
    """Returns a table. Raises NotFound that lists the tables there are."""
    record = tx.find_record(project, TABLE, slug)
    if record is None:
        slugs = ", ".join(each.key for each in tx.list_records(project, TABLE, limit=20)) or "none yet"
        raise NotFound("table_not_found", f"there is no table '{slug[:80]}'; there are: {slugs}")
    return _view(tx, record)


def find_twice(keys: Collection[str]) -> str | None:
    """Returns a key that stands twice."""
    seen: set[str] = set()
    for key in keys:
        if key in seen:
            return key
        seen.add(key)
    return None


def _view(tx: Reading, record: Record) -> TableView:
    table = table_from_body(record.key, record.body)
    return TableView(record.project, table, tx.count_records(record.project, ROW, record.key), record)


def _check_room(tx: Reading, found: TableView, rows: Sequence[tuple[str, Mapping[str, Any]]]) -> None:
    if found.rows + len(rows) <= MAX_ROWS:
        return
    slug = found.table.slug
    new = sum(tx.find_record(found.project, ROW, row_record(slug, key)) is None for key, _ in rows)
    if found.rows + new > MAX_ROWS:
        detail = f"{slug} would have {found.rows + new:,} rows; a table has at most {MAX_ROWS:,}"
        raise LimitReached("too_many_rows", detail, extra={"limit": MAX_ROWS})
