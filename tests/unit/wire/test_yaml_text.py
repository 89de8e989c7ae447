"""YAML 1.2 core scalars, lines for pointers, and refusals with path:line."""

from typing import Any

import pytest

from greenroom.domain.errors import Invalid
from greenroom.wire.yaml_text import load


def value_of(text: str) -> Any:
    return load(text.encode(), "a.yaml").value


def refusal(data: str | bytes) -> list[tuple[str, str]]:
    with pytest.raises(Invalid) as refused:
        load(data.encode() if isinstance(data, str) else data, "topic/a.yaml")
    return [(fault.pointer, fault.message) for fault in refused.value.errors]


SCALARS: list[tuple[str, Any]] = [
    ("yes", "yes"),
    ("no", "no"),
    ("on", "on"),
    ("Off", "Off"),
    ("2026-01-31", "2026-01-31"),
    ("12:30:45", "12:30:45"),
    ("1_000", "1_000"),
    ("0b11", "0b11"),
    ("+44 20 7946", "+44 20 7946"),
    ("true", True),
    ("FALSE", False),
    ("null", None),
    ("~", None),
    ("", None),
    ("12", 12),
    ("-7", -7),
    ("0o17", 15),
    ("0x1F", 31),
    ("007", 7),
    ("1.5", 1.5),
    (".5", 0.5),
    ("1e3", 1000.0),
    ("'12'", "12"),
    ('"null"', "null"),
    (".", "."),
    ("-.e1", "-.e1"),
    ("9007199254740992", 2**53),
]


@pytest.mark.parametrize("text, expected", SCALARS)
def test_a_scalar_is_what_yaml_1_2_says(text: str, expected: Any) -> None:
    found = value_of(f"a: {text}")["a"]
    assert found == expected
    assert type(found) is type(expected)


def test_keys_are_text_as_written() -> None:
    assert value_of("1: a\non: b\nnull: c\n") == {"1": "a", "on": "b", "null": "c"}


def test_pointers_have_lines() -> None:
    loaded = load(
        b"# note\nname: x\nsteps:\n  - id: a\n    a/b: |\n      text\n      more\n  - [1,\n     2]\n", "a.yaml"
    )
    assert dict(loaded.lines) == {
        "": 2,
        "/name": 2,
        "/steps": 3,
        "/steps/0": 4,
        "/steps/0/id": 4,
        "/steps/0/a~1b": 5,
        "/steps/1": 8,
        "/steps/1/0": 8,
        "/steps/1/1": 9,
    }
    assert loaded.line_of("/steps/0/missing/deeper") == 4
    assert loaded.line_of("/nothing") == 2


def test_an_empty_file_holds_nothing() -> None:
    for text in ("", "# only a note\n", "---\n", "\ufeff"):
        loaded = load(text.encode(), "a.yaml")
        assert loaded.value is None
        assert loaded.line_of("/name") >= 1


REFUSED = [
    ("a: 1\nb: 2\na: 3", 3, "the field 'a' is already in line 1"),
    ("a: &x 1", 1, "'&x' is an anchor; anchors are not read"),
    ("a: 1\nb: *x", 2, "'*x' is an alias; aliases are not read"),
    ("a: !!python/object:os.system x", 1, "'tag:yaml.org,2002:python/object:os.system' is a tag; tags are not read"),
    ("a: !local x", 1, "'!local' is a tag; tags are not read"),
    ("<<: {a: 1}", 1, "'<<' merges another mapping, which is not read here"),
    ("a: 1\n---\nb: 1", 2, "a second document begins here"),
    ("? [a]\n: b", 1, "a field name must be text"),
    ("x: {{variant.street}}", 1, "a field name must be text"),
    ("a: 9007199254740993", 1, "the integer is beyond 2^53, which JSON readers round"),
    ("a: " + "9" * 9000, 1, "the integer is beyond 2^53, which JSON readers round"),
    ("a: 1\nb: 1e999", 2, "'1e999' is not a finite number"),
    ("a: .nan", 1, "'.nan' is not a finite number"),
    ("a: b: c", 1, "there is a ':' where no field can begin"),
    ("a:\n\tb: c", 2, "this character cannot begin a value"),
    ("a: 'x\nb: 1\n", 3, "a quote or bracket is opened and never closed"),
    ("a: 1\n b: 2\nc", 2, "there is a ':' where no field can begin"),
    ("a: \x07", 1, "the file holds the character U+0007, which YAML does not allow"),
    ("a: 1\nb: [" + "[" * 80, 2, "the file is nested deeper than 64 levels"),
]


@pytest.mark.parametrize("text, line, message", REFUSED, ids=[case[2][:40] for case in REFUSED])
def test_a_refusal_names_the_line(text: str, line: int, message: str) -> None:
    assert (f"topic/a.yaml:{line}", message) in refusal(text)


def test_all_faults_of_a_file_are_found() -> None:
    assert len(refusal("a: &x 1\nb: *x\nb: 2\nc: .inf\n")) == 4


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_other_encodings_are_named(encoding: str) -> None:
    assert refusal("name: é".encode(encoding)) == [("topic/a.yaml:1", "the file is UTF-16 or UTF-32, not UTF-8")]


def test_latin_1_is_refused_with_its_line() -> None:
    assert refusal("name: a\ncity: Köln".encode("latin-1")) == [("topic/a.yaml:2", "byte 0xf6 is not UTF-8")]


def test_a_byte_order_mark_is_accepted() -> None:
    assert value_of("\ufeffname: é") == {"name": "é"}


def test_an_alias_bomb_is_refused_at_its_first_anchor() -> None:
    rows = ["a0: &a0 [x, x]"] + [f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}, *a{n - 1}]" for n in range(1, 40)]
    faults = refusal("\n".join(rows))
    assert faults[0] == ("topic/a.yaml:1", "'&a0' is an anchor; anchors are not read")
    assert len(faults) <= 50


def test_a_large_file_is_refused() -> None:
    assert refusal(b"a" * (1024 * 1024 + 1))[0][1] == "the file is 1,048,577 bytes; at most 1,048,576 are read"
