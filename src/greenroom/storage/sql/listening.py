"""Hearing of other processes' commits to PostgreSQL: NOTIFY at once, and a poll where it was not sent or lost."""

from __future__ import annotations

import asyncio
import contextlib

import asyncpg

from greenroom.storage.changes import Changes

CHANNEL = "greenroom"
POLL_SECONDS = 0.5
"""Commits that are not announced (turns) are noticed within this time."""
_RETRY_SECONDS = 0.5
_CONNECT_SECONDS = 2

# Differs as soon as any transaction that wrote has ended. Read-only ones, this one too, leave it alone.
_ENDED_TRANSACTIONS = "SELECT pg_current_snapshot()::text"


class Listener:
    """Keeps one connection for listening, from the first wait on; reconnects for ever."""

    def __init__(self, url: str) -> None:
        self.changes = Changes()
        self._url = url
        self._task: asyncio.Task[None] | None = None

    async def wait(self, timeout_seconds: float) -> bool:
        """Returns True after a commit, as `Changes.wait` does."""
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._listen(), name="greenroom-listen")
        return await self.changes.wait(timeout_seconds)

    async def close(self) -> None:
        """Ends listening."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def _listen(self) -> None:
        while True:
            with contextlib.suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
                await self._listen_on_one_connection()
            await asyncio.sleep(_RETRY_SECONDS)

    async def _listen_on_one_connection(self) -> None:
        connection = await asyncpg.connect(self._url, timeout=_CONNECT_SECONDS, command_timeout=_CONNECT_SECONDS)
        try:
            await connection.add_listener(CHANNEL, lambda *_: self.changes.notice())
            # What happened while nobody listened is a change, too.
            seen = ""
            while True:
                now = await connection.fetchval(_ENDED_TRANSACTIONS)
                if now != seen:
                    self.changes.notice()
                seen = now
                await asyncio.sleep(POLL_SECONDS)
        finally:
            connection.terminate()
