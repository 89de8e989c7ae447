"""Sealing: only the right key and the right place open what was sealed, and old keys open what they sealed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greenroom.domain.errors import Invalid
from greenroom.providers.crypto import EnvelopeCipher

KEY, NEXT = "first key, made at random", "second key, made at random"


@given(text=st.binary(max_size=300), about=st.text(max_size=40))
def test_what_was_sealed_opens_and_shows_nothing(text: bytes, about: str) -> None:
    cipher = EnvelopeCipher(KEY)
    sealed = cipher.seal(text, about)
    assert cipher.open(sealed, about) == text
    assert len(text) < 6 or text not in sealed
    assert cipher.seal(text, about) != sealed


def test_it_opens_only_where_it_belongs() -> None:
    cipher = EnvelopeCipher(KEY)
    sealed = cipher.seal(b"k3y", "wsp/prj/KEY")
    with pytest.raises(Invalid, match="belongs to something else"):
        cipher.open(sealed, "wsp/other/KEY")


def test_a_changed_byte_anywhere_is_noticed() -> None:
    cipher = EnvelopeCipher(KEY)
    sealed = cipher.seal(b"k3y", "x")
    for place in range(len(sealed)):
        with pytest.raises(Invalid):
            cipher.open(sealed[:place] + bytes([sealed[place] ^ 1]) + sealed[place + 1 :], "x")
    for length in range(len(sealed)):
        with pytest.raises(Invalid):
            cipher.open(sealed[:length], "x")


def test_a_new_key_opens_what_a_former_one_sealed_and_seals_with_itself() -> None:
    old = EnvelopeCipher(KEY)
    sealed = old.seal(b"k3y", "x")
    both = EnvelopeCipher(NEXT, [KEY])
    assert both.open(sealed, "x") == b"k3y"
    assert not both.is_current(sealed)
    anew = both.seal(b"k3y", "x")
    assert both.is_current(anew)
    assert EnvelopeCipher(NEXT).open(anew, "x") == b"k3y"
    with pytest.raises(Invalid, match="does not have"):
        EnvelopeCipher(NEXT).open(sealed, "x")
    with pytest.raises(Invalid, match="does not have"):
        old.open(anew, "x")


def test_the_nonce_never_repeats() -> None:
    cipher = EnvelopeCipher(KEY)
    assert len({cipher.seal(b"", "x") for _ in range(2_000)}) == 2_000
