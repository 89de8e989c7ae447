"""What an importer hands back: the entities it made, and an account of everything it was given."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from greenroom.domain.entities import Address, Body

Status = Literal["read", "kept", "not_supported"]
"""`read`: has, or will have, an effect here. `kept`: carried along unchanged. `not_supported`: kept or
left out as the reason says, because nothing here does the same."""

STATUSES: tuple[Status, ...] = ("read", "kept", "not_supported")


@dataclass(frozen=True, slots=True)
class ReportRow:
    """What became of `count` things of one sort in one file.

    `address` is the entity they went to. A row that is not `read` always gives its reason.
    """

    path: str
    item: str
    status: Status
    count: int = 1
    address: Address | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Imported:
    """The whole outcome of an import; every given file has at least one row in the report."""

    entities: Mapping[Address, Body]
    report: tuple[ReportRow, ...]


def count_by_status(rows: Iterable[ReportRow]) -> dict[Status, int]:
    """Returns how many things (not rows) have each status."""
    counts: dict[Status, int] = dict.fromkeys(STATUSES, 0)
    for row in rows:
        counts[row.status] += row.count
    return counts
