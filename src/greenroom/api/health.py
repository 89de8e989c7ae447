"""Whether this process lives, may be sent traffic, and what it has done."""

from __future__ import annotations

from typing import Final, Literal

from starlette.requests import Request
from starlette.responses import Response

from greenroom.api.asking import Door
from greenroom.api.metrics import MEDIA_TYPE
from greenroom.api.nouns import Noun
from greenroom.api.writes import JSON
from greenroom.domain.errors import Unavailable
from greenroom.wire.model import Out

NOUN: Final = Noun("health", prefix="")
METRICS_NOUN: Final = Noun("metrics", prefix="")
ALIVE: Final = b'{"status":"ok"}'
_TEXT = {
    "responses": {"200": {"description": "The figures.", "content": {"text/plain": {"schema": {"type": "string"}}}}}
}


class HealthOut(Out):
    """All is well."""

    status: Literal["ok"] = "ok"


@NOUN.verb("GET", "/healthz", "live", HealthOut, open=True)
async def live(request: Request) -> Response:
    """Says that the process lives."""
    return Response(ALIVE, media_type=JSON)


@NOUN.verb("GET", "/readyz", "ready", HealthOut, open=True)
async def ready(request: Request) -> Response:
    """Says whether traffic may come: migrations ran, and the versions that are served are compiled."""
    door: Door = request.app.state.door
    await door.desk.store.check()
    if not door.desk.traffic.ready:
        raise Unavailable("not_ready", "the versions that are served are still being compiled")
    return Response(ALIVE, media_type=JSON)


@METRICS_NOUN.verb("GET", "/metrics", "read", None, open=True, extra=_TEXT)
async def metrics(request: Request) -> Response:
    """Returns counts and times for Prometheus; nothing of any tenant."""
    door: Door = request.app.state.door
    return Response(door.metrics.render(), media_type=MEDIA_TYPE)
