"""Carrying synchronous work from event loops to threads that own a connection, and answers back."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable, Iterable
from typing import Any

from sqlalchemy import Connection

from greenroom.storage.refusals import unavailable


class Job:
    """One unit of work on its way through a thread."""

    __slots__ = ("_future", "_loop", "error", "result", "run")

    def __init__(self, run: Callable[[Connection], Any]) -> None:
        self.run = run
        self.result: Any = None
        self.error: BaseException | None = None
        self._loop = asyncio.get_running_loop()
        self._future: asyncio.Future[Any] = self._loop.create_future()

    def __await__(self) -> Any:
        return self._future.__await__()

    @property
    def abandoned(self) -> bool:
        """Says whether nobody waits for it any more."""
        return self._future.cancelled()

    def finish(self) -> None:
        """Wakes who waits for it, with `error` or `result`. Called on the job's thread, once."""
        try:
            self._loop.call_soon_threadsafe(self._settle)
        except RuntimeError:  # the loop was closed: nobody is left to tell
            return

    def _settle(self) -> None:
        if self._future.done():
            return
        if self.error is not None:
            self._future.set_exception(self.error)
        else:
            self._future.set_result(self.result)


class _End:
    """Says that no jobs follow."""


class Threads:
    """Threads that serve one queue. `serve` takes jobs until there are no more."""

    def __init__(self, name: str, count: int, serve: Callable[[Threads], None]) -> None:
        self._queue: queue.SimpleQueue[Job | _End | None] = queue.SimpleQueue()
        self._closed = False
        self._threads = [
            threading.Thread(target=serve, args=(self,), name=f"{name}-{n}", daemon=True) for n in range(count)
        ]
        for thread in self._threads:
            thread.start()

    def submit(self, job: Job) -> Job:
        """Queues a job."""
        if self._closed:
            raise unavailable("it was closed")
        self._queue.put(job)
        return job

    def nudge(self) -> None:
        """Makes a thread that waits in `take` look around."""
        self._queue.put(None)

    def take(self, most: int = 1, timeout_seconds: float | None = None) -> list[Job] | None:
        """Returns the next jobs, an empty list after a nudge or the time-out, None at the end."""
        items: list[Job | _End | None] = []
        try:
            items.append(self._queue.get(timeout=timeout_seconds))
            while len(items) < most:
                items.append(self._queue.get_nowait())
        except queue.Empty:
            pass
        ended = any(isinstance(item, _End) for item in items)
        if ended:
            self._queue.put(_End())  # for the other threads, and for this one's next turn
        jobs = [item for item in items if isinstance(item, Job) and not item.abandoned]
        return None if ended and not jobs else jobs

    async def close(self) -> None:
        """Lets queued jobs finish and waits for the threads to end."""
        self._closed = True
        self._queue.put(_End())
        for thread in self._threads:
            await asyncio.to_thread(thread.join)


def finish(jobs: Iterable[Job], error: BaseException | None = None) -> None:
    """Wakes who waits for the jobs; all of them with `error` if there is one."""
    for job in jobs:
        if error is not None:
            job.error = error
        job.finish()
