"""What publishing is told of the kinds that lead and call: each fault planted, and the same entity without it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from greenroom.domain.entities import Address
from greenroom.kinds import KINDS
from greenroom.runtime.checks.workflows import find_circle
from greenroom.runtime.program import check_program
from tests.support.agents import changed, entities, talk, without

MODEL = {"model": {"provider": "openai:gpt-4.1-mini"}}
BASE: Mapping[str, Mapping[str, Any]] = {
    "agent/main": MODEL,
    "agent/spa": {},
    "handoff/desk": {"method": "ticket", "default": True},
    "variable/room": {"type": "text"},
    "sms/link": {"text": "Here it is."},
    "playbook/calm": {"goal": "The guest is calm."},
}


def asking(**validation: Any) -> dict[str, Any]:
    step = {"id": "a", "type": "ask", "text": "Which room?", "slot": "room", "validation": validation}
    return {"start": "a", "steps": [step]}


def setting(expression: str) -> dict[str, Any]:
    return {"start": "a", "steps": [{"id": "a", "type": "set", "slot": "room", "expression": expression}]}


def branching(condition: str) -> dict[str, Any]:
    branch = {"condition": condition, "next": "b"}
    return {
        "start": "a",
        "steps": [{"id": "a", "type": "branch", "branches": [branch]}, {"id": "b", "type": "end", "text": "Bye."}],
    }


def squad(condition: str = "", **more: Any) -> dict[str, Any]:
    transfer = {"id": "t", "target": "spa", "condition": condition}
    return {"members": ["main", "spa"], "entry": "main", "transfers": [transfer], **more}


def site(**patterns: Any) -> dict[str, Any]:
    source = {"type": "site", "site": {"url": "https://harbour.example/", **patterns}}
    return {"source": source, "documents": [{"document": "sauna"}]}


def site_of(condition: str) -> dict[str, Any]:
    return {"rows": [{"id": "quay", "name": "Quay", "default": True, "condition": condition}]}


def rule(**fields: Any) -> dict[str, Any]:
    return {"condition": "channel == 'voice'", "target": {"type": "queue", "value": "night"}, **fields}


Fields = dict[str, Any]
PLANTED: list[tuple[str, Fields, Fields, str, str]] = [
    # (entity, sound, broken, pointer and whether it is an error, code)
    ("squad/main", squad("intent == 'spa'"), squad("intnt == 'spa'"), "!/transfers/0/condition", "invalid_condition"),
    ("squad/main", squad("vars.room == '1'"), squad("vars.mood == '1'"), "/transfers/0/condition", "unknown_variable"),
    ("squad/main", squad(), {}, "!/members", "required"),
    ("variant/default", site_of("called == '+44'"), site_of("caled == '+44'"), "!/rows/0/condition",
     "invalid_condition"),
    ("variant/default", site_of("vars.room == '1'"), site_of("vars.house == '1'"), "/rows/0/condition",
     "unknown_variable"),
    (
        "conditional_prompt/night",
        {"condition": "time.hour > 21", "text": "Whisper."},
        {"condition": "time.hour > '21'", "text": "Whisper."},
        "!/condition",
        "invalid_condition",
    ),
    ("conditional_prompt/night", {"text": "Whisper."}, {"text": " "}, "!/text", "required"),
    ("routing_rule/night", rule(), rule(condition="channel"), "!/condition", "invalid_condition"),
    ("routing_rule/night", rule(), rule(target={"type": "queue"}), "!/target/value", "required"),
    ("routing_rule/night", rule(enabled=False, target={}), rule(target={}), "!/target/value", "required"),
    (
        "playbook/win-back",
        {"goal": "They stay.", "done_when": "vars.room != ''"},
        {"goal": "They stay.", "done_when": "vars.room !="},
        "!/done_when",
        "invalid_condition",
    ),
    ("playbook/win-back", {"goal": "They stay."}, {"instructions": "Be kind."}, "!/goal", "required"),
    ("guardrail/rivals", {"patterns": ["palace"]}, {"patterns": ["fine", "("]}, "!/patterns/1", "invalid_pattern"),
    ("guardrail/rivals", {"patterns": ["palace"]}, {"patterns": ["(?=a)"]}, "/patterns/0", "unsupported_pattern"),
    ("guardrail/rivals", {"category": "profanity"}, {"message": "No."}, "!/patterns", "required"),
    ("guardrail/rivals", {"enabled": False}, {}, "!/patterns", "required"),
    (
        "workflow/book",
        asking(condition="value != '000' && result == null"),
        asking(condition="val != '000'"),
        "!/steps/0/validation/condition",
        "invalid_condition",
    ),
    ("workflow/book", asking(pattern="[0-9]+"), asking(pattern="[0-9"), "!/steps/0/validation/pattern",
     "invalid_pattern"),
    ("workflow/book", asking(pattern="[0-9]+"), asking(pattern="(?<=a)b"), "/steps/0/validation/pattern",
     "unsupported_pattern"),
    ("workflow/book", setting("vars.room + '1'"), setting("vars.room +"), "!/steps/0/expression", "invalid_condition"),
    ("workflow/book", setting("result"), setting("vars.romo"), "/steps/0/expression", "unknown_variable"),
    ("workflow/book", branching("result == null"), branching("reslt == null"), "!/steps/0/branches/0/condition",
     "invalid_condition"),
    ("workflow/book", asking(), {"steps": []}, "/steps", "empty_workflow"),
    ("tool/find", {"url": "https://harbour.example/{room}"}, {"method": "POST"}, "!/url", "required"),
    (
        "tool/find",
        {"url": "/rooms", "integration": "booking"},
        {"integration": "booking"},
        "/url",
        "no_path",
    ),
    ("integration/pms", {"base_url": "https://pms.example"}, {}, "!/base_url", "required"),
    (
        "integration/pms",
        {"base_url": "https://pms.example", "base_urls": {"live": "https://live.pms.example"}},
        {"base_urls": {"live": "https://live.pms.example"}},
        "/base_url",
        "no_address",
    ),
    ("mcp/house", {"url": "https://tools.example/mcp"}, {"prefix": "h_"}, "!/url", "required"),
    ("mcp/house", {"url": "https://tools.example/mcp"}, {"urls": {"live": "https://t.example"}}, "/url", "no_address"),
    ("knowledge/web", site(include=["/help/"]), site(include=["/help/", "["]), "!/source/site/include/1",
     "invalid_pattern"),
    ("knowledge/web", site(exclude=["/jobs/"]), site(exclude=["(?!x)"]), "/source/site/exclude/0",
     "unsupported_pattern"),
    ("knowledge/web", site(), {"source": site()["source"]}, "/documents", "no_documents"),
    ("knowledge/web", {"enabled": False}, {}, "/documents", "no_documents"),
]  # fmt: skip


@pytest.mark.parametrize("address, sound, broken, where, code", PLANTED)
@pytest.mark.parametrize("whole", [True, False])
def test_each_fault_is_found_and_what_is_sound_is_not(
    address: str, sound: Fields, broken: Fields, where: str, code: str, whole: bool
) -> None:
    base = entities({**BASE, "integration/booking": {"base_url": "https://booking.example"}})
    only = None if whole else {Address(*address.split("/"))}
    assert check_program(changed(base, address, sound), only) == ((), ())
    errors, warnings = check_program(changed(base, address, broken), only)
    found = errors if where.startswith("!") else warnings
    (fault,) = [fault for fault in (*errors, *warnings) if fault.code == code]
    assert fault in found
    assert fault.pointer == f"/{address}{where.removeprefix('!')}"
    assert fault.message
    assert fault.hint or code.endswith("_pattern")
    # Whatever is wrong with it, it compiles and talks.
    talk(changed(base, address, broken)).say("Hello there, which room is it?")


def test_the_samples_of_all_kinds_together_are_sound() -> None:
    whole = {Address(kind.name, kind.singleton or "sample"): dict(kind.sample) for kind in KINDS.values()}
    assert check_program(whole)[0] == ()


def step(name: str, kind: str, to: str = "", *branches: tuple[str, str], **more: Any) -> dict[str, Any]:
    found = [{"condition": condition, "next": goal} for condition, goal in branches]
    return {"id": name, "type": kind, "next": to, "branches": found, **more}


CIRCLES: list[tuple[str, list[dict[str, Any]], tuple[str, ...]]] = [
    ("itself", [step("a", "goto", "a")], ("a",)),
    ("two", [step("a", "say", "b", text="x"), step("b", "goto", "a")], ("a", "b")),
    ("a way in", [step("a", "set", "b"), step("b", "set", "c"), step("c", "goto", "b")], ("b", "c")),
    ("branches", [step("a", "branch", "b", ("x", "a")), step("b", "goto", "a")], ("a",)),
    ("an always", [step("a", "branch", "", ("", "a"))], ("a",)),
    ("a go-to's branches count for nothing", [step("a", "goto", "a", ("x", ""))], ("a",)),
    ("tools do not steer", [step("a", "call", "a", tool="t")], ("a",)),
    ("only one way", [step("a", "branch", "b", ("x", "c")), step("b", "end"), step("c", "goto", "c")], ("c",)),
    ("out", [step("a", "say", text="x")], ()),
    ("a question", [step("a", "ask", "b"), step("b", "goto", "a")], ()),
    ("an end by a branch", [step("a", "branch", "a", ("x", "b")), step("b", "end")], ()),
    ("a branch leads out", [step("a", "branch", "a", ("x", ""))], ()),
    ("a failure leads out", [step("a", "lookup", "a", on_fail="b"), step("b", "handoff")], ()),
    ("functions steer", [step("a", "call", "a", function="f"), step("b", "function", "b")], ()),
    ("never reached", [step("a", "end"), step("b", "goto", "b")], ()),
    ("nothing", [], ()),
]


@pytest.mark.parametrize("name, steps, circle", CIRCLES, ids=[name for name, _, _ in CIRCLES])
def test_a_circle_of_steps_needs_a_way_out(name: str, steps: list[dict[str, Any]], circle: tuple[str, ...]) -> None:
    assert find_circle(steps, "a") == circle
    errors, _ = check_program(entities({"agent/main": {}, "workflow/w": {"start": "a", "steps": steps}}))
    assert [fault.code for fault in errors if fault.code == "endless_steps"] == ["endless_steps"] * bool(circle)


def test_a_circle_says_where_it_begins() -> None:
    steps = [step("a", "set", "b"), step("b", "set", "c"), step("c", "goto", "b")]
    errors, _ = check_program(entities({"agent/main": {}, "workflow/w": {"start": "a", "steps": steps}}))
    assert errors[0].pointer == "/workflow/w/steps/1"
    assert "b → c → b" in errors[0].message


def test_a_squad_says_who_begins_and_only_one_is_used() -> None:
    agents = entities({"agent/desk": {}, "agent/spa": {}})
    assert [fault.code for fault in check_program(agents)[0]] == ["no_main_agent"]
    one = changed(agents, "squad/hotel", {"members": ["desk", "spa"], "entry": "spa"})
    assert check_program(one) == ((), ())
    assert check_program(one, {Address("squad", "hotel")}) == ((), ())
    removed = {Address("squad", "hotel")}
    assert [fault.code for fault in check_program(without(one, "squad/hotel"), removed)[0]] == ["no_main_agent"]
    two = changed(one, "squad/night", {"members": ["desk"], "entry": "desk"})
    (fault,) = check_program(two, {Address("squad", "night")})[1]
    assert (fault.pointer, fault.code) == ("/squad/night", "unused_squad")
    assert "squad/hotel" in fault.message
    main = changed(two, "squad/main", {"members": ["desk"], "entry": "desk"})
    assert [fault.pointer for fault in check_program(main)[1]] == ["/squad/hotel", "/squad/night"]


def test_what_only_a_model_follows_needs_one() -> None:
    agent = entities(
        {
            "agent/main": {},
            "playbook/calm": {"goal": "The guest is calm."},
            "conditional_prompt/night": {"text": "Whisper."},
            "workflow/book": {"start": "a", "steps": [step("a", "say", "b"), step("b", "prompt", text="Ask.")]},
            "workflow/plain": {"start": "a", "steps": [step("a", "end")]},
        }
    )
    errors, warnings = check_program(agent)
    assert errors == ()
    assert [(fault.pointer, fault.code) for fault in warnings] == [
        ("/conditional_prompt/night", "needs_model"),
        ("/playbook/calm", "needs_model"),
        ("/workflow/book/steps/1", "needs_model"),
    ]
    assert check_program(agent, {Address("agent", "main")})[1] == warnings
    assert check_program(agent, {Address("workflow", "book")})[1] == warnings[2:]
    assert check_program(agent, {Address("workflow", "plain")})[1] == ()
    assert check_program(changed(agent, "agent/main", MODEL)) == ((), ())
    assert check_program(changed(agent, "agent/spa", MODEL), {Address("workflow", "book")}) == ((), ())
