"""A form as the body that it says, and what in it cannot be read."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any, Final, cast

from greenroom.domain.canonical import parse_json
from greenroom.domain.entities import Body
from greenroom.domain.errors import Fault, Invalid
from greenroom.kinds.schema.facts import FieldFacts, escape
from greenroom.web.entries import Argument, Raw, join_arguments, join_entries, read_entry
from greenroom.web.forms import Form

Fields = Mapping[str, FieldFacts]


class Absent(Enum):
    """The type of ABSENT: a field that was left empty, so that its default holds."""

    ABSENT = "absent"


ABSENT: Final = Absent.ABSENT
MODES: Final = frozenset({"entries", "arguments", "links", "json", "value"})
"""How a field may be asked for other than its widget says."""


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
        """Returns what is typed for a field. How it was asked says how it is read: see `editing`."""
        mode = self._texts.get(f"m:{pointer}", "")
        match mode if mode in MODES else facts.widget:
            case "group":
                return self.group(facts.fields, pointer) or ABSENT
            case "table":
                return self._table(facts, pointer)
            case "mapping":
                return self._mapping(facts, pointer)
            case "entries":
                return self._entries(facts, pointer)
            case "arguments":
                return self._arguments(pointer)
            case "links":
                return self._links(pointer)
            case "switch":
                return self._switch(pointer)
            case "list":
                return self._lines(facts, pointer)
            case "json":
                return self._json(pointer)
            case "value":
                return self._entry(pointer)
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
        if f"f:{pointer}" not in self._texts:
            return ABSENT
        lines = [line.strip() for line in self._texts[f"f:{pointer}"].split("\n") if line.strip()]
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

    def _entry(self, pointer: str) -> Any:
        text = self._texts.get(f"f:{pointer}", "")
        return read_entry(text, pointer, self._faults) if text.strip() else ABSENT

    def _kept(self, pointer: str) -> list[str]:
        """Returns the lines of a field that are not being removed."""
        return [row for row in self._rows.get(pointer, []) if f"{pointer}/{row}" != self._removed]

    def _table(self, facts: FieldFacts, pointer: str) -> Any:
        assert facts.items is not None, "a table has elements of one sort"
        if f"t:{pointer}" not in self._texts and pointer not in self._rows:
            return ABSENT
        # An element that is removed is taken out by `elements`, which mends what led to it.
        rows = [self.group(facts.items.fields, f"{pointer}/{row}") for row in self._rows.get(pointer, [])]
        return [*self._hidden(f"x:{pointer}"), *rows, *self._hidden(f"y:{pointer}")]

    def _hidden(self, name: str) -> list[Any]:
        """Returns the elements of a long table before or after those that are shown."""
        try:
            found = parse_json(self._texts.get(name, "[]").encode())
        except Invalid:
            return []
        return cast(list[Any], found) if isinstance(found, list) else []

    def _mapping(self, facts: FieldFacts, pointer: str) -> Any:
        assert facts.items is not None, "a mapping has values of one sort"
        if f"t:{pointer}" not in self._texts and pointer not in self._rows:
            return ABSENT
        found: dict[str, Any] = {}
        for row in self._kept(pointer):
            key = self._texts.get(f"k:{pointer}/{row}", "").strip()
            value = self._value(facts.items, f"{pointer}/{row}") if key else ABSENT
            # A key that is always shown is there only with a value.
            if key and not (value in (ABSENT, "") and f"o:{pointer}/{row}" in self._texts):
                found[key] = "" if value is ABSENT else value
        return found

    def _entries(self, facts: FieldFacts, pointer: str) -> Any:
        pairs: list[tuple[str, Any]] = []
        for row in self._kept(pointer):
            key = self._texts.get(f"k:{pointer}/{row}", "").strip()
            if key:
                place = f"{pointer}/{escape(key)}"
                pairs.append((key, read_entry(self._texts.get(f"f:{pointer}/{row}", ""), place, self._faults)))
        return join_entries(pairs, facts.asked.keys)

    def _arguments(self, pointer: str) -> Any:
        rows: list[Argument] = []
        for row in self._kept(pointer):
            place = f"{pointer}/{row}"
            name = self._texts.get(f"k:{place}", "").strip()
            if name:
                texts = [self._texts.get(f"{letter}:{place}", "").strip() for letter in "tde"]
                rows.append(Argument(name, texts[0] or Argument.type, f"q:{place}" in self._texts, *texts[1:]))
        if len({row.name for row in rows}) < len(rows):
            self._faults.append(Fault(pointer, "two arguments have the same name"))
        return join_arguments(rows, self._texts.get(f"o:{pointer}", "").split())

    def _links(self, pointer: str) -> Any:
        texts = (self._texts.get(f"f:{pointer}/{row}", "").strip() for row in self._kept(pointer))
        return [text for text in texts if text]


def _plain_number(number: float) -> int | float:
    return int(number) if number.is_integer() and abs(number) < 2**53 else number


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
