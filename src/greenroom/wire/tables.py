"""Data tables on the network."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from greenroom.wire.model import DisplayName, In, Moment, Out


class ColumnIn(In):
    """A column."""

    name: str = Field(min_length=1, max_length=60)
    type: Literal["text", "number", "boolean", "date", "list", "object"] = "text"
    required: bool = False


class TableIn(In):
    """A new table. `key` is the column whose values are unique; without one, rows have ids."""

    slug: str = Field(min_length=1, max_length=60)
    name: DisplayName | None = None
    description: str = Field("", max_length=2_000)
    columns: list[ColumnIn] = Field(min_length=1, max_length=100)
    key: str = Field("", max_length=60)


class TableChangeIn(In):
    """What changes about a table."""

    name: DisplayName | None = None
    description: str | None = Field(None, max_length=2_000)
    add_columns: list[ColumnIn] = Field([], max_length=100)


class ColumnOut(Out):
    """A column."""

    name: str
    type: str
    required: bool


class TableOut(Out):
    """A table."""

    slug: str
    name: str
    description: str
    columns: list[ColumnOut]
    key: str
    rows: int
    created_at: Moment
    changed_at: Moment


class RowIn(In):
    """A row, whole. `revision` is the one that was seen; 0 for a row that must be new."""

    values: dict[str, Any]
    key: str | None = Field(None, min_length=1, max_length=200)
    revision: int | None = Field(None, ge=0, le=2**31 - 1)


class RowOut(Out):
    """A row."""

    key: str
    values: dict[str, Any]
    revision: int
    at: Moment
    changed_at: Moment


class TableImportOut(Out):
    """What an import wrote."""

    rows: int
    added: int
