"""Three-way merges by example; the laws are in tests/property."""

from __future__ import annotations

from typing import Any

import pytest

from greenroom.domain.canonical import Digest, digest_of
from greenroom.domain.entities import Address, Body, EntityBody, freeze_body
from greenroom.domain.errors import Invalid
from greenroom.domain.merges import Merge, Resolution, merge_bodies, merge_snapshots, resolve
from greenroom.domain.orders import merge_orders, place_additions
from greenroom.domain.versions import EMPTY_SNAPSHOT, Snapshot, snapshot_of
from tests.support.kinds import OTHERS, TOPIC, VOICE, registry

SHAPE = TOPIC.shape


def actions(*keys: str, **messages: str) -> dict[str, Any]:
    return {"actions": [{"id": key, "message": messages.get(key, "")} for key in keys]}


def merged(base: Body | None, ours: Body | None, theirs: Body | None) -> tuple[Body | None, list[tuple[str, ...]]]:
    body, conflicts = merge_bodies(base, ours, theirs, SHAPE)
    return body, [(conflict.kind, *conflict.pointer) for conflict in conflicts]


def test_fields_changed_apart_merge() -> None:
    base = {"name": "Late", "content": "2 pm"}
    assert merged(base, {**base, "content": "4 pm"}, {**base, "name": "Late check-out"}) == (
        {"name": "Late check-out", "content": "4 pm"},
        [],
    )


def test_a_field_both_changed_is_a_conflict_that_holds_all_three() -> None:
    body, (conflict,) = merge_bodies({"content": "a"}, {"content": "b"}, {"content": "c"}, SHAPE)
    assert body == {"content": "a"}
    assert (conflict.kind, conflict.base, conflict.ours, conflict.theirs) == ("both_changed", "a", "b", "c")
    assert (conflict.label, conflict.form, conflict.absent) == ("content", "text", frozenset())


def test_an_edit_against_a_deletion_is_a_conflict() -> None:
    body, (conflict,) = merge_bodies({"content": "a"}, {}, {"content": "c"}, SHAPE)
    assert body == {"content": "a"}
    assert (conflict.kind, conflict.absent, conflict.ours) == ("edit_delete", {"ours"}, None)


def test_a_field_that_both_added_is_a_conflict_unless_it_is_the_same() -> None:
    assert merged({}, {"content": "a"}, {"content": "b"}) == ({}, [("add_add", "content")])
    assert merged({}, {"content": "a"}, {"content": "a"}) == ({"content": "a"}, [])


def test_null_is_a_value_and_no_deletion() -> None:
    assert merged({"x": 1}, {"x": None}, {"x": 2})[1] == [("both_changed", "x")]


def test_elements_changed_apart_merge() -> None:
    base = actions("a", "b", "c")
    ours, theirs = actions("a", "b", "c", a="new"), actions("b", "c", "d", c="newer")
    ours["actions"].insert(1, {"id": "n"})
    body, conflicts = merged(base, ours, theirs)
    assert conflicts == [("edit_delete", "actions", "a")]
    assert body == {
        "actions": [
            {"id": "a", "message": ""},
            {"id": "n"},
            {"id": "b", "message": ""},
            {"id": "c", "message": "newer"},
            {"id": "d", "message": ""},
        ]
    }


def test_additions_of_both_sides_stay_where_they_were_made() -> None:
    base = actions("a", "b")
    body, conflicts = merged(base, actions("a", "x", "y", "b"), actions("a", "c", "b", "z"))
    assert conflicts == []
    assert [row["id"] for row in (body or {})["actions"]] == ["a", "c", "x", "y", "b", "z"]


def test_one_element_added_by_both_sides_is_never_blended() -> None:
    ours, theirs = {"actions": [{"id": "a", "message": "x"}]}, {"actions": [{"id": "a", "target": "y"}]}
    assert merged({}, ours, theirs) == ({}, [("add_add", "actions", "a")])


def test_a_list_that_one_side_emptied_keeps_what_the_other_added() -> None:
    assert merged(actions("a"), {}, actions("a", "b")) == (actions("b"), [])
    assert merged(actions("a", "b"), actions("a"), actions("b")) == ({"actions": []}, [])


def test_moves_of_one_side_go_with_edits_of_the_other() -> None:
    body, conflicts = merged(actions("a", "b", "c"), actions("c", "a", "b"), actions("a", "b", "c", "d", b="new"))
    assert conflicts == []
    assert body == actions("c", "d", "a", "b", b="new")


def test_contradictory_moves_are_a_conflict_of_order() -> None:
    body, (conflict,) = merge_bodies(actions("a", "b", "c"), actions("b", "a", "c"), actions("a", "c", "b"), SHAPE)
    assert (conflict.kind, conflict.pointer) == ("order", ("actions",))
    assert (conflict.ours, conflict.theirs) == (["b", "a", "c"], ["a", "c", "b"])
    assert body == actions("a", "b", "c")


@pytest.mark.parametrize(
    "base,ours,theirs,expected",
    [
        ("abcdef", "bacdef", "abcdfe", "bacdfe"),
        ("abcd", "bcda", "dabc", "dbca"),
        ("abc", "bac", "acb", None),
        ("ab", "anb", "abn", None),
        ("", "xy", "yx", None),
        ("abc", "cba", "cba", "cba"),
    ],
)
def test_orders(base: str, ours: str, theirs: str, expected: str | None) -> None:
    wanted = None if expected is None else list(expected)
    assert merge_orders(list(base), list(ours), list(theirs)) == wanted
    assert merge_orders(list(base), list(theirs), list(ours)) == wanted


def test_lists_too_long_to_compare_by_pairs_are_a_conflict() -> None:
    keys = [str(n) for n in range(1_001)]
    assert merge_orders(keys, [*keys[1:], keys[0]], [keys[-1], *keys[:-1]]) is None


def test_runs_after_one_key_come_by_their_first_key() -> None:
    assert place_additions(["m"], ["z", "a", "m"], ["b", "m", "c"]) == ["b", "z", "a", "m", "c"]


def test_tags_merge_as_a_set() -> None:
    body, conflicts = merged({"tags": ["b", "a"]}, {"tags": ["a", "b", "z"]}, {"tags": ["b", "c"]})
    assert (body, conflicts) == ({"tags": ["b", "c", "z"]}, [])


def test_a_malformed_list_is_one_value() -> None:
    twice = {"actions": [{"id": "a"}, {"id": "a"}]}
    assert merged(actions("a"), twice, actions("b"))[1] == [("both_changed", "actions")]


def test_code_merges_by_lines_where_that_is_safe() -> None:
    shape = OTHERS["function"].shape
    base = {"code": "a\nb\nc\nd\n"}
    body, conflicts = merge_bodies(base, {"code": "A\nb\nc\nd\n"}, {"code": "a\nb\nc\nD\n"}, shape)
    assert (body, conflicts) == ({"code": "A\nb\nc\nD\n"}, ())
    _, (conflict,) = merge_bodies(base, {"code": "A\nb\nc\nd\n"}, {"code": "a\nB\nc\nd\n"}, shape)
    assert (conflict.kind, conflict.form) == ("both_changed", "code")


def test_prose_is_never_merged_inside() -> None:
    text = "one\n\ntwo\n\nthree\n"
    base, ours, theirs = {"content": text}, {"content": text + "four\n"}, {"content": "zero\n\n" + text}
    assert merged(base, ours, theirs)[1] == [("both_changed", "content")]


# ── snapshots ────────────────────────────────────────────────────────────────────────────────────────────────

KINDS = registry(TOPIC, VOICE)


class Store:
    """Bodies by digest; counts what is asked of it."""

    def __init__(self) -> None:
        self.bodies: dict[Digest, Body] = {}
        self.loads = 0

    def freeze(self, body: Body) -> EntityBody:
        frozen = freeze_body(body)
        self.bodies[frozen.digest] = body
        return frozen

    def load(self, _: Address, digest: Digest) -> Body:
        self.loads += 1
        return self.bodies[digest]

    def snapshot(self, **topics: Body) -> Snapshot:
        entities = {Address("topic", slug): {"schema": 2, "name": slug, **body} for slug, body in topics.items()}
        return snapshot_of({address: self.freeze(body).digest for address, body in entities.items()})

    def merge(self, base: Snapshot, ours: Snapshot, theirs: Snapshot) -> Merge:
        return merge_snapshots(base, ours, theirs, self.load, self.freeze, KINDS)

    def read(self, snapshot: Snapshot, slug: str) -> Body:
        return self.bodies[snapshot[Address("topic", slug)]]


@pytest.fixture
def store() -> Store:
    return Store()


def test_entities_changed_apart_merge_without_reading_a_body(store: Store) -> None:
    base = store.snapshot(a={"content": "1"}, b={"content": "1"}, c={})
    ours = store.snapshot(a={"content": "2"}, b={"content": "1"}, c={})
    theirs = store.snapshot(a={"content": "1"}, b={"content": "2"}, d={})
    merge = store.merge(base, ours, theirs)
    assert merge.result == store.snapshot(a={"content": "2"}, b={"content": "2"}, d={})
    assert [(change.address.slug, change.op) for change in merge.changes] == [
        ("b", "edited"),
        ("c", "removed"),
        ("d", "added"),
    ]
    assert (store.loads, merge.conflicts, merge.bodies) == (0, (), {})


def test_an_entity_changed_by_both_in_other_fields_is_a_new_body(store: Store) -> None:
    base = store.snapshot(a={"content": "1", "enabled_in": {"live": True}})
    ours = store.snapshot(a={"content": "2", "enabled_in": {"live": True}})
    theirs = store.snapshot(a={"content": "1", "enabled_in": {"live": False}})
    merge = store.merge(base, ours, theirs)
    digest = merge.result[Address("topic", "a")]
    assert store.read(merge.result, "a") == {"schema": 2, "name": "a", "content": "2", "enabled_in": {"live": False}}
    assert merge.bodies == {digest: freeze_body(store.read(merge.result, "a"))}


def test_a_merged_body_is_in_the_one_form_that_is_stored(store: Store) -> None:
    base = store.snapshot(a=actions("a", "b"))
    merge = store.merge(base, store.snapshot(a=actions("a")), store.snapshot(a=actions("b")))
    assert store.read(merge.result, "a") == {"schema": 2, "name": "a"}


def test_an_entity_that_merged_is_not_sound_is_asked_about_as_a_whole(store: Store) -> None:
    base = store.snapshot(a={"wrong": 1})
    ours, theirs = store.snapshot(a={"wrong": 1, "x": 1}), store.snapshot(a={"wrong": 1, "y": 1})
    merge = store.merge(base, ours, theirs)
    (conflict,) = merge.conflicts
    assert (conflict.kind, conflict.pointer, conflict.absent) == ("both_changed", (), frozenset())
    assert conflict.label.startswith("merged, it is not sound: ")
    assert (conflict.ours, conflict.theirs) == (store.read(ours, "a"), store.read(theirs, "a"))
    assert merge.result == base
    assert resolve(merge, [Resolution(conflict.id, "theirs")]).result == theirs
    whole = {"schema": 2, "name": "a", "content": "1"}
    settled = resolve(merge, [Resolution(conflict.id, "value", whole)])
    assert (store.read(settled.result, "a"), settled.conflicts) == (whole, ())


def test_that_question_may_come_with_the_answer_to_another(store: Store) -> None:
    base = store.snapshot(a={"content": "1"})
    merge = store.merge(base, store.snapshot(a={"content": "2", "wrong": 1}), store.snapshot(a={"content": "3"}))
    (field,) = merge.conflicts
    (whole,) = resolve(merge, [Resolution(field.id, "theirs")]).conflicts
    assert (field.pointer, whole.pointer) == (("content",), ())
    both = [Resolution(whole.id, "base"), Resolution(field.id, "theirs")]
    assert resolve(merge, both).result == base
    with pytest.raises(Invalid) as unknown:
        resolve(merge, [Resolution(whole.id, "base")])
    assert unknown.value.errors[0].pointer == "/resolutions/0"


def test_bodies_of_different_schemas_meet_in_the_present_one(store: Store) -> None:
    def old(text: str) -> Snapshot:
        body = {"schema": 1, "name": "a", "text": text}
        return snapshot_of({Address("topic", "a"): store.freeze(body).digest})

    merge = store.merge(old("1"), store.snapshot(a={"content": "1", "tags": ["x"]}), old("2"))
    assert merge.conflicts == ()
    assert store.read(merge.result, "a") == {"schema": 2, "name": "a", "content": "2", "tags": ["x"]}
    same = store.merge(old("1"), store.snapshot(a={"content": "1"}), old("2"))
    assert same.result == old("2")


def test_sides_that_mean_the_same_merge_to_one_of_them_either_way_round(store: Store) -> None:
    base = store.snapshot(a={"content": "1"})
    old = store.freeze({"schema": 1, "name": "a", "text": "2"}).digest
    ours, theirs = snapshot_of({Address("topic", "a"): old}), store.snapshot(a={"content": "2"})
    merge, swapped = store.merge(base, ours, theirs), store.merge(base, theirs, ours)
    assert merge.conflicts == swapped.conflicts == ()
    assert merge.result == swapped.result
    assert merge.result in (ours, theirs)
    assert (merge.bodies, swapped.bodies) == ({}, {})


def test_conflicts_between_entities(store: Store) -> None:
    base = store.snapshot(a={"content": "1"}, b={"content": "1"})
    ours = store.snapshot(b={"content": "2"}, n={"content": "ours"})
    theirs = store.snapshot(a={"content": "2"}, n={"content": "theirs"})
    merge = store.merge(base, ours, theirs)
    assert [(conflict.kind, str(conflict.address)) for conflict in merge.conflicts] == [
        ("edit_delete", "topic/a"),
        ("edit_delete", "topic/b"),
        ("add_add", "topic/n"),
    ]
    assert merge.result == base


@pytest.fixture
def contested(store: Store) -> Merge:
    base = store.snapshot(a={"content": "1", **actions("x", "y", "z")})
    ours = store.snapshot(a={"content": "2", **actions("y", "x", "z")})
    theirs = store.snapshot(a={"content": "3", **actions("x", "z", "y")})
    return store.merge(base, ours, theirs)


@pytest.mark.parametrize(
    "take,value,expected", [("ours", None, "2"), ("theirs", None, "3"), ("base", None, "1"), ("value", "4", "4")]
)
def test_a_conflict_is_settled_by_a_side_or_a_value(
    store: Store, contested: Merge, take: Any, value: Any, expected: str
) -> None:
    text = next(conflict for conflict in contested.conflicts if conflict.kind == "both_changed")
    settled = resolve(contested, [Resolution(text.id, take, value)])
    assert [conflict.kind for conflict in settled.conflicts] == ["order"]
    assert store.read(settled.result, "a")["content"] == expected


def test_an_order_is_settled_by_a_list_of_keys(store: Store, contested: Merge) -> None:
    order = next(conflict for conflict in contested.conflicts if conflict.kind == "order")
    settled = resolve(contested, [Resolution(order.id, "value", ["z", "y", "x"])])
    assert [row["id"] for row in store.read(settled.result, "a")["actions"]] == ["z", "y", "x"]
    rest = [Resolution(conflict.id, "theirs") for conflict in settled.conflicts]
    assert resolve(settled, rest).conflicts == ()


def test_taking_the_side_that_deleted_deletes(store: Store) -> None:
    base = store.snapshot(a={"content": "1"})
    merge = store.merge(base, EMPTY_SNAPSHOT, store.snapshot(a={"content": "2"}))
    (conflict,) = merge.conflicts
    assert resolve(merge, [Resolution(conflict.id, "ours")]).result == EMPTY_SNAPSHOT
    assert resolve(merge, [Resolution(conflict.id, "theirs")]).result == merge.theirs


@pytest.mark.parametrize(
    "kind,resolution,code,pointer",
    [
        ("order", ("value", ["x"]), "invalid_resolution", "/resolutions/0/value"),
        ("order", ("value", "xyz"), "invalid_resolution", "/resolutions/0/value"),
        ("order", ("value", [1, "x", "y"]), "invalid_resolution", "/resolutions/0/value"),
        ("order", ("mine", None), "invalid_resolution", "/resolutions/0/take"),
    ],
)
def test_resolutions_that_cannot_stand_are_refused(
    contested: Merge, kind: str, resolution: tuple[Any, Any], code: str, pointer: str
) -> None:
    conflict = next(conflict for conflict in contested.conflicts if conflict.kind == kind)
    with pytest.raises(Invalid) as wrong:
        resolve(contested, [Resolution(conflict.id, *resolution)])
    assert (wrong.value.code, wrong.value.errors[0].pointer) == (code, pointer)


def test_unknown_and_repeated_conflicts_are_refused_by_place(contested: Merge) -> None:
    known = Resolution(contested.conflicts[0].id, "ours")
    for second, code in ((Resolution("gone", "ours"), "unknown_conflict"), (known, "resolved_twice")):
        with pytest.raises(Invalid) as wrong:
            resolve(contested, [known, second])
        assert (wrong.value.code, wrong.value.errors[0].pointer) == (code, "/resolutions/1")


def test_an_entity_is_settled_by_fields_only(store: Store) -> None:
    merge = store.merge(EMPTY_SNAPSHOT, store.snapshot(a={"content": "1"}), store.snapshot(a={"content": "2"}))
    (conflict,) = merge.conflicts
    with pytest.raises(Invalid):
        resolve(merge, [Resolution(conflict.id, "value", "text")])
    settled = resolve(merge, [Resolution(conflict.id, "value", {"schema": 2, "name": "Both"})])
    assert store.read(settled.result, "a") == {"schema": 2, "name": "Both"}


def test_merging_loads_contested_bodies_only(store: Store) -> None:
    entities = {Address("topic", f"t{n}"): digest_of(n) for n in range(2_000)}
    base = snapshot_of(entities)
    ours = base.with_changes({Address("topic", f"t{n}"): digest_of(["ours", n]) for n in range(50)})
    theirs = base.with_changes({Address("topic", f"t{n}"): digest_of(["theirs", n]) for n in range(50, 100)})
    merge = store.merge(base, ours, theirs)
    assert store.loads == 0
    assert len(merge.changes) == 50
