"""Canonical JSON against the RFC's own vectors and against another implementation of RFC 8785."""

from __future__ import annotations

import json
import math
import struct
from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from greenroom.domain.canonical import MAX_DEPTH, MAX_SAFE_INTEGER, canonical_json, digest_of, same
from greenroom.domain.errors import Invalid

# Appendix B of RFC 8785: IEEE 754 bits and their text.
NUMBERS = {
    "0000000000000000": "0",
    "8000000000000000": "0",
    "0000000000000001": "5e-324",
    "8000000000000001": "-5e-324",
    "7fefffffffffffff": "1.7976931348623157e+308",
    "ffefffffffffffff": "-1.7976931348623157e+308",
    "4340000000000000": "9007199254740992",
    "c340000000000000": "-9007199254740992",
    "4430000000000000": "295147905179352830000",
    "44b52d02c7e14af5": "9.999999999999997e+22",
    "44b52d02c7e14af6": "1e+23",
    "44b52d02c7e14af7": "1.0000000000000001e+23",
    "444b1ae4d6e2ef4e": "999999999999999700000",
    "444b1ae4d6e2ef4f": "999999999999999900000",
    "444b1ae4d6e2ef50": "1e+21",
    "3eb0c6f7a0b5ed8c": "9.999999999999997e-7",
    "3eb0c6f7a0b5ed8d": "0.000001",
    "41b3de4355555553": "333333333.3333332",
    "41b3de4355555554": "333333333.33333325",
    "41b3de4355555555": "333333333.3333333",
    "41b3de4355555556": "333333333.3333334",
    "41b3de4355555557": "333333333.33333343",
    "becbf647612f3696": "-0.0000033333333333333333",
    "43143ff3c1cb0959": "1424953923781206.2",
}

WRITTEN = {
    333333333.33333329: "333333333.3333333",
    1e30: "1e+30",
    4.50: "4.5",
    2e-3: "0.002",
    1e-27: "1e-27",
    1e21: "1e+21",
    1e-7: "1e-7",
    1e-6: "0.000001",
    -0.0: "0",
    5e-324: "5e-324",
    9007199254740992.0: "9007199254740992",
    0.1: "0.1",
    -1.5: "-1.5",
    100.0: "100",
}


def is_refused(number: float) -> bool:
    """Says whether a number is an integer that readers may round, which we refuse though the RFC does not."""
    return 2**53 < abs(number) < 1e21


@pytest.mark.parametrize("bits,text", NUMBERS.items())
def test_numbers_of_the_rfc(bits: str, text: str) -> None:
    (number,) = struct.unpack(">d", bytes.fromhex(bits))
    if is_refused(number):
        with pytest.raises(Invalid):
            canonical_json(number)
    else:
        assert canonical_json(number).decode() == text


@pytest.mark.parametrize("number,text", WRITTEN.items())
def test_numbers_as_ecmascript_writes_them(number: float, text: str) -> None:
    assert canonical_json(number).decode() == text
    assert canonical_json({"a": [number]}).decode() == f'{{"a":[{text}]}}'


def test_the_sorting_example_of_the_rfc() -> None:
    keys = {
        "\u20ac": "Euro Sign",
        "\r": "Carriage Return",
        "\ufb33": "Hebrew Letter Dalet With Dagesh",
        "1": "One",
        "\U0001f600": "Emoji: Grinning Face",
        "\u0080": "Control",
        "\u00f6": "Latin Small Letter O With Diaeresis",
    }
    found = list(json.loads(canonical_json(keys)).values())
    assert found == [
        "Carriage Return",
        "One",
        "Control",
        "Latin Small Letter O With Diaeresis",
        "Euro Sign",
        "Emoji: Grinning Face",
        "Hebrew Letter Dalet With Dagesh",
    ]


def test_the_example_of_the_rfc() -> None:
    value = {
        "numbers": [333333333.33333329, 1e30, 4.50, 2e-3, 0.000000000000000000000000001],
        "string": "\u20ac$\u000f\u000aA'\u0042\u0022\u005c\\\"\u002f",
        "literals": [None, True, False],
    }
    assert canonical_json(value).decode() == (
        '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],'
        '"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}'
    )


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
integers = st.integers(-(2**53) + 1, 2**53 - 1)
floats = st.floats(allow_nan=False, allow_infinity=False).filter(lambda number: not is_refused(number))
values = st.recursive(
    st.none() | st.booleans() | integers | floats | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=20,
)


@given(values)
def test_it_writes_what_another_implementation_writes(value: Any) -> None:
    assert canonical_json(value) == rfc8785.dumps(value)


@given(floats)
def test_numbers_read_back_as_they_were(number: float) -> None:
    assert json.loads(canonical_json(number)) == number
    assert canonical_json(number) == rfc8785.dumps(number)


@given(values)
def test_reading_back_and_writing_again_changes_nothing(value: Any) -> None:
    written = canonical_json(value)
    assert canonical_json(json.loads(written)) == written


@given(values, values)
def test_values_are_the_same_exactly_when_they_are_written_the_same(a: Any, b: Any) -> None:
    assert same(a, b) is (canonical_json(a) == canonical_json(b))
    assert same(a, json.loads(canonical_json(a)))


@given(st.dictionaries(texts, integers, max_size=6))
def test_key_order_means_nothing(value: dict[str, int]) -> None:
    assert digest_of(value) == digest_of(dict(reversed(list(value.items()))))


def test_one_is_one_and_not_true() -> None:
    assert same(1, 1.0)
    assert digest_of([1, 0]) == digest_of([1.0, -0.0])
    assert not same(1, True)
    assert not same([0], [False])
    assert digest_of(1) != digest_of(True)
    assert not same(None, False)
    assert not same("1", 1)


def test_composed_and_decomposed_text_stay_apart() -> None:
    assert digest_of("caf\u00e9") != digest_of("cafe\u0301")


def nested(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize(
    "value,pointer",
    [
        ({"a": [1, 2**53 + 1]}, "/a/1"),
        ({"a/b~": -(2**53) - 1}, "/a~1b~0"),
        ({"a": 1e17}, "/a"),
        ([-9007199254740994.0], "/0"),
        ([math.nan], "/0"),
        ({"x": math.inf}, "/x"),
        ({"a": {1: 2}}, "/a"),
        ({"a": {1, 2}}, "/a"),
        (b"bytes", ""),
        (nested(MAX_DEPTH + 1), "/0" * MAX_DEPTH),
        ({"a": [1, "x\ud800"]}, "/a/1"),
        ({"a": [0.5, {"é": "\udfff"}]}, "/a/1/é"),
        ({"a": {"\udfff": 0.5}}, "/a"),
        ({"\udfff": math.nan}, "/\\udfff"),
    ],
)
def test_what_json_cannot_carry_is_refused_by_place(value: Any, pointer: str) -> None:
    with pytest.raises(Invalid) as wrong:
        canonical_json(value)
    assert wrong.value.code == "not_canonical"
    assert wrong.value.errors[0].pointer == pointer


def test_the_limits_themselves_are_allowed() -> None:
    assert canonical_json(nested(MAX_DEPTH))
    assert canonical_json([MAX_SAFE_INTEGER, -MAX_SAFE_INTEGER]) == b"[9007199254740992,-9007199254740992]"
