"""The doors of a memory store."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

from greenroom.domain.ids import WorkspaceId
from greenroom.ports import Reading, System, Writing
from greenroom.storage.changes import Changes
from greenroom.storage.memory.reading import MemoryReading
from greenroom.storage.memory.system import MemorySystem
from greenroom.storage.memory.tables import Rows, State
from greenroom.storage.memory.writing import MemoryWriting
from greenroom.storage.refusals import unavailable

T = TypeVar("T")


class MemoryStore:
    """`ports.Store` in dictionaries; one lock, held only while work runs, serves all threads."""

    def __init__(self) -> None:
        self._state = State()
        self._lock = threading.Lock()
        self._changes = Changes()
        self._closed = False

    async def read(self, workspace: WorkspaceId, work: Callable[[Reading], T]) -> T:
        self._check_open()
        rows = self._state.workspaces.get(workspace)
        return work(MemoryReading(Rows() if rows is None else rows))

    async def write(self, workspace: WorkspaceId, work: Callable[[Writing], T]) -> T:
        self._check_open()
        with self._lock:
            rows = self._state.workspaces.get(workspace)
            fork = None if rows is None else rows.fork()
            result = work(MemoryWriting(workspace, fork, self._state.workspaces.values()))
            if fork is not None:
                self._state = State({**self._state.workspaces, workspace: fork})
        if fork is not None and fork.announced:
            self._changes.notice()
        return result

    async def system(self, work: Callable[[System], T]) -> T:
        self._check_open()
        with self._lock:
            workspaces = {name: rows.fork() for name, rows in self._state.workspaces.items()}
            fork = State(workspaces)
            result = work(MemorySystem(fork))
            grown = len(fork.workspaces) > len(self._state.workspaces)
            self._state = fork
        if grown:
            self._changes.notice()
        return result

    async def wait_for_change(self, timeout_seconds: float) -> bool:
        self._check_open()
        return await self._changes.wait(timeout_seconds)

    async def check(self) -> None:
        self._check_open()

    async def close(self) -> None:
        self._closed = True

    def _check_open(self) -> None:
        if self._closed:
            raise unavailable("it was closed")
