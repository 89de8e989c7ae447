"""Rows of data tables within a transaction, and what agents ask of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from greenroom.domain.asks import Answer, Place, failed
from greenroom.domain.canonical import canonical_json
from greenroom.domain.errors import Conflict, Fault, GreenroomError, Invalid, LimitReached
from greenroom.domain.ids import ProjectId
from greenroom.domain.records import Record
from greenroom.domain.tables import (
    MAX_ROWS,
    Table,
    check_key,
    fits,
    key_text,
    read_values,
    read_where,
    table_from_body,
)
from greenroom.ports import Clock, Reading, Store, Writing

ROW = "table_row"
PORTION = 500
MAX_FOUND = 200
"""So many rows one ask finds or changes at most."""
_LONGEST_HINT = 200


def row_record(table: str, key: str) -> str:
    """Returns the key of a row's record."""
    return f"{table}/{key}"


def row_key(table: Table, values: Mapping[str, Any], given: str | None) -> str | None:
    """Returns a row's key: the value of the unique column, else the one given. Raises Invalid where they differ."""
    if not table.key:
        return None if given is None else check_key(given)
    own = check_key(key_text(values[table.key]), f"/values/{table.key}")
    if given is not None and given != own:
        message = f"the row's key is its {table.key}, which is '{own[:80]}'"
        raise Invalid("invalid_row_key", message, errors=[Fault("/key", message)])
    return own


def find_rows(
    tx: Reading, project: ProjectId, table: Table, where: Mapping[str, Any], after: str | None, limit: int
) -> Sequence[Record]:
    """Returns rows by key, after the row `after`; `where` was read by `read_where`."""
    if table.key and where.get(table.key) is not None:
        key = key_text(where[table.key])
        record = tx.find_record(project, ROW, row_record(table.slug, key))
        one = record is not None and fits(record.body["values"], where) and (after is None or key > after)
        return [record] if record is not None and one else []
    hints = [hint for name, value in where.items() if value is not None and (hint := _hint(name, value))]
    found: list[Record] = []
    place = None if after is None else row_record(table.slug, after)
    while len(found) < limit:
        size = limit - len(found) if not where else PORTION
        portion = tx.list_records(project, ROW, owner=table.slug, after=place, limit=size, containing=hints)
        found += [record for record in portion if fits(record.body["values"], where)]
        if len(portion) < size:
            break
        place = portion[-1].key
    return found[:limit]


def _hint(name: str, value: Any) -> str:
    """Returns a text that stands in the body of every row that has the value."""
    text = canonical_json({name: value}).decode()[1:-1]
    return text if len(text) <= _LONGEST_HINT else ""


def put_row(
    tx: Writing,
    project: ProjectId,
    table: Table,
    key: str,
    values: Mapping[str, Any],
    now: datetime,
    revision: int | None,
    *,
    counted: bool = True,
) -> Record:
    """Writes a row. Raises Conflict `row_changed` where `revision` is not the stored one, LimitReached."""
    place = row_record(table.slug, key)
    before = tx.find_record(project, ROW, place)
    stored = before.revision if before else 0
    if revision is not None and revision != stored:
        detail = f"the row '{key[:80]}' has revision {stored}, not {revision}; look at it and repeat"
        raise Conflict("row_changed", detail, extra={"revision": stored})
    if before is None and counted and tx.count_records(project, ROW, table.slug) >= MAX_ROWS:
        detail = f"{table.slug} has {MAX_ROWS:,} rows, which is the most that a table has"
        raise LimitReached("too_many_rows", detail, extra={"limit": MAX_ROWS})
    body = {"key": key, "values": dict(values)}
    record = Record(project, ROW, place, before.at if before else now, now, body, table.slug, stored + 1)
    if not tx.put_record(record, stored):
        raise Conflict("row_changed", f"somebody else wrote the row '{key[:80]}' a moment ago; look at it and repeat")
    return record


def remove_rows(
    tx: Writing, project: ProjectId, table: Table, where: Mapping[str, Any], key: str, limit: int
) -> Sequence[Record]:
    """Removes the row of a key, or those that equal `where`, at most `limit`; returns them."""
    if key:
        record = tx.find_record(project, ROW, row_record(table.slug, key))
        found = [record] if record is not None and fits(record.body["values"], where) else []
    else:
        found = find_rows(tx, project, table, where, None, limit) if where else []
    for record in found:
        tx.delete_record(project, ROW, record.key)
    return found


class TableAsks:
    """Answers what agents ask of tables; services/outside.py calls it. Never raises for what a turn asks."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def answer(self, facts: Mapping[str, Any], place: Place) -> Answer:
        """Finds, puts or deletes rows: `{op, table, where, values, key, limit}` to `{rows: [{key, values}], count}`."""
        op = facts.get("op")
        try:
            if op == "find":
                found = await self._store.read(place.workspace, lambda tx: self._find(tx, place, facts))
            elif op == "put":
                found = await self._store.write(place.workspace, lambda tx: self._put(tx, place, facts))
            elif op == "delete":
                found = await self._store.write(place.workspace, lambda tx: self._delete(tx, place, facts))
            else:
                return failed("unknown_op", f"a table can find, put and delete, not '{str(op)[:40]}'")
        except GreenroomError as wrong:
            return failed(wrong.code, wrong.detail)
        rows = [{"key": record.body["key"], "values": record.body["values"]} for record in found]
        return {"rows": rows, "count": len(rows)}

    def _find(self, tx: Reading, place: Place, facts: Mapping[str, Any]) -> Sequence[Record]:
        table = _load(tx, place, facts)
        where = read_where(table, _mapping(facts, "where"))
        if key := _key(facts):
            record = tx.find_record(place.project, ROW, row_record(table.slug, key))
            return [record] if record is not None and fits(record.body["values"], where) else []
        return find_rows(tx, place.project, table, where, None, _limit(facts))

    def _put(self, tx: Writing, place: Place, facts: Mapping[str, Any]) -> Sequence[Record]:
        """Writes one row; columns that are not named keep what the row of that key has. `dry` only looks."""
        table = _load(tx, place, facts)
        values = _mapping(facts, "values")
        key = _key(facts)
        if not key and table.key and values.get(table.key) is not None:
            key = key_text(read_where(table, {table.key: values[table.key]})[table.key])
        before = tx.find_record(place.project, ROW, row_record(table.slug, key)) if key else None
        if key and table.key and table.key not in values:
            values = {**values, table.key: key}
        kept = read_values(table, {**(before.body["values"] if before else {}), **values})
        chosen = row_key(table, kept, key or None) or self._clock.new_id("row")
        now = self._clock.now()
        if facts.get("dry"):
            body = {"key": chosen, "values": kept}
            return [Record(place.project, ROW, row_record(table.slug, chosen), now, now, body, table.slug)]
        return [put_row(tx, place.project, table, chosen, kept, now, None)]

    def _delete(self, tx: Writing, place: Place, facts: Mapping[str, Any]) -> Sequence[Record]:
        table = _load(tx, place, facts)
        where = read_where(table, _mapping(facts, "where"))
        key = _key(facts)
        if not where and not key:
            raise Invalid("nothing_named", f"say which rows of {table.slug} to delete: a key, or where")
        return remove_rows(tx, place.project, table, where, key, _limit(facts))


def _load(tx: Reading, place: Place, facts: Mapping[str, Any]) -> Table:
    slug = str(facts.get("table", ""))
    record = tx.find_record(place.project, "table", slug)
    if record is None:
        raise Invalid("table_not_found", f"there is no table '{slug[:80]}'; make it with `greenroom tables create`")
    return table_from_body(slug, record.body)


def _mapping(facts: Mapping[str, Any], name: str) -> dict[str, Any]:
    found = facts.get(name)
    return dict(found) if isinstance(found, Mapping) else {}


def _key(facts: Mapping[str, Any]) -> str:
    found = facts.get("key")
    return "" if found is None or found == "" else check_key(key_text(found))


def _limit(facts: Mapping[str, Any]) -> int:
    limit = facts.get("limit")
    return min(max(limit, 1), MAX_FOUND) if isinstance(limit, int) else MAX_FOUND
