"""The doors that are asked most, answered from memory in front of the framework, which costs five times as much.

Only the plain case is answered here: a known API key, a decision or bundle that is at hand. Everything else,
every refusal included, is the routes' business; where both can answer, they answer the same bytes. This is the one
place where a microsecond counts (tests/bench/bench_http.py), so it calls little and builds little.
"""

from __future__ import annotations

import re
from hashlib import sha256
from typing import Final, NamedTuple
from urllib.parse import unquote_plus

import orjson
from fastapi import FastAPI
from starlette.types import ASGIApp, Receive, Scope, Send

from greenroom.api.asking import Door
from greenroom.api.bundle_cache import Headers, Ready
from greenroom.api.deprecations import say_headers, swap_query
from greenroom.api.guard import NO_STORE, SAFE_HEADERS
from greenroom.api.health import ALIVE
from greenroom.api.metrics import Tally
from greenroom.api.nouns import PREFIX
from greenroom.api.request_ids import HEADER, RequestIds
from greenroom.api.traffic import MAX_KEY, read_plus
from greenroom.domain.access import PERMISSIONS, Principal
from greenroom.domain.errors import GreenroomError
from greenroom.domain.numbers import MAX_WRITTEN
from greenroom.services.desk import Desk
from greenroom.services.traffic import Resolved

PROJECTS: Final = f"{PREFIX}/projects/"
HEALTH: Final = "/healthz"
RESOLVE: Final = PROJECTS + "{project}/resolve"
BUNDLE: Final = PROJECTS + "{project}/bundles/{digest}"
MAX_ALIAS: Final = 80
MAX_PIECES: Final = 4_096
MAX_PLACES: Final = 4_096
_ID_HEADER: Final = HEADER.encode()
_JSON_TYPE: Final = (b"content-type", b"application/json")
_JSON_HEADERS: Final = (_JSON_TYPE, NO_STORE, *SAFE_HEADERS)
_PLAIN_KEY: Final = re.compile(rf"key=([A-Za-z0-9._:@-]{{1,{MAX_KEY}}})")

Answer = tuple[int, Headers, bytes, Tally]
Given = dict[bytes, bytes]

# Every role may do these two; a role that may not would need asking here.
assert PERMISSIONS["resolve.read"] == PERMISSIONS["content.read"] == "viewer"


class Place(NamedTuple):
    """A path as one caller sees it: a project to decide in, or a bundle."""

    principal: Principal
    slug: str
    ready: Ready | None


class HotDoors:
    """An application in front of the API's."""

    def __init__(self, app: FastAPI, desk: Desk) -> None:
        self._app: ASGIApp = app
        door: Door = app.state.door
        self._ids: RequestIds = app.state.ids
        self._traffic = desk.traffic
        self._migrations = desk.migrations
        self._bundles = door.bundles
        self._generation = -1
        self._places: dict[tuple[bytes | None, str], Place] = {}
        """What was found for a key and a path, until the table changes: a second at most."""
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
        given: Given = dict(scope["headers"])
        # A header given twice is not the plain case.
        answer = self._find_answer(scope, given) if len(given) == len(scope["headers"]) else None
        if answer is None:
            await self._app(scope, receive, send)
            return
        status, reply, body, tally = answer
        reply = [*reply, (_ID_HEADER, self._ids.take(given.get(_ID_HEADER)))]
        await send({"type": "http.response.start", "status": status, "headers": reply})
        await send({"type": "http.response.body", "body": body})
        tally.note(self._now_ms() - begun)

    def _find_answer(self, scope: Scope, given: Given) -> Answer | None:
        """Returns the answer and where it is counted, None where the routes must answer."""
        path: str = scope["path"]
        if path == HEALTH:
            return self._answer_json(ALIVE, self._health)
        if self._generation != self._traffic.generation:
            # Whatever was known of keys and paths belongs to the table before; so do the keys kept here.
            self._generation = self._traffic.generation
            self._places.clear()
        asked = (given.get(b"authorization"), path)
        place = self._places.get(asked)
        if place is None:
            place = self._find_place(*asked)
            if place is None:
                return None
            if len(self._places) < MAX_PLACES:
                self._places[asked] = place
        if place.ready is None:
            return self._answer_resolve(place, path, scope["query_string"])
        known = given.get(b"if-none-match")
        if scope["query_string"]:
            return None
        if known is None:
            return 200, place.ready.headers, place.ready.data, self._bundle
        return (304, place.ready.unchanged, b"", self._unchanged) if known == place.ready.tag else None

    def _find_place(self, header: bytes | None, path: str) -> Place | None:
        """Returns what a known key asks for; a key that is not exactly a known one is none here."""
        if header is None or not header.startswith(b"Bearer ") or not path.startswith(PROJECTS):
            return None
        slug, _, rest = path[len(PROJECTS) :].partition("/")
        principal = self._traffic.find_principal(sha256(header[7:]).hexdigest())
        if principal is None or not self._traffic.has_project(principal.workspace, slug):
            return None
        if rest == "resolve":
            return Place(principal, slug, None)
        # Cached bytes may outlive their project; only the table knows whether it is still there.
        ready = self._bundles.find(principal.workspace, rest[8:]) if rest.startswith("bundles/") else None
        return None if ready is None else Place(principal, slug, ready)

    def _answer_resolve(self, place: Place, path: str, query: bytes) -> Answer | None:
        given = _read_query(query)
        if given is None:
            return None
        workspace = place.principal.workspace
        try:
            resolved, slot = self._traffic.decide_at_slot(workspace, place.slug, *given)
        except GreenroomError:
            return None
        head, tail = self._pieces_of(resolved)
        answer = self._answer_json(b"%b%d%b" % (head, slot, tail), self._resolve)
        if given[1] is not None and given[1] in (known := self._traffic.find_deprecated(workspace, place.slug)):
            if not self._migrations.has_noted(place.principal, place.slug, given[1]):
                return None
            status, headers, body, tally = answer
            asked = swap_query(query.decode("ascii"), known, [])
            return status, (*headers, *say_headers(given[1], known, path, asked)), body, tally
        return answer

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

    @staticmethod
    def _answer_json(body: bytes, tally: Tally) -> Answer:
        return 200, ((b"content-length", b"%d" % len(body)), *_JSON_HEADERS), body, tally


def _read_query(query: bytes) -> tuple[str, str | None, str | None] | None:
    """Returns key, environment and number, None for any other query."""
    if not query.isascii():
        return None
    text = query.decode("ascii")
    if (plain := _PLAIN_KEY.fullmatch(text)) is not None:
        return plain.group(1), None, None
    given: dict[str, str] = {}
    for pair in text.split("&"):
        name, _, value = pair.partition("=")
        if name not in ("key", "environment", "number") or name in given:
            return None
        given[name] = unquote_plus(value) if "%" in value or "+" in value else value
    key, environment = given.get("key", ""), given.get("environment")
    if not 1 <= len(key) <= MAX_KEY or "\0" in key:
        return None
    if environment is not None and not 1 <= len(environment) <= MAX_ALIAS:
        return None
    number = given.get("number")
    if number is not None and (environment is not None or not 1 <= len(number) <= MAX_WRITTEN or "\0" in number):
        return None
    return key, environment, None if number is None else read_plus(number)
