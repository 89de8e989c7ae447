"""Tables as CSV: one line for each row, one column for each of the table's, and nothing lost on the way."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from greenroom.domain.canonical import canonical_json
from greenroom.domain.errors import Fault, GreenroomError, Invalid
from greenroom.domain.tables import Table, read_values

MAX_FAULTS = 50


def read_csv(table: Table, data: bytes) -> list[dict[str, Any]]:
    """Returns the rows of a CSV file in UTF-8, checked. Raises Invalid that lists every wrong line, at most 50.

    The first line names the columns, in any order. An empty cell is no value.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as wrong:
        raise Invalid("invalid_csv", f"the file is not UTF-8 (byte {wrong.start}); save it as UTF-8") from None
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    faults: list[Fault] = []
    rows: list[dict[str, Any]] = []
    try:
        names = next(reader, [])
        _check_heading(table, names)
        for cells in reader:
            if cells:
                _read_line(table, names, cells, reader.line_num, rows, faults)
            if len(faults) >= MAX_FAULTS:
                break
    except csv.Error as wrong:
        faults.append(Fault(f"line:{reader.line_num}", f"is not CSV: {wrong}"))
    if faults:
        shown = "; ".join(f"{fault.pointer} {fault.message}" for fault in faults[:3])
        raise Invalid("invalid_csv", f"nothing was imported: {shown}", errors=faults)
    return rows


def write_csv(table: Table, rows: Iterable[Mapping[str, Any]]) -> Iterator[bytes]:
    """Yields a CSV file in UTF-8, line by line; what `read_csv` reads back as the same rows."""
    names = [column.name for column in table.columns]
    yield _line(names)
    for values in rows:
        yield _line([_cell(values.get(name)) for name in names])


def _check_heading(table: Table, names: Sequence[str]) -> None:
    known = [column.name for column in table.columns]
    wrong = [name for index, name in enumerate(names) if name not in known or name in names[:index]]
    if not names or wrong:
        shown = f"'{wrong[0][:60]}' is no column or stands twice" if wrong else "it is empty"
        message = f"the first line names columns of {table.slug} ({', '.join(known)}): {shown}"
        raise Invalid("invalid_csv", message, errors=[Fault("line:1", message)])


def _read_line(
    table: Table, names: Sequence[str], cells: Sequence[str], line: int, rows: list[dict[str, Any]], faults: list[Fault]
) -> None:
    if len(cells) != len(names):
        faults.append(Fault(f"line:{line}", f"has {len(cells)} cells, not {len(names)}"))
        return
    given = {name: cell for name, cell in zip(names, cells, strict=True) if cell != ""}
    try:
        rows.append(read_values(table, given, pointer=f"line:{line}"))
    except GreenroomError as wrong:
        faults.extend(wrong.errors or [Fault(f"line:{line}", wrong.detail)])


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else canonical_json(value).decode()


def _line(cells: Sequence[str]) -> bytes:
    out = io.StringIO(newline="")
    csv.writer(out).writerow(cells)
    return out.getvalue().encode()
