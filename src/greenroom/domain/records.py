"""Project-wide data that no version holds: documents, tables, tickets, tags, secrets (R1)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from greenroom.domain.ids import ProjectId


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
