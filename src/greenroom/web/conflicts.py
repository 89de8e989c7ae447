"""A conflict of a merge or a publish as a page shows it, each side beside the others, and values of one's own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, cast

from markupsafe import Markup

from greenroom.domain.body_merges import SIDES, Side
from greenroom.domain.canonical import parse_json
from greenroom.domain.errors import Invalid
from greenroom.domain.kind import Registry
from greenroom.domain.merges import Conflict
from greenroom.domain.texts import HunkOp, word_hunks
from greenroom.web.differences import say_value
from greenroom.web.editing import pretty
from greenroom.web.rendering import highlight

Mode = Literal["text", "lines", "json"]
"""How a value of one's own is written: as it is, one element to a line, or as JSON."""
TAKES: Final = (*SIDES, "value")

SAID: Final[Mapping[str, str]] = {
    "both_changed": "Both changed it, each in its own way.",
    "edit_delete": "One changed it, the other took it out.",
    "add_add": "Both added it, each in its own way.",
    "order": "Both put it into another order.",
    "broken_reference": "One took it out, and something of the other still names it.",
}


@dataclass(frozen=True)
class SideDrawing:
    """What one side has at the place. `words` are set where the text can be held against the base."""

    side: Side
    absent: bool
    takeable: bool
    text: str
    words: Sequence[tuple[HunkOp, str]] = ()
    code: Markup | None = None


@dataclass(frozen=True)
class ConflictDrawing:
    """A conflict with its sides, what was chosen, and what is wrong with that."""

    conflict: Conflict
    kind: str
    name: str
    place: str
    said: str
    sides: Mapping[str, SideDrawing]
    mode: Mode
    take: str
    typed: str
    wrong: str
    is_open: bool


def mode_of(conflict: Conflict) -> Mode:
    """Returns how a value of one's own is written for a conflict."""
    if conflict.kind == "order":
        return "lines"
    values = [getattr(conflict, side) for side in SIDES if side not in conflict.absent]
    if conflict.pointer and all(isinstance(value, str) for value in values):
        return "text"
    return "lines" if all(map(_is_lines, values)) else "json"


def read_value(conflict: Conflict, text: str) -> Any:
    """Returns the value that somebody wrote for a conflict. Raises Invalid `invalid_json`."""
    match mode_of(conflict):
        case "text":
            return text
        case "lines":
            return [line.strip() for line in text.split("\n") if line.strip()]
        case _:
            return parse_json(text.encode())


def write_value(conflict: Conflict, value: Any) -> str:
    """Returns a value as somebody would write it for a conflict."""
    match mode_of(conflict):
        case "text":
            return str(value)
        case "lines":
            return "\n".join(cast(list[str], value))
        case _:
            return pretty(value)


def check_written(conflict: Conflict, text: str) -> str:
    """Returns what is wrong with a text as a value for a conflict, '' when it can be read."""
    try:
        read_value(conflict, text)
    except Invalid as wrong:
        return f'{wrong.detail}. A text stands in quotes: "like this"'
    return ""


@dataclass(frozen=True)
class Chosen:
    """What somebody chose for a conflict: a side or `value`, what they wrote, what is wrong with it."""

    take: str = ""
    typed: str | None = None
    wrong: str = ""
    is_open: bool = True


def draw_conflict(conflict: Conflict, kinds: Registry, names: Mapping[str, str], chosen: Chosen) -> ConflictDrawing:
    """Returns a conflict as it is shown; without a text of their own people begin with what the target has."""
    kind = kinds.get(conflict.address.kind)
    bodies = [getattr(conflict, side) for side in SIDES] if not conflict.pointer else []
    named = next((str(body["name"]) for body in bodies if isinstance(body, Mapping) and "name" in body), "")
    return ConflictDrawing(
        conflict,
        kind.title if kind else conflict.address.kind,
        named or names.get(str(conflict.address), "") or conflict.address.slug.replace("-", " "),
        conflict.label if conflict.pointer else "",
        _say(conflict),
        {side: _draw_side(conflict, side) for side in SIDES},
        mode_of(conflict),
        chosen.take,
        _begin(conflict) if chosen.typed is None else chosen.typed,
        chosen.wrong,
        chosen.is_open,
    )


def _say(conflict: Conflict) -> str:
    said = SAID[conflict.kind]
    if not conflict.pointer and conflict.label:
        return f"{said} {conflict.label[:1].upper()}{conflict.label[1:]}."
    return said


def _begin(conflict: Conflict) -> str:
    order: Sequence[Side] = ("ours", "theirs", "base")
    side = next((side for side in order if side not in conflict.absent), None)
    return "" if side is None else write_value(conflict, getattr(conflict, side))


def _draw_side(conflict: Conflict, side: Side) -> SideDrawing:
    value, absent = getattr(conflict, side), side in conflict.absent
    takeable = not (absent and conflict.kind == "broken_reference")
    if absent:
        return SideDrawing(side, absent=True, takeable=takeable, text="")
    if conflict.kind == "order":
        return SideDrawing(side, False, takeable, "\n".join(f"{n}. {key}" for n, key in enumerate(value, 1)))
    if isinstance(value, str):
        if conflict.form == "code":
            return SideDrawing(side, False, takeable, value, code=highlight(value))
        words = word_hunks(conflict.base, value) if side != "base" and isinstance(conflict.base, str) else ()
        return SideDrawing(side, False, takeable, value or "nothing", words=words)
    return SideDrawing(side, False, takeable, say_value(_plain(value)))


def _plain(value: Any) -> Any:
    """Returns a body without its schema's number, which says nothing to people."""
    if not isinstance(value, dict):
        return value
    return {key: item for key, item in cast(dict[str, Any], value).items() if key != "schema"}


def _is_lines(value: Any) -> bool:
    if not isinstance(value, list):
        return False
    items = cast(list[Any], value)
    return all(isinstance(item, str) and item.strip() == item and item and "\n" not in item for item in items)
