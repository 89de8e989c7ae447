"""Every expectation in both outcomes, from made-up turns; and evaluators broken on purpose, which the table catches."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greenroom.domain.test_runs import Line, Result
from greenroom.runtime import expectations
from greenroom.runtime.expectations import CHECKS, Expected, Judgement, evaluate, unreached
from greenroom.runtime.program import compile_program
from greenroom.runtime.seen import Seen, see_turn, see_whole
from greenroom.runtime.similarity import similarity
from tests.support.agents import entities

AGENT = entities(
    {
        "agent/main": {"greeting": "Hello."},
        "topic/late-check-out": {"sample_questions": ["Can I check out late?"], "content": "Until noon."},
        "topic/pets": {"sample_questions": ["Do you allow dogs?"], "content": "Dogs may stay."},
        "function/find_booking": {"code": "def find_booking(conv): return 1"},
        "tool/book": {"method": "POST", "url": "https://rooms.test/book"},
        "sms/link": {"text": "A link."},
        "sms/map": {"text": "A map."},
        "handoff/desk": {"destination": {"type": "number", "value": "+44"}, "method": "refer"},
        "variable/nights": {"type": "number"},
        "variable/guest_card": {"type": "text", "pii": True},
    }
)
PROGRAM = compile_program(AGENT)
BOOKED = {"reference": "LQ-100", "nights": 2, "guest": {"name": "Ada", "vip": True}, "rooms": [1, 2]}


def effect(kind: str, **facts: Any) -> dict[str, Any]:
    return {"type": kind, **facts}


FULL = (
    effect("said", text="You can stay until  Noon.", part="answer"),
    effect("said", text="It\u2019s £20.", part="answer"),
    effect("topic_cited", topic="late-check-out"),
    effect("function_called", function="find_booking", arguments=BOOKED, result=1),
    effect("tool_called", tool="book", arguments={}, error={"code": "x", "message": "y"}),
    effect("mcp_called", mcp="calendar", tool="add", arguments={"day": "Monday"}),
    effect("sms_offered", sms="link"),
    effect("sms_sent", sms="link"),
    effect("workflow_started", workflow="booking"),
    effect("knowledge_cited", knowledge="faq", document="prices", title="Prices"),
    effect("handed_off", handoff="desk"),
    effect("ended", by="handoff"),
)
TRACE = {"agent": "main", "brain": "local", "latency_ms": {"total": 12.5}, "topic": "late-check-out"}
STATE = {"vars": {"nights": 2, "guest_card": "4111 1111"}, "ended_by": "handoff"}
SEEN = see_turn(PROGRAM, [Line("caller", "late?"), Line("agent", "Noon")], FULL, TRACE, STATE)
SILENT = see_turn(PROGRAM, [], (), {"agent": "main", "latency_ms": {"total": 1.0}}, {"vars": {}})

BOTH: list[tuple[Mapping[str, Any], Seen, Seen]] = [
    ({"contains": "until noon"}, SEEN, SILENT),
    ({"contains": ["until noon", "it's £20"]}, SEEN, SILENT),
    ({"not_contains": "until noon"}, SILENT, SEEN),
    ({"matches": "until +Noon"}, SEEN, SILENT),
    ({"similar": {"text": "You can stay until noon. It's £20.", "at_least": 0.9}}, SEEN, SILENT),
    ({"topic": "late_check_out"}, SEEN, SILENT),
    ({"no_topic": True}, SILENT, SEEN),
    ({"no_topic": "late-check-out"}, SILENT, SEEN),
    ({"called": "find-booking"}, SEEN, SILENT),
    ({"called": "function/find_booking"}, SEEN, SILENT),
    ({"called": {"name": "find_booking", "arguments": {"reference": "LQ-100", "nights": 2.0}}}, SEEN, SILENT),
    ({"called": {"name": "find_booking", "arguments": {"guest": {"name": {"matches": "^A"}}}}}, SEEN, SILENT),
    ({"called": {"name": "find_booking", "arguments": BOOKED, "exact": True}}, SEEN, SILENT),
    ({"called": {"name": "find_booking", "arguments": {"guest": {"equals": BOOKED["guest"]}}}}, SEEN, SILENT),
    ({"called": {"name": "add", "arguments": {"day": "Monday"}}}, SEEN, SILENT),
    ({"called": ["tool/book", "mcp/calendar/add"]}, SEEN, SILENT),
    ({"not_called": "find_booking"}, SILENT, SEEN),
    ({"not_called": True}, SILENT, SEEN),
    ({"not_called": {"name": "find_booking", "arguments": {"nights": 2}}}, SILENT, SEEN),
    ({"handed_off": "desk"}, SEEN, SILENT),
    ({"handed_off": True}, SEEN, SILENT),
    ({"handed_off": False}, SILENT, SEEN),
    ({"sms_offered": "link"}, SEEN, SILENT),
    ({"sms_offered": False}, SILENT, SEEN),
    ({"sms_sent": "link"}, SEEN, SILENT),
    ({"sms_not_sent": "link"}, SILENT, SEEN),
    ({"sms_not_sent": True}, SILENT, SEEN),
    ({"variables": {"nights": 2}}, SEEN, SILENT),
    ({"ended": True}, SEEN, SILENT),
    ({"ended": False}, SILENT, SEEN),
    ({"ended": "handoff"}, SEEN, SILENT),
    ({"agent": "main"}, SEEN, replace(SEEN, agent="billing")),
    ({"latency_ms": 12.6}, SEEN, replace(SEEN, latencies=(1.0, 12.6))),
    ({"workflow": "booking"}, SEEN, SILENT),
    ({"workflow": False}, SILENT, SEEN),
    ({"knowledge": "faq"}, SEEN, SILENT),
    ({"knowledge": "prices"}, SEEN, SILENT),
    ({"knowledge": {"knowledge": "faq", "document": "prices"}}, SEEN, SILENT),
    ({"knowledge": True}, SEEN, SILENT),
]
NOT: list[Mapping[str, Any]] = [
    {"contains": "noon or so"},
    {"matches": "^noon"},
    {"similar": {"text": "Breakfast is from seven in the garden room.", "at_least": 0.5}},
    {"topic": "pets"},
    {"called": {"name": "find_booking", "arguments": {"reference": "LQ-200"}}},
    {"called": {"name": "find_booking", "arguments": {"reference": "LQ-100"}, "exact": True}},
    {"called": {"name": "find_booking", "arguments": {"nights": True}}},
    {"called": {"name": "find_booking", "arguments": {"guest": {"equals": {"name": "Ada"}}}}},
    {"called": {"name": "find_booking", "arguments": {"rooms": [1]}}},
    {"called": {"name": "find_booking", "arguments": {"reference": {"matches": "^XX"}}}},
    {"called": "calendar"},
    {"called": ["find_booking", "never"]},
    {"handed_off": "other"},
    {"sms_offered": "map"},
    {"sms_sent": ["link", "map"]},
    {"variables": {"nights": "2"}},
    {"ended": "silence"},
    {"agent": "billing"},
    {"latency_ms": 12.5},
    {"workflow": "other"},
    {"knowledge": "other"},
    {"knowledge": {"knowledge": "faq", "document": "other"}},
]
BROKEN: list[tuple[Mapping[str, Any], str]] = [
    ({"containz": "x"}, "did you mean contains?"),
    ({"handed_off_to": "desk"}, "did you mean handed_off?"),
    ({"zzz": 1}, "there are: contains"),
    ({"contains": ""}, "an empty text says nothing"),
    ({"contains": 3}, "put it in quotes"),
    ({"contains": []}, "an empty list expects nothing"),
    ({"not_contains": "  "}, "an empty text says nothing"),
    ({"matches": "("}, "is not understood"),
    ({"matches": "(?=x)"}, "look-ahead"),
    ({"similar": "You can stay"}, "at_least: 0.8"),
    ({"similar": {"text": "x"}}, "at_least"),
    ({"similar": {"text": "x", "at_least": 0}}, "above 0"),
    ({"similar": {"text": "x", "at_least": 0.5, "more": 1}}, "at_least: 0.8"),
    ({"judged": ""}, "an empty text says nothing"),
    ({"no_topic": "lat-check-out"}, "did you mean 'late-check-out'?"),
    ({"no_topic": False}, "put it in quotes"),
    ({"called": {"arguments": {}}}, "{name, arguments, exact}"),
    ({"called": {"name": "x", "argument": {}}}, "{name, arguments, exact}"),
    ({"called": {"name": "x", "arguments": {"a": {"matches": "("}}}}, "is not understood"),
    ({"not_called": "find_boking"}, "did you mean 'find_booking'?"),
    ({"not_called": False}, "{name, arguments, exact}"),
    ({"handed_off": 1}, "put it in quotes"),
    ({"sms_not_sent": "lnk"}, "did you mean 'link'?"),
    ({"variables": {}}, "needs names and values"),
    ({"variables": {"nigths": 2}}, "did you mean 'nights'?"),
    ({"variables": {"nigths": None}}, "there is no variable"),
    ({"ended": "somebody"}, "caller, agent, handoff, silence"),
    ({"ended": 1}, "true or false"),
    ({"agent": True}, "put it in quotes"),
    ({"latency_ms": 0}, "above 0"),
    ({"latency_ms": True}, "above 0"),
    ({"latency_ms": "10"}, "above 0"),
    ({"knowledge": {"slug": "faq"}}, "knowledge: {knowledge: faq"),
]


def statuses(expect: Mapping[str, Any], seen: Seen) -> set[str]:
    """Returns what an expectation comes to; an evaluator that breaks has not done its work either."""
    try:
        return {each.status for each in evaluate(expect, seen, "/at") if isinstance(each, Result)}
    except Exception as wrong:  # noqa: BLE001
        return {repr(wrong)}


def disagreements() -> Iterator[str]:
    """Yields every place where the evaluators and the tables above disagree."""
    for expect, met, unmet in BOTH:
        if statuses(expect, met) != {"passed"} or "failed" not in statuses(expect, unmet):
            yield f"{expect}"
    for expect in NOT:
        if "failed" not in statuses(expect, SEEN) or "error" in statuses(expect, SEEN):
            yield f"not {expect}"
    for expect, words in BROKEN:
        found = evaluate(expect, SEEN, "/at")
        if not (len(found) == 1 and isinstance(found[0], Result) and words in found[0].message):
            yield f"broken {expect}: {found}"
    judged = evaluate({"judged": ["It is kind."]}, SEEN, "/at")
    if judged != (Judgement("It is kind.", "/at/judged/0"),):
        yield "judged"


def test_every_expectation_in_both_outcomes() -> None:
    assert list(disagreements()) == []
    covered = {key for expect, _, _ in BOTH for key in expect} | {"judged"}
    assert covered == set(CHECKS)


@pytest.mark.parametrize("key", list(CHECKS))
@pytest.mark.parametrize("fault", ["always passes", "always fails", "nothing", "the other way round"])
def test_an_evaluator_broken_on_purpose_is_caught(key: str, fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    real = CHECKS[key]

    def planted(expected: Expected) -> Iterator[Result | Judgement]:
        if fault == "always passes":
            yield expected.result(True, None)
        elif fault == "always fails":
            yield expected.result(False, None)
        elif fault == "the other way round":
            for each in real(expected):
                turned = {"passed": "failed", "failed": "passed"}
                yield expected.result(turned.get(getattr(each, "status", ""), "passed") == "passed", None)

    monkeypatch.setattr(expectations, "CHECKS", {**CHECKS, key: planted})
    assert list(disagreements())


def test_a_result_says_what_was_wanted_what_came_and_where() -> None:
    (found,) = evaluate({"contains": "one o'clock"}, SEEN, "/cases/0/turns/1/expect")
    assert found == Result(
        "contains",
        "failed",
        "one o'clock",
        "You can stay until  Noon. It\u2019s £20.",
        "/cases/0/turns/1/expect/contains",
        "'one o'clock' was not said",
    )
    both = evaluate({"sms_sent": ["link", "map"]}, SEEN, "/e")
    assert [(each.pointer, getattr(each, "status", "")) for each in both] == [
        ("/e/sms_sent/0", "passed"),
        ("/e/sms_sent/1", "failed"),
    ]


def test_calls_are_shown_with_their_arguments_and_that_they_failed() -> None:
    (found,) = evaluate({"called": "never"}, SEEN, "/e")
    assert isinstance(found, Result)
    assert found.got[1:] == [
        {"name": "tool/book", "arguments": {}, "failed": True},
        {"name": "mcp/calendar/add", "arguments": {"day": "Monday"}},
    ]


def test_personal_values_are_masked_in_what_is_shown() -> None:
    said = replace(SEEN, replies=("Your card is 4111 1111.",))
    results = evaluate({"contains": "no such thing", "variables": {"guest_card": "5"}}, said, "/e")
    assert [each.got for each in results if isinstance(each, Result)] == ["Your card is •••.", "•••"]
    (passed,) = evaluate({"variables": {"guest-card": "4111 1111"}}, said, "/e")
    assert getattr(passed, "status", "") == "passed"


def test_what_a_turn_expects_that_never_came_did_not_happen() -> None:
    results = unreached({"not_contains": "x", "ended": True}, "/e", "it was over")
    assert {result.status for result in results} == {"failed"}


def test_a_conversation_is_seen_as_one() -> None:
    whole = see_whole([SILENT, SEEN, replace(SILENT, agent="billing", latencies=(40.0,))])
    assert statuses({"contains": "until noon", "topic": "late-check-out", "sms_sent": "link"}, whole) == {"passed"}
    assert statuses({"agent": "billing", "ended": False, "latency_ms": 41}, whole) == {"passed"}
    assert statuses({"latency_ms": 40}, whole) == {"failed"}


def test_a_greeting_has_no_latency_to_look_at() -> None:
    greeting = see_turn(PROGRAM, [], (), TRACE, {"vars": {}}, greeting=True)
    assert statuses({"latency_ms": 100}, greeting) == {"error"}


def test_knowledge_that_was_only_found_was_not_used() -> None:
    trace = {"agent": "main", "passages": [{"knowledge": "faq", "document": "d"}]}
    assert statuses({"knowledge": "faq"}, see_turn(PROGRAM, [], (), trace, {"vars": {}})) == {"failed"}


def test_similarity_orders_texts_as_people_would() -> None:
    said = "You can keep the room until 2 pm for 20 pounds."
    same, near, far = (
        similarity(said, other)
        for other in (
            "you can keep the room until 2 PM for 20 pounds",
            "The room is yours until 2 pm; that costs 20 pounds.",
            "Breakfast is from seven to ten in the garden room.",
        )
    )
    assert same == 1.0 > near > 0.35 > far >= 0.0
    assert similarity("", said) == 0.0


@given(st.text(max_size=60), st.text(max_size=60))
def test_similarity_is_symmetric_and_bounded(one: str, other: str) -> None:
    assert 0.0 <= similarity(one, other) <= 1.0
    assert similarity(one, other) == similarity(other, one)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)


@given(st.dictionaries(st.sampled_from([*CHECKS, "other"]), json_values, max_size=4))
def test_whatever_is_expected_never_breaks_the_evaluator(expect: dict[str, Any]) -> None:
    for each in evaluate(expect, SEEN, "/e"):
        assert isinstance(each, Judgement) or each.status in {"passed", "failed", "error"}
