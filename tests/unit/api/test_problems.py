"""Every error has one form; the table from class to status is complete."""

from __future__ import annotations

import pytest
from starlette.requests import Request

from greenroom.api import problems
from greenroom.api.problems import TABLE, describe, family_of, problem_headers, status_of, to_response
from greenroom.domain.errors import (
    ERRORS,
    Fault,
    GreenroomError,
    Invalid,
    LimitReached,
    NotFound,
    Stale,
    Unauthenticated,
    Unavailable,
)
from greenroom.sdk.exchange import FAMILIES, Reply, rebuild_error

STATUSES = {
    "invalid": 422,
    "not_found": 404,
    "conflict": 409,
    "stale": 412,
    "missing": 428,
    "refused": 409,
    "unauthenticated": 401,
    "not_allowed": 403,
    "limit_reached": 413,
    "unavailable": 503,
}


def test_every_class_of_errors_has_its_status() -> None:
    assert set(TABLE) == set(ERRORS)
    assert {family_of(error): kind.status for error, kind in TABLE.items()} == STATUSES


@pytest.mark.parametrize("error", ERRORS)
def test_the_sdk_rebuilds_the_error_that_was_raised(error: type[GreenroomError]) -> None:
    raised = error("some_code", "what is wrong", errors=[Fault("/a", "is odd", "odd", "mend it")], extra={"seq": 4})
    response = to_response(raised)
    again = rebuild_error(Reply(response.status_code, response.media_type or "", bytes(response.body)))
    assert type(again) is error
    assert FAMILIES[family_of(error)] is error
    assert (again.code, again.detail, again.errors, again.extra) == (
        raised.code,
        raised.detail,
        raised.errors,
        raised.extra,
    )


@pytest.mark.parametrize(
    "code, status",
    [("invalid_json", 400), ("unsupported_media_type", 415), ("rate_limited", 429), ("body_too_slow", 408)],
)
def test_a_few_codes_have_a_status_of_their_own(code: str, status: int) -> None:
    assert status_of(Invalid(code, "no")) == status


def test_headers_say_what_to_do_next() -> None:
    assert "www-authenticate" in problem_headers(Unauthenticated("no_credentials", "who?"))
    assert problem_headers(Unavailable("down", "later"))["retry-after"] == "1"
    late = LimitReached("rate_limited", "slowly", extra={"retry_after": 30})
    assert problem_headers(late)["retry-after"] == "30"
    assert problem_headers(NotFound("gone", "no")) == {}


def test_extra_members_stand_beside_the_known_ones_and_never_in_their_place() -> None:
    members = describe(Stale("stale_revision", "moved", extra={"status": 200, "revision": "r", "title": "ok"}))
    assert (members["status"], members["title"], members["revision"]) == (412, TABLE[Stale].title, "r")


def test_a_thousand_faults_are_counted_and_a_hundred_are_listed() -> None:
    members = describe(Invalid("bad", "it is bad", errors=[Fault(f"/{n}", "no") for n in range(1000)]))
    assert len(members["errors"]) == 100
    assert members["detail"].endswith("(100 of 1,000 faults are listed)")


async def test_an_error_of_the_router_has_the_same_form() -> None:
    from starlette.exceptions import HTTPException

    request = Request({"type": "http", "method": "GET", "path": "/x", "headers": [], "query_string": b""})
    for status, expected in ((404, 404), (400, 400)):
        response = await problems.answer_routing(request, HTTPException(status))
        assert response.status_code == expected
        assert response.media_type == problems.MEDIA_TYPE


def test_pydantics_findings_become_pointers() -> None:
    found = problems.invalid_request(
        [
            {"loc": ("body", "in_flight", "a/b~c"), "msg": "Value error, is odd", "type": "value_error"},
            {"loc": ("query", "limit"), "msg": "too many", "type": "less_than_equal"},
        ]
    )
    assert [(f.pointer, f.message) for f in found.errors] == [("/in_flight/a~1b~0c", "is odd"), ("/limit", "too many")]
