"""From a database's URL to a store, and to the newest schema.

`sqlite:///data/greenroom.db` (relative), `sqlite:////var/lib/greenroom.db` (absolute), or anything that libpq
reads as `postgresql://…`.
"""

from __future__ import annotations

import asyncio
import re
import sqlite3
from pathlib import Path
from urllib.parse import unquote

import asyncpg
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from greenroom.domain.errors import Invalid
from greenroom.ports import Store
from greenroom.storage.refusals import unavailable
from greenroom.storage.sql import postgres, revisions, sqlite

MIGRATION_SECONDS = 600
"""How long a migration may take, and how long another process waits for it."""
_LOCK = text("SELECT pg_advisory_xact_lock(724033571)")


def sqlite_path(url: str) -> Path | None:
    """Returns the file that a URL names, None when it names a PostgreSQL server. Raises Invalid."""
    if match := re.fullmatch(r"sqlite:///(.+)", url):
        return Path(unquote(match.group(1)))
    if re.match(r"postgres(ql)?(\+asyncpg)?://", url):
        return None
    shown = url.partition("://")[0][:40]
    raise Invalid(
        "invalid_database_url",
        f"'{shown}…' names no database; write sqlite:///path/to/file.db or postgresql://user@host/name",
    )


def postgres_url(url: str) -> str:
    """Returns a URL as the driver reads it."""
    return re.sub(r"^postgres(ql)?(\+asyncpg)?://", "postgresql://", url)


async def open_store(url: str) -> Store:
    """Returns the store at a URL. Does not migrate; `check` says whether the schema is the newest.

    Raises Invalid for a URL it cannot read and Unavailable for a file it cannot open. A server is asked first
    when it is needed.
    """
    path = sqlite_path(url)
    if path is None:
        return postgres.PostgresStore(postgres_url(url))
    try:
        return await asyncio.to_thread(sqlite.SqliteStore, path)
    except (OSError, sqlite3.Error) as wrong:
        raise unavailable(f"{path}: {wrong}") from wrong


async def migrate(url: str) -> None:
    """Brings a database to the newest schema, making it if it is new. Safe to repeat, and in many processes at once."""
    path = sqlite_path(url)
    if path is None:
        await _migrate_postgres(postgres_url(url))
    else:
        try:
            await asyncio.to_thread(_migrate_sqlite, path)
        except (OSError, sqlite3.Error, DBAPIError) as wrong:
            raise unavailable(f"{path}: {wrong}") from wrong


async def schema_revision(url: str) -> str | None:
    """Returns the schema that a database has, None when it has none."""
    path = sqlite_path(url)
    if path is not None:
        return await asyncio.to_thread(_sqlite_revision, path)
    engine = postgres.create_engine(postgres_url(url), pool_size=1)
    try:
        async with engine.connect() as connection:
            return await connection.run_sync(revisions.find_revision)
    except (OSError, asyncpg.PostgresError, DBAPIError) as wrong:
        raise unavailable(str(wrong)) from wrong
    finally:
        await engine.dispose()


def _migrate_sqlite(path: Path) -> None:
    driver = sqlite.connect(path, busy_ms=MIGRATION_SECONDS * 1000)
    with sqlite.open_core(driver) as connection:
        # SQLAlchemy's transaction is a formality here; the driver's is the one that counts.
        connection.begin()
        driver.execute("BEGIN IMMEDIATE")
        try:
            revisions.upgrade(connection)
        except BaseException:
            driver.execute("ROLLBACK")
            raise
        driver.execute("COMMIT")


def _sqlite_revision(path: Path) -> str | None:
    if not path.exists():
        return None
    with sqlite.open_core(sqlite.connect(path, read_only=True)) as connection:
        return revisions.find_revision(connection)


async def _migrate_postgres(url: str) -> None:
    def run(connection: Connection) -> None:
        connection.execute(_LOCK)
        revisions.upgrade(connection)

    engine = postgres.create_engine(url, pool_size=1, statement_seconds=MIGRATION_SECONDS)
    try:
        async with engine.begin() as connection:
            await connection.execute(text(f"SET LOCAL lock_timeout = '{MIGRATION_SECONDS}s'"))
            await connection.run_sync(run)
    except (OSError, asyncpg.PostgresError, DBAPIError) as wrong:
        raise unavailable(str(wrong)) from wrong
    finally:
        await engine.dispose()
