"""A kind's form says its body, whatever the kind; what cannot be read is told and shown again as it was typed."""

from __future__ import annotations

import re
from types import SimpleNamespace
from typing import Any

import pytest
from bs4 import BeautifulSoup
from jinja2 import Environment

from greenroom.domain.errors import Fault
from greenroom.kinds import ALL, KINDS
from greenroom.kinds.schema import ModelKind
from greenroom.web.editing import Control, Drawing
from greenroom.web.elements import carry_out, read_act
from greenroom.web.findings import findings_of
from greenroom.web.flows import Flow, read_flow
from greenroom.web.forms import Form, Refusal
from greenroom.web.rendering import Assets, make_templates
from greenroom.web.typed import has_unreadable, read_body


def render(controls: list[Control], flow: Flow | None = None) -> str:
    """Returns the form as the page has it."""
    templates: Environment = make_templates(Assets())
    start = '{% import "content/_controls.html" as form with context %}'
    source = start + "{% for c in controls %}{{ form.control(c) }}{% endfor %}"
    page = SimpleNamespace(base="/projects/hotel", here=None)
    return templates.from_string(source).render(
        controls=controls, page=page, q="", address="", focus="", flow=flow, kind=None
    )


def fields_of_page(html: str) -> list[tuple[str, str]]:
    """Returns what a browser would send of a form: every field with its value, ticked boxes only."""
    sent: list[tuple[str, str]] = []
    for field in BeautifulSoup(html, "lxml").select("input, textarea, select"):
        name = str(field.get("name", ""))
        if field.name == "textarea":
            sent.append((name, field.text.removeprefix("\n")))
        elif field.name == "select":
            chosen = field.select_one("option[selected]") or field.select_one("option")
            sent.append((name, str(chosen["value"]) if chosen else ""))
        elif field.get("type") != "checkbox" or field.has_attr("checked"):
            sent.append((name, str(field.get("value", ""))))
    return sent


def submit(kind: ModelKind, body: Any, *more: tuple[str, str]) -> tuple[dict[str, Any], list[Fault]]:
    """Returns what comes back of a body that was drawn, and sent as it was, with some fields changed."""
    changed = dict(more)
    flow = read_flow(kind.fields, body)
    sent = fields_of_page(render(Drawing(flow=flow).fields(kind.fields, body), flow))
    pairs = [(name, changed.pop(name, value)) for name, value in sent]
    form = Form([*pairs, *changed.items()])
    found, faults = read_body(kind.fields, form)
    act = read_act(form)
    if act is not None:
        carry_out(act, kind.fields, found)
    return found, faults


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.name)
def test_a_form_that_is_sent_as_it_was_drawn_changes_nothing(kind: ModelKind) -> None:
    whole = kind.complete(kind.sample)
    body, faults = submit(kind, whole)
    assert faults == []
    assert kind.complete(body) == whole


LEAST = [(kind, {"name": "A"}) for kind in ALL if not kind.validate({"name": "A"})]
LEAST += [
    (KINDS["workflow"], {"name": "A", "start": "a", "steps": [{"id": "a", "type": "say", "text": "Hello"}]}),
    (KINDS["topic"], {"name": "A", "actions": [{"id": "a", "type": "sms", "target": "b"}]}),
]


@pytest.mark.parametrize("kind, least", LEAST, ids=[kind.name for kind, _ in LEAST])
def test_a_form_of_the_least_body_says_no_more_than_it(kind: ModelKind, least: dict[str, Any]) -> None:
    body, faults = submit(kind, least)
    assert faults == []
    assert kind.complete(body) == kind.complete(least)


def test_text_keeps_its_first_empty_line_and_its_spaces() -> None:
    text = "\n  Dogs are welcome.\n\n  Cats, too.  \n"
    body, _ = submit(KINDS["topic"], {"name": "Pets", "content": text})
    assert body["content"] == text


def test_lines_become_a_list_and_empty_ones_are_dropped() -> None:
    body, _ = submit(KINDS["topic"], {"name": "Pets"}, ("f:/sample_questions", "One?\n\n  Two?  \n"))
    assert body["sample_questions"] == ["One?", "Two?"]


def test_a_list_that_does_not_fit_on_lines_is_asked_for_as_json() -> None:
    odd = {"name": "Pets", "sample_questions": ["One\ntwo?", "Three?"]}
    html = render(Drawing().fields(KINDS["topic"].fields, odd))
    assert 'name="m:/sample_questions" value="json"' in html
    assert submit(KINDS["topic"], odd)[0]["sample_questions"] == odd["sample_questions"]


def test_an_element_is_added_at_the_end_and_removed_from_its_place() -> None:
    whole = KINDS["workflow"].sample
    steps = [step["id"] for step in whole["steps"]]
    body, _ = submit(KINDS["workflow"], whole, ("add", "/steps"))
    assert [step.get("id") for step in body["steps"]] == [*steps, "step-7"]
    body, _ = submit(KINDS["workflow"], whole, ("remove", "/steps/1"))
    assert [step["id"] for step in body["steps"]] == [steps[0], *steps[2:]]


def test_a_box_that_is_not_ticked_is_no_and_one_that_is_not_there_says_nothing() -> None:
    topic = KINDS["topic"]
    sent = fields_of_page(render(Drawing().fields(topic.fields, {"name": "A"})))
    without = Form([pair for pair in sent if pair[0] != "f:/enabled"])
    assert read_body(topic.fields, without)[0]["enabled"] is False
    assert "enabled" not in read_body(topic.fields, Form([("f:/name", "A")]))[0]


@pytest.mark.parametrize(
    "kind, field, text",
    [
        ("voice", "/stability", "much"),
        ("tool", "/body", "{nope"),
        ("variable", "/default", "[1,"),
        ("settings", "/knowledge/limit", "x"),
    ],
)
def test_what_cannot_be_read_is_told_and_shown_as_it_was_typed(kind: str, field: str, text: str) -> None:
    found = KINDS[kind]
    body, faults = submit(found, {"name": "A"}, (f"f:{field}", text))
    assert [fault.pointer for fault in faults] == [field]
    assert has_unreadable(body)
    refusal = Refusal("something cannot be read", "unreadable", faults)
    html = render(Drawing(findings_of(refusal)).fields(found.fields, body))
    assert text in html
    assert re.search(r'aria-invalid="true"', html)


def test_a_fault_stands_beside_its_field_or_the_list_around_it() -> None:
    topic = KINDS["topic"]
    faults = topic.validate({"name": "A", "sample_questions": ["", "Two?"], "actions": [{"id": "x"}]})
    drawing = Drawing(findings_of(Refusal("wrong", "invalid", faults)))
    controls = {c.pointer: c for c in drawing.fields(topic.fields, {"actions": [{"id": "x"}]})}
    assert controls["/sample_questions"].findings
    assert any(child.findings for child in controls["/actions"].rows[0].children)


def test_a_field_with_its_default_stands_behind_more_fields() -> None:
    step = {"id": "a", "type": "say", "text": "Hello"}
    controls = Drawing().fields(KINDS["workflow"].fields, {"steps": [step]})
    row = next(c for c in controls if c.pointer == "/steps").rows[0]
    assert {c.label for c in row.children if not c.is_plain} == {"Id", "Type", "Text"}
    assert {c.label for c in row.children} == {"Id", "Name", "Type", "Text", "Next step", "Branches"}
