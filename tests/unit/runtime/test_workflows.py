"""Workflows: steps that say, ask, check, set, branch, call, look up, hand over, and digress to topics and back."""

from __future__ import annotations

from typing import Any

import pytest

from greenroom.runtime.flow_plans import ValidationPlan
from greenroom.runtime.patterns import compile_pattern
from greenroom.runtime.readings import read_answer
from tests.support.agents import Talk, entities, kinds, talk

TABLE: dict[str, dict[str, Any]] = {
    "agent/main": {"greeting": "Hello."},
    "variable/guests": {"type": "number"},
    "variable/day": {"type": "date"},
    "variable/total": {"type": "number"},
    "topic/parking": {
        "sample_questions": ["Where can I park?", "Do you have parking?", "Is there a car park?"],
        "content": "Parking is behind the house.",
    },
    "topic/table": {
        "sample_questions": ["Can I book a table?", "I want to reserve a table", "Book a table for dinner"],
        "content": "Gladly.",
        "actions": [{"id": "go", "type": "workflow", "target": "book"}],
    },
    "handoff/desk": {"default": True, "destination": {"type": "number", "value": "+441632960000"}},
    "workflow/book": {
        "start": "many",
        "steps": [
            {
                "id": "many",
                "type": "ask",
                "text": "For how many?",
                "slot": "guests",
                "validation": {"min": 1, "max": 12},
                "reprompt": "A number from one to twelve, please.",
                "next": "when",
            },
            {"id": "when", "type": "ask", "text": "On which day?", "slot": "day", "next": "sum"},
            {"id": "sum", "type": "set", "slot": "total", "expression": "vars.guests * 30", "next": "size"},
            {
                "id": "size",
                "type": "branch",
                "branches": [{"condition": "vars.guests > 6", "next": "desk"}],
                "next": "done",
            },
            {"id": "desk", "type": "handoff", "handoff": "desk", "text": "Large parties go to a colleague."},
            {
                "id": "done",
                "type": "end",
                "text": "Booked for {{variable.guests}} on {{variable.day}}: £{{variable.total}}.",
            },
        ],
    },
}


def booking(**changes: Any) -> Talk:
    return talk(entities({**TABLE, **changes}), now="2026-11-21T10:00:00+00:00")


def test_a_workflow_starts_from_a_topic_and_runs_to_its_end() -> None:
    call = booking()
    assert call.say("Can I book a table?").said == "Gladly. For how many?"
    assert call.last.trace["workflow"]["step"] == "many"
    assert call.say("there will be four of us").said == "On which day?"
    taken = call.say("tomorrow please")
    assert taken.said == "Booked for 4 on 2026-11-22: £120."
    assert taken.state["vars"] == {"guests": 4, "day": "2026-11-22", "total": 120}
    assert taken.trace["workflow"] is None
    assert [effect["how"] for effect in call.effects("workflow_ended")] == ["done"]
    assert call.say("Where can I park?").trace["topic"] == "parking"


def test_an_answer_that_does_not_fit_is_asked_for_again_and_then_handed_over() -> None:
    call = booking()
    call.say("Can I book a table?")
    assert call.say("fifty").said == "A number from one to twelve, please."
    assert call.effects("slot_refused")[0]["problem"] == "is above 12"
    call.say("hmm")
    taken = call.say("a lot")
    assert taken.ended_by == "handoff"
    assert call.effects("workflow_ended")[0]["how"] == "not_answered"


def test_on_fail_leads_to_another_step() -> None:
    steps = [dict(step) for step in TABLE["workflow/book"]["steps"]]
    steps[0] |= {"attempts": 1, "on_fail": "done"}
    call = booking(**{"workflow/book": {"start": "many", "steps": steps}})
    call.say("Can I book a table?")
    assert call.say("no idea").said.startswith("Booked for")


def test_a_question_in_between_is_answered_and_the_workflow_goes_on() -> None:
    call = booking()
    call.say("Can I book a table?")
    taken = call.say("Do you have parking?")
    assert taken.said == "Parking is behind the house. A number from one to twelve, please."
    assert call.effects("digression")[0]["topic"] == "parking"
    assert call.say("two").said == "On which day?"
    assert call.say("I would like to speak to a person").ended_by == "handoff"


def test_a_branch_hands_over() -> None:
    call = booking()
    call.say("Can I book a table?")
    call.say("eight")
    taken = call.say("on 3 December")
    assert (taken.said, taken.ended_by) == ("Large parties go to a colleague.", "handoff")
    assert taken.state["vars"]["day"] == "2026-12-03"


def test_phrases_start_a_workflow_without_a_topic() -> None:
    body = {**TABLE["workflow/book"], "trigger": {"phrases": ["cancel my breakfast", "no breakfast tomorrow"]}}
    call = booking(**{"workflow/book": body})
    assert call.say("no breakfast tomorrow").said == "For how many?"
    assert call.last.trace["topics"][0]["workflow"] == "book"


def test_calls_keep_their_result_and_branch_on_it() -> None:
    steps = [
        {
            "id": "find",
            "type": "call",
            "tool": "rooms",
            "arguments": {"who": "{{variable.guests}}"},
            "save_to": "total",
            "branches": [{"condition": "result > 100", "next": "dear"}],
            "next": "cheap",
        },
        {"id": "dear", "type": "end", "text": "That is £{{variable.total}}, I fear."},
        {"id": "cheap", "type": "end", "text": "Only £{{variable.total}}."},
    ]
    tool = {
        "method": "POST",
        "url": "/rooms/{who}",
        "integration": "pms",
        "body": {"guests": "{who}", "note": "for {who}"},
        "result": {"path": "price.total"},
    }
    pms = {"base_url": "https://pms.example/api", "auth": {"type": "bearer", "secret": "PMS"}}
    call = booking(**{"workflow/book": {"start": "find", "steps": steps}, "tool/rooms": tool, "integration/pms": pms})
    answer = {"status": 200, "result": {"price": {"total": 120}}, "ms": 3.0}
    assert call.say("Can I book a table?", answers=[answer]).said == "Gladly. That is £120, I fear."
    facts = call.last.asks[0]["facts"]
    assert facts["integration"]["auth"] == {"type": "bearer", "secret": "PMS", "username": "", "name": ""}
    assert (facts["url"], facts["body"]) == ("/rooms/", {"guests": None, "note": "for "})
    cheap = booking(**{"workflow/book": {"start": "find", "steps": steps}, "tool/rooms": tool, "integration/pms": pms})
    taken = cheap.say("Can I book a table?", answers=[{"error": {"code": "timeout", "message": "slow"}, "ms": 1.0}])
    assert taken.said == "Gladly. Only £."
    assert cheap.effects("tool_called")[0]["error"]["code"] == "timeout"


def test_tables_are_looked_up_and_written() -> None:
    steps = [
        {"id": "find", "type": "lookup", "table": "guests", "where": {"phone": "{{variable.guests}}"}, "slot": "found"},
    ]
    steps[0]["branches"] = [{"condition": "result == null", "next": "new"}]
    steps[0]["next"] = "known"
    steps += [
        {"id": "new", "type": "store", "table": "guests", "key": "g1", "values": {"name": "new"}, "next": "known"},
        {"id": "known", "type": "end", "text": "Welcome back."},
    ]
    call = booking(**{"workflow/book": {"start": "find", "steps": steps}, "variable/found": {"type": "object"}})
    taken = call.say("Can I book a table?", answers=[{"rows": [], "ms": 1.0}, {"rows": [{"key": "g1"}], "ms": 1.0}])
    assert [ask["facts"]["op"] for ask in taken.asks] == ["find", "put"]
    assert taken.said == "Gladly. Welcome back."


def test_a_message_in_a_workflow_needs_consent() -> None:
    steps = [{"id": "text", "type": "sms", "sms": "link", "text": "Shall I text it?", "next": "bye"}]
    steps += [{"id": "bye", "type": "end", "text": "All done.", "value": "conversation"}]
    more = {"workflow/book": {"start": "text", "steps": steps}, "sms/link": {"text": "Here."}}
    agreed = booking(**more)
    assert agreed.say("Can I book a table?").said == "Gladly. Shall I text it?"
    assert "sms_sent" not in kinds(agreed)
    taken = agreed.say("yes please")
    assert (taken.said, taken.ended_by) == ("I've sent you the text message. All done.", "agent")
    assert "sms_sent" in kinds(agreed)
    refused = booking(**more)
    refused.say("Can I book a table?")
    refused.say("no thanks")
    assert "sms_sent" not in kinds(refused)


def test_steps_in_a_circle_are_stopped() -> None:
    steps = [{"id": "a", "type": "goto", "next": "b"}, {"id": "b", "type": "goto", "next": "a"}]
    call = booking(**{"workflow/book": {"start": "a", "steps": steps}})
    taken = call.say("Can I book a table?")
    assert call.effects("workflow_ended")[0]["how"] == "stopped"
    assert "100 steps" in " ".join(taken.trace["problems"])


def test_a_step_for_a_model_is_left_where_none_answers() -> None:
    steps = [{"id": "p", "type": "prompt", "text": "Ask the user for their zip code."}]
    call = booking(**{"workflow/book": {"start": "p", "steps": steps}})
    taken = call.say("Can I book a table?")
    assert taken.said == "Gladly."
    assert "needs_model" in [effect["how"] for effect in call.effects("workflow_ended")]
    assert "zip code" not in taken.said


def test_a_version_without_the_running_step_leaves_it() -> None:
    call = booking()
    call.say("Can I book a table?")
    call.program = booking(**{"workflow/book": {"start": "x", "steps": [{"id": "x", "type": "end"}]}}).program
    taken = call.say("Where can I park?")
    assert taken.said == "Parking is behind the house."
    assert call.effects("workflow_ended")[0]["how"] == "missing"


NONE = ValidationPlan()


@pytest.mark.parametrize(
    "text, kind, wanted, value",
    [
        ("four", "number", NONE, 4),
        ("twenty-three please", "number", NONE, 23),
        ("two hundred and five", "number", NONE, 205),
        ("about 1,250 pounds", "number", NONE, 1250),
        ("3.5", "number", NONE, 3.5),
        ("yes please", "boolean", NONE, True),
        ("no thank you", "boolean", NONE, False),
        ("today", "date", NONE, "2026-11-21"),
        ("on Monday", "date", NONE, "2026-11-23"),
        ("the 2nd of January", "date", NONE, "2027-01-02"),
        ("2026-12-24", "date", NONE, "2026-12-24"),
        ("My name is Ada Lovelace.", "text", NONE, "Ada Lovelace"),
        ("eggs, toast and tea", "list", NONE, ["eggs", "toast", "tea"]),
        ("the deluxe one", "text", ValidationPlan(options=("Standard", "Deluxe")), "Deluxe"),
        ("the second", "text", ValidationPlan(options=("Standard", "Deluxe")), "Deluxe"),
        ("it is four one two oh", "text", ValidationPlan(pattern=compile_pattern(r"\d{4}")), "4120"),
        ("AB 12 CD", "text", ValidationPlan(pattern=compile_pattern(r"[A-Z]{2}\d{2}[A-Z]{2}")), "AB12CD"),
    ],
)
def test_answers_are_read_by_type(text: str, kind: str, wanted: ValidationPlan, value: Any) -> None:
    assert read_answer(text, kind, wanted, "2026-11-21").value == value


@pytest.mark.parametrize(
    "text, kind, wanted",
    [
        ("plenty", "number", NONE),
        ("perhaps", "boolean", NONE),
        ("the 31st of February", "date", NONE),
        ("some day", "date", NONE),
        ("standard or deluxe", "text", ValidationPlan(options=("Standard", "Deluxe"))),
        ("seven", "number", ValidationPlan(maximum=6)),
        ("no digits", "text", ValidationPlan(pattern=compile_pattern(r"\d{4}"))),
    ],
)
def test_what_is_no_answer_is_refused(text: str, kind: str, wanted: ValidationPlan) -> None:
    reading = read_answer(text, kind, wanted, "2026-11-21")
    assert reading.value is None
    assert reading.problem
