"""What a pull and a push decide, without a disk or a server."""

from collections.abc import Mapping
from typing import Any

import pytest

from greenroom.domain.entities import Address, Body, freeze_body
from greenroom.domain.errors import Invalid
from greenroom.kinds import KINDS
from greenroom.wire.checkouts import (
    Origin,
    Pulled,
    Pushed,
    dump_base,
    dump_origin,
    dump_pushed,
    find_changes,
    load_base,
    load_origin,
    load_pushed,
    plan_push,
    read_local,
)
from greenroom.wire.folder import MANIFEST, MANIFEST_TEXT, to_files
from greenroom.wire.pulls import PulledEntity, plan_pull

A = Address("topic", "a")
F = Address("function", "f")
CODE = "def f(conv):\n    a = 1\n    b = 2\n    c = 3\n    return a\n"


def topic(**fields: Any) -> Body:
    return KINDS["topic"].complete({"name": "A", "content": "Hello", **fields})


def function(code: str = CODE) -> Body:
    return KINDS["function"].complete({"name": "f", "code": code})


def pulled(bodies: Mapping[Address, Body]) -> dict[Address, Pulled]:
    return {address: Pulled(freeze_body(body).digest, body) for address, body in bodies.items()}


def files_of(bodies: Mapping[Address, Body]) -> dict[str, bytes]:
    return to_files(bodies, KINDS)


def pull(
    base: Mapping[Address, Body], files: Mapping[str, bytes], theirs: Mapping[Address, Body]
) -> dict[Address, PulledEntity]:
    local = read_local(files, pulled(base), KINDS)
    return {each.address: each for each in plan_pull(pulled(base), local, pulled(theirs), KINDS)}


BASE = {A: topic(), F: function()}


def test_what_nobody_changed_is_left_out() -> None:
    assert pull(BASE, files_of(BASE), BASE) == {}


def test_what_only_the_server_changed_is_taken() -> None:
    found = pull(BASE, files_of(BASE), {A: topic(content="New")})
    assert found[A].files == {"topic/a.yaml": b"schema: 1\nname: A\ncontent: New\n"}
    assert found[A].mode == "updated"
    assert found[F].files == {"function/f.yaml": None, "function/f.py": None}
    assert found[F].pulled is None


def test_what_only_the_folder_changed_is_not_written() -> None:
    assert pull(BASE, files_of({A: topic(content="Mine")}), BASE) == {}


def test_both_changed_alike_moves_the_base_alone() -> None:
    found = pull(BASE, files_of({**BASE, A: topic(content="New")}), {**BASE, A: topic(content="New")})
    assert (found[A].mode, found[A].files) == (None, {})
    assert found[A].pulled is not None


def test_a_base_that_differs_in_form_only_moves_on() -> None:
    base = {A: Pulled(freeze_body({"older": 1}).digest, topic())}
    local = read_local(files_of({A: topic(content="Mine")}), base, KINDS)
    [found] = plan_pull(base, local, pulled({A: topic()}), KINDS)
    assert (found.mode, found.files) == (None, {})


def test_code_and_fields_merge_together() -> None:
    mine = KINDS["function"].complete({"name": "f", "description": "Mine", "code": CODE.replace("a = 1", "a = 11")})
    found = pull(BASE, files_of({**BASE, F: mine}), {**BASE, F: function(CODE.replace("c = 3", "c = 33"))})[F]
    assert found.mode == "merged"
    assert found.files == {"function/f.py": CODE.replace("1", "11").replace("3", "33").encode()}


def test_a_conflict_in_code_names_file_and_line() -> None:
    files = files_of({**BASE, F: function(CODE.replace("2", "22"))})
    found = pull(BASE, files, {**BASE, F: function(CODE.replace("2", "222"))})[F]
    assert found.mode == "conflict"
    assert found.places == ("function/f.py:3",)
    assert list(found.files) == ["function/f.py"]


def test_code_that_one_side_took_out_and_the_other_edited_is_marked() -> None:
    without = KINDS["function"].complete({"name": "f", "code": "x = 1\n"})
    kind = KINDS["function"]
    assert kind.shape.fields["code"].form == "code"
    files = files_of({F: without})
    found = pull({F: function()}, files, {F: function(CODE.replace("2", "22"))})[F]
    assert found.mode == "conflict"
    assert b"x = 1" in (found.files["function/f.py"] or b"")
    assert b"b = 22" in (found.files["function/f.py"] or b"")


def test_a_file_with_marks_is_left_alone_whatever_the_server_has() -> None:
    marked = b"<<<<<<< yours\nname: A\n=======\nname: B\n>>>>>>> server\n"
    found = pull(BASE, {**files_of(BASE), "topic/a.yaml": marked}, {F: function()})
    assert found[A] == PulledEntity(A, "left", pulled(BASE)[A])


def test_marks_that_are_part_of_the_code_are_no_conflict() -> None:
    code = 'def f(conv):\n    return """\n<<<<<<< yours\n>>>>>>> server\n"""\n'
    body = function(code)
    local = read_local(files_of({F: body}), pulled({F: body}), KINDS)
    assert local.contents.faults == ()
    assert read_local(files_of({F: body}), {}, KINDS).conflicts


def test_a_merge_that_breaks_a_rule_is_a_conflict() -> None:
    # Each side adds another question; both names of the merged whole must still be sound for the kind.
    def complete(body: Body) -> Body:
        if body["content"] == "Theirs" and body["name"] == "Mine":
            raise Invalid("invalid_body", "not both")
        return topic(**body)

    class Strict:
        def __getattr__(self, name: str) -> Any:
            return getattr(KINDS["topic"], name)

    strict: Any = Strict()
    strict.complete = complete
    kinds: Any = {**KINDS, "topic": strict}
    base = pulled({A: topic()})
    local = read_local(files_of({A: topic(name="Mine")}), base, KINDS)
    [found] = plan_pull(base, local, pulled({A: topic(content="Theirs")}), kinds)
    assert found.mode == "conflict"
    text = (found.files["topic/a.yaml"] or b"").decode()
    assert text == (
        "schema: 1\n<<<<<<< yours\nname: Mine\ncontent: Hello\n=======\nname: A\ncontent: Theirs\n>>>>>>> server\n"
    )


def test_a_push_sends_on_what_was_seen_and_removes_last() -> None:
    b = Address("topic", "b")
    base = pulled(BASE)
    local = read_local(files_of({F: function("x = 1\n"), b: topic()}), base, KINDS)
    revisions = {address: each.revision for address, each in base.items()}
    plan = plan_push(base, Pushed("sandbox", "me"), local, revisions, KINDS)
    assert [(step.address, step.op, step.if_match) for step in plan.steps] == [
        (b, "added", "*"),
        (F, "edited", revisions[F]),
        (A, "removed", revisions[A]),
    ]


@pytest.mark.parametrize("there", [None, "Theirs"])
def test_a_push_refuses_what_moved(there: str | None) -> None:
    base = pulled(BASE)
    local = read_local(files_of({**BASE, A: topic(content="Mine")}), base, KINDS)
    theirs = pulled({F: function(), **({A: topic(content=there)} if there else {})})
    revisions = {address: each.revision for address, each in theirs.items()}
    plan = plan_push(base, Pushed("sandbox", "me"), local, revisions, KINDS)
    assert (plan.steps, plan.moved) == ((), (A,))
    known = Pushed("sandbox", "me", {A: revisions.get(A)})
    again = plan_push(base, known, local, revisions, KINDS)
    assert [step.if_match for step in again.steps] == [revisions.get(A, "*")]


def test_what_the_draft_has_already_is_not_sent_and_what_it_has_besides_is_named() -> None:
    base = pulled(BASE)
    mine = {**BASE, A: topic(content="Mine")}
    revisions = {address: each.revision for address, each in pulled({**mine, F: function("y = 2\n")}).items()}
    plan = plan_push(base, Pushed("sandbox", "me"), read_local(files_of(mine), base, KINDS), revisions, KINDS)
    assert (plan.steps, plan.moved, set(plan.present), plan.elsewhere) == ((), (), {A}, (F,))


def test_code_left_behind_is_no_removal() -> None:
    base = pulled(BASE)
    files = {name: data for name, data in files_of(BASE).items() if name != "function/f.yaml"}
    local = read_local(files, base, KINDS)
    assert local.unread == {F}
    assert find_changes(base, local, KINDS) == []


def test_the_state_comes_back_as_it_was_written() -> None:
    base = pulled(BASE)
    assert load_base(dump_base(base), KINDS) == base
    origin = Origin("hotel", "prj_1", "sandbox", "draft:sandbox", "http://server", "key_1")
    assert load_origin(dump_origin(origin), "state.json") == origin
    pushed = Pushed("sandbox", "me", {A: base[A].revision, F: None})
    assert load_pushed(dump_pushed(pushed), "sandbox", "me") == pushed
    assert load_pushed(dump_pushed(pushed), "sandbox", None).revisions == pushed.revisions
    for environment, owner in (("live", "me"), ("sandbox", "you")):
        assert load_pushed(dump_pushed(pushed), environment, owner).revisions == {}


@pytest.mark.parametrize("data", [b"", b"[]", b"{}", b'{"format":1}', b'{"format":2}', b"<<<<<<< HEAD\n", b"\xff"])
def test_a_state_that_is_not_ours_is_refused(data: bytes) -> None:
    with pytest.raises(Invalid):
        load_origin(data, "state.json")
    assert load_pushed(data, "sandbox", "me").revisions == {}


def test_a_base_in_conflict_has_no_entry_for_what_is_unclear() -> None:
    lines = dump_base(pulled(BASE)).splitlines()
    others = dump_base(pulled({A: topic(content="Other")})).splitlines()
    mixed = b"\n".join([b"<<<<<<< HEAD", *lines, b"=======", *others, b">>>>>>> main", b"{", b'{"address": "a"}'])
    assert load_base(mixed, KINDS) == {F: pulled(BASE)[F]}


@pytest.mark.parametrize("address", ["../../etc/passwd", "topic/../x", "topic/a/b", "nothing/a", "topic/A", ""])
def test_a_base_names_no_place_outside(address: str) -> None:
    line = dump_base(pulled({A: topic()})).replace(b"topic/a", address.encode())
    assert load_base(line, KINDS) == {}


def test_the_manifest_alone_is_an_empty_folder() -> None:
    assert read_local({MANIFEST: MANIFEST_TEXT}, {}, KINDS).contents.faults == ()


def test_lines_that_end_as_on_windows_are_no_change_and_merge() -> None:
    files = {name: data.replace(b"\n", b"\r\n") for name, data in files_of(BASE).items()}
    local = read_local(files, pulled(BASE), KINDS)
    assert find_changes(pulled(BASE), local, KINDS) == []
    files["topic/a.yaml"] = files["topic/a.yaml"].replace(b"name: A", b"name: Mine")
    found = pull(BASE, files, {**BASE, A: topic(content="Theirs")})[A]
    assert found.mode == "merged"
    assert found.files == {"topic/a.yaml": b"schema: 1\nname: Mine\ncontent: Theirs\n"}
