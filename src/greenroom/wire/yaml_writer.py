"""JSON values as YAML that people like to read: the same value is always the same bytes.

Whatever is written here, yaml_text reads back exactly. Text of several lines is a literal block where that
is exact, else it is quoted. Words that older YAML readers take for something else (`yes`, dates) are quoted.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, cast

from greenroom.domain.canonical import MAX_SAFE_INTEGER
from greenroom.domain.kind import Shape

_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_PLAIN = re.compile(r"(?:[^\W\d]|[_(/$]|\d+ (?=[^\W\d]))(?:[^\S\n]?[^\s])*")
_NOT_PLAIN = re.compile(
    r":(?: |$)| #|[^\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
)
_NOT_LITERAL = re.compile(r"[^\t\n\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")
_TAKEN = frozenset({"null", "true", "false", "yes", "no", "on", "off", "y", "n", "nan", "inf"})
_NEEDS_ESCAPE = re.compile(r'["\\]|[^\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]')
_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r", "\0": "\\0"}
_LONGEST_SIMPLE_KEY = 1000  # YAML stops looking for the ':' after 1,024 characters.
_INDENT = "  "


def dump(value: Mapping[str, Any], shape: Shape, first: tuple[str, ...] = ()) -> bytes:
    """Returns a mapping as a YAML file: keys `first`, then in the order of the shape, then sorted."""
    return ("\n".join(_mapping(value, shape, "", first)) + "\n").encode()


def _ordered(value: Mapping[str, Any], shape: Shape, first: tuple[str, ...]) -> Iterator[tuple[str, Any, Shape]]:
    known = [*first, *(name for name in shape.fields if name not in first)]
    rest = sorted(value.keys() - set(known))
    for key in (*known, *rest):
        if key in value:
            yield key, value[key], shape.fields.get(key) or shape.items or _PLAIN_SHAPE


_PLAIN_SHAPE = Shape()


def _mapping(value: Mapping[str, Any], shape: Shape, indent: str, first: tuple[str, ...] = ()) -> Iterator[str]:
    """Yields the lines of a mapping that is not empty."""
    if not value:
        yield f"{indent}{{}}"
    for key, item, inner in _ordered(value, shape, first):
        name = key if _PLAIN_KEY.fullmatch(key) and key.lower() not in _TAKEN else _quoted(key)
        if len(name) > _LONGEST_SIMPLE_KEY:
            yield f"{indent}? {name}"
            name = ""
        yield from _after(f"{indent}{name}:", item, inner, indent)


def _after(head: str, value: Any, shape: Shape, indent: str) -> Iterator[str]:
    """Yields the lines of a value whose first line begins with `head`."""
    if isinstance(value, Mapping) and value:
        yield head
        yield from _mapping(cast(Mapping[str, Any], value), shape, indent + _INDENT)
    elif isinstance(value, list | tuple) and value:
        yield head
        yield from _list(cast(list[Any], value), shape.items or _PLAIN_SHAPE, indent + _INDENT)
    elif isinstance(value, str) and "\n" in value and _is_literal(value):
        yield from _literal(head, value, indent)
    else:
        yield f"{head} {_scalar(value)}"


def _list(value: list[Any], shape: Shape, indent: str) -> Iterator[str]:
    for item in value:
        if isinstance(item, Mapping | list | tuple) and item:
            # The element's first line moves up beside its dash.
            inner = indent + _INDENT
            lines = (
                _mapping(cast(Mapping[str, Any], item), shape, inner)
                if isinstance(item, Mapping)
                else _list(cast(list[Any], item), shape.items or _PLAIN_SHAPE, inner)
            )
            yield f"{indent}- {next(lines)[len(inner) :]}"
            yield from lines
        else:
            yield from _after(f"{indent}-", item, shape, indent)


def _is_literal(text: str) -> bool:
    return bool(text.strip("\n \t")) and not _NOT_LITERAL.search(text)


def _literal(head: str, text: str, indent: str) -> Iterator[str]:
    body = text.rstrip("\n")
    trailing = len(text) - len(body)
    chomp = "-" if trailing == 0 else "" if trailing == 1 else "+"
    width = str(len(_INDENT)) if text[0] in " \t\n" else ""
    yield f"{head} |{width}{chomp}"
    for line in body.split("\n"):
        yield f"{indent}{_INDENT}{line}" if line else ""
    for _ in range(trailing - 1):
        yield ""


def _scalar(value: Any) -> str:
    if isinstance(value, str):
        return _text(value)
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) <= MAX_SAFE_INTEGER:
        return str(int(value))
    if isinstance(value, int | float):
        return repr(value)
    return "{}" if isinstance(value, Mapping) else "[]"


def _text(text: str) -> str:
    if _PLAIN.fullmatch(text) and not _NOT_PLAIN.search(text) and text.lower() not in _TAKEN:
        return text
    if '"' in text and "'" not in text and "\n" not in text and not _NOT_LITERAL.search(text):
        return f"'{text}'"
    return _quoted(text)


def _quoted(text: str) -> str:
    return f'"{_NEEDS_ESCAPE.sub(_escape, text)}"'


def _escape(match: re.Match[str]) -> str:
    letter = match.group()
    code = ord(letter)
    if letter in _ESCAPES:
        return _ESCAPES[letter]
    if code <= 0xFF:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"
