"""A store in one SQLite file: one thread writes, a few read, each with a connection of its own.

A unit of work is one hop to a thread and back. SQLAlchemy sees one endless transaction on each connection;
BEGIN, COMMIT and savepoints go straight to the driver, which costs a tenth.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Connection, create_engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from greenroom.domain.errors import Unavailable
from greenroom.domain.ids import WorkspaceId
from greenroom.ports import Reading, System, Writing
from greenroom.storage.changes import Changes
from greenroom.storage.refusals import unavailable
from greenroom.storage.sql.caches import Caches
from greenroom.storage.sql.reading import SqlReading
from greenroom.storage.sql.revisions import check_revision
from greenroom.storage.sql.system import SqlSystem
from greenroom.storage.sql.threads import Job, Threads, finish
from greenroom.storage.sql.work import Work
from greenroom.storage.sql.writing import SqlWriting

T = TypeVar("T")

BUSY_MS = 2000
"""How long to wait for another process's write; what waits longer hears `store_unavailable`."""
READERS = 4
GROUP = 32
"""How many units of work at most share one commit, and its fsync. None is acknowledged before it."""
POLL_SECONDS = 0.02
WAL_LIMIT_BYTES = 64 * 1024 * 1024


def connect(path: Path, *, read_only: bool = False, busy_ms: int = BUSY_MS) -> sqlite3.Connection:
    """Returns a driver connection that begins no transaction by itself. Creates the file, for its owner only."""
    if not read_only:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600, exist_ok=True)
    uri = f"{path.absolute().as_uri()}?mode={'ro' if read_only else 'rw'}"
    connection = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False)
    connection.execute(f"PRAGMA busy_timeout = {busy_ms}")
    connection.execute("PRAGMA foreign_keys = ON")
    if not read_only:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute(f"PRAGMA journal_size_limit = {WAL_LIMIT_BYTES}")
    return connection


def open_core(driver: sqlite3.Connection) -> Connection:
    """Returns a SQLAlchemy connection over a driver connection; closing it closes the driver's."""
    return create_engine("sqlite://", creator=lambda: driver, poolclass=NullPool).connect()


class SqliteStore:
    """`ports.Store` in one file, for one process or a few on one machine."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._caches = Caches()
        self._changes = Changes()
        # Opened here, so that a file that cannot be used is heard of at once.
        self._writing_on = connect(path)
        self._writer = Threads("greenroom-write", 1, self._serve_writes)
        self._readers = Threads("greenroom-read", READERS, self._serve_reads)

    async def read(self, workspace: WorkspaceId, work: Callable[[Reading], T]) -> T:
        def run(connection: Connection) -> tuple[Work, T]:
            scope = Work(connection, workspace, self._caches)
            return scope, work(SqlReading(scope))

        scope, result = await self._readers.submit(Job(run))
        scope.remembered.share()
        return result

    async def write(self, workspace: WorkspaceId, work: Callable[[Writing], T]) -> T:
        def run(connection: Connection) -> tuple[Work, T]:
            scope = Work(connection, workspace, self._caches)
            return scope, work(SqlWriting(scope))

        scope, result = await self._writer.submit(Job(run))
        scope.remembered.share()
        return result

    async def system(self, work: Callable[[System], T]) -> T:
        def run(connection: Connection) -> tuple[SqlSystem, T]:
            system = SqlSystem(connection, self._caches)
            return system, work(system)

        _, result = await self._writer.submit(Job(run))
        return result

    async def wait_for_change(self, timeout_seconds: float) -> bool:
        waiting = self._changes.wait(timeout_seconds)
        self._writer.nudge()
        return await waiting

    async def check(self) -> None:
        await self._readers.submit(Job(check_revision))

    async def close(self) -> None:
        await self._readers.close()
        await self._writer.close()

    def _serve_writes(self, threads: Threads) -> None:
        driver = self._writing_on
        connection = open_core(driver)
        seen = _data_version(driver)
        # An idle writer looks for commits of other processes, as long as somebody wants to know of them.
        while (jobs := threads.take(GROUP, POLL_SECONDS if self._changes.awaited else None)) is not None:
            if jobs:
                wrong = _commit(driver, connection, jobs)
                finish(jobs, wrong)
                if wrong is None and any(job.result and job.result[0].announced for job in jobs):
                    self._changes.notice()
            if self._changes.awaited and seen != (seen := _data_version(driver)):
                self._changes.notice()
        connection.close()

    def _serve_reads(self, threads: Threads) -> None:
        driver: sqlite3.Connection | None = None
        connection: Connection | None = None
        while (jobs := threads.take()) is not None:
            for job in jobs:
                try:
                    if driver is None or connection is None:
                        driver = connect(self._path, read_only=True)
                        connection = open_core(driver)
                    driver.execute("BEGIN DEFERRED")
                    try:
                        job.result = job.run(connection)
                    finally:
                        driver.execute("ROLLBACK")
                except BaseException as wrong:  # noqa: BLE001 it belongs to who waits for the job
                    job.error = _refusal(wrong)
                job.finish()
        if connection is not None:
            connection.close()


def _commit(driver: sqlite3.Connection, connection: Connection, jobs: list[Job]) -> BaseException | None:
    """Runs jobs in one transaction, each whole or not at all; returns the error of all if it cannot commit."""
    try:
        driver.execute("BEGIN IMMEDIATE")
        for job in jobs:
            if job.abandoned:
                continue
            if len(jobs) > 1:
                driver.execute("SAVEPOINT job")
            try:
                job.result = job.run(connection)
            except BaseException as wrong:  # noqa: BLE001 it belongs to who waits for the job
                job.error = _refusal(wrong)
                # Some failures of the disk end the whole transaction, with the other jobs in it.
                if not driver.in_transaction:
                    return unavailable(str(wrong))
                driver.execute("ROLLBACK TO job" if len(jobs) > 1 else "ROLLBACK")
            if len(jobs) > 1:
                driver.execute("RELEASE job")
        if driver.in_transaction:
            driver.execute("COMMIT")
    except sqlite3.Error as wrong:
        if driver.in_transaction:
            driver.execute("ROLLBACK")
        return unavailable(str(wrong))
    return None


def _refusal(wrong: BaseException) -> BaseException:
    """Returns what a failure means to the caller: the database's own are Unavailable, others as they are."""
    if isinstance(wrong, DBAPIError) and isinstance(wrong.orig, sqlite3.OperationalError):
        return _because(wrong, str(wrong.orig))
    if isinstance(wrong, sqlite3.OperationalError):
        return _because(wrong, str(wrong))
    return wrong


def _because(wrong: BaseException, why: str) -> Unavailable:
    refusal = unavailable(why)
    refusal.__cause__ = wrong
    return refusal


def _data_version(driver: sqlite3.Connection) -> int:
    """Returns a number that changes when another connection commits, at 2 µs."""
    return driver.execute("PRAGMA data_version").fetchone()[0]
