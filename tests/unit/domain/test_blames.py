"""Each field knows since which body it is what it is; so does each element of a keyed list."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from greenroom.domain.blames import choose_blame
from greenroom.domain.body_diffs import diff_bodies
from greenroom.domain.kind import Shape

STEP = Shape(fields={"text": Shape(label="text")})
SHAPE = Shape(
    fields={
        "name": Shape(label="name"),
        "text": Shape(form="text", label="text"),
        "steps": Shape(label="steps", items=STEP, identity="id"),
        "tags": Shape(label="tags", items=Shape(), identity="value"),
    }
)


def blame(*bodies: dict[str, Any] | None) -> dict[tuple[str, ...], int]:
    return {one.pointer: one.since for one in choose_blame(bodies, SHAPE)}


def step(id_: str, text: str) -> dict[str, Any]:
    return {"id": id_, "text": text}


def test_a_field_is_as_old_as_its_last_change() -> None:
    found = blame({"name": "A", "text": "x"}, {"name": "A", "text": "y"}, {"name": "B", "text": "y"})
    assert found == {("name",): 2, ("text",): 1}


def test_an_element_is_as_old_as_its_own_last_change() -> None:
    first, second = step("a", "one"), step("b", "two")
    found = blame(
        {"name": "A", "steps": [first, second]},
        {"name": "A", "steps": [first, step("b", "2")]},
        {"name": "A", "steps": [first, step("b", "2"), step("c", "three")]},
    )
    assert found == {("name",): 0, ("steps", "a"): 0, ("steps", "b"): 1, ("steps", "c"): 2}


def test_an_entity_that_was_away_is_as_old_as_its_return() -> None:
    body = {"name": "A", "steps": [step("a", "one")]}
    assert set(blame(body, None, body).values()) == {2}
    assert blame(body, None) == {}


def test_a_list_that_came_whole_is_no_older_than_its_coming() -> None:
    found = blame({"name": "A"}, {"name": "A", "steps": [step("a", "one")]}, {"name": "B", "steps": [step("a", "one")]})
    assert found == {("name",): 2, ("steps", "a"): 1}


def test_elements_that_are_put_in_another_order_stay_as_old_as_they_are() -> None:
    one, two, new = step("a", "one"), step("b", "two"), step("b", "2")
    found = blame({"steps": [one, two]}, {"steps": [one, new]}, {"steps": [new, one]})
    assert found == {("steps", "b"): 1, ("steps", "a"): 0}


def test_the_label_says_where() -> None:
    labels = [one.label for one in choose_blame([{"name": "A", "steps": [step("a", "one")]}], SHAPE)]
    assert labels == ["name", "steps › a"]


STEPS = st.lists(st.builds(step, st.sampled_from("abc"), st.sampled_from("12")), unique_by=lambda s: s["id"])
BODIES = st.lists(
    st.fixed_dictionaries(
        {"name": st.sampled_from("AB")},
        optional={
            "text": st.sampled_from(["x", "y", "z"]),
            "steps": st.lists(
                st.builds(step, st.sampled_from("abc"), st.sampled_from("12")), unique_by=lambda s: s["id"]
            ),
        },
    ),
    min_size=1,
    max_size=6,
)


@given(BODIES)
def test_nothing_about_a_field_changed_since_the_body_it_is_blamed_on(bodies: list[dict[str, Any]]) -> None:
    for pointer, since in blame(*bodies).items():
        for place in range(since + 1, len(bodies)):
            touched = [c.pointer for c in diff_bodies(bodies[place - 1], bodies[place], SHAPE)]
            assert not any(other[: len(pointer)] == pointer for other in touched)
