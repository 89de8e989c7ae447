"""After the commit: events handed to whoever listens, in commit order, at least once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from greenroom.domain.errors import Unavailable
from greenroom.domain.events import AuditRecord
from greenroom.domain.ids import WorkspaceId
from greenroom.ports import Store

Listener = Callable[[WorkspaceId, AuditRecord], Awaitable[None]]

BATCH = 200


class Outbox:
    """Delivers what transactions left behind.

    Within a workspace a listener sees events in the order of their commits. One that raises stops its
    workspace there: the event and all after it come again. Several processes may each deliver an event, so
    listeners tell repeats apart by workspace and seq.
    """

    def __init__(self, store: Store, listeners: Sequence[Listener]) -> None:
        self._store = store
        self._listeners = listeners

    async def deliver(self) -> int:
        """Delivers one batch and returns how many events every listener took."""
        waiting = await self._store.system(lambda tx: tx.list_undelivered(BATCH))
        done: dict[WorkspaceId, int] = {}
        stopped: set[WorkspaceId] = set()
        failures: list[Exception] = []
        count = 0
        for workspace, record in waiting:
            if workspace in stopped:
                continue
            try:
                for listener in self._listeners:
                    await listener(workspace, record)
            except Exception as wrong:  # noqa: BLE001  (a listener is foreign; its workspace waits, others go on)
                stopped.add(workspace)
                failures.append(wrong)
            else:
                done[workspace] = record.seq
                count += 1
        for workspace, seq in done.items():
            await self._store.system(lambda tx, w=workspace, s=seq: tx.mark_delivered(w, s))
        if failures:
            raise ExceptionGroup("listeners failed; their events will come again", failures)
        return count

    async def follow(self, stop: asyncio.Event, report: Callable[[Exception], None]) -> None:
        """Delivers until `stop`; failures are reported and tried again."""
        while not stop.is_set():
            try:
                if await self.deliver() < BATCH:
                    await self._store.wait_for_change(1.0)
            except (Unavailable, OSError, ExceptionGroup) as wrong:
                report(wrong)
                await asyncio.sleep(0.5)
