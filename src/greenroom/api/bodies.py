"""Request bodies: read within a limit and a time, and, as JSON, without any of its traps."""

from __future__ import annotations

import asyncio
import hashlib
import re
from dataclasses import dataclass
from typing import Any, Final, NoReturn

import orjson
from starlette.requests import ClientDisconnect, Request

from greenroom.api.problems import pointer_of
from greenroom.domain.canonical import MAX_DEPTH, MAX_SAFE_INTEGER
from greenroom.domain.errors import Fault, Invalid, LimitReached

MAX_JSON_BYTES: Final = 1024 * 1024
MAX_ARCHIVE_BYTES: Final = 50 * 1024 * 1024
JSON_SECONDS: Final = 15.0
ARCHIVE_SECONDS: Final = 120.0
INLINE_BYTES: Final = 16 * 1024
"""JSON larger than this is checked in a thread: the loop has other requests to answer."""
MAX_INTEGER_DIGITS: Final = 17

_TEXT = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)
_TOKEN = re.compile(
    rb'"(?P<text>[^"\\]*+(?:\\.[^"\\]*+)*+)"|(?P<mark>[{}\[\],:])|(?P<number>-?\d[\d.eE+-]*+)|(?P<word>[a-z]++)',
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Limit:
    """How much body a route takes, and how long it may be in coming."""

    max_bytes: int
    seconds: float
    max_values: int = 0
    """How many names and values JSON may hold: each may be a fault of its own, and cost as much."""


JSON_LIMIT: Final = Limit(MAX_JSON_BYTES, JSON_SECONDS, 5_000)
ENTITY_LIMIT: Final = Limit(MAX_JSON_BYTES, JSON_SECONDS, 50_000)
ARCHIVE_LIMIT: Final = Limit(MAX_ARCHIVE_BYTES, ARCHIVE_SECONDS)


async def read_body(request: Request, limit: Limit) -> bytes:
    """Returns the whole body. Raises LimitReached when it is too large, whatever its headers say, or too slow."""
    said = request.headers.get("content-length", "")
    if said.isdecimal() and int(said[:20]) > limit.max_bytes:
        raise _too_large(limit)
    chunks: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(limit.seconds):
            async for chunk in request.stream():
                size += len(chunk)
                if size > limit.max_bytes:
                    raise _too_large(limit)
                chunks.append(chunk)
    except TimeoutError:
        detail = f"the body did not arrive within {limit.seconds:.0f} seconds"
        raise LimitReached("body_too_slow", detail, extra={"limit": limit.seconds}) from None
    except ClientDisconnect:
        raise Invalid("invalid_header", "the connection was closed before the body was whole") from None
    return b"".join(chunks)


async def read_json(request: Request, limit: Limit) -> Any:
    """Returns the JSON value of the body, and leaves it where FastAPI looks for it.

    Raises Invalid with a pointer for what is not JSON, or is JSON that readers do not agree upon.
    """
    check_media_type(request.headers.get("content-type", ""))
    data = await read_body(request, limit)
    if len(data) > INLINE_BYTES:
        value = await asyncio.to_thread(parse_strictly, data, limit.max_values)
    else:
        value = parse_strictly(data, limit.max_values)
    await keep_body(request, data)
    request._json = value
    return value


async def keep_body(request: Request, data: bytes) -> None:
    """Leaves a body that was read where FastAPI looks for it, and its SHA-256 where `writes` does."""
    request._body = data
    hashed = await asyncio.to_thread(hashlib.sha256, data) if len(data) > INLINE_BYTES else hashlib.sha256(data)
    request.state.body_hash = hashed.hexdigest()


def is_large(request: Request) -> bool:
    """Says whether the body that was read is too large to be looked at on the event loop."""
    return len(request._body) > INLINE_BYTES


def check_media_type(header: str) -> None:
    """Refuses a body that is not said to be JSON in UTF-8: browsers send other kinds across origins unasked."""
    kind, _, parameters = header.partition(";")
    kind = kind.strip().lower()
    if kind != "application/json" and not (kind.startswith("application/") and kind.endswith("+json")):
        detail = f"send the body with Content-Type: application/json, not '{kind[:80]}'"
        raise Invalid("unsupported_media_type", detail, errors=[Fault("", detail)])
    for parameter in parameters.split(";"):
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "charset" and value.strip(' "').lower() not in ("utf-8", "utf8", ""):
            detail = f"JSON is UTF-8, not {value.strip()[:40]}"
            raise Invalid("unsupported_media_type", detail, errors=[Fault("", detail)])


def parse_strictly(data: bytes, max_values: int = ENTITY_LIMIT.max_values) -> Any:
    """Returns a JSON value.

    Raises Invalid for what is not JSON (`invalid_json`), names given twice, integers beyond 2^53, U+0000 and
    nesting over 64 levels, and LimitReached for more than `max_values` names and values, with the pointer.
    Costs at most a fifth of a second for a megabyte.
    """
    if not data:
        raise Invalid("body_missing", "a JSON body is needed here", errors=[Fault("", "there is no body")])
    if data.count(b"[") + data.count(b"{") > max_values:
        _refuse_swarm(data, max_values)
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError as wrong:
        message = f"{wrong.msg} at line {wrong.lineno}, column {wrong.colno}"
        raise Invalid("invalid_json", f"the body is not JSON: {message}", errors=[Fault("", message)]) from None
    _Traps(max_values).look(data)
    return value


class _Traps:
    """A walk over the tokens of sound JSON, in search of what readers would not agree upon."""

    def __init__(self, max_values: int) -> None:
        self._left = max_values
        self._max_values = max_values
        self._steps: list[str | int] = []
        """The present place: the name or number of the value at each level."""
        self._names: list[set[bytes] | None] = []
        """The names seen in each open object, None for a list."""

    def look(self, data: bytes) -> None:
        names, steps = self._names, self._steps
        waits_for_name = False
        for token in _TOKEN.finditer(data):
            kind = token.lastgroup
            if kind == "mark":
                waits_for_name = self._mark(token.group()) if token.group() != b":" else False
                continue
            self._count()
            if kind == "word":
                continue
            if kind == "number":
                self._number(token.group())
            else:
                text = token["text"]
                if b"\\u0000" in text and "\0" in orjson.loads(token.group()):
                    self._refuse("text_not_storable", "text may not hold U+0000")
                seen = names[-1] if waits_for_name else None
                if seen is not None:
                    name = text if b"\\" not in text else orjson.loads(token.group()).encode()
                    steps[-1] = name.decode()
                    if name in seen:
                        self._refuse("duplicate_name", "this name is given twice in one object")
                    seen.add(name)

    def _mark(self, mark: bytes) -> bool:
        """Moves the place, and says whether a name may come next."""
        names, steps = self._names, self._steps
        if mark in b"{[":
            if len(names) >= MAX_DEPTH:
                self._refuse("nested_too_deep", f"is nested deeper than {MAX_DEPTH} levels")
            self._count()
            names.append(set() if mark == b"{" else None)
            steps.append("" if mark == b"{" else 0)
            return mark == b"{"
        if mark in b"}]":
            names.pop()
            steps.pop()
            return False
        last = steps[-1]
        if isinstance(last, int):
            steps[-1] = last + 1
            return False
        return True

    def _count(self) -> None:
        self._left -= 1
        if self._left < 0:
            raise _too_many(pointer_of(self._steps)[:300], self._max_values)

    def _number(self, digits: bytes) -> None:
        if digits.lstrip(b"-").isdigit() and (
            len(digits) > MAX_INTEGER_DIGITS + 1 or abs(int(digits)) > MAX_SAFE_INTEGER
        ):
            self._refuse("number_too_large", "is an integer beyond 2^53, which JSON readers round; send it as text")

    def _refuse(self, code: str, message: str) -> NoReturn:
        pointer = pointer_of(self._steps)[:300]
        raise Invalid(code, f"{pointer or '/'} {message}", errors=[Fault(pointer, message, code)])


def _refuse_swarm(data: bytes, max_values: int) -> None:
    """Refuses a swarm of lists and objects before they are made: Python's collector would stop everything."""
    bare = _TEXT.sub(b"", data)
    if bare.count(b"[") + bare.count(b"{") > max_values:
        raise _too_many("", max_values)


def _too_many(pointer: str, max_values: int) -> LimitReached:
    detail = f"there are more than {max_values:,} names and values in the body"
    fault = Fault(pointer, detail, "too_many_values")
    return LimitReached("too_many_values", detail, errors=[fault], extra={"limit": max_values})


def _too_large(limit: Limit) -> LimitReached:
    detail = f"the body is larger than the {limit.max_bytes:,} bytes that are read here"
    return LimitReached("request_too_large", detail, errors=[Fault("", detail)], extra={"limit": limit.max_bytes})
