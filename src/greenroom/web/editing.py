"""A kind's fields as a form. Everything comes from the facts that the kind states; `typed` reads the form again."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, cast

from greenroom.domain.canonical import canonical_json
from greenroom.kinds.schema.facts import FieldFacts, escape
from greenroom.web.entries import Argument, Raw, say_entry, split_arguments, split_entries
from greenroom.web.findings import Finding, Findings
from greenroom.web.flows import Flow, Node

Fields = Mapping[str, FieldFacts]
WINDOW: Final = 100
"""So many elements of one table are drawn; the others are carried along, and shown by a link."""
WHOLE: Final = frozenset({"list", "mapping", "json", "entries", "arguments", "links", "value", "code"})
"""Widgets that tell of everything that is wrong inside them."""


@dataclass(frozen=True)
class Target:
    """What a link names: of which kinds it may be, and whether it is there (None: nothing is named)."""

    kinds: str = ""
    address: str = ""
    name: str = ""
    exists: bool | None = None


@dataclass(frozen=True)
class Control:
    """One field of a form. `rows` are the elements of a table, `pairs` the keys of a mapping with their values."""

    pointer: str
    label: str
    hint: str
    widget: str
    value: Any = ""
    choices: Sequence[tuple[str, str]] = ()
    options: str = ""
    """The id of the list of names that are known, '' for none."""
    required: bool = False
    findings: Sequence[Finding] = ()
    children: Sequence[Control] = ()
    rows: Sequence[Row] = ()
    pairs: Sequence[tuple[str, Control]] = ()
    arguments: Sequence[Argument] = ()
    keys: Mapping[str, str] = field(default_factory=dict[str, str])
    fixed: int = 0
    """So many keys of a mapping are given."""
    before: str = ""
    after: str = ""
    """The elements of a long table that are not shown, as JSON."""
    first: int = 0
    total: int = 0
    noun: str = ""
    sorts: Sequence[tuple[str, str]] = ()
    target: Target = Target()
    mode: str = ""
    usual: bool = False
    by_type: bool = False
    """Matters because of the choice beside it."""
    decides: bool = False
    """Others matter or not as it is chosen: the form is drawn again."""
    identity: str = ""
    """The list of which it identifies an element."""

    @property
    def is_plain(self) -> bool:
        """Says whether the field may stand behind "more fields": it has its default, and nothing is wrong with it."""
        usual = all(child.is_plain for child in self.children) if self.children else self.usual
        return usual and not (self.required or self.findings)

    @property
    def is_wrong(self) -> bool:
        """Says whether the field was refused."""
        return any(finding.tone == "bad" for finding in self.findings)

    @property
    def id(self) -> str:
        """Returns the id of the field on the page."""
        return "f" + self.pointer.replace("/", "-").replace("~", "_")


@dataclass(frozen=True)
class Row:
    """One element of a table."""

    pointer: str
    index: int
    title: str
    about: str
    children: Sequence[Control]
    findings: Sequence[Finding] = ()
    node: Node | None = None
    """Where it leads, in a list whose elements lead to one another."""

    @property
    def is_wrong(self) -> bool:
        """Says whether something inside was refused or is broken."""
        return bool(self.findings) or any(_has_findings(child) for child in self.children)

    @property
    def id(self) -> str:
        """Returns the id of the element on the page."""
        return "e" + self.pointer.replace("/", "-").replace("~", "_")


def _has_findings(control: Control) -> bool:
    inner = (*control.children, *(each for _, each in control.pairs))
    return bool(control.findings) or any(map(_has_findings, inner)) or any(row.is_wrong for row in control.rows)


def _no_target(facts: FieldFacts, group: Mapping[str, Any], value: str) -> Target:
    return Target()


def _no_options(names: str) -> str:
    return ""


@dataclass
class Drawing:
    """What all fields of one form share. `at` is the element of a long table from which on elements are shown."""

    findings: Findings = field(default_factory=Findings)
    resolve: Callable[[FieldFacts, Mapping[str, Any], str], Target] = _no_target
    options: Callable[[str], str] = _no_options
    root: Fields = field(default_factory=dict[str, FieldFacts])
    body: Mapping[str, Any] = field(default_factory=dict[str, Any])
    flow: Flow | None = None
    as_json: str = ""
    at: str = ""

    def fields(self, fields: Fields, body: Mapping[str, Any], pointer: str = "") -> list[Control]:
        """Returns the controls of the fields of `body`; what neither matters nor says anything is left out."""
        if not pointer:
            self.root, self.body = fields, body
        deciding = {each.asked.by for each in fields.values() if each.asked.by}
        deciding |= {each.link.by for each in fields.values() if each.link}
        found: list[Control] = []
        for name, facts in fields.items():
            value = body.get(name, facts.default)
            place = f"{pointer}/{escape(name)}"
            matters = facts.asked.matters(body, fields)
            if matters or value not in (None, "", facts.default) or self.findings.any_in(place):
                control = self._draw(facts, value, place, body)
                by_type = bool(facts.asked.by) and matters
                found.append(replace(control, by_type=by_type, decides=name in deciding))
        return found

    def _draw(self, facts: FieldFacts, value: Any, pointer: str, group: Mapping[str, Any]) -> Control:
        widget, made = self._choose(facts, value, pointer, group)
        whole = widget in WHOLE
        return Control(
            pointer,
            facts.label[:1].upper() + facts.label[1:],
            facts.fact.hint,
            widget,
            _shown(widget, value),
            required=facts.required,
            findings=self.findings.within(pointer) if whole else self.findings.at(pointer),
            noun=noun_of(facts),
            usual=value in (None, "", facts.default),
            keys=facts.asked.keys,
            **made,
        )

    def _choose(
        self, facts: FieldFacts, value: Any, pointer: str, group: Mapping[str, Any]
    ) -> tuple[str, dict[str, Any]]:
        """Returns how a value is asked for, and what that needs."""
        style, widget = facts.asked.style, facts.widget
        if (
            isinstance(value, Raw) and widget not in ("number", "integer") and style != "value"
        ) or self.as_json == pointer:
            return "json", {"mode": "json"}
        if widget == "group":
            return widget, {"children": self.fields(facts.fields, _mapping(value), pointer)}
        if widget == "table":
            return widget, self._table(facts, _list(value), pointer)
        if widget == "mapping":
            return widget, self._pairs(facts, _mapping(value), pointer)
        if widget == "list":
            return self._list(facts, _list(value), pointer)
        if widget == "json" and style:
            return self._free(facts, value, style)
        if widget == "link":
            return widget, {"target": self.resolve(facts, group, str(value or ""))}
        if widget == "choice":
            return widget, {"choices": [*([] if facts.required else [("", "–")]), *facts.choices.items()]}
        if facts.asked.goal:
            return "goal", {"choices": self._goals(facts.asked.goal, str(value or ""))}
        if style == "condition":
            return "condition", {}
        return widget, {"options": self.options(facts.asked.names)}

    def _free(self, facts: FieldFacts, value: Any, style: str) -> tuple[str, dict[str, Any]]:
        if style == "value":
            return "value", {"mode": "value"}
        if style == "entries":
            known, items = facts.asked.keys, split_entries(value, facts.asked.keys)
            pairs = [
                (key, Control("", key, known.get(key, ""), "value", say_entry(item)))
                for key, item in (*items, ("", ""))
            ]
            return "entries", {"pairs": pairs, "mode": "entries"}
        arguments = split_arguments(value)
        if arguments is None:
            return "json", {"mode": "json"}
        order = " ".join(str(name) for name in _list(_mapping(value).get("required")))
        return "arguments", {"arguments": [*arguments, Argument()], "mode": "arguments", "options": order}

    def _list(self, facts: FieldFacts, items: Sequence[Any], pointer: str) -> tuple[str, dict[str, Any]]:
        if facts.items is not None and facts.items.link is not None:
            targets = [self.resolve(facts.items, {}, str(item)) for item in (*items, "")]
            rows = [
                ("", Control(f"{pointer}/{n}", noun_of(facts), "", "link", str(item), target=targets[n]))
                for n, item in enumerate((*items, ""))
            ]
            return "links", {"pairs": rows, "mode": "links"}
        lines = all(isinstance(i, str | int | float) and "\n" not in str(i) and str(i).strip() for i in items)
        return ("list", {}) if lines else ("json", {"mode": "json"})

    def _pairs(self, facts: FieldFacts, value: Mapping[str, Any], pointer: str) -> dict[str, Any]:
        assert facts.items is not None, "a mapping has values of one sort"
        given = [str(each) for each in _list(self.body.get(facts.asked.goal))] if facts.asked.goal else []
        items = [(key, value.get(key, facts.items.default)) for key in given]
        items += [(key, item) for key, item in value.items() if key not in given]
        items += [] if given else [("", facts.items.default)]
        pairs = [(key, self._draw(facts.items, item, f"{pointer}/{n}", {})) for n, (key, item) in enumerate(items)]
        return {"pairs": pairs, "fixed": len(given), "options": self.options(facts.asked.names)}

    def _goals(self, table: str, value: str) -> list[tuple[str, str]]:
        """Returns the elements that a field may lead to; one that is not there stays, and is marked."""
        keyed = self.root[table].keyed
        identity = keyed.identity if keyed else "id"
        items = [_mapping(item) for item in _list(self.body.get(table))]
        named = [(str(item.get(identity, "")), str(item.get("name") or item.get(identity, ""))) for item in items]
        goals = [(id_, f"{number}. {name}") for number, (id_, name) in enumerate(named, 1)]
        found = [("", "–"), *((id_, title) for id_, title in goals if id_)]
        return found if any(id_ == value for id_, _ in found) else [*found, (value, f"{value} (is not there)")]

    def _table(self, facts: FieldFacts, items: Sequence[Any], pointer: str) -> dict[str, Any]:
        assert facts.items is not None, "a table has elements of one sort"
        first = 0
        if self.at.startswith(f"{pointer}/") and self.at.removeprefix(f"{pointer}/").partition("/")[0].isdigit():
            wanted = int(self.at.removeprefix(f"{pointer}/").partition("/")[0])
            first = max(0, min(wanted, len(items) - 1)) // WINDOW * WINDOW
        shown = items[first : first + WINDOW]
        adjective = facts.keyed.adjective if facts.keyed else ""
        before, after = items[:first], items[first + WINDOW :]
        return {
            "rows": [self._row(facts, item, n, f"{pointer}/{n}") for n, item in enumerate(shown, first)],
            "before": canonical_json(list(before)).decode() if before else "",
            "after": canonical_json(list(after)).decode() if after else "",
            "first": first,
            "total": len(items),
            "sorts": list(facts.items.fields[adjective].choices.items()) if adjective else (),
        }

    def _row(self, facts: FieldFacts, item: Any, index: int, pointer: str) -> Row:
        assert facts.items is not None, "a table has elements of one sort"
        group = _mapping(item)
        identity = facts.keyed.identity if facts.keyed else ""
        children = self.fields(facts.items.fields, group, pointer)
        table = pointer.rpartition("/")[0]
        marked = [replace(c, identity=table) if c.pointer == f"{pointer}/{identity}" else c for c in children]
        title, about = say_element(facts, group, index)
        node = self.flow.nodes[index] if self.flow is not None and table == f"/{self.flow.table}" else None
        return Row(pointer, index, title, about, marked, self.findings.at(pointer), node)


def say_element(facts: FieldFacts, group: Mapping[str, Any], index: int) -> tuple[str, str]:
    """Returns what an element is called, and what it is about: its sort, and the beginning of its first text."""
    assert facts.items is not None, "a table has elements of one sort"
    fields = facts.items.fields
    identity = facts.keyed.identity if facts.keyed else "id"
    title = str(group.get("name") or group.get(identity) or f"{noun_of(facts)} {index + 1}")
    adjective = facts.keyed.adjective if facts.keyed else ""
    sort = str(group.get(adjective, "")) if adjective else ""
    word = fields[adjective].choices.get(sort, sort) if sort else ""
    texts = (str(group[name]) for name, each in fields.items() if each.widget in ("text", "link") and group.get(name))
    said = next((text for text in texts if text != title), "")
    return title, " · ".join(part for part in (word, said if len(said) <= 80 else said[:79] + "…") if part)


def noun_of(facts: FieldFacts) -> str:
    """Returns what one element is called: `branch`, where only the last letter was taken off `branches`."""
    return facts.noun[:-1] if facts.noun.endswith(("che", "she", "xe")) else facts.noun


def _shown(widget: str, value: Any) -> Any:
    if isinstance(value, Raw):
        return value.text
    if widget in ("group", "table", "mapping", "links", "entries", "arguments"):
        return ""
    if widget == "switch":
        return bool(value)
    if widget == "list":
        return "\n".join(str(item) for item in _list(value))
    if widget == "json":
        return "" if value is None or value in ({}, []) else pretty(value)
    if widget == "value":
        return "" if value is None else say_entry(value)
    if widget in ("number", "integer") and isinstance(value, float):
        return f"{value:g}"
    return "" if value is None else value if isinstance(value, str) else str(value)


def pretty(value: Any, depth: int = 0) -> str:
    """Returns JSON over several lines; short parts stay on one."""
    flat = canonical_json(value).decode()
    if len(flat) <= 72 or not isinstance(value, dict | list):
        return flat
    pad, end = "  " * (depth + 1), "  " * depth
    if isinstance(value, dict):
        items = cast(dict[str, Any], value).items()
        inner = [f"{pad}{canonical_json(key).decode()}: {pretty(item, depth + 1)}" for key, item in items]
        return "{\n" + ",\n".join(inner) + f"\n{end}}}"
    inner = [pad + pretty(item, depth + 1) for item in cast(list[Any], value)]
    return "[\n" + ",\n".join(inner) + f"\n{end}]"


def _mapping(value: Any) -> Mapping[str, Any]:
    return cast(Mapping[str, Any], value) if isinstance(value, Mapping) else {}


def _list(value: Any) -> Sequence[Any]:
    return cast(Sequence[Any], value) if isinstance(value, list | tuple) else ()
