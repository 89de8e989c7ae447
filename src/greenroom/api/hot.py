"""The doors that are asked most, answered from memory in front of the framework, which costs five times as much.

Only the plain case is answered here: a known API key, a decision or bundle that is at hand. Everything else,
every refusal included, is the routes' business; where both can answer, they answer the same bytes. This is the one
place where a microsecond counts (tests/bench/bench_http.py), so it calls little and builds little.
"""

from __future__ import annotations

import re
from hashlib import sha256
from typing import Final
from urllib.parse import unquote_plus

import orjson
from fastapi import FastAPI
from starlette.types import ASGIApp, Receive, Scope, Send

from greenroom.api.asking import Door
from greenroom.api.bundle_cache import Headers
from greenroom.api.guard import NO_STORE, SAFE_HEADERS
from greenroom.api.health import ALIVE
from greenroom.api.metrics import Tally
from greenroom.api.nouns import PREFIX
from greenroom.api.request_ids import HEADER, RequestIds
from greenroom.api.traffic import MAX_KEY
from greenroom.domain.access import PERMISSIONS, Principal
from greenroom.domain.errors import GreenroomError
from greenroom.services.desk import Desk
from greenroom.services.traffic import Resolved

PROJECTS: Final = f"{PREFIX}/projects/"
HEALTH: Final = "/healthz"
RESOLVE: Final = PROJECTS + "{project}/resolve"
BUNDLE: Final = PROJECTS + "{project}/bundles/{digest}"
MAX_ALIAS: Final = 80
MAX_PIECES: Final = 4_096
_ID_HEADER: Final = HEADER.encode()
_JSON_TYPE: Final = (b"content-type", b"application/json")
_JSON_HEADERS: Final = (_JSON_TYPE, NO_STORE, *SAFE_HEADERS)
_PLAIN_KEY: Final = re.compile(rf"key=([A-Za-z0-9._:@-]{{1,{MAX_KEY}}})")

Answer = tuple[int, Headers, bytes, Tally]
Given = dict[bytes, bytes]

# Every role may do these two; a role that may not would need asking here.
assert PERMISSIONS["resolve.read"] == PERMISSIONS["content.read"] == "viewer"


class HotDoors:
    """An application in front of the API's."""

    def __init__(self, app: FastAPI, desk: Desk) -> None:
        self._app: ASGIApp = app
        door: Door = app.state.door
        self._ids: RequestIds = app.state.ids
        self._traffic = desk.traffic
        self._bundles = door.bundles
        self._pieces: dict[tuple[str, str], tuple[bytes, bytes]] = {}
        self._now_ms = desk.clock.monotonic_ms
        self._health = door.metrics.tally("GET", HEALTH, 200)
        self._resolve = door.metrics.tally("GET", RESOLVE, 200)
        self._bundle = door.metrics.tally("GET", BUNDLE, 200)
        self._unchanged = door.metrics.tally("GET", BUNDLE, 304)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "GET" or scope.get("root_path"):
            await self._app(scope, receive, send)
            return
        begun = self._now_ms()
        headers: Given = dict(scope["headers"])
        # A header given twice is not the plain case.
        answer = self._find_answer(scope, headers) if len(headers) == len(scope["headers"]) else None
        if answer is None:
            await self._app(scope, receive, send)
            return
        status, reply, body, tally = answer
        reply = [*reply, (_ID_HEADER, self._ids.take(headers.get(_ID_HEADER)))]
        await send({"type": "http.response.start", "status": status, "headers": reply})
        await send({"type": "http.response.body", "body": body})
        tally.note(self._now_ms() - begun)

    def _find_answer(self, scope: Scope, headers: Given) -> Answer | None:
        """Returns the answer and where it is counted, None where the routes must answer."""
        path: str = scope["path"]
        if not path.startswith(PROJECTS):
            return self._answer_json(ALIVE, self._health) if path == HEALTH else None
        slug, _, rest = path[len(PROJECTS) :].partition("/")
        if rest == "resolve":
            principal = self._find_principal(headers)
            return None if principal is None else self._answer_resolve(principal, slug, scope["query_string"])
        if rest.startswith("bundles/") and not scope["query_string"]:
            principal = self._find_principal(headers)
            return None if principal is None else self._answer_bundle(principal, slug, rest[8:], headers)
        return None

    def _find_principal(self, headers: Given) -> Principal | None:
        """Returns who asks; a key that is not exactly a known one is none here."""
        header = headers.get(b"authorization")
        if header is None or not header.startswith(b"Bearer "):
            return None
        return self._traffic.find_principal(sha256(header[7:]).hexdigest())

    def _answer_resolve(self, principal: Principal, slug: str, query: bytes) -> Answer | None:
        given = _read_query(query)
        if given is None:
            return None
        try:
            resolved = self._traffic.decide(principal.workspace, slug, *given)
        except GreenroomError:
            return None
        head, tail = self._pieces_of(resolved)
        return self._answer_json(b"%b%d%b" % (head, resolved.slot, tail), self._resolve)

    def _pieces_of(self, resolved: Resolved) -> tuple[bytes, bytes]:
        """Returns the JSON of a decision before and behind its slot; the rest is the same for every key."""
        key = (resolved.reason, resolved.digest)
        pieces = self._pieces.get(key)
        if pieces is None:
            if len(self._pieces) >= MAX_PIECES:
                self._pieces.clear()
            whole = orjson.dumps(resolved._replace(slot=0)._asdict())
            head, _, tail = whole.partition(b'"slot":0')
            pieces = self._pieces[key] = (head + b'"slot":', tail)
        return pieces

    def _answer_bundle(self, principal: Principal, slug: str, digest: str, headers: Given) -> Answer | None:
        ready = self._bundles.find(principal.workspace, digest)
        # Cached bytes may outlive their project; only the table knows whether it is still there.
        if ready is None or not self._traffic.has_project(principal.workspace, slug):
            return None
        known = headers.get(b"if-none-match")
        if known is None:
            return 200, ready.headers, ready.data, self._bundle
        if known == ready.tag:
            return 304, ready.unchanged, b"", self._unchanged
        return None

    @staticmethod
    def _answer_json(body: bytes, tally: Tally) -> Answer:
        return 200, ((b"content-length", b"%d" % len(body)), *_JSON_HEADERS), body, tally


def _read_query(query: bytes) -> tuple[str, str | None] | None:
    """Returns key and environment, None for any other query."""
    if not query.isascii():
        return None
    text = query.decode("ascii")
    if (plain := _PLAIN_KEY.fullmatch(text)) is not None:
        return plain.group(1), None
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
