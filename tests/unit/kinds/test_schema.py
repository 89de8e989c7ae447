"""Derivation from facts, upgrades, and faults in plain words, on kinds made up for the purpose."""

import copy
from typing import Annotated, Any

import pytest

from greenroom.domain.canonical import canonical_json
from greenroom.domain.entities import Address
from greenroom.domain.errors import Invalid
from greenroom.domain.kind import Shape
from greenroom.kinds.schema import (
    BodyModel,
    Fact,
    Field,
    Id,
    JsonMapping,
    Keyed,
    Link,
    ModelKind,
    Part,
    Slug,
    SlugOrNone,
    Text,
)


class Stop(Part):
    id: Id
    target: Annotated[Slug, Link(by="sort", kinds={"a": "topic", "b": "sms"})] = "x"
    sort: str = "a"


class BusBody(BodyModel):
    text: Text = ""
    line: Annotated[int | None, Field(ge=1, le=99)] = None
    driver: Annotated[SlugOrNone, Link("agent")] = ""
    stops: Annotated[list[Stop], Field(max_length=3), Keyed(noun="stop")] = []
    places: Annotated[dict[Slug, Annotated[Text, Fact(label="place")]], Fact(label="place of")] = {}
    free: JsonMapping = {}


def _rename_route(body: dict[str, Any]) -> dict[str, Any]:
    body["text"] = body.pop("route")
    return body


def _number_line(body: dict[str, Any]) -> dict[str, Any]:
    line = body.pop("line_name", None)
    if line is not None:
        body["line"] = int(line.removeprefix("No. "))
    return body


BUS = ModelKind("bus", "Bus", "buses", BusBody, {"name": "Bus"}, upgrades=(_rename_route, _number_line))
FIRST = {"schema": 1, "name": "Airport", "route": "via {{topic.parking}}", "line_name": "No. 7"}
THIRD = {"schema": 3, "name": "Airport", "text": "via {{topic.parking}}", "line": 7}


def test_an_old_body_is_upgraded_on_read_step_by_step() -> None:
    assert BUS.schema == 3
    assert BUS.upgrade(FIRST) == THIRD
    assert BUS.upgrade({"schema": 2, "name": "Airport", "text": "x", "line_name": "No. 7"})["line"] == 7
    assert BUS.complete(FIRST) == THIRD
    assert BUS.validate(FIRST) == ()
    assert [str(mention.target) for mention in BUS.mentions(FIRST)] == ["topic/parking"]


def test_an_old_body_is_never_rewritten() -> None:
    stored = copy.deepcopy(FIRST)
    before = canonical_json(stored)
    BUS.upgrade(stored)
    BUS.complete(stored)
    BUS.mentions(stored)
    assert canonical_json(stored) == before


def test_a_body_of_the_present_schema_is_given_back_as_it_is() -> None:
    assert BUS.upgrade(THIRD) is THIRD


def test_a_body_without_a_schema_is_of_the_present_one() -> None:
    assert BUS.complete({"name": "Airport", "line": 7}) == {"schema": 3, "name": "Airport", "line": 7}


def test_a_newer_schema_is_refused_with_what_to_do() -> None:
    with pytest.raises(Invalid) as refused:
        BUS.complete({"schema": 4, "name": "Airport"})
    (fault,) = refused.value.errors
    assert (fault.pointer, fault.code, fault.hint) == ("/schema", "schema_too_new", "update Greenroom")
    assert fault.message == "'schema' is 4, but buses are known up to schema 3 here"


def test_a_body_that_is_not_of_the_schema_it_states_is_refused() -> None:
    (fault,) = BUS.validate({"schema": 1, "name": "Airport"})
    assert (fault.pointer, fault.code) == ("/schema", "wrong_schema")


def test_the_stored_form_leaves_defaults_out() -> None:
    body = {
        "schema": 3,
        "name": "A",
        "text": "",
        "line": None,
        "driver": "",
        "stops": [{"id": "a", "target": "x", "sort": "a"}],
        "places": {},
        "free": {},
    }
    assert BUS.complete(body) == {"schema": 3, "name": "A", "stops": [{"id": "a"}]}


def test_equal_numbers_are_one_body() -> None:
    assert canonical_json(BUS.complete({"name": "A", "line": 7.0})) == canonical_json(
        BUS.complete({"name": "A", "line": 7})
    )


def test_the_shape_is_derived() -> None:
    shape = BUS.shape
    assert list(shape.fields) == ["name", "text", "line", "driver", "stops", "places", "free"]
    assert shape.fields["text"].form == "text"
    assert shape.fields["stops"].identity == "id"
    assert shape.fields["stops"].items is not None
    assert list(shape.fields["stops"].items.fields) == ["id", "target", "sort"]
    assert shape.fields["places"].items == Shape(form="text", label="place")
    assert shape.fields["line"].label == "line"


def test_mentions_are_links_and_placeholders_with_pointers() -> None:
    body = {
        "name": "{{topic.not-here}}",
        "text": "{{topic.a}} {{secret.B}} {{variant.street}}",
        "driver": "main",
        "stops": [{"id": "1", "target": "p"}, {"id": "2", "target": "q", "sort": "b"}, {"id": "3", "sort": "c"}],
        "places": {"a/b": "{{sms.c}}"},
        "free": {"x": "{{topic.not-read}}"},
    }
    assert [(mention.pointer, mention.target) for mention in BUS.mentions(body)] == [
        ("/text", Address("topic", "a")),
        ("/text", Address("variant", "default")),
        ("/driver", Address("agent", "main")),
        ("/stops/0/target", Address("topic", "p")),
        ("/stops/1/target", Address("sms", "q")),
        ("/places/a~1b", Address("sms", "c")),
    ]


@pytest.mark.parametrize("body", [{"stops": 1}, {"stops": [1, None]}, {"text": 1, "places": [], "driver": ["a"]}])
def test_mentions_of_an_unsound_body_are_what_can_be_read(body: dict[str, Any]) -> None:
    assert BUS.mentions(body) == ()


FAULTS = [
    ({"txt": "a"}, "/txt", "unknown_field", "there is no field 'txt'; did you mean 'text'?", ""),
    ({"text": 5}, "/text", "wrong_type", "'text' must be text, not a number", "put it in quotes"),
    ({"text": True}, "/text", "wrong_type", "'text' must be text, not true", "put it in quotes"),
    ({"text": None}, "/text", "wrong_type", "'text' must be text, not nothing", "leave the field out"),
    ({"line": "7"}, "/line", "wrong_type", "'line' must be a whole number, not text", "without quotes"),
    ({"line": 7.5}, "/line", "wrong_type", "'line' must be a whole number, not 7.5", ""),
    ({"line": True}, "/line", "wrong_type", "'line' must be a whole number, not true", ""),
    ({"line": 100}, "/line", "out_of_range", "'line' must be from 1 to 99, not 100", ""),
    ({"stops": {}}, "/stops", "wrong_type", "'stops' must be a list, not a group of fields", "'- '"),
    ({"stops": ["a"]}, "/stops/0", "wrong_type", "element 1 of 'stops' must be a group of fields, not text", ""),
    ({"stops": [{}]}, "/stops/0/id", "required", "'id' is required", ""),
    ({"stops": [{"id": ""}]}, "/stops/0/id", "wrong_form", "'id' must be 1 to 120 letters, digits,", ""),
    ({"stops": [{"id": str(n)} for n in range(4)]}, "/stops", "too_long", "'stops' has 4 elements; at most 3", ""),
    (
        {"stops": [{"id": "a"}, {"id": "a"}]},
        "/stops/1/id",
        "duplicate",
        "stop 'a' is there twice (first as number 1)",
        "own id",
    ),
    ({"driver": "A b"}, "/driver", "wrong_form", "'driver' must be a slug", ""),
    ({"places": {"A b": "x"}}, "/places/A b", "wrong_form", "'A b' must be 1 to 80 of a-z", ""),
    ({"text": "x" * 32_001}, "/text", "too_long", "'text' has 32,001 characters; at most 32,000 are allowed", ""),
    ({"name": ""}, "/name", "too_short", "'name' must not be empty", ""),
    ({"name": "a\nb"}, "/name", "wrong_form", "'name' must be one line of visible text", ""),
]


@pytest.mark.parametrize("fields, pointer, code, message, hint", FAULTS, ids=[each[3][:40] for each in FAULTS])
def test_a_fault_is_said_in_plain_words(
    fields: dict[str, Any], pointer: str, code: str, message: str, hint: str
) -> None:
    (fault,) = BUS.validate({"name": "Bus", **fields})
    assert (fault.pointer, fault.code) == (pointer, code)
    assert fault.message.startswith(message)
    assert hint in fault.hint


def test_all_faults_are_found_at_once() -> None:
    body = {"txt": 1, "line": "x", "stops": [{"id": "a"}, {"id": "a", "target": 1}, {}]}
    found = {fault.pointer for fault in BUS.validate(body)}
    assert found == {"/name", "/txt", "/line", "/stops/1/target", "/stops/2/id", "/stops/1/id"}
    with pytest.raises(Invalid) as refused:
        BUS.complete(body)
    assert len(refused.value.errors) == 6
    assert refused.value.code == "invalid_body"
    assert refused.value.detail.endswith("(and 5 more)")


def test_the_json_schema_carries_labels_hints_and_links() -> None:
    schema = BUS.json_schema
    assert schema["properties"]["driver"]["x-link"] == "agent"
    assert schema["properties"]["stops"]["x-identity"] == "id"
    assert schema["properties"]["text"]["x-form"] == "text"
    assert schema["required"] == ["name"]


def test_form_hints_are_derived() -> None:
    widgets = {name: facts.widget for name, facts in BUS.fields.items()}
    assert widgets == {
        "name": "line",
        "text": "text",
        "line": "integer",
        "driver": "link",
        "stops": "table",
        "places": "mapping",
        "free": "json",
    }
    assert (BUS.fields["line"].least, BUS.fields["line"].most) == (1, 99)
    assert BUS.fields["name"].required
    assert not BUS.fields["text"].required


def test_a_stranger_s_million_faults_are_cut() -> None:
    assert len(BUS.validate({"name": "Bus", **{f"txt{n}": 1 for n in range(2_000)}})) == 200
    assert len(BUS.validate({"name": "Bus", "free": {}, "stops": [{"id": "a"}] * 2_000})) == 200
