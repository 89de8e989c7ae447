"""Elements of lists, added, moved and removed; where others led to one, they lead on."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

from greenroom.kinds.schema.facts import FieldFacts
from greenroom.web.editing import noun_of
from greenroom.web.flows import find_flow
from greenroom.web.forms import Form

Fields = Mapping[str, FieldFacts]
VERBS: Final = ("add", "insert", "remove", "up", "down", "redraw", "as_json")
"""Buttons of a form that change what is shown, and save nothing."""


@dataclass(frozen=True)
class Act:
    """A pressed button: what is done to which element (`add`: to which list)."""

    verb: str
    pointer: str
    sort: str = ""

    @property
    def table(self) -> str:
        """Returns the list that it is about."""
        return self.pointer if self.verb == "add" else self.pointer.rpartition("/")[0]

    @property
    def index(self) -> int:
        """Returns the element's place, -1 for none."""
        last = self.pointer.rpartition("/")[2]
        return int(last) if self.verb != "add" and last.isdigit() and len(last) < 7 else -1


def read_act(form: Form) -> Act | None:
    """Returns the button that was pressed, None for one that saves."""
    verb = next((each for each in VERBS if form.has(each)), "")
    if not verb:
        return None
    pointer = form.text(verb)
    act = Act(verb, pointer)
    return Act(verb, pointer, form.text(f"sort:{act.table}"))


def carry_out(act: Act, fields: Fields, body: dict[str, Any]) -> str:
    """Changes a body as a button says; returns the pointer of what is looked at now, '' for nothing."""
    facts, items = _find(fields, body, act.table)
    if facts is None or items is None:
        return ""
    if act.verb == "add":
        items.append(_begin(facts, items, act.sort))
        _weave_in(fields, body, act.table, len(items) - 1, len(items) - 2)
        return f"{act.table}/{len(items) - 1}"
    index = act.index
    if not 0 <= index < len(items):
        return ""
    if act.verb == "insert":
        items.insert(index + 1, _begin(facts, items, act.sort))
        _weave_in(fields, body, act.table, index + 1, index)
        return f"{act.table}/{index + 1}"
    if act.verb == "remove":
        gone = items.pop(index)
        _weave_out(fields, body, act.table, gone)
        return f"{act.table}/{min(index, len(items) - 1)}" if items else act.table
    goal = index + (-1 if act.verb == "up" else 1)
    if act.verb in ("up", "down") and 0 <= goal < len(items):
        items[index], items[goal] = items[goal], items[index]
        return f"{act.table}/{goal}"
    return act.pointer


def _find(fields: Fields, body: dict[str, Any], pointer: str) -> tuple[FieldFacts | None, list[Any] | None]:
    """Returns the facts and the elements of the list at a pointer, making an empty list where there is none."""
    facts: FieldFacts | None = None
    here: Any = body
    known: Fields = fields
    steps = [step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:]]
    for place, step in enumerate(steps):
        if isinstance(here, list):
            items = cast(list[Any], here)
            if not step.isdigit() or len(step) > 6 or int(step) >= len(items) or facts is None or facts.items is None:
                return None, None
            here, known, facts = items[int(step)], facts.items.fields, None
            continue
        facts = known.get(step)
        if facts is None or not isinstance(here, dict):
            return None, None
        group = cast(dict[str, Any], here)
        here = group.setdefault(step, [] if place == len(steps) - 1 else {})
        known = facts.fields
    sound = facts is not None and facts.widget in ("table", "list") and isinstance(here, list)
    return (facts, cast(list[Any], here)) if sound else (None, None)


def _begin(facts: FieldFacts, items: list[Any], sort: str) -> Any:
    """Returns a new element: with an id that no other has, and of the sort that was chosen."""
    if facts.items is None or facts.widget != "table":
        return ""
    begun: dict[str, Any] = {}
    keyed = facts.keyed
    if keyed is not None and keyed.identity == "id":
        taken = {str(cast(Mapping[str, Any], item).get("id")) for item in items if isinstance(item, Mapping)}
        word = re.sub(r"[^a-z0-9]+", "-", noun_of(facts).lower()).strip("-") or "element"
        number = next(n for n in range(len(items) + 1, len(items) + 2 + len(taken)) if f"{word}-{n}" not in taken)
        begun["id"] = f"{word}-{number}"
    if keyed is not None and keyed.adjective:
        choices = facts.items.fields[keyed.adjective].choices
        begun[keyed.adjective] = sort if sort in choices else next(iter(choices))
    return begun


def _weave_in(fields: Fields, body: dict[str, Any], table: str, index: int, before: int) -> None:
    """Leads the element before to a new one, and that to where the one before led; the first one is the start."""
    flow, items = _flow_of(fields, body, table)
    if flow is None:
        return
    facts, start, onward = flow
    new = items[index]
    if not str(body.get(start) or ""):
        body[start] = new["id"]
    if before < 0 or not onward:
        return
    old = items[before]
    known = facts.fields
    if known[onward].asked.matters(old, known):
        goal = old.get(onward) or ""
        old[onward] = new["id"]
        if goal and known[onward].asked.matters(new, known):
            new[onward] = goal


def _weave_out(fields: Fields, body: dict[str, Any], table: str, gone: Any) -> None:
    """Leads whatever led to a removed element to where that one led."""
    flow, items = _flow_of(fields, body, table)
    if flow is None or not isinstance(gone, dict):
        return
    facts, start, onward = flow
    lost = cast(dict[str, Any], gone)
    name, goal = str(lost.get("id") or ""), str(lost.get(onward) or "") if onward else ""
    goal = "" if goal == name else goal
    if not name or any(item.get("id") == name for item in items):
        return
    for item in items:
        _lead(facts.fields, item, table.removeprefix("/"), name, goal)
    if str(body.get(start) or "") == name:
        body[start] = goal or (str(items[0].get("id") or "") if items else "")


def _lead(fields: Fields, group: dict[str, Any], table: str, name: str, goal: str) -> None:
    for key, facts in fields.items():
        if facts.asked.goal == table and group.get(key) == name:
            group[key] = goal
        elif facts.items is not None and isinstance(group.get(key), list):
            for item in cast(list[Any], group[key]):
                if isinstance(item, dict):
                    _lead(facts.items.fields, cast(dict[str, Any], item), table, name, goal)


def _flow_of(
    fields: Fields, body: dict[str, Any], table: str
) -> tuple[tuple[FieldFacts, str, str] | None, list[dict[str, Any]]]:
    """Returns the facts of elements that lead to one another, the field that starts and the one that leads on."""
    found = find_flow(fields)
    if found is None or table != f"/{found[0]}":
        return None, []
    facts = fields[found[0]].items
    assert facts is not None, "a table has elements"
    onward = next((name for name, each in facts.fields.items() if each.asked.goal == found[0] and name == "next"), "")
    return (facts, found[1], onward), cast(list[dict[str, Any]], body[found[0]])
