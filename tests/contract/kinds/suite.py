"""What every kind must do, as checks of one kind; test_kinds runs them over all, the guide's test over its example."""

import copy
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from greenroom.domain.body_diffs import diff_bodies
from greenroom.domain.canonical import canonical_json
from greenroom.domain.changes import Change
from greenroom.domain.entities import Address, slugify
from greenroom.domain.errors import Invalid
from greenroom.domain.kind import Kind
from greenroom.kinds.schema import FieldFacts, ModelKind
from greenroom.wire.folder import from_files, to_files

JARGON = ("Input should", "valid string", "pydantic", "NoneType", "_type", "dictionary", "ctx", "'loc'")


def address_of(kind: ModelKind) -> Address:
    return Address(kind.name, kind.singleton or slugify(kind.sample["name"]))


def places(kind: ModelKind) -> Iterator[tuple[str, FieldFacts, Any]]:
    """Yields (pointer, facts, value) for everything in the sample."""
    yield from _places(kind.fields, kind.sample, "")


def _places(fields: Mapping[str, FieldFacts], group: Any, pointer: str) -> Iterator[tuple[str, FieldFacts, Any]]:
    for name, facts in fields.items():
        if name in group:
            yield from _place(facts, group[name], f"{pointer}/{name}")


def _place(facts: FieldFacts, value: Any, pointer: str) -> Iterator[tuple[str, FieldFacts, Any]]:
    yield pointer, facts, value
    if facts.fields:
        yield from _places(facts.fields, value, pointer)
    elif facts.items is not None:
        steps = enumerate(value) if isinstance(value, list) else value.items()
        for step, item in steps:
            yield from _place(facts.items, item, f"{pointer}/{step}")


def with_value(body: Mapping[str, Any], pointer: str, value: Any) -> dict[str, Any]:
    """Returns a copy of the body with one place replaced; `...` removes it."""
    changed: Any = copy.deepcopy(dict(body))
    *way, last = pointer.removeprefix("/").split("/")
    inside = changed
    for step in way:
        inside = inside[int(step)] if isinstance(inside, list) else inside[step]
    key: Any = int(last) if isinstance(inside, list) else last
    if value is ...:
        del inside[key]
    else:
        inside[key] = value
    return changed


def names_are_proper(kind: ModelKind) -> None:
    protocol: Kind = kind
    assert protocol.name.isidentifier()
    assert protocol.name == protocol.name.lower()
    assert kind.title
    assert kind.plural
    assert kind.title[0].isupper()


def sample_is_sound_and_in_stored_form(kind: ModelKind) -> None:
    before = canonical_json(kind.sample)
    assert kind.validate(kind.sample) == ()
    assert canonical_json(kind.complete(kind.sample)) == before
    assert kind.complete(kind.complete(kind.sample)) == kind.complete(kind.sample)
    assert canonical_json(kind.sample) == before, "validating changed the body"


def sample_shows_every_field_at_every_depth(kind: ModelKind) -> None:
    """So that the other checks, documentation and forms meet each of them."""
    seen: dict[int, set[str]] = {}
    for _, facts, value in places(kind):
        if facts.fields:
            seen.setdefault(id(facts), set()).update(value)
    assert set(kind.fields) == set(kind.sample) - {"schema"}
    for _, facts, _ in places(kind):
        if facts.fields:
            assert seen[id(facts)] == set(facts.fields)


def shape_covers_every_field(kind: ModelKind) -> None:
    assert list(kind.shape.fields) == list(kind.fields)
    assert list(kind.fields) == list(kind.model.model_fields)
    for name, shape in kind.shape.fields.items():
        assert shape.label, name
        listed = isinstance(kind.sample[name], list)
        assert (shape.items is not None) or not listed, f"{name} is a list without items"


def every_link_is_a_mention(kind: ModelKind) -> None:
    found = {mention.pointer: mention.target for mention in kind.mentions(kind.sample)}
    for pointer, facts, value in places(kind):
        if facts.link is not None and value:
            assert found[pointer].slug == value
            if not facts.link.by:
                assert found[pointer].kind == facts.link.kind


def every_text_may_mention(kind: ModelKind) -> None:
    for pointer, facts, value in places(kind):
        if not isinstance(value, str) or facts.link or facts.choices:
            continue
        body = with_value(kind.sample, pointer, "see {{topic.parking}} and {{variant.street}} {{secret.KEY}}")
        targets = [str(each.target) for each in kind.mentions(body) if each.pointer == pointer]
        assert targets == ([] if facts.fact.verbatim else ["topic/parking", "variant/default"]), pointer


def a_wrong_type_is_pointed_at(kind: ModelKind) -> None:
    for pointer, _, value in places(kind):
        wrong: tuple[Any, ...] = (None, "text") if isinstance(value, list | dict | bool) else (True, ["list"], 1.5)
        if isinstance(value, float):
            wrong = (True, ["list"], "0.5")
        for each in wrong:
            body = with_value(kind.sample, pointer, each)
            if takes_anything(kind, pointer):
                continue
            if each is None and not kind.validate(body):
                continue
            faults = kind.validate(body)
            assert faults, (pointer, each)
            assert any(fault.pointer == pointer for fault in faults), (pointer, faults)
            assert not any(word in fault.message for fault in faults for word in JARGON), faults


def takes_anything(kind: ModelKind, pointer: str) -> bool:
    return any(
        pointer == place and facts.widget == "json" and not isinstance(value, dict)
        for place, facts, value in places(kind)
    )


def text_is_not_coerced(kind: ModelKind) -> None:
    for pointer, facts, value in places(kind):
        if facts.widget in ("integer", "number", "switch"):
            assert kind.validate(with_value(kind.sample, pointer, str(value).lower())), pointer
        if facts.widget in ("integer", "number"):
            assert kind.validate(with_value(kind.sample, pointer, True)), pointer
        if facts.widget == "switch":
            assert kind.validate(with_value(kind.sample, pointer, 1)), pointer


def an_unknown_field_is_pointed_at_in_every_group(kind: ModelKind) -> None:
    groups = ["", *(pointer for pointer, facts, _ in places(kind) if facts.fields)]
    for group in groups:
        fault = only(kind, with_value(kind.sample, f"{group}/zzz", 1))
        assert (fault.pointer, fault.code) == (f"{group}/zzz", "unknown_field")
        assert fault.message == "there is no field 'zzz'"
        assert fault.hint.startswith("fields here are: ")


def only(kind: ModelKind, body: Mapping[str, Any]) -> Any:
    (fault,) = kind.validate(body)
    return fault


def a_required_field_is_missed(kind: ModelKind) -> None:
    for pointer, facts, _ in places(kind):
        if facts.required:
            faults = kind.validate(with_value(kind.sample, pointer, ...))
            assert [fault.code for fault in faults if fault.pointer == pointer] == ["required"]


def limits_are_kept(kind: ModelKind) -> None:
    for pointer, facts, value in places(kind):
        if isinstance(value, str) and facts.most is not None:
            faults = kind.validate(with_value(kind.sample, pointer, "x" * (int(facts.most) + 1)))
            assert [fault.code for fault in faults if fault.pointer == pointer] == ["too_long"], pointer
        if facts.widget in ("text", "code") or isinstance(value, list):
            assert facts.most is not None, f"{pointer} has no limit"


def what_json_cannot_carry_is_pointed_at(kind: ModelKind) -> None:
    assert only(kind, {**kind.sample, "name": "half \ud800"}).pointer == "/name"
    deep: list[Any] = []
    for _ in range(100):
        deep = [deep]
    assert "nested" in kind.validate({**kind.sample, "name": deep})[0].message
    for bad in (2**60, float("nan"), float("inf")):
        assert kind.validate({**kind.sample, "name": bad})
    for nothing in (None, [], "body", 1):
        assert kind.validate(nothing)  # pyright: ignore[reportArgumentType]


def a_newer_schema_is_refused(kind: ModelKind) -> None:
    assert only(kind, {**kind.sample, "schema": kind.schema + 1}).code == "schema_too_new"
    for wrong in ("1", True, 0, -1, 1.5, None):
        assert only(kind, {**kind.sample, "schema": wrong}).pointer == "/schema"
    with pytest.raises(Invalid):
        kind.mentions({**kind.sample, "schema": kind.schema + 1})


def folders_are_exact(kind: ModelKind) -> None:
    kinds = {kind.name: kind}
    entities = {address_of(kind): kind.complete(kind.sample)}
    assert from_files(to_files(entities, kinds), kinds) == entities


def json_schema_says_the_same(kind: ModelKind) -> None:
    schema = kind.json_schema
    assert list(schema["properties"]) == ["schema", *kind.fields]
    assert schema["additionalProperties"] is False
    assert schema["properties"]["schema"]["const"] == kind.schema
    assert json.loads(json.dumps(schema)) == schema


def edits(kind: ModelKind) -> Iterator[Change]:
    """Yields a change for each field that comes, goes or is edited, at every depth."""
    whole = kind.complete(kind.sample)
    for pointer, facts, value in places(kind):
        if facts.required and isinstance(value, str):
            other = with_value(whole, pointer, f"{value} 2")
        else:
            other = with_value(whole, pointer, ...)
        for before, after in ((whole, other), (other, whole)):
            fields = diff_bodies(before, after, kind.shape)
            yield Change(address_of(kind), "edited", str(after["name"]), fields, before, after)


def a_change_has_words_and_tests(kind: ModelKind) -> None:
    name, whole = str(kind.sample["name"]), kind.complete(kind.sample)
    changes = [*edits(kind)]
    changes.append(Change(address_of(kind), "added", name, (), None, whole))
    changes.append(Change(address_of(kind), "removed", name, (), whole, None))
    bare = {"schema": kind.schema, "name": name}
    for before, after in ((bare, whole), (whole, bare)):
        changes.append(Change(address_of(kind), "edited", name, diff_bodies(before, after, kind.shape), before, after))
    for change in changes:
        words = kind.describe_change(change)
        assert words.strip()
        assert "\n" not in words
        assert not words.endswith(("changed changed", ":", "→", "None"))
        is_sound = change.after is None or not kind.validate(change.after)
        assert not is_sound or "None" not in words, words
        tests = kind.tests_for(change)
        assert tests
        assert len(set(tests)) == len(tests)
        for test in tests:
            assert test[0].isupper(), test
            assert test[-1] in ".!?)", test
            assert not is_sound or "None" not in test, test


CHECKS: tuple[Callable[[ModelKind], None], ...] = (
    names_are_proper,
    sample_is_sound_and_in_stored_form,
    sample_shows_every_field_at_every_depth,
    shape_covers_every_field,
    every_link_is_a_mention,
    every_text_may_mention,
    a_wrong_type_is_pointed_at,
    text_is_not_coerced,
    an_unknown_field_is_pointed_at_in_every_group,
    a_required_field_is_missed,
    limits_are_kept,
    what_json_cannot_carry_is_pointed_at,
    a_newer_schema_is_refused,
    folders_are_exact,
    json_schema_says_the_same,
    a_change_has_words_and_tests,
)
