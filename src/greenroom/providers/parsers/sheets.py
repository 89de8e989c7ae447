"""CSV: each row a paragraph of `column: value` lines, so that it can be found and read out by itself."""

from __future__ import annotations

import csv
import re
from io import StringIO

from greenroom.ports import Parsed
from greenroom.providers.parsers.limits import MAX_COLUMNS, MAX_ROWS, Writer, refuse

DELIMITERS = ",;\t|"
_SPACE = re.compile(r"\s+")


def read_csv(text: str) -> Parsed:
    """Returns the rows of a sheet whose first line names its columns."""
    lines = StringIO(text.replace("\0", ""), newline="")
    rows = csv.reader(lines, delimiter=choose_delimiter(text))
    out = Writer()
    try:
        names = [_plain(name) for name in next(rows, [])]
        if len(names) > MAX_COLUMNS:
            refuse("too_many_columns", f"has {len(names):,} columns; at most {MAX_COLUMNS} are read")
        for row in rows:
            if rows.line_num > MAX_ROWS:
                refuse("too_many_rows", f"has more than {MAX_ROWS:,} lines", "split it into several documents")
            out.add(_say_row(names, row), f"line {rows.line_num}")
    except csv.Error as wrong:
        refuse("unreadable_document", f"is not CSV at line {rows.line_num}: {wrong}")
    return Parsed("", out.text() or ", ".join(name for name in names if name))


def choose_delimiter(text: str) -> str:
    """Returns the sign that the first line has most of."""
    first = text[:20_000].lstrip().partition("\n")[0]
    return max(DELIMITERS, key=lambda sign: (first.count(sign), -DELIMITERS.index(sign)))


def _say_row(names: list[str], row: list[str]) -> str:
    pairs: list[str] = []
    for index, value in enumerate(row[:MAX_COLUMNS]):
        said = _plain(value)
        if said:
            name = names[index] if index < len(names) else ""
            pairs.append(f"{name}: {said}" if name else said)
    return "\n".join(pairs) + "\n\n" if pairs else ""


def _plain(text: str) -> str:
    return _SPACE.sub(" ", text).strip()
