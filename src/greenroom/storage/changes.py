"""Waking those who wait for the next commit."""

from __future__ import annotations

import asyncio
import threading

PATIENCE_SECONDS = 1.0
"""A wait this long ends with "look again": the caller may have missed a commit just before it asked."""


class Changes:
    """Wakes who waits when a commit is noticed. `notice` may be called from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: set[tuple[asyncio.AbstractEventLoop, asyncio.Future[None]]] = set()

    @property
    def awaited(self) -> bool:
        """Says whether anybody waits."""
        return bool(self._waiting)

    def notice(self) -> None:
        """Wakes everybody who waits."""
        if not self._waiting:
            return
        with self._lock:
            woken, self._waiting = self._waiting, set()
        for loop, future in woken:
            try:
                loop.call_soon_threadsafe(_wake, future)
            except RuntimeError:  # that loop is closed, nobody waits there any more
                continue

    async def wait(self, timeout_seconds: float) -> bool:
        """Returns True after a commit was noticed, or after a second; False after a shorter time-out."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()
        mine = (loop, future)
        with self._lock:
            self._waiting.add(mine)
        try:
            done, _ = await asyncio.wait([future], timeout=min(timeout_seconds, PATIENCE_SECONDS))
            return bool(done) or timeout_seconds >= PATIENCE_SECONDS
        finally:
            with self._lock:
                self._waiting.discard(mine)


def _wake(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
