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


class Threads:
    """Threads that serve one queue. `serve` takes jobs with `take` until it gets an empty list."""

    def __init__(self, name: str, count: int, serve: Callable[[Threads], None]) -> None:
        self._queue: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
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

    def take(self, most: int = 1, timeout_seconds: float | None = None) -> list[Job]:
        """Returns the next jobs, empty at the end. Raises queue.Empty after the time-out."""
        job = self._queue.get(timeout=timeout_seconds)
        jobs: list[Job] = []
        while job is not None:
            if not job.abandoned:
                jobs.append(job)
            if len(jobs) >= most:
                break
            try:
                # Waits only while there is nothing to do.
                job = self._queue.get(block=not jobs, timeout=timeout_seconds)
            except queue.Empty:
                if not jobs:
                    raise
                break
        else:
            # Pass the end on: to the other threads, and to this one's next turn.
            self._queue.put(None)
        return jobs

    async def close(self) -> None:
        """Lets queued jobs finish and waits for the threads to end."""
        self._closed = True
        self._queue.put(None)
        for thread in self._threads:
            await asyncio.to_thread(thread.join)


def finish(jobs: Iterable[Job], error: BaseException | None = None) -> None:
    """Wakes who waits for the jobs; all of them with `error` if there is one."""
    for job in jobs:
        if error is not None:
            job.error = error
        job.finish()
