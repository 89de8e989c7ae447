"""Conflicts as a dialog asks about them: both sides, what stood there before, and a value of one's own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

from greenroom.domain.canonical import parse_json
from greenroom.domain.errors import Fault, Invalid
from greenroom.domain.merges import Conflict, Side
from greenroom.web.differences import say_value
from greenroom.web.editing import pretty
from greenroom.web.forms import Form, Refusal

TAKE: Final = "take:"
VALUE: Final = "value:"
FORM: Final = "form:"
TAKES: Final = ("ours", "theirs", "base", "value")


@dataclass(frozen=True)
class Asked:
    """One conflict as it is asked about. `sides` are name, label, what stands there ('' for nothing)."""

    id: str
    entity: str
    field: str
    why: str
    sides: Sequence[tuple[str, str, str]]
    form: str
    """How a value of one's own is written: `text`, `lines`, `json`, or '' where there can be none."""
    value: str
    take: str
    wrong: str = ""


def read_resolutions(form: Form) -> list[dict[str, Any]]:
    """Returns how each conflict is to be settled, in the order of the form.

    Raises Invalid with the pointer of a value of one's own that cannot be read.
    """
    found: list[dict[str, Any]] = []
    faults: list[Fault] = []
    for name, take in form.pairs:
        if not name.startswith(TAKE) or take not in TAKES:
            continue
        id_ = name.removeprefix(TAKE)
        chosen: dict[str, Any] = {"conflict_id": id_, "take": take}
        if take == "value":
            try:
                chosen["value"] = _read(form.text(FORM + id_), form.text(VALUE + id_))
            except Invalid:
                message = "cannot be read: write a number, yes or no as true or false, or JSON"
                faults.append(Fault(f"/resolutions/{len(found)}/value", message))
        found.append(chosen)
    if faults:
        raise Invalid("unreadable", "a value of your own cannot be read", errors=faults)
    return found


def ask_about(conflicts: Sequence[Conflict], form: Form, refusal: Refusal, labels: Mapping[str, str]) -> list[Asked]:
    """Returns the conflicts with what was chosen so far; `labels` are what ours and theirs are called."""
    places = [name.removeprefix(TAKE) for name, take in form.pairs if name.startswith(TAKE) and take in TAKES]
    known = {id_: index for index, id_ in enumerate(places)}
    asked: list[Asked] = []
    for conflict in conflicts:
        how = _form_of(conflict)
        wrong = refusal.at(f"/resolutions/{known[conflict.id]}/value") if conflict.id in known else ""
        sides = [(side, labels[side], _say(conflict, side)) for side in cast(Sequence[Side], TAKES[:3])]
        typed = form.text(VALUE + conflict.id) if form.has(VALUE + conflict.id) else _write(how, conflict)
        take = form.text(TAKE + conflict.id)
        field = " / ".join(conflict.pointer)
        asked.append(Asked(conflict.id, str(conflict.address), field, _why(conflict), sides, how, typed, take, wrong))
    return asked


def _why(conflict: Conflict) -> str:
    if conflict.label and conflict.kind in ("broken_reference", "both_changed") and not conflict.pointer:
        return conflict.label
    return {
        "both_changed": "Both sides changed it.",
        "edit_delete": "One side changed it, the other removed it.",
        "add_add": "Both sides added it, each in its own way.",
        "order": "Both sides put these into another order.",
        "broken_reference": "It is gone on one side, and something still names it.",
    }[conflict.kind]


def _say(conflict: Conflict, side: Side) -> str:
    if side in conflict.absent:
        return ""
    value: Any = getattr(conflict, side)
    if isinstance(value, dict):
        value = {key: each for key, each in cast(dict[str, Any], value).items() if key != "schema"}
    return say_value(value)


def _form_of(conflict: Conflict) -> str:
    """Returns how a value of one's own is written; a whole entity is settled by taking a side."""
    if not conflict.pointer:
        return ""
    if conflict.kind == "order":
        return "lines"
    sides = [getattr(conflict, side) for side in ("base", "ours", "theirs") if side not in conflict.absent]
    return "text" if all(isinstance(each, str) for each in sides) else "json"


def _write(how: str, conflict: Conflict) -> str:
    value = conflict.ours if "ours" not in conflict.absent else conflict.theirs
    if how == "text":
        return str(value)
    if how == "lines":
        return "\n".join(str(each) for each in cast(Sequence[Any], value))
    return pretty(value) if how else ""


def _read(how: str, text: str) -> Any:
    if how == "text":
        return text
    if how == "lines":
        return [line.strip() for line in text.splitlines() if line.strip()]
    return parse_json(text.encode())
