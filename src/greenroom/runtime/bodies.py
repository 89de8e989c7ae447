"""Reads fields of bodies that may hold anything: what is not of the wanted form counts as absent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

NOTHING: Mapping[str, Any] = {}


def mapping(value: Any) -> Mapping[str, Any]:
    """Returns a mapping with its text keys, or an empty one."""
    if not isinstance(value, Mapping):
        return NOTHING
    if all(isinstance(key, str) for key in value):
        return value
    return {key: item for key, item in value.items() if isinstance(key, str)}


def clean(text: str) -> str:
    """Returns the text without lone surrogates and NUL, which neither patterns nor JSON can carry."""
    if text.isascii():
        return text.replace("\0", "")
    return text.encode("utf-8", "replace").decode().replace("\0", "")


def text(body: Mapping[str, Any], key: str) -> str:
    """Returns a text, '' when there is none."""
    value = body.get(key)
    return clean(value) if isinstance(value, str) else ""


def flag(body: Mapping[str, Any], key: str, default: bool) -> bool:
    """Returns a boolean."""
    value = body.get(key)
    return value if isinstance(value, bool) else default


def number(body: Mapping[str, Any], key: str) -> float | None:
    """Returns a number; booleans are none."""
    value = body.get(key)
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def whole(body: Mapping[str, Any], key: str) -> int | None:
    """Returns a whole number."""
    value = number(body, key)
    return int(value) if value is not None and abs(value) < 2**53 else None


def objects(body: Mapping[str, Any], key: str) -> tuple[Mapping[str, Any], ...]:
    """Returns the mappings in a list."""
    value = body.get(key)
    return tuple(mapping(item) for item in value if isinstance(item, Mapping)) if isinstance(value, list) else ()


def texts(body: Mapping[str, Any], key: str) -> tuple[str, ...]:
    """Returns the texts in a list."""
    value = body.get(key)
    return tuple(clean(item) for item in value if isinstance(item, str)) if isinstance(value, list) else ()


def table(body: Mapping[str, Any], key: str) -> Mapping[str, str]:
    """Returns the texts of a mapping by key."""
    return {name: clean(item) for name, item in mapping(body.get(key)).items() if isinstance(item, str)}
