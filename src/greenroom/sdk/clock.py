"""The SDK's only source of waiting and of new ids, for programs that use the SDK alone."""

from __future__ import annotations

import time
import uuid
from typing import Protocol


class Clock(Protocol):
    """What a client asks of its surroundings. A test brings its own."""

    def new_key(self) -> str: ...
    def wait(self, ms: int) -> None: ...
    async def wait_async(self, ms: int) -> None: ...


class SystemClock:
    """The real one."""

    def new_key(self) -> str:
        """Returns an idempotency key that was never used."""
        return uuid.uuid4().hex

    def wait(self, ms: int) -> None:
        """Blocks the thread."""
        time.sleep(ms / 1000)

    async def wait_async(self, ms: int) -> None:
        """Lets other tasks run."""
        # Imported here: asyncio costs a program that blocks a fifth of its start.
        import asyncio  # noqa: PLC0415

        await asyncio.sleep(ms / 1000)
