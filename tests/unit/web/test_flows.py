"""Where each step leads, what nothing leads to, and that adding and removing steps leaves no hole."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greenroom.kinds import KINDS
from greenroom.web.elements import Act, carry_out
from greenroom.web.flows import read_flow

FIELDS = KINDS["workflow"].fields


def flow_of(*steps: dict[str, Any], start: str = "a") -> Any:
    found = read_flow(FIELDS, {"name": "W", "start": start, "steps": list(steps)})
    assert found is not None
    return found


def say(id_: str, to: str = "") -> dict[str, Any]:
    return {"id": id_, "type": "say", "text": "x", **({"next": to} if to else {})}


def test_only_a_list_whose_elements_lead_to_one_another_has_a_map() -> None:
    assert read_flow(KINDS["topic"].fields, {"name": "T"}) is None
    assert read_flow(KINDS["squad"].fields, {"name": "S"}) is None


def test_ways_are_branches_then_the_next_step_then_what_a_failure_does() -> None:
    ask = {
        "id": "a",
        "type": "ask",
        "on_fail": "c",
        "next": "b",
        "branches": [{"condition": "value == 'x'", "next": "c"}],
    }
    ways = flow_of(ask, say("b"), say("c")).nodes[0].ways
    assert [(way.sort, way.target, way.label) for way in ways] == [
        ("branch", 2, "value == 'x'"),
        ("next", 1, ""),
        ("fail", 2, "step after failing"),
    ]


def test_a_branch_that_always_holds_hides_what_comes_after_it() -> None:
    branch = {"id": "a", "type": "branch", "next": "c", "branches": [{"next": "b"}]}
    flow = flow_of(branch, say("b"), say("c"))
    assert [way.taken for way in flow.nodes[0].ways] == [True, False]
    assert [node.title for node in flow.unreached] == ["c"]


def test_what_leads_nowhere_and_what_nothing_leads_to_is_said() -> None:
    flow = flow_of(say("a", "gone"), say("b"))
    assert flow.nodes[0].ways[0].missing == "gone"
    assert [node.id for node in flow.unreached] == ["b"]
    assert flow_of(say("a"), start="nowhere").lost == "nowhere"


def test_a_field_that_does_not_matter_leads_nowhere() -> None:
    end = {"id": "a", "type": "end", "next": "b"}
    assert flow_of(end, say("b")).nodes[0].ways == []


def test_every_way_to_a_step_is_drawn_in_a_lane_of_its_own_where_they_pass() -> None:
    steps = [say("a", "d"), say("b", "c"), say("c", "a"), say("d")]
    width, arcs = flow_of(*steps).arcs()
    assert len(arcs) == 3
    assert len({arc.path.partition("H")[2].partition("q")[0] for arc in arcs}) == 3
    assert width > 30


def test_a_new_step_is_led_to_by_the_one_before_and_leads_on() -> None:
    body: dict[str, Any] = {"name": "W", "steps": []}
    carry_out(Act("add", "/steps", "ask"), FIELDS, body)
    assert body["start"] == "step-1"
    carry_out(Act("add", "/steps", "end"), FIELDS, body)
    focus = carry_out(Act("insert", "/steps/0", "say"), FIELDS, body)
    assert focus == "/steps/1"
    assert [(step["id"], step["type"], step.get("next")) for step in body["steps"]] == [
        ("step-1", "ask", "step-3"),
        ("step-3", "say", "step-2"),
        ("step-2", "end", None),
    ]


def test_what_led_to_a_removed_step_leads_on_to_where_it_led() -> None:
    branch = {"id": "a", "type": "branch", "branches": [{"condition": "x", "next": "b"}], "next": "b"}
    body: dict[str, Any] = {"name": "W", "start": "a", "steps": [branch, say("b", "c"), say("c")]}
    carry_out(Act("remove", "/steps/1"), FIELDS, body)
    assert body["steps"][0]["next"] == body["steps"][0]["branches"][0]["next"] == "c"
    carry_out(Act("remove", "/steps/0"), FIELDS, body)
    assert body["start"] == "c"


@pytest.mark.parametrize("verb, place, order", [("up", "/steps/2", "acb"), ("down", "/steps/0", "bac")])
def test_moving_a_step_changes_the_order_and_no_way(verb: str, place: str, order: str) -> None:
    body: dict[str, Any] = {"name": "W", "start": "a", "steps": [say("a", "b"), say("b", "c"), say("c")]}
    ways = {step["id"]: step.get("next") for step in body["steps"]}
    carry_out(Act(verb, place), FIELDS, body)
    assert "".join(step["id"] for step in body["steps"]) == order
    assert {step["id"]: step.get("next") for step in body["steps"]} == ways


@pytest.mark.parametrize(
    "pointer", ["/steps/9", "/steps/x", "/nothing/0", "/steps/0/text/1", "", "/", "/steps/-1", "/a/b/c/d/e"]
)
@pytest.mark.parametrize("verb", ["insert", "remove", "up", "down", "add"])
def test_a_place_that_is_not_there_is_left_alone(verb: str, pointer: str) -> None:
    body: dict[str, Any] = {"name": "W", "start": "a", "steps": [say("a")]}
    carry_out(Act(verb, pointer), FIELDS, body)
    assert body["steps"][0] == say("a")


IDS = st.sampled_from("abcde")
STEPS = st.lists(st.builds(say, IDS, IDS | st.just("")), min_size=1, max_size=5, unique_by=lambda s: s["id"])


@given(STEPS, st.data())
def test_removing_a_step_never_makes_a_way_lead_nowhere(steps: list[dict[str, Any]], data: st.DataObject) -> None:
    known = {step["id"] for step in steps}
    for step in steps:
        if step.get("next") not in known:
            step.pop("next", None)
    body: dict[str, Any] = {"name": "W", "start": steps[0]["id"], "steps": steps}
    carry_out(Act("remove", f"/steps/{data.draw(st.integers(0, len(steps) - 1))}"), FIELDS, body)
    left = {step["id"] for step in body["steps"]}
    assert all(step.get("next") in {None, "", *left} for step in body["steps"])
    assert body["start"] in {"", *left}
