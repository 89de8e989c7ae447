"""Data tables: make, alter, fill, ask, carry in and out as CSV."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from greenroom.sdk.exchange import Call, as_bytes, as_model, as_nothing, fill, path_of, read_call, write_call
from greenroom.sdk.verb import ListVerb, Noun, S_co, Verb
from greenroom.wire.model import Page
from greenroom.wire.tables import RowIn, RowOut, TableChangeIn, TableImportOut, TableIn, TableOut


class Tables(Noun[S_co]):
    """The data tables of a project, which no version holds."""

    @Verb
    def create(
        self,
        project: str,
        slug: str,
        columns: Sequence[Mapping[str, Any]],
        *,
        key: str | None = None,
        name: str | None = None,
        description: str | None = None,
    ) -> Call[TableOut]:
        """Makes a table; `key` is the column whose values are unique."""
        body = fill(TableIn, slug=slug, columns=list(columns), key=key, name=name, description=description)
        return write_call("POST", as_model(TableOut), path_of("projects", project, "tables"), body=body)

    @ListVerb
    def list(self, project: str, *, cursor: str | None = None, limit: int | None = None) -> Call[Page[TableOut]]:
        """Lists tables by slug."""
        query = {"cursor": cursor, "limit": limit}
        return read_call(as_model(Page[TableOut]), path_of("projects", project, "tables"), query)

    @Verb
    def load(self, project: str, table: str) -> Call[TableOut]:
        """Loads a table's columns and the count of its rows."""
        return read_call(as_model(TableOut), path_of("projects", project, "tables", table))

    @Verb
    def alter(
        self,
        project: str,
        table: str,
        *,
        name: str | None = None,
        description: str | None = None,
        add_columns: Sequence[Mapping[str, Any]] | None = None,
    ) -> Call[TableOut]:
        """Renames a table, describes it, and adds columns to it."""
        columns = None if add_columns is None else [*add_columns]
        body = fill(TableChangeIn, name=name, description=description, add_columns=columns)
        return write_call("PATCH", as_model(TableOut), path_of("projects", project, "tables", table), body=body)

    @Verb
    def delete(self, project: str, table: str) -> Call[None]:
        """Removes a table with all its rows."""
        return write_call("DELETE", as_nothing, path_of("projects", project, "tables", table))

    @ListVerb
    def find_rows(
        self,
        project: str,
        table: str,
        *,
        where: Mapping[str, Any] | None = None,
        cursor: str | None = None,
        limit: int | None = None,
    ) -> Call[Page[RowOut]]:
        """Finds rows by key that are equal to `where` in every column it names."""
        query = {"where": json.dumps(dict(where)) if where else None, "cursor": cursor, "limit": limit}
        return read_call(as_model(Page[RowOut]), path_of("projects", project, "tables", table, "rows"), query)

    @Verb
    def put_row(
        self,
        project: str,
        table: str,
        values: Mapping[str, Any],
        *,
        key: str | None = None,
        revision: int | None = None,
    ) -> Call[RowOut]:
        """Writes a row whole; `revision` is the one that was seen, 0 for a row that must be new."""
        body = fill(RowIn, values=dict(values), key=key, revision=revision)
        path = path_of("projects", project, "tables", table, "rows")
        return write_call("POST", as_model(RowOut), path, body=body)

    @Verb
    def delete_row(self, project: str, table: str, key: str) -> Call[None]:
        """Removes a row."""
        path = path_of("projects", project, "tables", table, "rows")
        return write_call("DELETE", as_nothing, path, query={"key": key})

    @Verb
    def import_csv(self, project: str, table: str, data: bytes) -> Call[TableImportOut]:
        """Reads a CSV file into a table; nothing is written of a file with a wrong line."""
        path = path_of("projects", project, "tables", table, "import")
        call = write_call("POST", as_model(TableImportOut), path, headers={"Content-Type": "text/csv"})
        return replace(call, request=replace(call.request, body=data))

    @Verb
    def export_csv(self, project: str, table: str) -> Call[bytes]:
        """Returns all rows of a table as CSV."""
        return read_call(as_bytes, path_of("projects", project, "tables", table, "export"))
