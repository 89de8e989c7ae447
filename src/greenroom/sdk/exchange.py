"""Requests built and replies read, without I/O: what every client does, whether it blocks or awaits.

A `Call` says what to send and how to read the reply. `converse` is the whole exchange as a generator: it
yields what to do next (send a request, or wait) and is sent what came of it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Generic, TypeVar
from urllib.parse import quote, urlencode

from greenroom import __version__
from greenroom.domain.errors import ERRORS, Fault, GreenroomError, Invalid, Unavailable
from greenroom.wire.model import In, Out
from greenroom.wire.problems import Problem

T = TypeVar("T")
M = TypeVar("M", bound=Out)
B = TypeVar("B", bound=In)

PREFIX = "/api/v1"
JSON = "application/json"
EVENT_STREAM = "text/event-stream"
RETRY_DELAYS_MS = (200, 400, 800)
CHUNK_BYTES = 64 * 1024

Query = Mapping[str, str | int | bool | None]


@dataclass(frozen=True, slots=True)
class Request:
    """What to send; `target` is the path with its query. `on_sent` is told the bytes sent so far."""

    method: str
    target: str
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    body: bytes | None = None
    on_sent: Callable[[int], None] | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back."""

    status: int
    content_type: str
    body: bytes
    deprecation: str = ""
    link: str = ""

    @property
    def is_success(self) -> bool:
        """Says whether the status is 2xx."""
        return 200 <= self.status < 300


@dataclass(frozen=True, slots=True)
class Failure:
    """No reply came. `passing` says that trying again may help."""

    code: str
    detail: str
    passing: bool


@dataclass(frozen=True, slots=True)
class Wait:
    """A pause before the next try."""

    ms: int


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """A request, and how its reply is read; `read` raises ValueError for what it does not understand."""

    request: Request
    read: Callable[[Reply], T]


def converse(call: Call[T], key: str) -> Generator[Request | Wait, Reply | Failure | None, T]:
    """Sends a call, again with the same key while the server is away, and returns what was read.

    Raises the error that the server named, or Unavailable.
    """
    request = with_key(call.request, key)
    outcome: Reply | Failure | None = None
    for delay_ms in (0, *RETRY_DELAYS_MS):
        if delay_ms:
            yield Wait(delay_ms)
        outcome = yield request
        if outcome is None or not _may_pass(outcome):
            break
    assert outcome is not None, "a request is answered by a reply or a failure"
    if isinstance(outcome, Failure):
        raise Unavailable(outcome.code, outcome.detail)
    return read_reply(call, outcome)


def _may_pass(outcome: Reply | Failure) -> bool:
    return outcome.passing if isinstance(outcome, Failure) else outcome.status == 503


def with_key(request: Request, key: str) -> Request:
    """Returns the request with who asks and, on a write, the key that makes repeating it safe."""
    headers = {"User-Agent": f"greenroom/{__version__}", "Accept": JSON, **request.headers}
    if request.method != "GET":
        headers.setdefault("Idempotency-Key", key)
    return replace(request, headers=headers)


def chunks(request: Request) -> Iterator[bytes]:
    """Yields the body piece by piece, saying how much has gone."""
    body, tell = request.body or b"", request.on_sent
    for start in range(0, len(body), CHUNK_BYTES):
        yield body[start : start + CHUNK_BYTES]
        if tell:
            tell(min(start + CHUNK_BYTES, len(body)))


def path_of(*segments: str | int) -> str:
    """Returns a path below the API's prefix; no segment can leave its place."""
    return PREFIX + "".join(f"/{quote(str(segment), safe=':@~')}" for segment in segments)


def read_call(read: Callable[[Reply], T], path: str, query: Query | None = None) -> Call[T]:
    """Returns a call that reads."""
    return Call(Request("GET", _target(path, query)), read)


def write_call(
    method: str,
    read: Callable[[Reply], T],
    path: str,
    *,
    body: In | Mapping[str, Any] | None = None,
    query: Query | None = None,
    headers: Mapping[str, str] | None = None,
) -> Call[T]:
    """Returns a call that writes; fields that were not given are not sent."""
    content: bytes | None = None
    sent = dict(headers or {})
    if body is not None:
        content = body.model_dump_json(exclude_unset=True).encode() if isinstance(body, In) else _json(body)
        sent["Content-Type"] = JSON
    return Call(Request(method, _target(path, query), sent, content), read)


def _json(body: Mapping[str, Any]) -> bytes:
    try:
        return json.dumps(body, ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, TypeError) as wrong:
        raise Invalid("invalid_body", f"the body is not JSON: {wrong}", errors=[Fault("", str(wrong))]) from None


def _target(path: str, query: Query | None) -> str:
    pairs = [
        (name, _word(one))
        for name, value in (query or {}).items()
        if value is not None and value is not False
        for one in (value if isinstance(value, list) else [value])
    ]
    return f"{path}?{urlencode(pairs)}" if pairs else path


def _word(value: str | int | bool) -> str:
    return "true" if value is True else str(value)


def fill(model: type[B], **fields: Any) -> B:
    """Returns a request body from the fields that are not None. Raises Invalid as the server would."""
    try:
        return model(**{name: value for name, value in fields.items() if value is not None})
    except ValueError as wrong:
        faults = [Fault(_pointer(found["loc"]), str(found["msg"])) for found in _findings(wrong)]
        detail = "; ".join(f"{fault.pointer}: {fault.message}" for fault in faults) or str(wrong)
        raise Invalid("invalid_request", detail, errors=faults) from None


def _findings(wrong: ValueError) -> Sequence[Mapping[str, Any]]:
    # Pydantic's ValidationError, without importing Pydantic.
    errors = getattr(wrong, "errors", None)
    return errors(include_url=False) if errors else []


def _pointer(place: Sequence[str | int]) -> str:
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in place)


def as_model(model: type[M]) -> Callable[[Reply], M]:
    """Returns the reader of a reply that holds one shape."""
    return lambda reply: model.model_validate_json(reply.body)


def as_bytes(reply: Reply) -> bytes:
    """Returns the reply's body as it is."""
    return reply.body


def as_nothing(_reply: Reply) -> None:
    """Reads nothing: the status says it all."""


def read_reply(call: Call[T], reply: Reply) -> T:
    """Returns what a reply holds, or raises the error it names."""
    if not reply.is_success:
        raise rebuild_error(reply)
    try:
        return call.read(reply)
    except ValueError:
        raise _strange(reply) from None


def _strange(reply: Reply) -> Unavailable:
    kind = reply.content_type.partition(";")[0] or "nothing"
    detail = f"the server answered {reply.status} with {kind} that is not Greenroom's; check the URL"
    return Unavailable("unexpected_reply", detail, extra={"status": reply.status})


FAMILIES: Mapping[str, type[GreenroomError]] = {
    re.sub(r"(?<=[a-z])(?=[A-Z])", "_", error.__name__).lower(): error for error in ERRORS
}
"""`family` in a problem → class of error."""

STATUS_FAMILIES: Mapping[int, str] = {
    400: "invalid",
    401: "unauthenticated",
    403: "not_allowed",
    404: "not_found",
    409: "conflict",
    412: "stale",
    413: "limit_reached",
    422: "invalid",
    428: "missing",
    429: "limit_reached",
}
"""The family of a problem that names none, as something between us and the server may send."""


def rebuild_error(reply: Reply) -> GreenroomError:
    """Returns the error that the server raised, of the same class."""
    try:
        problem = Problem.model_validate_json(reply.body)
    except ValueError:
        family = STATUS_FAMILIES.get(reply.status)
        return FAMILIES[family](f"http_{reply.status}", _strange(reply).detail) if family else _strange(reply)
    return error_of(problem)


def error_of(problem: Problem) -> GreenroomError:
    """Returns a problem as the error it was made from; members beyond the known ones become `extra`."""
    family = problem.family or STATUS_FAMILIES.get(problem.status, "unavailable")
    errors = [Fault(fault.pointer, fault.message, fault.code, fault.hint) for fault in problem.errors]
    return FAMILIES.get(family, Unavailable)(problem.code, problem.detail, errors=errors, extra=problem.model_extra)
