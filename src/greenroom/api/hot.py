"""The doors that are asked most, answered from memory in front of the framework, which costs five times as much.

Only the plain case is answered here: a known API key, a decision or bundle that is at hand. Everything else,
every refusal included, is the routes' business; where both can answer, they answer the same bytes.
"""

from __future__ import annotations

import hashlib
import re
from typing import Any, Final
from urllib.parse import unquote_plus

import orjson
from fastapi import FastAPI
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from greenroom.api.asking import Door
from greenroom.api.bundles import CACHEABLE
from greenroom.api.caller import MAX_CREDENTIAL
from greenroom.api.guard import with_guard
from greenroom.api.health import ALIVE
from greenroom.api.nouns import PREFIX
from greenroom.api.request_ids import HEADER, RequestIds
from greenroom.api.traffic import MAX_KEY
from greenroom.domain.access import Principal, may
from greenroom.domain.errors import GreenroomError
from greenroom.services.desk import Desk

PROJECTS: Final = f"{PREFIX}/projects/"
HEALTH: Final = "/healthz"
RESOLVE: Final = PROJECTS + "{project}/resolve"
BUNDLE: Final = PROJECTS + "{project}/bundles/{digest}"
MAX_ALIAS: Final = 80
_BEARER: Final = b"Bearer "
_ID_HEADER: Final = HEADER.encode()
_KEY = re.compile(rb"[\x21-\x7e]+")
_DIGEST = re.compile(r"bundles/(sha256:[0-9a-f]{64})")
_JSON_TYPE = (b"content-type", b"application/json")


class _Asked:
    """The few headers that matter here; `plain` is False when they are not the plain case."""

    __slots__ = ("authorization", "if_none_match", "plain", "request_id")

    def __init__(self, headers: list[tuple[bytes, bytes]]) -> None:
        self.authorization: bytes | None = None
        self.if_none_match: bytes | None = None
        self.request_id: bytes | None = None
        self.plain = True
        for name, value in headers:
            if name == b"authorization":
                self.plain = self.plain and self.authorization is None
                self.authorization = value
            elif name == b"if-none-match":
                self.plain = self.plain and self.if_none_match is None
                self.if_none_match = value
            elif name == _ID_HEADER and self.request_id is None:
                self.request_id = value


class HotDoors:
    """An application in front of the API's."""

    def __init__(self, app: FastAPI, desk: Desk) -> None:
        self._app: ASGIApp = app
        door: Door = app.state.door
        self._ids: RequestIds = app.state.ids
        self._traffic = desk.traffic
        self._bundles = door.bundles
        self._now_ms = desk.clock.monotonic_ms
        self._health = door.metrics.bind("GET", HEALTH, 200)
        self._resolve = door.metrics.bind("GET", RESOLVE, 200)
        self._bundle = door.metrics.bind("GET", BUNDLE, 200)
        self._unchanged = door.metrics.bind("GET", BUNDLE, 304)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] == "GET" and not scope.get("root_path"):
            begun = self._now_ms()
            found = self._find_answer(scope)
            if found is not None:
                (start, body), bound = found
                await send(start)
                await send({"type": "http.response.body", "body": body})
                bound.note(self._now_ms() - begun)
                return
        await self._app(scope, receive, send)

    def _find_answer(self, scope: Scope) -> Any:
        """Returns the messages and where they are counted, None where the routes must answer."""
        path: str = scope["path"]
        if path.startswith(PROJECTS):
            slug, _, rest = path[len(PROJECTS) :].partition("/")
            if rest == "resolve":
                return self._answer_resolve(scope, slug)
            if rest.startswith("bundles/"):
                return self._answer_bundle(scope, slug, rest)
        elif path == HEALTH:
            asked = _Asked(scope["headers"])
            return self._json(asked, ALIVE), self._health
        return None

    def _answer_resolve(self, scope: Scope, slug: str) -> Any:
        asked = _Asked(scope["headers"])
        principal = self._find_principal(asked)
        given = _read_query(scope["query_string"])
        if principal is None or given is None or not may(principal, "resolve.read"):
            return None
        try:
            resolved = self._traffic.decide(principal.workspace, slug, *given)
        except GreenroomError:
            return None
        body = orjson.dumps(
            {
                "environment": resolved.environment,
                "version": resolved.version,
                "digest": resolved.digest,
                "seq": resolved.seq,
                "slot": resolved.slot,
                "reason": resolved.reason,
            }
        )
        return self._json(asked, body), self._resolve

    def _answer_bundle(self, scope: Scope, slug: str, rest: str) -> Any:
        found = _DIGEST.fullmatch(rest)
        if found is None or scope["query_string"]:
            return None
        asked = _Asked(scope["headers"])
        principal = self._find_principal(asked)
        if principal is None or not may(principal, "content.read"):
            return None
        digest = found.group(1)
        # Cached bytes may outlive their project; only the table knows whether it is still there.
        data = self._bundles.find(principal.workspace, digest)
        if data is None or not self._traffic.has_project(principal.workspace, slug):
            return None
        tag = b'"%b"' % digest.encode()
        headers = [(b"cache-control", CACHEABLE.encode()), (b"etag", tag)]
        if asked.if_none_match is None:
            headers = [(b"content-length", b"%d" % len(data)), _JSON_TYPE, *headers]
            return (self._start(asked, 200, headers), data), self._bundle
        if asked.if_none_match == tag:
            return (self._start(asked, 304, headers), b""), self._unchanged
        return None

    def _find_principal(self, asked: _Asked) -> Principal | None:
        header = asked.authorization
        if header is None or not asked.plain or not header.startswith(_BEARER):
            return None
        key = header[len(_BEARER) :]
        if len(key) > MAX_CREDENTIAL or not _KEY.fullmatch(key):
            return None
        return self._traffic.find_principal(hashlib.sha256(key).hexdigest())

    def _json(self, asked: _Asked, body: bytes) -> tuple[Message, bytes]:
        return self._start(asked, 200, [(b"content-length", b"%d" % len(body)), _JSON_TYPE]), body

    def _start(self, asked: _Asked, status: int, headers: list[tuple[bytes, bytes]]) -> Message:
        name = self._ids.take(asked.request_id)
        return {"type": "http.response.start", "status": status, "headers": with_guard(headers, name.encode())}


def _read_query(query: bytes) -> tuple[str, str | None] | None:
    """Returns key and environment, None for any other query."""
    try:
        text = query.decode("ascii")
    except UnicodeDecodeError:
        return None
    given: dict[str, str] = {}
    for pair in text.split("&"):
        name, _, value = pair.partition("=")
        if name not in ("key", "environment") or name in given:
            return None
        given[name] = unquote_plus(value) if "%" in value or "+" in value else value
    key, environment = given.get("key", ""), given.get("environment")
    if not 1 <= len(key) <= MAX_KEY or "\0" in key:
        return None
    if environment is not None and not 1 <= len(environment) <= MAX_ALIAS:
        return None
    return key, environment
