"""Outsides for tests that need none, or a scripted one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from greenroom.domain.asks import Answer, Ask, Place, Streamer, failed
from greenroom.domain.canonical import Digest
from greenroom.domain.ids import EnvironmentId, ProjectId, WorkspaceId

PLACE = Place(WorkspaceId("wsp_t"), ProjectId("prj_t"), EnvironmentId("env_t"), "live", "live", Digest("sha256:0"))


@dataclass
class Scripted:
    """Answers every ask by a function, and keeps what was asked."""

    script: Callable[[Ask, Streamer | None], Answer] = lambda ask, stream: failed("nobody", "nobody is outside")
    asked: list[Ask] = field(default_factory=list[Ask])

    async def answer(self, ask: Ask, place: Place, stream: Streamer | None = None) -> Answer:
        self.asked.append(ask)
        return {"ms": 0.0, **self.script(ask, stream)}
