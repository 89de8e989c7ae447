"""What surrounds every request: its name, its headers, its time, and the answer when we are at fault."""

from __future__ import annotations

from typing import Final

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from greenroom.api.metrics import ELSEWHERE, Metrics
from greenroom.api.problems import unexpected
from greenroom.api.request_ids import HEADER, RequestIds

SAFE_HEADERS: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"referrer-policy", b"no-referrer"),
)
TOLD: Final = "told"
"""Where, in the state of a request, further headers wait until its answer begins, whatever that comes to."""
NO_STORE: Final = (b"cache-control", b"no-store")
_ID_HEADER: Final = HEADER.encode()
_log = structlog.get_logger("greenroom.api")


class Guard:
    """Wraps the routes of the API, inside the server and outside everything that may fail."""

    def __init__(self, app: ASGIApp, metrics: Metrics, ids: RequestIds) -> None:
        self._app = app
        self._metrics = metrics
        self._ids = ids
        self._now_ms = metrics.desk.clock.monotonic_ms

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = next((value for name, value in scope["headers"] if name == _ID_HEADER), None)
        name = self._ids.take(given)
        text = name.decode()
        scope.setdefault("state", {})["request_id"] = text
        begun = self._now_ms()
        status = 0

        async def send_guarded(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                told = scope["state"].get(TOLD, ())
                message["headers"] = with_guard([*message["headers"], *told], name)
            await send(message)

        try:
            await self._app(scope, receive, send_guarded)
        except Exception as fault:
            incident = self._ids.new().replace("req_", "inc_", 1)
            self._log_fault(scope, text, incident, fault)
            if status:
                # Half an answer is out: only a broken connection tells the reader that it is not whole.
                raise
            await unexpected(incident)(scope, receive, send_guarded)
        finally:
            route = getattr(scope.get("route"), "path_format", ELSEWHERE)
            self._metrics.tally(scope["method"], route, status).note(self._now_ms() - begun)

    @staticmethod
    def _log_fault(scope: Scope, request: str, incident: str, fault: Exception) -> None:
        _log.error(
            "unexpected",
            incident=incident,
            request=request,
            method=scope["method"],
            route=getattr(scope.get("route"), "path_format", ELSEWHERE),
            exc_info=fault,
        )


def with_guard(headers: list[tuple[bytes, bytes]], request: bytes) -> list[tuple[bytes, bytes]]:
    """Returns an answer's headers with those that every answer has; what the route set stays."""
    if not any(name == b"cache-control" for name, _ in headers):
        headers.append(NO_STORE)
    headers.extend(SAFE_HEADERS)
    headers.append((_ID_HEADER, request))
    return headers
