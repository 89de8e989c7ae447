"""Backups of a running store, and restoring one into an empty database of either kind."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import asyncpg
from sqlalchemy import Connection, Table, func, insert, select, update
from sqlalchemy.exc import DBAPIError, IntegrityError

from greenroom.domain.canonical import digest_of_bytes
from greenroom.domain.errors import Invalid
from greenroom.domain.events import AuditRecord, verify_chain
from greenroom.storage.refusals import unavailable
from greenroom.storage.sql import postgres, rows, sqlite
from greenroom.storage.sql import tables as t
from greenroom.storage.sql.archive import ArchiveReader, ArchiveWriter, Contents
from greenroom.storage.sql.opening import migrate, postgres_url, sqlite_path
from greenroom.storage.sql.revisions import check_revision, newest_revision

T = TypeVar("T")

PORTION = 500
STATEMENT_SECONDS = 3600


async def backup(url: str, file: Path) -> Contents:
    """Writes everything as of one moment into a new file, while others go on writing.

    Raises Invalid `file_exists`, and Unavailable for a database that cannot be read or has an older schema.
    """
    return await asyncio.to_thread(_guarded, lambda: _backup(url, file))


async def restore(file: Path, url: str) -> Contents:
    """Fills an empty database, making its tables first, from a backup of either kind of database.

    All or nothing. What the backup had not delivered counts as delivered, so that nobody is told twice. Raises
    Invalid `not_a_backup`, `damaged_backup`, `other_schema` or `database_not_empty`.
    """

    def work() -> Contents:
        with ArchiveReader(file, newest_revision()) as archive:
            archive.check()
            asyncio.run(migrate(url))
            _in_transaction(url, lambda connection: _load(connection, archive))
            return archive.contents

    sqlite_path(url)
    return await asyncio.to_thread(_guarded, work)


def _guarded(work: Callable[[], T]) -> T:
    try:
        return work()
    except (sqlite3.Error, DBAPIError, asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as wrong:
        raise unavailable(str(wrong)) from wrong


def _backup(url: str, file: Path) -> Contents:
    if file.exists():
        raise Invalid("file_exists", f"{file} exists already; a backup is never written over another")
    partial = file.with_name(f".{file.name}.{os.getpid()}.partial")
    partial.touch(mode=0o600)
    try:
        if (path := sqlite_path(url)) is None:
            contents = asyncio.run(_dump_postgres(postgres_url(url), partial))
        else:
            contents = _dump_sqlite(path, partial)
        with partial.open("rb+") as written:
            os.fsync(written.fileno())
        partial.rename(file)
        return contents
    finally:
        partial.unlink(missing_ok=True)


def _dump_sqlite(path: Path, file: Path) -> Contents:
    """Copies the database with SQLite's own backup, then reads the copy: its log is not held up meanwhile."""
    copy = file.with_suffix(".db")
    if not path.exists():
        raise unavailable(f"there is no {path}")
    source = sqlite.connect(path, read_only=True)
    try:
        copy.touch(mode=0o600)
        target = sqlite3.connect(copy, isolation_level=None)
        source.backup(target)
        with sqlite.open_core(target) as connection:
            return _dump(connection, file)
    finally:
        source.close()
        copy.unlink(missing_ok=True)


async def _dump_postgres(url: str, file: Path) -> Contents:
    engine = postgres.create_engine(url, pool_size=1, statement_seconds=STATEMENT_SECONDS)
    reading = engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
    try:
        async with reading.connect() as connection:
            return await connection.run_sync(_dump, file)
    finally:
        await engine.dispose()


def _dump(connection: Connection, file: Path) -> Contents:
    check_revision(connection)
    with ArchiveWriter(file, newest_revision()) as archive:
        for table in t.metadata.sorted_tables:
            query = select(table).order_by(*table.primary_key)
            archive.write(table, connection.execute(query, execution_options={"yield_per": PORTION}))
        return archive.finish()


def _in_transaction(url: str, work: Callable[[Connection], None]) -> None:
    if (path := sqlite_path(url)) is None:
        asyncio.run(_in_postgres(postgres_url(url), work))
        return
    driver = sqlite.connect(path)
    with sqlite.open_core(driver) as connection:
        driver.execute("BEGIN IMMEDIATE")
        try:
            work(connection)
        except BaseException:
            driver.execute("ROLLBACK")
            raise
        driver.execute("COMMIT")


async def _in_postgres(url: str, work: Callable[[Connection], None]) -> None:
    engine = postgres.create_engine(url, pool_size=1, statement_seconds=STATEMENT_SECONDS)
    try:
        async with engine.begin() as connection:
            await connection.run_sync(work)
    finally:
        await engine.dispose()


def _load(connection: Connection, archive: ArchiveReader) -> None:
    for table in t.metadata.sorted_tables:
        if connection.execute(select(table.c.workspace).limit(1)).first() is not None:
            detail = f"the database is not empty: there are rows in {table.name}; restore into a new one"
            raise Invalid("database_not_empty", detail)
    try:
        for table in t.metadata.sorted_tables:
            _insert(connection, table, archive.rows(table))
    except IntegrityError as wrong:
        raise Invalid("damaged_backup", f"the backup is damaged: {wrong.orig}") from None
    _check_content(connection)
    _check_chains(connection)
    reached = select(t.workspace_chains.c.seq).where(t.workspace_chains.c.workspace == t.outbox.c.workspace)
    connection.execute(update(t.outbox).values(delivered=reached.scalar_subquery()))


def _insert(connection: Connection, table: Table, found: Iterable[list[Any]]) -> None:
    names = [column.name for column in table.columns]
    portion: list[dict[str, Any]] = []
    for row in found:
        portion.append(dict(zip(names, row, strict=True)))
        if len(portion) == PORTION:
            connection.execute(insert(table), portion)
            portion = []
    if portion:
        connection.execute(insert(table), portion)


def _check_content(connection: Connection) -> None:
    for table in (t.entity_bodies, t.shards):
        for row in _stream(connection, select(table.c.digest, table.c.data)):
            if digest_of_bytes(row["data"]) != row["digest"]:
                raise Invalid("damaged_backup", f"the backup is damaged: {row['digest']} is not its content's digest")


def _check_chains(connection: Connection) -> None:
    heads = connection.execute(select(t.workspace_chains)).mappings().all()
    for head in heads:
        mine = t.audit.c.workspace == head["workspace"]
        count = connection.execute(select(func.count()).select_from(t.audit).where(mine)).scalar_one()
        expected = {head["seq"]: head["digest"]} if head["seq"] else {}
        wrong = verify_chain(_records(connection, mine), expected)
        if wrong is None and count != head["seq"]:
            wrong = min(count, head["seq"]) + 1
        if wrong is not None:
            detail = f"the audit of {head['workspace']} was changed at record {wrong}"
            raise Invalid("damaged_backup", f"the backup is damaged: {detail}", extra={"record": wrong})


def _records(connection: Connection, mine: Any) -> Iterator[AuditRecord]:
    query = select(t.audit).where(mine).order_by(t.audit.c.seq)
    return map(rows.audit_from_row, _stream(connection, query))


def _stream(connection: Connection, query: Any) -> Iterator[Any]:
    return iter(connection.execute(query, execution_options={"yield_per": PORTION}).mappings())
