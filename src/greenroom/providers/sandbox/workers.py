"""The pool of worker processes and the threads that talk to them: lazily begun, bounded, ended by close.

Monty's own asyncio interface is not used: its background thread may abort the interpreter while it ends (1.4).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

from greenroom.domain.errors import Unavailable
from greenroom.providers.sandbox.confinement import forbid_new_privileges
from greenroom.providers.sandbox.limits import Limits

if TYPE_CHECKING:
    from pydantic_monty import Monty

Result = TypeVar("Result")


class Busy(Exception):
    """No worker became free in time."""


class Workers:
    """At most `most` processes; who finds none free waits as long as one call may run."""

    def __init__(self, most: int, limits: Limits) -> None:
        self._most = most
        self._limits = limits
        self._free = asyncio.Semaphore(most)
        self._starting = asyncio.Lock()
        self._pool: Monty | None = None
        self._threads: ThreadPoolExecutor | None = None

    async def use(self, work: Callable[[Monty], Result]) -> Result:
        """Runs work in a thread of its own with the pool. Raises Busy, Unavailable, and what work raises."""
        try:
            async with asyncio.timeout((self._limits.wall_ms + self._limits.grace_ms) / 1000):
                await self._free.acquire()
        except TimeoutError:
            raise Busy from None
        done: asyncio.Future[Result] | None = None
        try:
            pool, threads = await self._begin()
            done = asyncio.get_running_loop().run_in_executor(threads, work, pool)
            return await asyncio.shield(done)
        finally:
            # A caller that went away leaves its worker busy until the thread is through.
            if done is None or done.done():
                self._free.release()
            else:
                done.add_done_callback(self._let_go)

    def _let_go(self, done: asyncio.Future[Result]) -> None:
        self._free.release()
        if not done.cancelled():
            done.exception()

    async def _begin(self) -> tuple[Monty, ThreadPoolExecutor]:
        async with self._starting:
            if self._pool is None or self._threads is None:
                from pydantic_monty import Monty

                seconds = (self._limits.wall_ms + self._limits.grace_ms) / 1000
                pool = Monty(
                    min_processes=1,
                    max_processes=self._most,
                    checkout_timeout=seconds,
                    request_timeout=seconds + 0.2,
                    max_checkouts_per_worker=500,
                    feed_duration_limit_grace=self._limits.grace_ms / 1000,
                    turn_duration_limit_grace=self._limits.grace_ms / 1000,
                )
                # Workers begin in these threads, and inherit what they may not.
                threads = ThreadPoolExecutor(self._most, "sandbox", forbid_new_privileges)
                try:
                    await asyncio.get_running_loop().run_in_executor(threads, pool.__enter__)
                except Exception as wrong:
                    threads.shutdown(wait=False)
                    message = f"the sandbox's program does not start: {wrong}"
                    raise Unavailable("sandbox_missing", message) from wrong
                self._pool, self._threads = pool, threads
            return self._pool, self._threads

    async def close(self) -> None:
        """Ends the processes; what still runs in them fails."""
        async with self._starting:
            pool, self._pool = self._pool, None
            threads, self._threads = self._threads, None
        if threads is not None:
            threads.shutdown(wait=False, cancel_futures=True)
        if pool is not None:
            await asyncio.to_thread(pool.__exit__, None, None, None)
