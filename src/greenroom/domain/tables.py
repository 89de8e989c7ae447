"""Data tables: typed columns and rows that agents read and write, the same for every version (R1)."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal, cast, get_args

from greenroom.domain.canonical import MAX_SAFE_INTEGER, canonical_json, same
from greenroom.domain.errors import Fault, GreenroomError, Invalid, LimitReached

ColumnType = Literal["text", "number", "boolean", "date", "list", "object"]
COLUMN_TYPES: tuple[ColumnType, ...] = get_args(ColumnType)
KEY_TYPES: tuple[ColumnType, ...] = ("text", "number", "date")
MAX_TABLES = 200
MAX_COLUMNS = 100
MAX_ROWS = 100_000
MAX_ROW_BYTES = 32 * 1024
MAX_KEY = 200
_SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,58}[a-z0-9])?")
_COLUMN = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,59}")
_WORDS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


@dataclass(frozen=True, slots=True)
class Column:
    """One column. A row must have a value in a required one."""

    name: str
    type: ColumnType = "text"
    required: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """A table: `key` is the column whose values are unique, '' where rows have ids of their own."""

    slug: str
    name: str
    description: str = ""
    columns: tuple[Column, ...] = ()
    key: str = ""

    def column(self, name: str) -> Column | None:
        """Returns the column of a name."""
        return next((column for column in self.columns if column.name == name), None)


def table_to_body(table: Table) -> dict[str, Any]:
    """Returns a table as plain JSON."""
    columns = [{"name": c.name, "type": c.type, "required": c.required} for c in table.columns]
    return {"name": table.name, "description": table.description, "columns": columns, "key": table.key}


def table_from_body(slug: str, body: Mapping[str, Any]) -> Table:
    """Returns the table that `table_to_body` was given."""
    columns = tuple(Column(each["name"], each["type"], each["required"]) for each in body["columns"])
    return Table(slug, body["name"], body["description"], columns, body["key"])


def check_table(table: Table) -> None:
    """Raises Invalid unless the table can be kept."""
    faults: list[Fault] = []
    if not _SLUG.fullmatch(table.slug):
        faults.append(Fault("/slug", "is 1 to 60 lower-case letters, digits and hyphens"))
    if not 1 <= len(table.columns) <= MAX_COLUMNS:
        faults.append(Fault("/columns", f"a table has 1 to {MAX_COLUMNS} columns"))
    names = [column.name for column in table.columns]
    for index, name in enumerate(names):
        if not _COLUMN.fullmatch(name):
            message = "is 1 to 60 letters, digits and underscores, and begins with no digit"
            faults.append(Fault(f"/columns/{index}/name", message))
        elif name in names[:index]:
            faults.append(Fault(f"/columns/{index}/name", f"there are two columns '{name}'"))
    key = table.column(table.key)
    if table.key and (key is None or key.type not in KEY_TYPES):
        faults.append(Fault("/key", f"is the name of a column of type {', '.join(KEY_TYPES)}"))
    if faults:
        raise Invalid("invalid_table", "; ".join(f"{f.pointer} {f.message}" for f in faults), errors=faults)


def add_columns(table: Table, columns: Sequence[Column]) -> Table:
    """Returns a table with more columns. Raises Invalid; a column that rows would lack cannot be required."""
    for index, column in enumerate(columns):
        if column.required:
            message = "a column that is added cannot be required: the rows that are there have no value in it"
            raise Invalid("invalid_table", message, errors=[Fault(f"/add_columns/{index}/required", message)])
    changed = Table(table.slug, table.name, table.description, (*table.columns, *columns), table.key)
    check_table(changed)
    return changed


def read_values(table: Table, given: Mapping[str, Any], pointer: str = "/values") -> dict[str, Any]:
    """Returns a row's values in the form of their columns; texts are read where another type is meant.

    Columns that are absent or null are left out. Raises Invalid with a fault for each wrong value, LimitReached.
    """
    faults: list[Fault] = []
    values: dict[str, Any] = {}
    for name, value in given.items():
        column = table.column(name)
        if column is None:
            known = ", ".join(c.name for c in table.columns)
            faults.append(Fault(f"{pointer}/{name[:60]}", f"there is no such column in {table.slug}; it has: {known}"))
        elif value is not None:
            try:
                values[name] = read_value(column.type, value)
            except ValueError as wrong:
                faults.append(Fault(f"{pointer}/{name}", f"is not a {column.type}: {wrong}"))
    missing = [c.name for c in table.columns if (c.required or c.name == table.key) and c.name not in values]
    faults += [Fault(f"{pointer}/{name}", "must have a value") for name in missing]
    if faults:
        raise Invalid("invalid_row", "; ".join(f"{f.pointer} {f.message}" for f in faults[:5]), errors=faults)
    size = len(canonical_json(values))
    if size > MAX_ROW_BYTES:
        detail = f"the row is {size:,} bytes; a row of a table has at most {MAX_ROW_BYTES:,}"
        raise LimitReached("row_too_large", detail, extra={"limit": MAX_ROW_BYTES})
    return values


def read_where(table: Table, given: Mapping[str, Any], pointer: str = "/where") -> dict[str, Any]:
    """Returns what rows must be equal to, in the form of the columns; null means that there is no value."""
    wanted: dict[str, Any] = {}
    faults: list[Fault] = []
    for name, value in given.items():
        column = table.column(name)
        if column is None:
            known = ", ".join(c.name for c in table.columns)
            faults.append(Fault(f"{pointer}/{name[:60]}", f"there is no such column in {table.slug}; it has: {known}"))
            continue
        try:
            wanted[name] = None if value is None else read_value(column.type, value)
        except ValueError as wrong:
            faults.append(Fault(f"{pointer}/{name}", f"is not a {column.type}: {wrong}"))
    if faults:
        raise Invalid("invalid_where", "; ".join(f"{f.pointer} {f.message}" for f in faults[:5]), errors=faults)
    return wanted


def fits(values: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    """Says whether a row is equal in all that is wanted."""
    return all(same(values.get(name), value) for name, value in wanted.items())


def key_text(value: Any) -> str:
    """Returns the key of a row whose unique column has this value."""
    return value if isinstance(value, str) else canonical_json(value).decode()


def check_key(key: str, pointer: str = "/key") -> str:
    """Returns a row's key. Raises Invalid for one that cannot be kept."""
    if not 1 <= len(key.encode("utf-8", "replace")) <= MAX_KEY or "\0" in key or _is_broken(key):
        message = f"a row's key is text of 1 to {MAX_KEY} bytes, without U+0000"
        raise Invalid("invalid_row_key", message, errors=[Fault(pointer, message)])
    return key


def read_value(type_: ColumnType, value: Any) -> Any:
    """Returns a value in the form of a column's type. Raises ValueError that says what is wrong."""
    match type_:
        case "text":
            if isinstance(value, str):
                _check_text(value)
                return value
            if isinstance(value, Mapping | list):
                raise ValueError("write it as text")
            return canonical_json(value).decode()
        case "number":
            return _read_number(value)
        case "boolean":
            read = value if isinstance(value, bool) else _WORDS.get(str(value).strip().lower())
            if read is None:
                raise ValueError("write true or false")
            return read
        case "date":
            return date.fromisoformat(str(value).strip()[:10]).isoformat()
        case "list" | "object":
            return _read_json(type_, value)


def _read_number(value: Any) -> int | float:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError("write a number")
    try:
        number = float(value)
    except ValueError:
        raise ValueError(f"'{str(value)[:40]}' is not a number") from None
    if not math.isfinite(number) or abs(number) > MAX_SAFE_INTEGER:
        raise ValueError("it is too large")
    return int(number) if number.is_integer() else number


def _read_json(type_: ColumnType, value: Any) -> Any:
    read: Any = value
    if isinstance(value, str):
        try:
            read = json.loads(value)
        except ValueError:
            raise ValueError("write it as JSON") from None
    if not isinstance(read, list if type_ == "list" else Mapping):
        raise ValueError(f"write a JSON {'array' if type_ == 'list' else 'object'}")
    try:
        canonical_json(read)
    except GreenroomError as wrong:
        raise ValueError(wrong.detail) from None
    return cast(Any, read)


def _check_text(value: str) -> None:
    if _is_broken(value):
        raise ValueError("it holds half a character")


def _is_broken(text: str) -> bool:
    return any("\ud800" <= sign <= "\udfff" for sign in text)
