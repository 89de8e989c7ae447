"""A store in PostgreSQL, for any number of processes.

Writes run at READ COMMITTED and rely on row locks and compare-and-set; reads see one snapshot. Work may run
again after a lost race or a lost connection, as long as its COMMIT was not sent.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from typing import Any, TypeVar

import asyncpg
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError, InterfaceError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from greenroom.domain.errors import Unavailable
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

_RACES = {"40001", "40P01"}
"""Serialisation failure and deadlock: PostgreSQL undid the transaction, so it may run again."""
_GONE = ("08", "57P0")
"""Connection lost, server shutting down or crashed."""


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
        pool_pre_ping=True,
    )


class PostgresStore:
    """`ports.Store` in PostgreSQL."""

    def __init__(self, url: str) -> None:
        self._caches = Caches()
        self._engine = create_engine(url)
        self._reading = self._engine.execution_options(
            isolation_level="REPEATABLE READ", postgresql_readonly=True
        )
        self._listener = Listener(url)

    async def read(self, workspace: WorkspaceId, work: Callable[[Reading], T]) -> T:
        def run(connection: Connection) -> tuple[Work, T]:
            scope = Work(connection, workspace, self._caches)
            return scope, work(SqlReading(scope))

        scope, result = await self._carry_out(self._reading, run)
        scope.remembered.share()
        return result

    async def write(self, workspace: WorkspaceId, work: Callable[[Writing], T]) -> T:
        def run(connection: Connection) -> tuple[Work, T]:
            scope = Work(connection, workspace, self._caches)
            result = work(SqlWriting(scope))
            if scope.announced:
                connection.exec_driver_sql(_NOTIFY)
            return scope, result

        scope, result = await self._carry_out(self._engine, run)
        scope.remembered.share()
        self._listener.changes.notice()
        return result

    async def system(self, work: Callable[[System], T]) -> T:
        def run(connection: Connection) -> T:
            system = SqlSystem(connection, self._caches)
            result = work(system)
            if system.announced:
                connection.exec_driver_sql(_NOTIFY)
            return result

        result = await self._carry_out(self._engine, run)
        self._listener.changes.notice()
        return result

    async def wait_for_change(self, timeout_seconds: float) -> bool:
        return await self._listener.wait(timeout_seconds)

    async def check(self) -> None:
        await self._carry_out(self._reading, check_revision)

    async def close(self) -> None:
        await self._listener.close()
        await self._engine.dispose()

    async def _carry_out(self, engine: AsyncEngine, run: Callable[[Connection], T]) -> T:
        """Runs work in a transaction, again where nothing can have been committed."""
        for attempt in range(1, TRIES + 1):
            attempting = _Attempt()
            try:
                async with engine.connect() as connection:
                    return await attempting.carry_out(connection, run)
            except (SQLAlchemyError, asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as wrong:
                if attempting.committing:
                    refusal = unavailable("it did not say whether the change was made", outcome="unknown")
                    raise refusal from wrong
                if attempt < TRIES and _may_run_again(wrong):
                    await asyncio.sleep(0.005 * attempt * attempt)
                    continue
                if _is_trouble(wrong):
                    raise unavailable(_reason(wrong)) from wrong
                raise
        raise AssertionError("unreachable")
