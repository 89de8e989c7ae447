"""A transaction as the repositories see it: statements on one workspace, and what to remember if it commits.

Everything here is synchronous and knows neither database. SQLite runs it on the thread that owns the
connection, PostgreSQL under `run_sync` of an asyncpg connection.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

from sqlalchemy import (
    Connection,
    Executable,
    MappingResult,
    RowMapping,
    Table,
    TextClause,
    UpdateBase,
    bindparam,
    text,
)
from sqlalchemy.exc import DataError, IntegrityError

from greenroom.domain.errors import GreenroomError, Invalid
from greenroom.domain.ids import WorkspaceId
from greenroom.storage.refusals import draft_exists, duplicate, is_storable, no_such
from greenroom.storage.sql.caches import Caches, Remembered
from greenroom.storage.sql.tables import metadata

WORKSPACE = bindparam("w_workspace")
"""Every statement names it. Names begin with w_ because SQLAlchemy reserves the columns' own in an UPDATE."""

How = Literal["always", "if new", "replace"]
_HOWS: tuple[How, ...] = ("always", "if new", "replace")

CHUNK = 500
_PADDED_TO = (1, 10, 100, CHUNK)

NOUNS = {
    "api_keys": "API key",
    "workspaces": "workspace",
    "workspace_chains": "workspace",
    "projects": "project",
    "environments": "environment",
    "environment_aliases": "environment",
    "versions": "version",
    "releases": "release",
    "drafts": "draft",
    "draft_changes": "change of that draft",
    "conversations": "conversation",
    "turns": "turn",
    "members": "member",
    "sessions": "session",
    "accounts": "account",
    "records": "record",
}


class Work:
    """Statements of one transaction on one workspace."""

    def __init__(self, connection: Connection, workspace: WorkspaceId, caches: Caches) -> None:
        self.connection = connection
        self.workspace = workspace
        self.remembered = Remembered(caches, workspace)
        self.announced = False
        """Whether those who wait for a change should hear of the commit at once (see ports.Store.wait_for_change)."""

    def all(self, statement: Executable, **values: Any) -> Sequence[RowMapping]:
        """Returns all rows of a query on the workspace."""
        return self._rows(statement, values).all() if _possible(values) else ()

    def first(self, statement: Executable, **values: Any) -> RowMapping | None:
        """Returns the first row of a query on the workspace, or None."""
        return self._rows(statement, values).first() if _possible(values) else None

    def each(self, statement: Executable, name: str, wanted: Iterable[str], **values: Any) -> list[RowMapping]:
        """Returns the rows of a query with `name IN (…)`, asked in portions."""
        keys = list(dict.fromkeys(wanted))
        found: list[RowMapping] = []
        for start in range(0, len(keys), CHUNK):
            found += self.all(statement, **{name: _pad(keys[start : start + CHUNK])}, **values)
        return found

    def _rows(self, statement: Executable, values: dict[str, Any]) -> MappingResult:
        values["w_workspace"] = self.workspace
        try:
            return self.connection.execute(statement, values).mappings()
        except (DataError, OverflowError) as wrong:
            raise Invalid("out_of_range", f"a number is too large ({wrong})") from None

    def change(self, statement: UpdateBase, **values: Any) -> int:
        """Runs an UPDATE or DELETE on the workspace and returns how many rows it changed."""
        values["w_workspace"] = self.workspace
        try:
            return self.connection.execute(statement, values).rowcount
        except IntegrityError as wrong:
            raise refusal_of(wrong, statement.table.name) from None  # pyright: ignore[reportAttributeAccessIssue]

    def change_each(self, statement: UpdateBase, name: str, wanted: Iterable[str], **values: Any) -> None:
        """Runs a change with `name IN (…)` in portions."""
        keys = list(dict.fromkeys(wanted))
        for start in range(0, len(keys), CHUNK):
            self.change(statement, **{name: _pad(keys[start : start + CHUNK])}, **values)

    def insert(self, table: Table, row: Mapping[str, Any], how: How = "always") -> bool:
        """Inserts a row; returns False, writing nothing, when `if new` and its key is taken.

        Raises Conflict for a key that is taken and NotFound for a parent that is not in the workspace.
        """
        statement = _INSERTS[how, table.name]
        try:
            return self.connection.execute(statement, {"workspace": self.workspace, **row}).rowcount != 0
        except IntegrityError as wrong:
            raise refusal_of(wrong, table.name) from None

    def insert_all(self, table: Table, rows: Sequence[Mapping[str, Any]], how: How = "always") -> None:
        """Inserts rows in one go."""
        if not rows:
            return
        statement = _INSERTS[how, table.name]
        try:
            self.connection.execute(statement, [{"workspace": self.workspace, **row} for row in rows])
        except IntegrityError as wrong:
            raise refusal_of(wrong, table.name) from None


def _possible(values: Mapping[str, Any]) -> bool:
    """Says whether any row may match: none holds text that check_texts refuses, and PostgreSQL fails on it."""
    return all(is_storable(value) for value in values.values() if isinstance(value, str))


def refusal_of(wrong: IntegrityError, table: str) -> GreenroomError:
    """Returns what a broken constraint means to the caller."""
    said = str(wrong.orig)
    if "FOREIGN KEY" in said or "foreign key" in said:
        parents = {fk.column.table.name for fk in metadata.tables[table].foreign_keys}
        return no_such(NOUNS.get(min(parents, default=""), "parent"))
    # SQLite names the columns of a broken index, PostgreSQL its name.
    if "uq_drafts_open" in said or "drafts.owner" in said:
        return draft_exists()
    return duplicate(NOUNS.get(table, "row"))


def _insert(how: How, table: Table) -> TextClause:
    columns = [column.name for column in table.columns]
    values = ", ".join(f":{name}" for name in columns)
    into = f"INSERT INTO {table.name} ({', '.join(columns)}) VALUES ({values})"  # noqa: S608 our own names
    if how == "if new":
        into += " ON CONFLICT DO NOTHING"
    if how == "replace":
        key = [column.name for column in table.primary_key]
        news = ", ".join(f"{name} = excluded.{name}" for name in columns if name not in key)
        into += f" ON CONFLICT ({', '.join(key)}) DO UPDATE SET {news}"
    return text(into).execution_options(preserve_rowcount=True)


# One spelling for both databases, which SQLAlchemy's own constructs for conflicts are not.
_INSERTS = {(how, name): _insert(how, table) for how in _HOWS for name, table in metadata.tables.items()}


def _pad(keys: list[str]) -> list[str]:
    """Repeats the last key up to one of a few lengths, so that the databases see few different statements."""
    length = next(size for size in _PADDED_TO if len(keys) <= size)
    return keys + [keys[-1]] * (length - len(keys))
