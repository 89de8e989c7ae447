"""What a comparison of bodies and snapshots says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from greenroom.domain.body_diffs import apply_changes, diff_bodies
from greenroom.domain.canonical import Digest, digest_of
from greenroom.domain.diffs import FieldChange, Rewired, SnapshotChange, diff_snapshots, explain, list_kinds
from greenroom.domain.entities import Address, Body
from greenroom.domain.errors import Conflict
from greenroom.domain.kind import Shape
from greenroom.domain.versions import EMPTY_SNAPSHOT, Snapshot, snapshot_of
from tests.support.kinds import TOPIC, VOICE, registry

STEPS = Shape(
    fields={
        "steps": Shape(
            identity="id",
            label="steps",
            items=Shape(
                label="step",
                fields={"id": Shape(), "text": Shape(form="text"), "words": Shape(identity="value", ordered=False)},
            ),
        ),
        "code": Shape(form="code"),
        "enabled_in": Shape(),
    }
)


def step(key: str, **fields: Any) -> dict[str, Any]:
    return {"id": key, **fields}


def test_key_order_and_kinds_of_one_are_no_change() -> None:
    assert diff_bodies({"a": 1, "b": [1.0]}, {"b": [1], "a": 1.0}, STEPS) == ()


def test_one_is_not_true_and_null_is_not_absent() -> None:
    assert [change.op for change in diff_bodies({"a": 1}, {"a": True}, STEPS)] == ["edited"]
    (change,) = diff_bodies({"a": None}, {}, STEPS)
    assert (change.op, change.pointer, change.before) == ("removed", ("a",), None)


def test_elements_are_named_by_identity() -> None:
    before = {"steps": [step("greet", text="Hi"), step("ask"), step("end")]}
    after = {"steps": [step("new"), step("greet", text="Hello"), step("end")]}
    assert diff_bodies(before, after, STEPS) == (
        FieldChange(("steps", "new"), "steps › step new", "added", None, step("new"), 0),
        FieldChange(("steps", "greet", "text"), "steps › step greet › text", "edited", "Hi", "Hello", None, "text"),
        FieldChange(("steps", "ask"), "steps › step ask", "removed", step("ask"), None, 1),
    )


def test_moved_elements_are_a_reorder() -> None:
    before, after = {"steps": [step("a"), step("b"), step("c")]}, {"steps": [step("c"), step("a"), step("d")]}
    changes = diff_bodies(before, after, STEPS)
    assert [(change.op, change.before, change.after) for change in changes if change.op == "reordered"] == [
        ("reordered", ["a", "c"], ["c", "a"])
    ]
    assert apply_changes(before, changes, STEPS) == after


def test_order_means_nothing_in_an_unordered_list() -> None:
    before, after = {"steps": [step("a", words=["x", "y"])]}, {"steps": [step("a", words=["y", "x"])]}
    assert diff_bodies(before, after, STEPS) == ()


@pytest.mark.parametrize(
    "broken",
    [[step("a"), step("a")], [step("a"), {"text": "no id"}], [{"id": 1}], ["a"], "a", {"a": step("a")}, None],
)
def test_a_list_that_is_not_keyed_is_one_value(broken: Any) -> None:
    before = {"steps": [step("a")]}
    (change,) = diff_bodies(before, {"steps": broken}, STEPS)
    assert (change.pointer, change.op, change.after) == (("steps",), "edited", broken)
    assert apply_changes(before, [change], STEPS) == {"steps": broken}


def test_free_keys_are_compared_one_by_one() -> None:
    (change,) = diff_bodies({"enabled_in": {"live": True}}, {"enabled_in": {"live": False}}, STEPS)
    assert change.pointer == ("enabled_in", "live")
    assert change.label == "enabled in › live"


def test_only_text_is_shown_as_text_or_code() -> None:
    forms = {change.pointer[0]: change.form for change in diff_bodies({"code": "a"}, {"code": "b"}, STEPS)}
    assert forms == {"code": "code"}
    assert diff_bodies({"code": "a"}, {"code": 1}, STEPS)[0].form == "value"


def test_fields_come_in_the_order_of_the_shape() -> None:
    changes = diff_bodies({}, {"z": 1, "enabled_in": {}, "code": "", "a": 1}, STEPS)
    assert [change.pointer[0] for change in changes] == ["code", "enabled_in", "a", "z"]


@pytest.mark.parametrize(
    "body",
    [{}, {"steps": [step("b")]}, {"steps": [step("a", text="other")]}, {"steps": "a"}],
)
def test_changes_do_not_apply_to_another_body(body: Body) -> None:
    changes = diff_bodies({"steps": [step("a", text="x")]}, {"steps": [step("a", text="y")]}, STEPS)
    with pytest.raises(Conflict) as refused:
        apply_changes(body, changes, STEPS)
    assert refused.value.code == "change_does_not_apply"
    assert refused.value.errors[0].pointer.startswith("/steps")


# ── snapshots ────────────────────────────────────────────────────────────────────────────────────────────────


class Bodies:
    """Bodies by digest; remembers which were asked for."""

    def __init__(self) -> None:
        self.known: dict[Digest, Body] = {}
        self.loaded: list[Address] = []

    def snapshot(self, bodies: Mapping[str, Body]) -> Snapshot:
        entities: dict[Address, Digest] = {}
        for text, body in bodies.items():
            kind, _, slug = text.partition("/")
            entities[Address(kind, slug)] = digest_of(body)
            self.known[digest_of(body)] = body
        return snapshot_of(entities)

    def load(self, address: Address, digest: Digest) -> Body:
        self.loaded.append(address)
        return self.known[digest]


BASE = {
    "topic/late": {"schema": 2, "name": "Late check-out", "content": "Until {{sms.offer}} 2 pm."},
    "topic/wifi": {"schema": 2, "name": "Wi-Fi"},
    "voice/main": {"schema": 2, "name": "Main voice", "stability": 0.6},
    "sms/offer": {"schema": 2, "name": "Offer"},
}
HEAD = {
    "topic/late": {"schema": 2, "name": "Late check-out", "content": "Until {{sms.bill}} 4 pm."},
    "topic/pool": {"schema": 2, "name": "Pool"},
    "voice/main": {"schema": 2, "name": "Main voice", "stability": 0.8},
    "sms/offer": {"schema": 2, "name": "Offer"},
}


def test_snapshot_changes_come_by_kind_and_slug() -> None:
    bodies = Bodies()
    base, head = bodies.snapshot(BASE), bodies.snapshot(HEAD)
    changes = diff_snapshots(base, head, ["voice", "topic"])
    assert [(str(change.address), change.op) for change in changes] == [
        ("voice/main", "edited"),
        ("topic/late", "edited"),
        ("topic/pool", "added"),
        ("topic/wifi", "removed"),
    ]
    assert diff_snapshots(base, base) == ()
    assert [str(change.address) for change in diff_snapshots(EMPTY_SNAPSHOT, base)] == sorted(BASE)


def test_a_comparison_says_what_changed_and_what_did_not() -> None:
    bodies = Bodies()
    base, head = bodies.snapshot(BASE), bodies.snapshot(HEAD)
    kinds = registry(TOPIC, VOICE, "rule", "sms", "function")
    found = explain(diff_snapshots(base, head), bodies.load, kinds, list_kinds(base, head))
    late, pool, wifi, voice = found.changes
    assert [change.pointer for change in late.fields] == [("content",)]
    assert late.rewired == Rewired((Address("sms", "bill"),), (Address("sms", "offer"),))
    assert (pool.op, pool.name, pool.fields, pool.before) == ("added", "Pool", (), None)
    assert (wifi.op, wifi.name, wifi.after) == ("removed", "Wi-Fi", None)
    assert voice.fields[0].after == 0.8
    assert found.unchanged_kinds == ("sms",)
    assert found.unchanged == "no SMS changes"
    assert (
        found.summary == "Late check-out content changed; new topic Pool; Wi-Fi removed; Main voice stability changed"
    )
    assert Address("sms", "offer") not in bodies.loaded


def test_a_body_that_means_the_same_once_upgraded_is_no_change() -> None:
    bodies = Bodies()
    base = bodies.snapshot({"topic/late": {"schema": 1, "name": "Late", "text": "Until 2 pm"}})
    head = bodies.snapshot({"topic/late": {"schema": 2, "name": "Late", "content": "Until 2 pm"}})
    found = explain(diff_snapshots(base, head), bodies.load, registry(TOPIC))
    assert found.changes == ()
    assert found.same_meaning == (Address("topic", "late"),)
    assert found.summary == "No changes"


def test_an_entity_of_a_kind_that_is_not_installed_is_compared_as_json() -> None:
    bodies = Bodies()
    base, head = bodies.snapshot({"odd/one": {"name": "One", "a": 1}}), bodies.snapshot({"odd/one": {"a": 2}})
    found = explain(diff_snapshots(base, head), bodies.load, registry(TOPIC))
    assert [change.pointer for change in found.changes[0].fields] == [("a",), ("name",)]
    assert found.changes[0].name == "one"
    assert found.summary == "odd/one edited"


def test_snapshot_changes_read_only_shards_that_differ() -> None:
    entities = {Address("topic", f"t{n}"): digest_of(n) for n in range(2_000)}
    base = snapshot_of(entities)
    head = base.with_changes({Address("topic", "t7"): digest_of("new")})
    shared = sum(one is two for one, two in zip(base.shards, head.shards, strict=True))
    assert shared == 255
    assert diff_snapshots(base, head) == (SnapshotChange(Address("topic", "t7"), digest_of(7), digest_of("new")),)
