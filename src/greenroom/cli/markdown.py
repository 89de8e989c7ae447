"""A comparison as a comment for a pull request.

What people wrote is shown as code only, so that nothing in it becomes a link, a mention or HTML. The comment
stays below what hosts of git accept; what is left out is counted.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from html import escape
from typing import Any

from greenroom.cli.comparisons import SIGNS
from greenroom.cli.output import clean
from greenroom.wire.versions import ChangeOut, ComparisonOut, FieldChangeOut

MAX_COMMENT = 60_000
"""Characters; GitHub takes 65,536."""
MAX_VALUE = 2_000


def write_markdown(found: ComparisonOut) -> str:
    """Returns the comment: the summary, each changed entity with its fields, and what to test."""
    parts = [f"### Greenroom: {_code(found.base.ref)} → {_code(found.head.ref)}\n\n{_code(found.summary)}\n"]
    tail = "".join(_tail(found))
    room = MAX_COMMENT - len(parts[0]) - len(tail)
    for shown, change in enumerate(found.changes):
        part = "\n".join(_change(change)) + "\n"
        room -= len(part)
        if room < 0:
            parts.append(f"\n… and {len(found.changes) - shown} more entities\n")
            break
        parts.append(part)
    return "\n".join([*parts, tail]).rstrip() + "\n"


def _tail(found: ComparisonOut) -> Iterator[str]:
    if found.unchanged:
        yield f"{_code(found.unchanged[:2_000])}\n"
    if found.changes and found.checklist:
        yield "\n<details><summary>To test before the release</summary>\n\n"
        for check in found.checklist[:40]:
            where = f" ({', '.join(check.channels)})" if check.channels else ""
            yield f"- [ ] {_code(check.text[:300])}{where}\n"
        if len(found.checklist) > 40:
            yield f"- … and {len(found.checklist) - 40} more\n"
        yield "\n</details>\n"


def _change(change: ChangeOut) -> Iterator[str]:
    yield f"<details><summary>{SIGNS[change.op]} <code>{escape(change.address)}</code> {change.op}</summary>\n"
    lines = list(_lines(change))
    if lines:
        yield _fenced("\n".join(lines))
    yield "</details>\n"


def _lines(change: ChangeOut) -> Iterator[str]:
    if change.op != "edited":
        yield f"{SIGNS[change.op]} {change.name}"
    for field in change.fields:
        yield from _field(field)
    for sign, links in (("+", change.links_added), ("-", change.links_removed)):
        yield from (f"{sign} names {link}" for link in links)


def _field(field: FieldChangeOut) -> Iterator[str]:
    yield f"# {field.label or field.pointer}"
    if field.form == "code" and field.hunks:
        for op, text in field.hunks:
            yield from (f"{_sign(op)} {line}" for line in text.splitlines())
        return
    if field.op != "added":
        yield from _value("-", field.before)
    if field.op != "removed":
        yield from _value("+", field.after)


def _sign(op: str) -> str:
    return {"added": "+", "removed": "-"}.get(op, " ")


def _value(sign: str, value: Any) -> Iterator[str]:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    text = text if len(text) <= MAX_VALUE else text[:MAX_VALUE] + " …"
    yield from (f"{sign} {line}" for line in text.splitlines() or [""])


def _fenced(text: str) -> str:
    text = clean(text)
    fence = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", text)), default=0))
    return f"{fence}diff\n{text}\n{fence}\n"


def _code(text: str) -> str:
    """Returns text as inline code, whatever back-ticks it holds."""
    text = " ".join(clean(text).split())
    ticks = "`" * (1 + max((len(run) for run in re.findall("`+", text)), default=0))
    space = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{ticks}{space}{text}{space}{ticks}" if text else ""
