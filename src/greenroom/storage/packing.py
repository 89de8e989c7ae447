"""JSON as bytes, the way every store keeps it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from greenroom.domain.errors import Invalid


def pack(value: Any) -> bytes:
    """Returns a JSON value as bytes. Raises Invalid `text_not_storable` for lone surrogates and the like."""
    try:
        return orjson.dumps(value, default=_as_dict)
    except orjson.JSONEncodeError as wrong:
        raise Invalid("text_not_storable", f"cannot be kept as JSON ({wrong})") from None


def unpack(data: bytes) -> Any:
    """Returns the JSON value in bytes."""
    return orjson.loads(data)


def plain(value: Any) -> Any:
    """Returns a JSON value as a database would give it back: a copy, with lists for tuples."""
    return unpack(pack(value))


def fold(*texts: str) -> str:
    """Returns texts as search compares them: without case, and without U+0000, which PostgreSQL refuses."""
    return "\n".join(texts).replace("\0", "").casefold()


def _as_dict(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} is not JSON")
