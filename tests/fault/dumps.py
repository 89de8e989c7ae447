"""Every byte that a store keeps of a workspace, table by table, to compare before and after."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import asyncpg

from greenroom.storage.memory import MemoryStore
from greenroom.storage.sql.tables import metadata

Dump = Mapping[str, str]
"""Table → its rows by key, as text that is equal only for equal bytes."""

DATA = {"conversations", "turns", "keys", "api_keys", "members", "sessions", "workspaces", "replays", "idempotency"}
DATA |= {"accounts", "tries"}
RECORDS = {"records"}
DATA |= RECORDS
"""What R1 says no release operation touches."""
CHAIN = {"audit", "workspace_chains"}
POINTER = {"environments", "releases"} | CHAIN
DRAFTS = {"drafts", "draft_changes", "bodies", "entity_bodies", "referrers", "body_mentions"} | CHAIN
SNAPSHOTS = {"snapshots", "shards"}
PUBLISHED = (
    SNAPSHOTS
    | {"versions", "version_tags", "next_version", "projects", "drafts"}
    | {"bodies", "entity_bodies", "referrers", "body_mentions"}
    | CHAIN
)
TALKS = {"conversations", "turns"} | RECORDS


def dump_memory(store: MemoryStore, workspace: str) -> Dump:
    """Returns the rows of a memory store."""
    rows: Any = store._state.workspaces.get(workspace)  # type: ignore[call-overload]
    if rows is None:
        return {}
    names = [name for name in rows.__slots__ if name not in {"name", "created_at"}]
    tables = {name: getattr(rows, name) for name in names}
    return {
        name: "\n".join(sorted(map(repr, table.items()))) if hasattr(table, "items") else repr(table)
        for name, table in tables.items()
    }


def _queries() -> dict[str, str]:
    return {
        name: f"SELECT * FROM {name} WHERE workspace = {{}} ORDER BY {', '.join(c.name for c in table.primary_key)}"
        for name, table in metadata.tables.items()
    }


def dump_sqlite(path: Path, workspace: str) -> Dump:
    """Returns the rows of a SQLite file, read past the store."""
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
    try:
        return {
            name: "\n".join(map(repr, connection.execute(query.format("?"), [workspace]).fetchall()))
            for name, query in _queries().items()
        }
    finally:
        connection.close()


async def dump_postgres(url: str, workspace: str) -> Dump:
    """Returns the rows of a PostgreSQL database, read past the store."""
    connection = await asyncpg.connect(url)
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            return {
                name: "\n".join(repr(tuple(row)) for row in await connection.fetch(query.format("$1"), workspace))
                for name, query in _queries().items()
            }
    finally:
        await connection.close()
