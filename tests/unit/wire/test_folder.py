"""Entities as files: what they look like, and what is refused when they are read."""

from typing import Any

import pytest

from greenroom.domain.entities import Address
from greenroom.domain.errors import Invalid
from greenroom.kinds import ALL, KINDS
from greenroom.wire.folder import from_files, is_folder, to_files

MANIFEST = {"greenroom.yaml": b"format: 1\n"}
SAMPLES = {Address(kind.name, kind.singleton or "sample"): kind.complete(kind.sample) for kind in ALL}


def read(files: dict[str, bytes]) -> dict[Address, Any]:
    return dict(from_files({**MANIFEST, **files}, KINDS))


def faults(files: dict[str, bytes], manifest: bool = True) -> list[tuple[str, str]]:
    with pytest.raises(Invalid) as refused:
        from_files({**(MANIFEST if manifest else {}), **files}, KINDS)
    assert refused.value.code == "invalid_files"
    return [(fault.pointer, fault.code) for fault in refused.value.errors]


def test_all_samples_come_back() -> None:
    assert from_files(to_files(SAMPLES, KINDS), KINDS) == SAMPLES


def test_equal_entities_are_equal_bytes_whatever_their_order() -> None:
    turned = {address: dict(list(body.items())[::-1]) for address, body in list(SAMPLES.items())[::-1]}
    assert list(to_files(turned, KINDS).items()) == list(to_files(SAMPLES, KINDS).items())


def test_files_are_pleasant_to_read() -> None:
    body = {
        "schema": 1,
        "name": "Find",
        "description": "Finds a booking.\n\nOnly with a number.\n",
        "code": "def run(conv):\n    return 1\n",
        "role": "step",
        "parameters": {"type": "object", "b": [1, 2.0], "a": {"yes": "no"}},
    }
    files = to_files({Address("function", "find"): body}, KINDS)
    assert list(files) == ["greenroom.yaml", "function/find.py", "function/find.yaml"]
    assert files["function/find.py"] == b"def run(conv):\n    return 1\n"
    assert files["function/find.yaml"].decode() == (
        "schema: 1\n"
        "name: Find\n"
        "description: |\n"
        "  Finds a booking.\n"
        "\n"
        "  Only with a number.\n"
        "parameters:\n"
        "  a:\n"
        '    "yes": "no"\n'
        "  b:\n"
        "    - 1\n"
        "    - 2\n"
        "  type: object\n"
        "role: step\n"
    )


@pytest.mark.parametrize("code", ["a\r\nb", "\ufeffa", "a\rb", "a\0b", "", "x", "\n", "é😀"])
def test_code_is_exact_in_its_file_or_in_the_yaml(code: str) -> None:
    entities = {Address("function", "f"): KINDS["function"].complete({"name": "F", "code": code})}
    assert from_files(to_files(entities, KINDS), KINDS) == entities


def test_code_saved_on_windows_is_the_same_code() -> None:
    found = read({"function/f.yaml": b"name: F\r\n", "function/f.py": b"a\r\nb\r\n"})
    assert found[Address("function", "f")]["code"] == "a\nb\n"


def test_an_old_body_is_written_as_the_present_schema_would() -> None:
    with pytest.raises(Invalid):
        to_files({Address("topic", "a"): {"schema": 9, "name": "A"}}, KINDS)
    with pytest.raises(Invalid, match="there is no kind 'robot'"):
        to_files({Address("robot", "a"): {"name": "A"}}, KINDS)


def test_a_folder_around_the_files_is_looked_through() -> None:
    files = {f"hotel/{path}": data for path, data in to_files(SAMPLES, KINDS).items()}
    assert from_files(files, KINDS) == SAMPLES
    assert is_folder(files)
    assert not is_folder(["agent/a.yaml"])


def test_what_lies_outside_the_folder_with_the_manifest_is_not_lost_silently() -> None:
    files = {"hotel/greenroom.yaml": b"format: 1", "hotel/topic/a.yaml": b"name: A", "inn/topic/b.yaml": b"name: B"}
    assert faults(files, manifest=False) == [("inn/topic/b.yaml:1", "unknown_file")]


def test_a_folder_of_folders_is_told_which_to_give() -> None:
    files = {f"v{n}/{path}": data for n in (1, 2) for path, data in to_files(SAMPLES, KINDS).items()}
    with pytest.raises(Invalid, match="holds several Greenroom folders: v1, v2"):
        from_files(files, KINDS)


def test_what_people_keep_beside_is_passed_over() -> None:
    files = {".git/config": b"x", "README.md": b"x", "topic/.DS_Store": b"x", "function/__pycache__/a.pyc": b"x"}
    assert read({**files, "topic/a.yaml": b"name: A"}) == {Address("topic", "a"): {"schema": 1, "name": "A"}}


def test_every_fault_is_told_at_once_with_path_and_line() -> None:
    found = faults(
        {
            "notes.txt": b"",
            "topics/a.yaml": b"name: A",
            "topic/a.yaml": b"name: A\ncontnet: x\nactions:\n  - id: a\n    type: smss\n    target: b\n",
            "topic/b.yaml": b"name: B\nname: C\n",
            "topic/c.yaml": "name: ü".encode("utf-16"),
            "topic/d.yaml": b"- list",
            "topic/e.yml": b"name: E",
            "topic/f g.yaml": b"name: F",
            "topic/deep/g.yaml": b"name: G",
            "function/h.py": b"x",
            "function/i.yaml": b"name: I\n\ncode: x\n",
            "function/i.py": b"x",
            "function/j.yaml": b"name: J\n",
            "function/j.py": b"\xff",
            "sms/k.py": b"x",
            "settings/main.yaml": b"name: S",
            "topic/schema.yaml": b"name: A\nschema: 2\n",
        }
    )
    assert found == [
        ("notes.txt:1", "unknown_file"),
        ("topics/a.yaml:1", "unknown_kind"),
        ("topic/a.yaml:2", "unknown_field"),
        ("topic/a.yaml:5", "not_a_choice"),
        ("topic/b.yaml:2", "invalid_yaml"),
        ("topic/c.yaml:1", "wrong_encoding"),
        ("topic/d.yaml:1", "wrong_type"),
        ("topic/e.yml:1", "unknown_file"),
        ("topic/f g.yaml:1", "invalid_slug"),
        ("topic/deep/g.yaml:1", "unknown_file"),
        ("function/h.py:1", "orphan_code"),
        ("function/i.yaml:3", "code_twice"),
        ("function/j.py:1", "wrong_encoding"),
        ("sms/k.py:1", "unknown_file"),
        ("settings/main.yaml:1", "singleton"),
        ("topic/schema.yaml:2", "schema_too_new"),
    ]


@pytest.mark.parametrize(
    "manifest, pointer, code",
    [
        (None, "greenroom.yaml:1", "no_manifest"),
        (b"", "greenroom.yaml:1", "wrong_format"),
        (b"format: one", "greenroom.yaml:1", "wrong_format"),
        (b"# x\nformat: 2", "greenroom.yaml:2", "format_too_new"),
        (b"[", "greenroom.yaml:2", "invalid_yaml"),
    ],
)
def test_the_manifest_must_say_the_format(manifest: bytes | None, pointer: str, code: str) -> None:
    files = {} if manifest is None else {"greenroom.yaml": manifest + (b"\n" if manifest == b"[" else b"")}
    assert faults({**files, "topic/a.yaml": b"name: A"}, manifest=False)[0] == (pointer, code)


@pytest.mark.parametrize(
    "path",
    [
        "../topic/a.yaml",
        "/topic/a.yaml",
        "topic/../../a.yaml",
        "topic\\a.yaml",
        "C:/a.yaml",
        "topic//a.yaml",
        "./a",
        "a\0b",
    ],
)
def test_a_path_that_leaves_its_folder_is_refused(path: str) -> None:
    assert [code for _, code in faults({path: b"name: A"})] == ["unsafe_path"]


def test_names_that_differ_by_case_are_refused() -> None:
    assert ("topic/A.yaml:1", "case_collision") in faults({"topic/a.yaml": b"name: A", "topic/A.yaml": b"name: A"})


def test_limits_of_number_and_size() -> None:
    assert faults({f"topic/t{n}.yaml": b"name: A" for n in range(20_001)}) == [("", "too_many_files")]
    assert faults({"topic/a.yaml": b"#" * 1_048_577}) == [("topic/a.yaml:1", "file_too_large")]
    block = b"#" * 1_048_576
    assert faults({f"topic/t{n}.yaml": block for n in range(51)}) == [("", "too_large")]


def test_a_code_fault_points_into_the_code_file() -> None:
    found = faults({"function/a.yaml": b"name: A", "function/a.py": b"x" * 200_000})
    assert found == [("function/a.py:1", "too_long")]
