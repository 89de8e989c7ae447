"""A kind's fields as a form, and a form as a body. Everything comes from the facts that the kind states."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final, cast

from greenroom.domain.canonical import canonical_json, parse_json
from greenroom.domain.entities import Body
from greenroom.domain.errors import Fault, Invalid
from greenroom.kinds.schema.facts import FieldFacts, escape
from greenroom.web.forms import Form, Refusal

Fields = Mapping[str, FieldFacts]
Suggest = Callable[[FieldFacts, Mapping[str, Any]], str]
"""Returns the id of the list of slugs that a link may name; '' for none."""


class Absent(Enum):
    """The type of ABSENT: a field that was left empty, so that its default holds."""

    ABSENT = "absent"


ABSENT: Final = Absent.ABSENT


@dataclass(frozen=True)
class Raw:
    """Text that should be JSON and is not: it is shown again as it was typed."""

    text: str


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
    required: bool = False
    wrong: str = ""
    wrong_within: Sequence[str] = ()
    children: Sequence[Control] = ()
    rows: Sequence[Row] = ()
    pairs: Sequence[tuple[str, Control]] = ()
    noun: str = ""
    usual: bool = False

    @property
    def is_plain(self) -> bool:
        """Says whether the field may stand behind "more fields": it has its default, and nothing is wrong with it."""
        usual = all(child.is_plain for child in self.children) if self.children else self.usual
        return usual and not (self.required or self.wrong or self.wrong_within)

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


@dataclass
class Drawing:
    """What all fields of one form share."""

    refusal: Refusal = field(default_factory=Refusal)
    suggest: Suggest = lambda facts, group: ""

    def fields(self, fields: Fields, body: Mapping[str, Any], pointer: str = "") -> list[Control]:
        """Returns the controls of a group of fields that holds `body`."""
        return [self._control(each, body, f"{pointer}/{escape(name)}", name) for name, each in fields.items()]

    def _control(self, facts: FieldFacts, group: Mapping[str, Any], pointer: str, name: str) -> Control:
        value = group.get(name, facts.default)
        return self._draw(facts, value, pointer, group)

    def _draw(self, facts: FieldFacts, value: Any, pointer: str, group: Mapping[str, Any]) -> Control:
        label = facts.label[:1].upper() + facts.label[1:]
        widget = _widget_for(facts, value)
        made: dict[str, Any] = {}
        if widget == "group":
            made["children"] = self.fields(facts.fields, _mapping(value), pointer)
        elif widget == "table":
            made["rows"] = [self._row(facts, item, n, f"{pointer}/{n}") for n, item in enumerate(_list(value))]
        elif widget == "mapping":
            assert facts.items is not None, "a mapping has values of one sort"
            items = [*_mapping(value).items(), ("", facts.items.default)]
            made["pairs"] = [
                (key, self._draw(facts.items, item, f"{pointer}/{n}", {})) for n, (key, item) in enumerate(items)
            ]
        elif widget == "link":
            made["options"] = self.suggest(facts, group)
        elif widget == "choice":
            made["choices"] = [*([] if facts.required else [("", "–")]), *facts.choices.items()]
        return Control(
            pointer,
            label,
            facts.fact.hint,
            widget,
            _shown(widget, value),
            required=facts.required,
            wrong=self.refusal.at(pointer),
            wrong_within=self.refusal.within(pointer) if widget in ("list", "mapping", "json") else (),
            noun=_noun(facts),
            usual=value in (None, "", facts.default),
            **made,
        )

    def _row(self, facts: FieldFacts, item: Any, index: int, pointer: str) -> Row:
        assert facts.items is not None, "a table has elements of one sort"
        group = _mapping(item)
        identity = facts.keyed.identity if facts.keyed else "id"
        title = str(group.get("name") or group.get(identity) or f"{facts.noun} {index + 1}")
        about = _about(facts, group, title)
        return Row(pointer, index, title, about, self.fields(facts.items.fields, group, pointer))


def _about(facts: FieldFacts, group: Mapping[str, Any], title: str) -> str:
    """Returns what a folded element is about: its sort, and the beginning of its first text."""
    assert facts.items is not None, "a table has elements of one sort"
    fields = facts.items.fields
    adjective = facts.keyed.adjective if facts.keyed else ""
    sort = str(group.get(adjective, "")) if adjective else ""
    word = fields[adjective].choices.get(sort, sort) if sort else ""
    texts = (str(group[name]) for name, each in fields.items() if each.widget in ("text", "link") and group.get(name))
    said = next((text for text in texts if text != title), "")
    return " · ".join(part for part in (word, said if len(said) <= 80 else said[:79] + "…") if part)


def _noun(facts: FieldFacts) -> str:
    """Returns what one element is called: `branch`, where only the last letter was taken off `branches`."""
    return facts.noun[:-1] if facts.noun.endswith(("che", "she", "xe")) else facts.noun


def _widget_for(facts: FieldFacts, value: Any) -> str:
    """Returns how a value is asked for: as its field says, unless the value does not fit on lines."""
    if facts.widget != "list":
        return facts.widget
    items = _list(value)
    lines = all(isinstance(item, str | int | float) and "\n" not in str(item) and str(item).strip() for item in items)
    return "list" if lines else "json"


def _shown(widget: str, value: Any) -> Any:
    if isinstance(value, Raw):
        return value.text
    if widget in ("group", "table", "mapping"):
        return ""
    if widget == "switch":
        return bool(value)
    if widget == "list":
        return "\n".join(str(item) for item in _list(value))
    if widget == "json":
        return "" if value is None or value in ({}, []) else pretty(value)
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


def read_body(fields: Fields, form: Form) -> tuple[dict[str, Any], list[Fault]]:
    """Returns the body that a form says, and what is not even readable in it, each with its pointer."""
    faults: list[Fault] = []
    return _Reading(form, faults).group(fields, ""), faults


def has_unreadable(body: Body) -> bool:
    """Says whether text that should be JSON stands somewhere in a body."""
    return any(_is_raw(value) for value in body.values())


def _is_raw(value: Any) -> bool:
    if isinstance(value, Mapping):
        return any(map(_is_raw, cast(Mapping[str, Any], value).values()))
    if isinstance(value, list):
        return any(map(_is_raw, cast(list[Any], value)))
    return isinstance(value, Raw)


class _Reading:
    def __init__(self, form: Form, faults: list[Fault]) -> None:
        self._texts = dict(form.pairs)
        self._rows: dict[str, list[str]] = {}
        for name, value in form.pairs:
            if name.startswith("r:"):
                self._rows.setdefault(name[2:], []).append(value)
        self._removed = form.text("remove")
        self._faults = faults

    def group(self, fields: Fields, pointer: str) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, facts in fields.items():
            value = self._value(facts, f"{pointer}/{escape(name)}")
            if value is not ABSENT:
                found[name] = value
        return found

    def _value(self, facts: FieldFacts, pointer: str) -> Any:
        match facts.widget:
            case "group":
                return self.group(facts.fields, pointer) or ABSENT
            case "table":
                return self._table(facts, pointer)
            case "mapping":
                return self._mapping(facts, pointer)
            case "switch":
                return self._switch(pointer)
            case "list" if self._texts.get(f"m:{pointer}") != "json":
                return self._lines(facts, pointer)
            case "list" | "json":
                return self._json(pointer)
            case "number" | "integer":
                return self._number(facts.widget, pointer)
            case _:
                return self._text(facts, pointer)

    def _text(self, facts: FieldFacts, pointer: str) -> Any:
        text = self._texts.get(f"f:{pointer}")
        blank = text is None or (text == "" and (facts.default is None or facts.widget == "choice"))
        if blank and not facts.required:
            return ABSENT
        return text or ""

    def _switch(self, pointer: str) -> Any:
        return f"f:{pointer}" in self._texts if f"s:{pointer}" in self._texts else ABSENT

    def _number(self, widget: str, pointer: str) -> Any:
        text = self._texts.get(f"f:{pointer}", "").strip()
        if not text:
            return ABSENT
        try:
            return int(text) if widget == "integer" else _plain_number(float(text))
        except ValueError:
            self._faults.append(Fault(pointer, "must be a number"))
            return Raw(text)

    def _lines(self, facts: FieldFacts, pointer: str) -> Any:
        lines = [line.strip() for line in self._texts.get(f"f:{pointer}", "").split("\n") if line.strip()]
        if facts.items is None or facts.items.widget not in ("number", "integer"):
            return lines
        try:
            return [_plain_number(float(line)) for line in lines]
        except ValueError:
            self._faults.append(Fault(pointer, "must be a number on each line"))
            return lines

    def _json(self, pointer: str) -> Any:
        text = self._texts.get(f"f:{pointer}", "").strip()
        if not text:
            return ABSENT
        try:
            return parse_json(text.encode())
        except Invalid as wrong:
            self._faults.append(Fault(pointer, f"is not JSON: {wrong.detail}"))
            return Raw(text)

    def _table(self, facts: FieldFacts, pointer: str) -> list[Any]:
        assert facts.items is not None, "a table has elements of one sort"
        wanted = [row for row in self._rows.get(pointer, []) if f"{pointer}/{row}" != self._removed]
        rows = [self.group(facts.items.fields, f"{pointer}/{row}") for row in wanted if row.isdigit()]
        return [*rows, {}] if self._texts.get("add") == pointer else rows

    def _mapping(self, facts: FieldFacts, pointer: str) -> dict[str, Any]:
        assert facts.items is not None, "a mapping has values of one sort"
        found: dict[str, Any] = {}
        for row in self._rows.get(pointer, []):
            key = self._texts.get(f"k:{pointer}/{row}", "").strip()
            if key:
                value = self._value(facts.items, f"{pointer}/{row}")
                found[key] = "" if value is ABSENT else value
        return found


def _plain_number(number: float) -> int | float:
    return int(number) if number.is_integer() and abs(number) < 2**53 else number


def _mapping(value: Any) -> Mapping[str, Any]:
    return cast(Mapping[str, Any], value) if isinstance(value, Mapping) else {}


def _list(value: Any) -> Sequence[Any]:
    return cast(Sequence[Any], value) if isinstance(value, list | tuple) else ()


def parse_typed(type_: str, text: str, pointer: str) -> Any:
    """Returns a value of a column type as a person types it. Raises Invalid."""
    word = text.strip()
    if type_ in ("text", "date"):
        return text if type_ == "text" else word
    if type_ == "boolean" and word.lower() in ("yes", "no", "true", "false"):
        return word.lower() in ("yes", "true")
    try:
        return parse_json(word.encode())
    except Invalid:
        message = f"must be a {type_}"
        raise Invalid("wrong_type", f"{pointer} {message}", errors=[Fault(pointer, message)]) from None
