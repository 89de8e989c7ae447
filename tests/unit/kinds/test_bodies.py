"""What single kinds refuse between their fields."""

from typing import Any

import pytest

from greenroom.kinds import KINDS

END = {"id": "end", "type": "end"}
ROW = {"id": "a", "name": "A", "default": True}
TURN = {"say": "hi"}

REFUSED: list[tuple[str, dict[str, Any], str, str]] = [
    ("workflow", {"start": "x", "steps": [END]}, "/start", "dangling_step"),
    ("workflow", {"steps": [END]}, "/start", "required"),
    ("workflow", {"start": "end", "steps": [{**END, "next": "ned"}]}, "/steps/0/next", "dangling_step"),
    (
        "workflow",
        {"start": "a", "steps": [{"id": "a", "type": "branch", "branches": [{"next": "b"}]}]},
        "/steps/0/branches/0/next",
        "dangling_step",
    ),
    ("workflow", {"start": "a", "steps": [{"id": "a", "type": "branch"}]}, "/steps/0/branches", "required"),
    ("workflow", {"start": "a", "steps": [{"id": "a", "type": "call"}]}, "/steps/0/function", "required"),
    ("workflow", {"start": "a", "steps": [{"id": "a", "type": "goto"}]}, "/steps/0/next", "required"),
    ("workflow", {"start": "end", "steps": [END, END]}, "/steps/1/id", "duplicate"),
    ("variant", {"rows": [{"id": "a", "name": "A"}]}, "/rows", "no_default"),
    ("variant", {"rows": [ROW, {**ROW, "id": "b"}]}, "/rows/1/default", "two_defaults"),
    (
        "variant",
        {"attributes": ["street"], "rows": [{**ROW, "values": {"stret": "x"}}]},
        "/rows/0/values/stret",
        "unknown_attribute",
    ),
    ("variant", {"attributes": ["a", "a"]}, "/attributes/1", "duplicate"),
    ("test_set", {"cases": [{"id": "a"}]}, "/cases/0", "required"),
    ("test_set", {"cases": [{"id": "a", "scenario": "  "}]}, "/cases/0", "required"),
    ("test_set", {"cases": [{"id": "a", "turns": [TURN], "channel": "Voice!"}]}, "/cases/0/channel", "wrong_form"),
    ("variable", {"type": "number", "default": "5"}, "/default", "wrong_type"),
    ("variable", {"type": "number", "default": True}, "/default", "wrong_type"),
    ("variable", {"type": "date", "default": "tomorrow"}, "/default", "wrong_type"),
    ("variable", {"type": "boolean", "default": 1}, "/default", "wrong_type"),
    ("handoff", {}, "/destination/value", "required"),
    ("handoff", {"destination": {"type": "number", "value": "desk"}}, "/destination/value", "wrong_form"),
    ("handoff", {"destination": {"type": "sip", "value": "desk"}}, "/destination/value", "wrong_form"),
    ("handoff", {"destination": {"type": "url", "value": "javascript:x"}}, "/destination/value", "wrong_form"),
    ("handoff", {"method": "bye", "sip_headers": [{"name": "a:b"}]}, "/sip_headers/0/name", "wrong_form"),
    (
        "handoff",
        {"method": "bye", "sip_headers": [{"name": "A", "value": "x\r\nB: y"}]},
        "/sip_headers/0/value",
        "wrong_form",
    ),
    ("handoff", {"method": "fax"}, "/method", "not_a_choice"),
    ("agent", {"model": {"provider": "gpt"}}, "/model/provider", "wrong_form"),
    ("agent", {"model": {"temperature": 3}}, "/model/temperature", "out_of_range"),
    ("agent", {"languages": ["english!"]}, "/languages/0", "wrong_form"),
    ("agent", {"languages": ["en", "en"]}, "/languages/1", "duplicate"),
    ("topic", {"actions": [{"id": "a", "type": "sms"}]}, "/actions/0/target", "required"),
    ("topic", {"sample_questions": ["  "]}, "/sample_questions/0", "wrong_form"),
    ("voice", {"speed": 5}, "/speed", "out_of_range"),
    ("rule", {"severity": "Hard"}, "/severity", "not_a_choice"),
    ("settings", {"imported_files": [{"path": "a/../../x"}]}, "/imported_files/0/path", "wrong_form"),
    ("settings", {"imported_files": [{"path": "/etc/passwd"}]}, "/imported_files/0/path", "wrong_form"),
    ("settings", {"time_zone": "Somewhere; else"}, "/time_zone", "wrong_form"),
    ("response_control", {"keyphrases": [{"phrase": "a"}, {"phrase": "a"}]}, "/keyphrases/1/phrase", "duplicate"),
    ("response_control", {"max_length": 0}, "/max_length", "out_of_range"),
    ("component", {"parameters": ["a", "a"]}, "/parameters/1", "duplicate"),
    ("sms", {"sender": "a very long sender name"}, "/sender", "wrong_form"),
]


@pytest.mark.parametrize("kind, fields, pointer, code", REFUSED)
def test_a_body_is_refused_with_one_fault_at_its_place(
    kind: str, fields: dict[str, Any], pointer: str, code: str
) -> None:
    (fault,) = KINDS[kind].validate({"name": "X", **fields})
    assert (fault.pointer, fault.code) == (pointer, code)


ACCEPTED: list[tuple[str, dict[str, Any]]] = [
    ("workflow", {}),
    ("workflow", {"start": "a", "steps": [{"id": "a", "type": "handoff"}]}),
    ("variant", {}),
    ("handoff", {"method": "bye"}),
    ("handoff", {"method": "ticket"}),
    ("handoff", {"destination": {"value": "{{variant.desk}}"}}),
    ("handoff", {"destination": {"type": "queue", "value": "Front desk"}}),
    ("variable", {"type": "object", "default": {"a": [1]}}),
    ("variable", {"type": "number", "default": 0}),
    ("variable", {"type": "boolean", "default": False}),
    ("sms", {"sender": "{{variant.sender}}"}),
    *((name, {}) for name in KINDS if name != "handoff"),
]


@pytest.mark.parametrize("kind, fields", ACCEPTED)
def test_a_body_that_makes_sense_is_let_through(kind: str, fields: dict[str, Any]) -> None:
    assert KINDS[kind].validate({"name": "X", **fields}) == ()


def test_a_default_that_is_falsy_is_kept() -> None:
    assert KINDS["variable"].complete({"name": "X", "type": "number", "default": 0})["default"] == 0
    assert KINDS["settings"].complete({"name": "X", "fallback": ""})["fallback"] == ""
    assert KINDS["topic"].complete({"name": "X", "enabled": False})["enabled"] is False


def test_a_misspelt_step_is_suggested() -> None:
    (fault,) = KINDS["workflow"].validate({"name": "W", "start": "edn", "steps": [END]})
    assert fault.message == "there is no step 'edn'; did you mean 'end'?"


def test_the_order_of_an_unordered_list_is_kept() -> None:
    languages = ["fr", "de", "en"]
    assert KINDS["agent"].complete({"name": "A", "languages": languages})["languages"] == languages
