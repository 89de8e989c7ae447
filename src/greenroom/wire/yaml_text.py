"""YAML as people write it in folders: one plain document of JSON values, read with line numbers.

Scalars follow the YAML 1.2 core schema: `yes`, `no`, `on`, `off` and dates are text. Anchors, aliases, tags
and merge keys are refused, because a file must mean what it shows (and an alias bomb must not be read).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml
from yaml.events import (
    AliasEvent,
    CollectionEndEvent,
    DocumentStartEvent,
    Event,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
    StreamEndEvent,
)

from greenroom.domain.canonical import MAX_DEPTH, MAX_SAFE_INTEGER
from greenroom.domain.errors import Fault
from greenroom.wire.files import decode_text, invalid

_PARSER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

MAX_FAULTS_PER_FILE = 50

_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
_BOOLS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INTEGER = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_MAY_BE_NUMBER = frozenset("0123456789+-.")
_LONGEST_NUMBER = 400
_INFINITE = float("inf")

_PLAIN_WORDS = {
    "mapping values are not allowed in this context": (
        "there is a ':' where no field can begin",
        "put the whole text in quotes, or check the indentation of this line and the one before",
    ),
    "could not find expected ':'": (
        "a ':' is missing after a field name",
        "write `field: value`; text of several lines begins with `|` and is indented",
    ),
    "did not find expected key": (
        "the indentation does not fit, or a quote is not closed",
        "fields of one group begin in the same column",
    ),
    "did not find expected '-' indicator": (
        "the indentation does not fit the list above",
        "elements of one list begin with '-' in the same column",
    ),
    "found character that cannot start any token": (
        "this character cannot begin a value",
        "put the text in quotes; indent with spaces, never with tabs",
    ),
    "found unexpected end of stream": ("a quote or bracket is opened and never closed", ""),
    "block sequence entries are not allowed in this context": (
        "a list cannot begin on the line of its field",
        "begin the list on the next line",
    ),
}


@dataclass(frozen=True, slots=True)
class Loaded:
    """A JSON value and the line (from 1) on which each RFC 6901 pointer begins."""

    value: Any
    lines: Mapping[str, int]

    def line_of(self, pointer: str) -> int:
        """Returns the line of a pointer, or of the nearest thing around it that the file shows."""
        while pointer not in self.lines and pointer:
            pointer = pointer.rpartition("/")[0]
        return self.lines.get(pointer, 1)


def load(data: bytes, path: str) -> Loaded:
    """Returns the one document in a YAML file; an empty file is None.

    Raises Invalid (`invalid_yaml`) whose faults all point to `path:line`.
    """
    text = decode_text(data, path)
    reader = _Reader(path)
    value: Any = None
    try:
        value = reader.read(_PARSER(text))
    except yaml.YAMLError as wrong:
        reader.faults.append(_syntax_fault(wrong, text, path))
    except _Enough:
        pass
    if reader.faults:
        raise invalid("invalid_yaml", reader.faults)
    return Loaded(value, reader.lines)


def _syntax_fault(wrong: yaml.YAMLError, text: str, path: str) -> Fault:
    """Says what the parser means, without the parser's own words where they are known."""
    if isinstance(wrong, yaml.reader.ReaderError):
        place = next((m.start() for m in _UNREADABLE.finditer(text)), 0)
        line = text.count("\n", 0, place) + 1
        message = f"the file holds the character U+{ord(text[place]):04X}, which YAML does not allow"
        return Fault(f"{path}:{line}", message, "invalid_yaml", r'in double quotes it is written "\uXXXX"')
    mark = getattr(wrong, "problem_mark", None) or getattr(wrong, "context_mark", None)
    line = mark.line + 1 if mark else 1
    problem = str(getattr(wrong, "problem", None) or "this is not YAML")
    message, hint = _PLAIN_WORDS.get(problem, (problem, ""))
    return Fault(f"{path}:{min(line, text.count(chr(10)) + 1)}", message, "invalid_yaml", hint)


_UNREADABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")


class _Enough(Exception):
    """Reading stops: nothing after this place can be trusted, or there are faults enough."""


@dataclass(slots=True)
class _Reader:
    """Builds values from parser events, noting lines and faults as it goes."""

    path: str
    lines: dict[str, int] = field(default_factory=dict[str, int])
    faults: list[Fault] = field(default_factory=list[Fault])

    def read(self, parser: Any) -> Any:
        parser.get_event()  # the start of the stream
        event = parser.get_event()
        value: Any = None
        if isinstance(event, DocumentStartEvent):
            event = parser.get_event()
            self.lines[""] = self._line(event)
            value = self._node(parser, event, "", 0)
            parser.get_event()  # the end of the document
            event = parser.get_event()
        if not isinstance(event, StreamEndEvent):
            self._fault(event, "a second document begins here", "write one document in a file")
        return value

    def _line(self, event: Any) -> int:
        return event.start_mark.line + 1

    def _fault(self, event: Event, message: str, hint: str = "") -> None:
        self.faults.append(Fault(f"{self.path}:{self._line(event)}", message, "invalid_yaml", hint))
        if len(self.faults) >= MAX_FAULTS_PER_FILE:
            raise _Enough

    def _node(self, parser: Any, event: Any, pointer: str, depth: int) -> Any:
        if isinstance(event, ScalarEvent):
            if event.anchor is not None or event.tag is not None:
                self._check_plain(event)
            return self._scalar(event)
        self._check_plain(event)
        if isinstance(event, AliasEvent):
            return None
        if depth >= MAX_DEPTH:
            self._fault(event, f"the file is nested deeper than {MAX_DEPTH} levels")
            raise _Enough
        if isinstance(event, MappingStartEvent):
            return self._mapping(parser, pointer, depth + 1)
        return self._sequence(parser, pointer, depth + 1)

    def _check_plain(self, event: NodeEvent) -> None:
        if isinstance(event, AliasEvent):
            self._fault(event, f"'*{event.anchor}' is an alias; aliases are not read", "write the value out")
        elif event.anchor is not None:
            self._fault(event, f"'&{event.anchor}' is an anchor; anchors are not read", "leave the anchor out")
        tag = getattr(event, "tag", None)
        if tag is not None and tag != "!":
            self._fault(event, f"'{tag}' is a tag; tags are not read", "leave the tag out")

    def _sequence(self, parser: Any, pointer: str, depth: int) -> list[Any]:
        items: list[Any] = []
        event = parser.get_event()
        while not isinstance(event, CollectionEndEvent):
            place = f"{pointer}/{len(items)}"
            self.lines[place] = self._line(event)
            items.append(self._node(parser, event, place, depth))
            event = parser.get_event()
        return items

    def _mapping(self, parser: Any, pointer: str, depth: int) -> dict[str, Any]:
        pairs: dict[str, Any] = {}
        event = parser.get_event()
        while not isinstance(event, CollectionEndEvent):
            key = self._key(event)
            place = f"{pointer}/{key.replace('~', '~0').replace('/', '~1')}"
            if key in pairs:
                self._fault(event, f"the field '{key}' is already in line {self.lines[place]}")
            else:
                self.lines[place] = self._line(event)
            value = self._node(parser, parser.get_event(), place, depth)
            pairs.setdefault(key, value)
            event = parser.get_event()
        return pairs

    def _key(self, event: Event) -> str:
        """Returns a key as it is written: the key `1` is the text "1", `on` is "on"."""
        if not isinstance(event, ScalarEvent):
            if isinstance(event, AliasEvent):
                self._check_plain(event)
            self._fault(event, "a field name must be text", "put text that begins with a brace in quotes")
            raise _Enough
        if event.anchor is not None or event.tag is not None:
            self._check_plain(event)
        if event.value == "<<" and not event.style:
            self._fault(event, "'<<' merges another mapping, which is not read here", "write the fields out")
        return event.value

    def _scalar(self, event: ScalarEvent) -> Any:
        text: str = event.value
        if event.style:
            return text
        if text in _NULLS:
            return None
        if text in _BOOLS:
            return _BOOLS[text]
        if text[0] not in _MAY_BE_NUMBER:
            return text
        if _INTEGER.fullmatch(text):
            number = _integer(text)
            if number is None:
                self._fault(event, "the integer is beyond 2^53, which JSON readers round", "put it in quotes")
            return number
        if _FLOAT.fullmatch(text) and abs(value := float(text)) != _INFINITE:
            return value
        if _FLOAT.fullmatch(text) or _NOT_FINITE.fullmatch(text):
            self._fault(event, f"'{text[:40]}' is not a finite number", "put it in quotes if it is text")
        return text


def _integer(text: str) -> int | None:
    """Returns the integer, decimal, octal or hexadecimal; None beyond 2^53."""
    if len(text) > _LONGEST_NUMBER:
        return None
    number = int(text, 0) if text[:2] in ("0o", "0x") else int(text)
    return number if abs(number) <= MAX_SAFE_INTEGER else None
