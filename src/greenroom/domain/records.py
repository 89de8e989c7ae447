"""Project-wide data that no version holds: documents, tables, tickets, tags, secrets (R1)."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, cast

from greenroom.domain.canonical import MAX_SAFE_INTEGER
from greenroom.domain.ids import ProjectId

MAX_KEPT_DEPTH = 20
ANNOUNCED = frozenset({"number", "split", "tester", "share_link"})
"""Nouns that decide where traffic goes: every process hears at once of a change (see `ports.Store.wait_for_change`)."""


@dataclass(frozen=True, slots=True)
class Record:
    """One piece of data of a noun. `key` is unique in its project and noun; lists are in the order of keys.

    `owner` is what it belongs to (a conversation, a table, a document), `data` holds what is large or sealed.
    """

    project: ProjectId
    noun: str
    key: str
    at: datetime
    changed_at: datetime
    body: Mapping[str, Any] = field(default_factory=dict[str, Any])
    owner: str = ""
    revision: int = 1
    data: bytes = b""


def clean_text(value: object, most: int) -> str:
    """Returns a text that can be kept, at most so many characters long: without halves of characters and U+0000."""
    return str(value)[:most].encode("utf-8", "replace").decode().replace("\0", "")


def clean_json(value: Any, depth: int = 0) -> Any:
    """Returns a value as JSON that a record can hold, whatever a function or a server has answered."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return value if abs(value) <= MAX_SAFE_INTEGER else str(value)
    if isinstance(value, float):
        kept = math.isfinite(value) and (abs(value) <= MAX_SAFE_INTEGER)
        return value if kept else str(value)
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if depth >= MAX_KEPT_DEPTH:
        return "…"
    if isinstance(value, Mapping):
        found = cast(Mapping[object, Any], value)
        return {clean_text(key, 1_000): clean_json(item, depth + 1) for key, item in found.items()}
    if isinstance(value, list | tuple):
        return [clean_json(item, depth + 1) for item in cast(list[Any], value)]
    return clean_text(value, 1_000)


def cut_json(value: Any, max_bytes: int) -> Any:
    """Returns a value as `clean_json` does, or, where that is too long, `{cut: true, bytes, text}` with its start."""
    kept = clean_json(value)
    text = json.dumps(kept, ensure_ascii=False, separators=(",", ":"))
    size = len(text.encode())
    if size <= max_bytes:
        return kept
    return {"cut": True, "bytes": size, "text": text.encode()[:max_bytes].decode("utf-8", "ignore")}
