"""A comparison as a page shows it: for each field the words or lines that are gone, new and the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import zip_longest
from typing import Any, Final, cast

from markupsafe import Markup

from greenroom.domain.body_diffs import diff_bodies
from greenroom.domain.canonical import canonical_json
from greenroom.domain.changes import Change, FieldChange
from greenroom.domain.entities import Body
from greenroom.domain.kind import Kind, Registry
from greenroom.domain.texts import HunkOp, Line, line_hunks, word_hunks
from greenroom.services.comparisons import Compared
from greenroom.web.rendering import highlight

MAX_SHOWN: Final = 100
"""Changed entities that one page shows; the next ones are on the next."""
MAX_VALUE: Final = 4_000
MAX_KEPT: Final = 10_000
"""Characters of two texts whose difference is kept: a thousand pairs of them are ten megabytes."""


@dataclass(frozen=True)
class CodeLine:
    """A line of a code diff on one side, or on both."""

    op: HunkOp
    before: int | None
    after: int | None
    code: Markup


@dataclass(frozen=True)
class CodeRow:
    """A line of the code before beside the one after."""

    left: CodeLine | None
    right: CodeLine | None


@dataclass(frozen=True)
class FieldDiff:
    """One changed field. `words` is for prose, `lines` and `rows` are for code, `before` and `after` for the rest."""

    label: str
    op: str
    form: str
    before: str = ""
    after: str = ""
    words: Sequence[tuple[HunkOp, str]] = ()
    lines: Sequence[CodeLine] = ()
    rows: Sequence[CodeRow] = ()


@dataclass(frozen=True)
class EntityDiff:
    """One changed entity with its fields."""

    change: Change
    id: str
    title: str
    description: str
    author: str
    fields: Sequence[FieldDiff]


@dataclass(frozen=True)
class KindDiff:
    """The changes of one kind."""

    name: str
    plural: str
    entities: Sequence[EntityDiff]


@dataclass(frozen=True)
class Wanted:
    """What the viewer wants to see of a comparison; empty is everything."""

    kind: str = ""
    op: str = ""
    author: str = ""
    text: str = ""
    start: int = 0

    def choose(self, compared: Compared) -> Sequence[Change]:
        """Returns the wanted changes, from the first of all pages to the last."""
        return [change for change in compared.comparison.changes if self.holds(change, compared)]

    def holds(self, change: Change, compared: Compared) -> bool:
        """Says whether a change is wanted."""
        name = f"{change.name} {change.address}".lower()
        return (
            self.kind in ("", change.address.kind)
            and self.op in ("", change.op)
            and self.author in ("", compared.authors.get(change.address, ""))
            and self.text.lower() in name
        )


def draw(compared: Compared, kinds: Registry, names: Mapping[str, str], wanted: Wanted) -> list[KindDiff]:
    """Returns a page of the wanted changes by kind.

    Costs up to a third of a second for a text: not for the event loop.
    """
    groups: dict[str, list[EntityDiff]] = {}
    for change in wanted.choose(compared)[wanted.start : wanted.start + MAX_SHOWN]:
        author = compared.authors.get(change.address, "")
        groups.setdefault(change.address.kind, []).append(_entity(change, kinds, names.get(author, author)))
    return [KindDiff(name, kinds[name].plural if name in kinds else name, each) for name, each in groups.items()]


def _entity(change: Change, kinds: Registry, author: str) -> EntityDiff:
    kind = kinds.get(change.address.kind)
    return EntityDiff(
        change=change,
        id=str(change.address).replace("/", "--"),
        title=kind.title if kind else change.address.kind,
        description=kind.describe_change(change) if kind else "",
        author=author,
        fields=[_field(each) for each in _fields(change, kind)],
    )


def _fields(change: Change, kind: Kind | None) -> Sequence[FieldChange]:
    """Returns the changed fields; of an entity that was added or removed, all that it has."""
    if change.op == "edited" or kind is None:
        return change.fields
    bodies = {"schema": None} | dict(change.before or {}), {"schema": None} | dict(change.after or {})
    before, after = ({key: value for key, value in body.items() if key != "schema"} for body in bodies)
    return diff_bodies(before, after, kind.shape)


def _field(change: FieldChange) -> FieldDiff:
    before, after = change.before, change.after
    both = isinstance(before, str) and isinstance(after, str)
    if change.form == "code" and (both or isinstance(before or after, str)):
        return _code(change, str(before or ""), str(after or ""))
    if change.op == "edited" and change.form == "text" and both:
        words = _words(cast(str, before), cast(str, after))
        return FieldDiff(change.label, change.op, "text", words=words)
    if change.op == "reordered":
        return FieldDiff(change.label, change.op, "value", say_value(before), say_value(after))
    shown_before = say_value(before) if change.op != "added" else ""
    shown_after = say_value(after) if change.op != "removed" else ""
    if change.op == "edited" and "\n" in shown_before and "\n" in shown_after:
        # A long list with one new point shows that point, not two whole lists.
        return FieldDiff(change.label, change.op, "text", words=word_hunks(shown_before, shown_after))
    return FieldDiff(change.label, change.op, "value", shown_before, shown_after)


def _words(before: str, after: str) -> Sequence[tuple[HunkOp, str]]:
    """Returns the words that differ; those of texts of usual length are kept, because a page is loaded often."""
    short = len(before) + len(after) <= MAX_KEPT
    return _words_kept(before, after) if short else word_hunks(before, after)


@lru_cache(maxsize=1_000)
def _words_kept(before: str, after: str) -> Sequence[tuple[HunkOp, str]]:
    return word_hunks(before, after)


def _code(change: FieldChange, before: str, after: str) -> FieldDiff:
    lines: list[CodeLine] = []
    rows: list[CodeRow] = []
    for hunk in line_hunks(before, after):
        drawn = [_line(line) for line in hunk.lines]
        lines += drawn
        rows += _beside(drawn)
    return FieldDiff(change.label, change.op, "code", lines=lines, rows=rows)


def _line(line: Line) -> CodeLine:
    return CodeLine(line.op, line.before, line.after, highlight(line.text))


def _beside(lines: Sequence[CodeLine]) -> list[CodeRow]:
    """Returns unified lines side by side: what was removed beside what replaced it."""
    rows: list[CodeRow] = []
    gone: list[CodeLine] = []
    new: list[CodeLine] = []
    for line in [*lines, None]:
        if line is not None and line.op == "removed":
            gone.append(line)
        elif line is not None and line.op == "added":
            new.append(line)
        else:
            rows += [CodeRow(left, right) for left, right in zip_longest(gone, new)]
            gone, new = [], []
            if line is not None:
                rows.append(CodeRow(line, line))
    return rows


def say_value(value: Any) -> str:
    """Returns a value of a body as people read it: lists as points, groups as lines."""
    text = "\n".join(_say(value)) if isinstance(value, dict | list) and value else _say_plain(value)
    return text if len(text) <= MAX_VALUE else text[:MAX_VALUE] + "…"


def _say(value: Any) -> list[str]:
    if isinstance(value, dict):
        lines: list[str] = []
        for key, item in cast(dict[str, Any], value).items():
            inner = _say(item) if isinstance(item, dict | list) and item else [_say_plain(item)]
            if len(inner) == 1 and not isinstance(item, dict | list):
                lines.append(f"{key}: {inner[0]}")
            else:
                lines += [f"{key}:", *(f"  {line}" for line in inner)]
        return lines
    if isinstance(value, list):
        points: list[str] = []
        for item in cast(list[Any], value):
            first, *rest = _say(item) if isinstance(item, dict | list) and item else [_say_plain(item)]
            points += [f"• {first}", *(f"  {line}" for line in rest)]
        return points
    return [_say_plain(value)]


def _say_plain(value: Any) -> str:
    if value is None or value == "":
        return "nothing"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    return value if isinstance(value, str) else str(value) if isinstance(value, int) else canonical_json(value).decode()


def draw_bodies(before: Body, after: Body, kind: Kind) -> list[FieldDiff]:
    """Returns how two bodies of a kind differ; from an empty one, all that the other holds."""
    old, new = ({key: value for key, value in body.items() if key != "schema"} for body in (before, after))
    return [_field(change) for change in diff_bodies(old, new, kind.shape)]
