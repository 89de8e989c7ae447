"""Errors as RFC 9457 problems: one table from the class of an error to its status, for every door of the API."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

import orjson
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from greenroom.domain.errors import (
    Conflict,
    Fault,
    GreenroomError,
    Invalid,
    LimitReached,
    Missing,
    NotAllowed,
    NotFound,
    Refused,
    Stale,
    Unauthenticated,
    Unavailable,
)

MEDIA_TYPE: Final = "application/problem+json"
MAX_FAULTS: Final = 100
"""How many faults a problem lists; the detail says how many there are."""
MEMBERS: Final = frozenset({"type", "title", "status", "code", "family", "detail", "errors"})


@dataclass(frozen=True, slots=True)
class Kind:
    """How a class of errors looks on the network."""

    status: int
    title: str


TABLE: Final[Mapping[type[GreenroomError], Kind]] = {
    Invalid: Kind(422, "The input is wrong"),
    NotFound: Kind(404, "Nothing by that name"),
    Conflict: Kind(409, "Two changes meet"),
    Stale: Kind(412, "What you looked at has changed"),
    Missing: Kind(428, "Say more"),
    Refused: Kind(409, "The rules say no"),
    Unauthenticated: Kind(401, "Say who you are"),
    NotAllowed: Kind(403, "You may not"),
    LimitReached: Kind(413, "Too much or too large"),
    Unavailable: Kind(503, "Try again later"),
}

STATUS_OF_CODE: Final[Mapping[str, int]] = {
    # What could not even be read as a request, rather than being a wrong one.
    "invalid_json": 400,
    "invalid_header": 400,
    "body_missing": 400,
    "unsupported_media_type": 415,
    "method_not_allowed": 405,
    "body_too_slow": 408,
    "rate_limited": 429,
}
"""The codes whose status is not their class's."""

UNEXPECTED: Final = Kind(500, "Something went wrong here")


def family_of(error: type[GreenroomError]) -> str:
    """Returns the class of an error in snake case: `not_found`."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", error.__name__).lower()


def status_of(error: GreenroomError) -> int:
    """Returns the HTTP status of an error."""
    return STATUS_OF_CODE.get(error.code) or TABLE[_class_of(error)].status


def describe(error: GreenroomError) -> dict[str, Any]:
    """Returns the members of an error's problem."""
    kind = TABLE[_class_of(error)]
    detail = error.detail
    if len(error.errors) > MAX_FAULTS:
        detail = f"{detail} ({MAX_FAULTS} of {len(error.errors):,} faults are listed)"
    return {
        "type": "about:blank",
        "title": kind.title,
        "status": status_of(error),
        "code": error.code,
        "family": family_of(_class_of(error)),
        "detail": detail,
        "errors": [_fault(fault) for fault in error.errors[:MAX_FAULTS]],
        **{name: value for name, value in error.extra.items() if name not in MEMBERS},
    }


def problem_bytes(error: GreenroomError) -> bytes:
    """Returns an error's problem as JSON."""
    return to_json(describe(error))


def problem_headers(error: GreenroomError) -> dict[str, str]:
    """Returns the headers that go with an error."""
    headers: dict[str, str] = {}
    if isinstance(error, Unauthenticated):
        headers["www-authenticate"] = 'Bearer realm="greenroom"'
    if status_of(error) in (429, 503):
        headers["retry-after"] = str(error.extra.get("retry_after", 1))
    if error.code in ("request_too_large", "body_too_slow"):
        # The rest of the body is not read, so nothing more can be said on this connection.
        headers["connection"] = "close"
    return headers


def to_response(error: GreenroomError, headers: Mapping[str, str] | None = None) -> Response:
    """Returns the response that an error is answered with."""
    all_headers = {**problem_headers(error), **(headers or {})}
    return Response(problem_bytes(error), status_of(error), all_headers, MEDIA_TYPE)


def unexpected(incident: str) -> Response:
    """Returns the answer to a fault of ours: nothing but the name under which the log has it."""
    members = {
        "type": "about:blank",
        "title": UNEXPECTED.title,
        "status": UNEXPECTED.status,
        "code": "internal_error",
        "family": "internal_error",
        "detail": f"this is a fault of the server, not yours; its log has it as {incident}",
        "errors": [],
        "incident": incident,
    }
    return Response(to_json(members), UNEXPECTED.status, media_type=MEDIA_TYPE)


async def answer_error(_: Request, error: Exception) -> Response:
    """Answers a refusal of ours."""
    assert isinstance(error, GreenroomError)
    return to_response(error)


async def answer_validation(_: Request, error: Exception) -> Response:
    """Answers a request that does not have the declared shape."""
    assert isinstance(error, RequestValidationError)
    return to_response(invalid_request(error.errors()))


async def answer_routing(request: Request, error: Exception) -> Response:
    """Answers what the router refuses: no such path, no such method."""
    assert isinstance(error, HTTPException)
    if error.status_code == 404:
        return to_response(NotFound("path_not_found", f"there is nothing at {request.url.path[:200]}"))
    if error.status_code == 405:
        allowed = ", ".join(_methods_of(request))
        detail = f"{request.method[:20]} cannot be done here; what can: {allowed}"
        return to_response(Refused("method_not_allowed", detail), {"allow": allowed})
    title = HTTPStatus(error.status_code).phrase
    return to_response(Invalid("invalid_header", f"the request cannot be read: {title.lower()}"))


def _methods_of(request: Request) -> list[str]:
    """Returns all methods of a path; the router only knows those of the first route there."""
    path = request.scope["path"]
    routes = (route for route in request.app.routes if isinstance(route, Route))
    return sorted({m for route in routes if route.path_regex.match(path) for m in route.methods or ()})


def invalid_request(findings: Sequence[Any]) -> Invalid:
    """Returns the refusal of a request from Pydantic's findings, each with its pointer."""
    faults = [_finding(found) for found in findings[:MAX_FAULTS]]
    first = f"{faults[0].pointer or '/'}: {faults[0].message}" if faults else "it has the wrong form"
    rest = f" (and {len(findings) - 1:,} more)" if len(findings) > 1 else ""
    return Invalid("invalid_request", f"the request is wrong: {first}{rest}", errors=faults)


def pointer_of(steps: Any) -> str:
    """Returns the RFC 6901 pointer of a path of names and places."""
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in steps)


def to_json(value: Any) -> bytes:
    """Returns JSON, with what has no form of its own as text."""
    return orjson.dumps(value, default=_plain, option=orjson.OPT_NON_STR_KEYS)


def _finding(found: Mapping[str, Any]) -> Fault:
    place = found["loc"][1:] if found["loc"][:1] else ()
    # A pointer is for people and forms: the fault of a union's member is the fault of the field.
    message = str(found["msg"]).removeprefix("Value error, ")
    return Fault(pointer_of(place)[:300], message[:500], str(found["type"]))


def _fault(fault: Fault) -> dict[str, str]:
    return {"pointer": fault.pointer, "message": fault.message, "code": fault.code, "hint": fault.hint}


def _class_of(error: GreenroomError) -> type[GreenroomError]:
    return next((found for found in type(error).__mro__ if found in TABLE), Refused)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, list | tuple | set | frozenset):
        return list(value)
    return str(value)
