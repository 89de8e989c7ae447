"""Hearing of other processes' commits to PostgreSQL through NOTIFY.

Turns are not announced: NOTIFY makes commits wait for one another, all over the server. Who waits for those, or
while the connection is lost, looks again after a second (`Changes.wait`).
"""

from __future__ import annotations

import asyncio
import contextlib

import asyncpg

from greenroom.storage.changes import Changes

CHANNEL = "greenroom"
_PROBE_SECONDS = 1
_RETRY_SECONDS = 0.5
_PATIENCE_SECONDS = 2


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
        connection = await asyncpg.connect(self._url, timeout=_PATIENCE_SECONDS, command_timeout=_PATIENCE_SECONDS)
        try:
            await connection.add_listener(CHANNEL, lambda *_: self.changes.notice())
            # What happened while nobody listened is a change, too.
            self.changes.notice()
            while True:
                await connection.execute("SELECT 1")
                await asyncio.sleep(_PROBE_SECONDS)
        finally:
            connection.terminate()
