"""What others do, told to open pages as it happens."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Final

import orjson
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from greenroom.domain.errors import GreenroomError
from greenroom.services.history import HistoryLine
from greenroom.web.door import Door
from greenroom.web.session import Visit
from greenroom.web.shell import load_shell

EVERY: Final = 1.0
"""Seconds between two looks."""
LIFE: Final = 300
"""Looks after which a browser must come again, with a session that still holds."""
MOST: Final = 20
TOLD: Final = ("release.", "version.", "draft.", "document.", "project.")


class StreamPages:
    """The stream of a project, and the parts of a page that it makes old."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._desk = door.desk

    def routes(self) -> list[Route]:
        """Returns the routes."""
        return [
            self._door.route("/projects/{slug}/live", self.live),
            self._door.route("/projects/{slug}/places", self.places),
        ]

    async def places(self, visit: Visit) -> Response:
        """Returns what each environment serves now, as the side and the bar of a page have it."""
        shell = await load_shell(visit, visit.path("slug"), "", "", alias=visit.query("here"))
        return self._door.part(shell, "_places.html")

    async def live(self, visit: Visit) -> Response:
        """Streams what happens in a project from now on."""
        newest = await self._desk.history.list(visit.call, visit.path("slug"), None, 1)
        seq = newest[0].seq if newest else 0
        headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
        return StreamingResponse(self._tell(visit, seq), 200, headers, "text/event-stream")

    async def _tell(self, visit: Visit, seen: int) -> AsyncIterator[bytes]:
        yield b"retry: 3000\n\n"
        for look in range(LIFE):
            await asyncio.sleep(EVERY)
            if look % 30 == 29 and await self._desk.access.find_session(visit.token) is None:
                return
            try:
                lines = await self._desk.history.list(visit.call, visit.path("slug"), None, MOST)
            except GreenroomError:
                return  # the project is gone, or not this reader's any more
            news = [line for line in reversed(lines) if line.seq > seen]
            for line in news:
                seen = line.seq
                if line.event["action"].startswith(TOLD):
                    yield b"event: happened\ndata: " + _fact(line, visit) + b"\n\n"
            if not news and look % 15 == 14:
                yield b": still here\n\n"


def _fact(line: HistoryLine, visit: Visit) -> bytes:
    mine = line.event["actor"] == visit.who.id
    return orjson.dumps({"action": line.event["action"], "said": line.summary, "mine": mine})
