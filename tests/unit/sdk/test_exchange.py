"""Requests built and replies read, without a network."""

import re

import pytest

from greenroom.domain.errors import ERRORS, Conflict, Invalid, NotFound, Refused, Unavailable
from greenroom.sdk import exchange
from greenroom.sdk.exchange import Call, Failure, Reply, Request, Wait, converse, path_of, rebuild_error
from greenroom.wire.releases import PromoteIn, PublishIn


def ok(body: bytes = b"{}") -> Reply:
    return Reply(200, "application/json", body)


def call(method: str = "POST") -> Call[bytes]:
    return Call(Request(method, "/api/v1/projects"), exchange.as_bytes)


@pytest.mark.parametrize("error", ERRORS)
def test_every_class_of_error_has_a_family(error: type[Exception]) -> None:
    assert error in exchange.FAMILIES.values()


def test_families_are_the_class_names_in_snake_case() -> None:
    assert sorted(exchange.FAMILIES) == [
        "conflict",
        "invalid",
        "limit_reached",
        "missing",
        "not_allowed",
        "not_found",
        "refused",
        "stale",
        "unauthenticated",
        "unavailable",
    ]


def problem(status: int, **members: object) -> Reply:
    import json

    body = {"title": "t", "status": status, "code": "c", "detail": "d", "errors": [], **members}
    return Reply(status, "application/problem+json", json.dumps(body).encode())


def test_the_family_tells_two_errors_of_one_status_apart() -> None:
    assert type(rebuild_error(problem(409, family="refused"))) is Refused
    assert type(rebuild_error(problem(409, family="conflict"))) is Conflict


def test_an_error_comes_back_with_its_code_faults_and_extra() -> None:
    error = rebuild_error(
        problem(
            409,
            family="refused",
            code="vague_note",
            errors=[{"pointer": "/note", "message": "says nothing", "code": "vague", "hint": "try: hours"}],
            suggestion="hours",
        )
    )
    assert (error.code, error.detail) == ("vague_note", "d")
    assert [(f.pointer, f.message, f.code, f.hint) for f in error.errors] == [
        ("/note", "says nothing", "vague", "try: hours")
    ]
    assert dict(error.extra) == {"suggestion": "hours"}


def test_without_a_family_the_status_decides() -> None:
    assert type(rebuild_error(problem(404))) is NotFound
    assert type(rebuild_error(problem(500))) is Unavailable


@pytest.mark.parametrize("status", [301, 418, 500, 502])
def test_a_reply_that_is_not_greenrooms_says_so(status: int) -> None:
    error = rebuild_error(Reply(status, "text/html; charset=utf-8", b"<html>"))
    assert isinstance(error, Unavailable)
    assert f"{status} with text/html" in error.detail


def test_a_good_status_with_strange_content_is_not_taken_for_an_answer() -> None:
    strange = exchange.read_call(exchange.as_model(exchange.Problem), "/x")
    with pytest.raises(Unavailable, match="check the URL"):
        exchange.read_reply(strange, ok(b"<html>"))


def test_no_segment_leaves_its_place() -> None:
    assert path_of("projects", "../keys", "content", "a/b") == "/api/v1/projects/..%2Fkeys/content/a%2Fb"
    assert path_of("projects", "hotel", "versions", 3) == "/api/v1/projects/hotel/versions/3"


def test_absent_and_false_query_values_are_not_sent() -> None:
    sent = exchange.read_call(exchange.as_bytes, "/x", {"a": None, "dry_run": False, "ref": "draft:sandbox"})
    assert sent.request.target == "/x?ref=draft%3Asandbox"
    assert exchange.read_call(exchange.as_bytes, "/x", {"dry_run": True}).request.target == "/x?dry_run=true"


def test_only_given_fields_are_sent() -> None:
    body = exchange.fill(PromoteIn, version=3, expected_seq=0, confirm={"version": 3}, note=None)
    sent = exchange.write_call("POST", exchange.as_bytes, "/x", body=body)
    assert sent.request.body == b'{"version":3,"expected_seq":0,"confirm":{"version":3}}'


def test_a_bad_request_is_refused_before_it_is_sent_with_the_place() -> None:
    with pytest.raises(Invalid) as refused:
        exchange.fill(PublishIn, note="x", confirm={"digest": "no"}, drain_until="tomorrow")
    assert sorted(fault.pointer for fault in refused.value.errors) == ["/confirm/digest", "/drain_until"]


def test_a_body_that_is_not_json_is_refused() -> None:
    with pytest.raises(Invalid, match="not JSON"):
        exchange.write_call("PUT", exchange.as_bytes, "/x", body={"a": float("nan")})


def test_writes_carry_the_key_and_reads_do_not() -> None:
    assert exchange.with_key(call("POST").request, "k").headers["Idempotency-Key"] == "k"
    assert "Idempotency-Key" not in exchange.with_key(call("GET").request, "k").headers


def play(call: Call[bytes], *outcomes: Reply | Failure) -> tuple[list[Request | Wait], bytes | None]:
    """Answers each request in turn, the last answer for ever; returns what was asked, and the result."""
    left = list(outcomes)
    steps = converse(call, "k")
    asked = [next(steps)]
    while True:
        outcome = None if isinstance(asked[-1], Wait) else left.pop(0) if len(left) > 1 else left[0]
        try:
            asked.append(steps.send(outcome))
        except StopIteration as done:
            return asked, done.value
        except Unavailable:
            return asked, None


def test_a_write_is_tried_again_with_the_same_key_and_growing_pauses() -> None:
    asked, result = play(call(), Failure("unreachable", "gone", passing=True), Reply(503, "", b""), ok(b"1"))
    assert result == b"1"
    assert [step.headers["Idempotency-Key"] for step in asked if isinstance(step, Request)] == ["k", "k", "k"]
    assert [step.ms for step in asked if isinstance(step, Wait)] == [200, 400]


def test_after_three_more_tries_it_gives_up() -> None:
    asked, result = play(call(), Failure("unreachable", "gone", passing=True))
    assert result is None
    assert [step.ms for step in asked if isinstance(step, Wait)] == [200, 400, 800]


def test_what_will_not_pass_is_not_tried_again() -> None:
    steps = converse(call(), "k")
    next(steps)
    with pytest.raises(Unavailable, match="slow"):
        steps.send(Failure("timed_out", "slow", passing=False))


def test_a_body_goes_in_pieces_and_says_so() -> None:
    told: list[int] = []
    request = Request("POST", "/x", body=b"x" * (exchange.CHUNK_BYTES + 5), on_sent=told.append)
    assert [len(piece) for piece in exchange.chunks(request)] == [exchange.CHUNK_BYTES, 5]
    assert told == [exchange.CHUNK_BYTES, exchange.CHUNK_BYTES + 5]


def test_problem_titles_do_not_hide_in_extra() -> None:
    error = rebuild_error(problem(412, family="stale", seq=7, type="about:blank"))
    assert dict(error.extra) == {"seq": 7}
    assert re.fullmatch("[a-z_]+", error.code)
