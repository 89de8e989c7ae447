"""A store in PostgreSQL, for any number of processes.

Writes run at READ COMMITTED and rely on row locks and compare-and-set; reads see one snapshot. Work may run
again after a lost race or a lost connection, as long as its COMMIT was not sent.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Generic, TypeVar

import asyncpg
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError, InterfaceError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.util import greenlet_spawn

from greenroom.domain.ids import WorkspaceId
from greenroom.ports import Reading, System, Writing
from greenroom.storage.refusals import unavailable
from greenroom.storage.sql.caches import Caches
from greenroom.storage.sql.listening import CHANNEL, Listener
from greenroom.storage.sql.reading import SqlReading
from greenroom.storage.sql.revisions import check_revision
from greenroom.storage.sql.system import SqlSystem
from greenroom.storage.sql.work import Work
from greenroom.storage.sql.writing import SqlWriting

T = TypeVar("T")

WAIT_SECONDS = 2
"""How long a call waits for a connection, or for a row that another one has locked."""
STATEMENT_SECONDS = 15
POOL = 10
OVERFLOW = 5
TRIES = 6

_STALE_PLAN = "0A000"
_RACES = {"40001", "40P01", _STALE_PLAN}
"""Serialisation failure, deadlock, a plan made stale by a migration: undone by the server, so it may run again."""
_GONE = ("08", "57P0")
"""Connection lost, server shutting down, starting or crashed."""
_TROUBLE = ("25P03", "28", "3D", "53", "55P03", "57014", "58", "XX")
"""Idle too long, not let in, no such database, out of resources, a lock or statement took too long, broken."""
_NOTIFY = f"NOTIFY {CHANNEL}"


async def connect(url: str, **options: Any) -> asyncpg.Connection:
    """Returns a driver connection; waits two seconds at most. The driver reads the URL, as libpq would."""
    return await asyncpg.connect(url, timeout=WAIT_SECONDS, **options)


def create_engine(url: str, *, pool_size: int = POOL, statement_seconds: int = STATEMENT_SECONDS) -> AsyncEngine:
    """Returns an engine whose every wait is bounded."""

    async def open_one() -> asyncpg.Connection:
        bounds = {
            "application_name": "greenroom",
            "lock_timeout": f"{WAIT_SECONDS * 1000}",
            "statement_timeout": f"{statement_seconds * 1000}",
            "idle_in_transaction_session_timeout": f"{statement_seconds * 1000}",
            # Times and plans must not depend on how the server is set up.
            "timezone": "UTC",
            "jit": "off",
        }
        return await connect(url, command_timeout=statement_seconds + 1, server_settings=bounds)

    return create_async_engine(
        "postgresql+asyncpg://",
        async_creator=open_one,
        pool_size=pool_size,
        max_overflow=OVERFLOW,
        pool_timeout=WAIT_SECONDS,
        pool_use_lifo=True,
        # No pool_pre_ping: it takes three round trips, as many as the work, and a connection may still be lost
        # after it. Work that meets a lost connection runs again on another, which covers both.
        pool_pre_ping=False,
    )


class PostgresStore:
    """`ports.Store` in PostgreSQL."""

    def __init__(self, url: str) -> None:
        self._caches = Caches()
        self._engine = create_engine(url)
        self._reading = self._engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        self._listener = Listener(url)
        self._running: set[asyncio.Task[Any]] = set()
        self._closed = False

    async def read(self, workspace: WorkspaceId, work: Callable[[Reading], T]) -> T:
        def run(connection: Connection) -> tuple[Work, T]:
            scope = Work(connection, workspace, self._caches)
            return scope, work(SqlReading(scope))

        scope, result = await self._carry_out(self._reading, run, writes=False)
        scope.remembered.share()
        return result

    async def write(self, workspace: WorkspaceId, work: Callable[[Writing], T]) -> T:
        def run(connection: Connection) -> tuple[Work, T]:
            scope = Work(connection, workspace, self._caches)
            result = work(SqlWriting(scope))
            if scope.announced:
                connection.exec_driver_sql(_NOTIFY)
            return scope, result

        scope, result = await self._carry_out(self._engine, run, writes=True)
        scope.remembered.share()
        if scope.announced:
            self._listener.changes.notice()
        return result

    async def system(self, work: Callable[[System], T]) -> T:
        def run(connection: Connection) -> tuple[SqlSystem, T]:
            system = SqlSystem(connection, self._caches)
            result = work(system)
            if system.announced:
                connection.exec_driver_sql(_NOTIFY)
            return system, result

        system, result = await self._carry_out(self._engine, run, writes=True)
        if system.announced:
            self._listener.changes.notice()
        return result

    async def wait_for_change(self, timeout_seconds: float) -> bool:
        return await self._listener.wait(timeout_seconds)

    async def check(self) -> None:
        await self._carry_out(self._reading, check_revision, writes=False)

    async def close(self) -> None:
        self._closed = True
        await asyncio.gather(*self._running, return_exceptions=True)
        await self._listener.close()
        await self._engine.dispose()

    async def _carry_out(self, engine: AsyncEngine, run: Callable[[Connection], T], *, writes: bool) -> T:
        """Runs work to its end, even when the caller leaves.

        To cancel it would throw its connection away, and leave the driver with errors that nobody awaits.
        """
        if self._closed:
            raise unavailable("it was closed")
        task = asyncio.create_task(self._try(engine, run, writes=writes))
        self._running.add(task)
        task.add_done_callback(self._forget)
        return await asyncio.shield(task)

    def _forget(self, task: asyncio.Task[Any]) -> None:
        self._running.discard(task)
        if not task.cancelled():
            task.exception()  # seen, even when the caller left

    async def _try(self, engine: AsyncEngine, run: Callable[[Connection], T], *, writes: bool) -> T:
        """Runs work in a transaction, and again where nothing of it can have been committed."""
        for attempt in range(1, TRIES + 1):
            transaction = _Transaction(engine, run)
            try:
                return await greenlet_spawn(transaction.carry_out)
            except (SQLAlchemyError, asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as wrong:
                state, lost = _state(wrong), _is_lost(wrong)
                if writes and transaction.committing and (lost or state is None):
                    raise unavailable("it did not say whether the change was made", outcome="unknown") from wrong
                if attempt < TRIES and (lost or state in _RACES):
                    await asyncio.sleep(0.005 * attempt * attempt)
                elif lost or _is_trouble(wrong, state):
                    raise unavailable(_reason(wrong)) from wrong
                else:
                    raise
        raise AssertionError("unreachable")


class _Transaction(Generic[T]):
    """One run of work, from connection to commit, in one greenlet: AsyncConnection takes one for each step."""

    def __init__(self, engine: AsyncEngine, run: Callable[[Connection], T]) -> None:
        self._engine = engine.sync_engine
        self._run = run
        self.committing = False

    def carry_out(self) -> T:
        with self._engine.connect() as connection:
            result = self._run(connection)
            self.committing = True
            connection.commit()
            return result


def _state(wrong: BaseException) -> str | None:
    """Returns the SQLSTATE that the server sent, None when it was not the server that failed."""
    cause = wrong.orig if isinstance(wrong, DBAPIError) else wrong
    # SQLAlchemy keeps the state of all errors but this one.
    if cause is not None and isinstance(cause.__cause__, asyncpg.InvalidCachedStatementError):
        return _STALE_PLAN
    return getattr(cause, "sqlstate", None)


def _is_lost(wrong: BaseException) -> bool:
    """Says whether the connection is gone, or could not be had at once."""
    if isinstance(wrong, DBAPIError) and wrong.connection_invalidated:
        return True
    return isinstance(wrong, ConnectionError) or (_state(wrong) or "").startswith(_GONE)


def _is_trouble(wrong: BaseException, state: str | None) -> bool:
    """Says whether the failure is the database's and not the program's."""
    if isinstance(wrong, (PoolTimeoutError, OSError, InterfaceError, asyncpg.InterfaceError)):
        return True
    return state is not None and (state in _RACES or state.startswith(_TROUBLE))


def _reason(wrong: BaseException) -> str:
    if isinstance(wrong, PoolTimeoutError):
        return f"all {POOL + OVERFLOW} connections have been busy for {WAIT_SECONDS} s"
    return str(wrong.orig if isinstance(wrong, DBAPIError) else wrong) or type(wrong).__name__
