"""Values of variables: brought into the form that a variable's type asks for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from greenroom.domain.canonical import canonical_json
from greenroom.domain.errors import Invalid
from greenroom.runtime.bodies import clean

MAX_VALUE_BYTES = 16_384
_DATE = re.compile(r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])")
_NUMBER = re.compile(r"[-+]?\d{1,15}(\.\d{1,15})?")
_EMPTY: Mapping[str, Any] = {"text": "", "date": "", "boolean": False, "list": (), "object": {}}
_TRUTHS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


def coerce(value: Any, kind: str) -> tuple[Any, str | None]:
    """Returns the value in the form of a variable type ('' takes any JSON), or what is wrong with it."""
    if isinstance(value, str):
        value = clean(value)
    try:
        if len(canonical_json(value)) > MAX_VALUE_BYTES:
            return None, f"is larger than {MAX_VALUE_BYTES:,} bytes"
    except Invalid as wrong:
        return None, wrong.detail
    read = _READERS.get(kind)
    if read is None or value is None:
        return value, None
    made = read(value)
    return (made, None) if made is not None else (None, f"is not a {kind}")


def start_value(default: Any, kind: str) -> Any:
    """Returns what a variable is before anybody set it; a number is null."""
    return _EMPTY.get(kind) if default is None else default


def _text(value: Any) -> str | None:
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _number(value: Any) -> int | float | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return value
    if isinstance(value, str) and _NUMBER.fullmatch(value.strip()):
        return float(value) if "." in value else int(value)
    return None


def _boolean(value: Any) -> bool | None:
    if isinstance(value, bool):
        return value
    return _TRUTHS.get(value.strip().lower()) if isinstance(value, str) else None


def _date(value: Any) -> str | None:
    return value if isinstance(value, str) and _DATE.match(value) else None


def _list(value: Any) -> list[Any] | None:
    return list(value) if isinstance(value, list | tuple) else None


def _object(value: Any) -> dict[str, Any] | None:
    return dict(value) if isinstance(value, Mapping) else None


_READERS = {
    "text": _text,
    "number": _number,
    "boolean": _boolean,
    "date": _date,
    "list": _list,
    "object": _object,
}
