"""Secrets are taken out of what comes back, in whatever spelling another system echoes them."""

from __future__ import annotations

import base64
import json
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greenroom.domain.hiding import MASK, hide_secrets

SECRET = 'k3y/+"of=the & höuse'


@pytest.mark.parametrize(
    "text",
    [
        SECRET,
        json.dumps(SECRET),
        json.dumps(SECRET, ensure_ascii=False),
        quote(SECRET, safe=""),
        quote_plus(SECRET),
        quote(SECRET, safe="").lower(),
        base64.b64encode(SECRET.encode()).decode(),
        base64.urlsafe_b64encode(SECRET.encode()).decode(),
        base64.b64encode(b"u:" + SECRET.encode()).decode(),
        base64.b64encode(b"us:" + SECRET.encode() + b"tail").decode(),
    ],
)
def test_every_spelling_is_hidden(text: str) -> None:
    hidden = hide_secrets({"a": [f"before {text} after"], text: 1}, [SECRET])
    said = json.dumps(hidden, ensure_ascii=False)
    assert said.count(MASK) >= 2
    for part in (SECRET[:8], quote(SECRET, safe="")[:8], base64.b64encode(SECRET.encode()).decode()[4:16]):
        assert part not in said
    assert "before " in said


def test_short_secrets_and_other_values_stay() -> None:
    value: Any = {"a": "abc", "n": 12, "none": None, "yes": True, "list": ["abcd"]}
    assert hide_secrets(value, ["abc"]) == value
    assert hide_secrets(value, ["abcd"]) == {**value, "list": [MASK]}


def test_a_secret_inside_another_leaves_no_rest() -> None:
    assert hide_secrets("x secretsecret-long y", ["secret", "secret-long", "secretsecret-long"]) == f"x {MASK} y"


def test_half_a_secret_at_a_cut_is_hidden() -> None:
    assert hide_secrets("and then abcdef", ["abcdefghij"], cut=True) == f"and then {MASK}"
    assert hide_secrets("and then abcdef", ["abcdefghij"]) == "and then abcdef"


@given(
    secret=st.text(st.characters(codec="utf-8"), min_size=4, max_size=40),
    before=st.binary(max_size=5),
    after=st.binary(max_size=5),
)
def test_no_encoding_of_a_secret_survives(secret: str, before: bytes, after: bytes) -> None:
    for text in (secret, json.dumps(secret), quote(secret, safe="")):
        assert secret not in hide_secrets(text, [secret]) or secret in MASK
    if len(secret.encode()) >= 8:
        whole = base64.b64encode(before + secret.encode() + after).decode()
        assert MASK in hide_secrets(whole, [secret])
