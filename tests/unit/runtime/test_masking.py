"""What is masked in texts, and what is left."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greenroom.runtime.masking import (
    ALL,
    ALWAYS,
    MASK,
    is_card_number,
    is_iban,
    mask_personal,
    mask_value,
    masking_of,
)


@pytest.mark.parametrize(
    "text, masked",
    [
        ("my card is 4111 1111 1111 1111 thanks", f"my card is {MASK} thanks"),
        ("4111-1111-1111-1111", MASK),
        ("5500000000000004.", f"{MASK}."),
        ("4111 1111 1111 1112", "4111 1111 1111 1112"),
        ("booking 0000000000000000", "booking 0000000000000000"),
        ("call +44 20 7946 0958", "call +44 20 7946 0958"),
        ("ada@example.org", "ada@example.org"),
        ("room 12 at 10:30 on 2026-11-21 for 120.50", "room 12 at 10:30 on 2026-11-21 for 120.50"),
    ],
)
def test_card_numbers_are_always_masked_and_nothing_else(text: str, masked: str) -> None:
    assert mask_personal(text) == masked


@pytest.mark.parametrize(
    "text, masked",
    [
        ("write to ada.byron+x@mail.example.org.", f"write to {MASK}."),
        ("call +44 20 7946 0958 or 030/1234567", f"call {MASK} or {MASK}"),
        ("(0041) 79 123 45 67", MASK),
        ("DE89 3704 0044 0532 0130 00 please", f"{MASK} please"),
        ("GB82WEST12345698765432", MASK),
        ("2026-11-21, 10:30, 120.50, room 1204", "2026-11-21, 10:30, 120.50, room 1204"),
        ("AB12 3456 is no account", "AB12 3456 is no account"),
    ],
)
def test_other_sorts_are_masked_where_they_are_asked_for(text: str, masked: str) -> None:
    assert mask_personal(text, sorts=ALL) == masked


def test_personal_values_are_masked_in_any_case_longest_first() -> None:
    text = "Ada Byron and ADA are here; Al stays"
    assert mask_personal(text, ["ada", "Ada Byron", "Al", " "]) == f"{MASK} and {MASK} are here; Al stays"
    assert mask_personal("我叫王小明吗", ["王小明"]) == f"我叫{MASK}吗"
    assert mask_personal("a.b*c", ["a.b*c"]) == MASK
    assert mask_value({"ada": ["Ada", {"n": 1, "t": "x Ada"}]}, ["Ada"]) == {"ada": [MASK, {"n": 1, "t": f"x {MASK}"}]}


@given(st.text(alphabet="0123456789 -", min_size=1, max_size=40))
def test_what_is_masked_once_holds_no_card_number_of_its_own(digits: str) -> None:
    masked = mask_personal(f"x {digits} y")
    assert mask_personal(masked) == masked


@given(st.integers(10**14, 10**15 - 1))
def test_every_number_with_its_check_digit_is_a_card_number(number: int) -> None:
    valid = [digit for digit in range(10) if is_card_number(f"{number}{digit}")]
    assert len(valid) == 1
    assert mask_personal(f"{number}{valid[0]}") == MASK


def test_ibans_are_known_by_their_checksum() -> None:
    assert is_iban("DE89370400440532013000")
    assert not is_iban("DE88370400440532013000")


@given(st.text(alphabet="ab@. 0123456789²٣-", max_size=40), st.sampled_from([(), ("ab",), ("12 3",)]))
def test_a_masking_made_once_is_the_masking_of_each(text: str, values: tuple[str, ...]) -> None:
    for sorts in (ALL, ALWAYS):
        mask = masking_of(values, sorts)
        assert mask(text) == mask_personal(text, values, sorts)
        assert mask({"k": [text, 1, {"n": text}]}) == mask_value({"k": [text, 1, {"n": text}]}, values, sorts)
    if not any(sign.isdecimal() or sign == "@" for sign in text):
        assert mask_personal(text, (), ALL) == text, "nothing is masked where nothing tells"
