"""The grammar of refs and aliases."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greenroom.domain.canonical import Digest
from greenroom.domain.errors import Invalid
from greenroom.domain.refs import (
    RESERVED_ALIASES,
    ConversationRef,
    DigestRef,
    DraftRef,
    Ref,
    ServedRef,
    VersionRef,
    check_alias,
    parse_ref,
)

HEX = "0123456789abcdef" * 4


@pytest.mark.parametrize(
    "text,ref",
    [
        ("v1", VersionRef(1)),
        ("v12", VersionRef(12)),
        ("v999999999", VersionRef(999_999_999)),
        ("live", ServedRef("live")),
        ("pre-release", ServedRef("pre-release")),
        ("live:next", ServedRef("live", incoming=True)),
        ("live~1", ServedRef("live", back=1)),
        ("live~25", ServedRef("live", back=25)),
        ("v2x", ServedRef("v2x")),
        ("v", ServedRef("v")),
        ("draft:sandbox", DraftRef("sandbox")),
        ("draft:sandbox@mem_01", DraftRef("sandbox", "mem_01")),
        ("conversation:cnv_1", ConversationRef("cnv_1")),
        (f"sha256:{HEX}", DigestRef(Digest(f"sha256:{HEX}"))),
        ("a" * 40, ServedRef("a" * 40)),
    ],
)
def test_refs(text: str, ref: Ref) -> None:
    assert parse_ref(text) == ref


@pytest.mark.parametrize(
    "text",
    [
        "",
        " live",
        "live ",
        "live\n",
        "Live",
        "v0",
        "v01",
        "v1234567890",
        "v1:next",
        "v1~1",
        "live~0",
        "live~",
        "live~01",
        "live~-1",
        "live:prev",
        "live:next~1",
        "draft",
        "default",
        "conversation",
        "sha256",
        "draft:",
        "draft:Sandbox",
        "draft:sandbox@",
        "draft:sandbox@a b",
        "conversation:",
        f"sha256:{HEX[:-1]}",
        f"sha256:{HEX.upper()}",
        f"sha256:{HEX}0",
        "a" * 41,
        "1live",
        "-live",
        "live/topic",
        "lïve",
        "draft:v1",
        "draft:default",
        "draft:sha256@mem_1",
    ],
)
def test_what_is_no_ref(text: str) -> None:
    with pytest.raises(Invalid) as wrong:
        parse_ref(text)
    assert wrong.value.code == "invalid_ref"


@pytest.mark.parametrize(
    "alias", [*sorted(RESERVED_ALIASES), "v1", "v007", "V1", "", "-a", "a_b", "a" * 41, "é", "a\n"]
)
def test_what_is_no_alias(alias: str) -> None:
    with pytest.raises(Invalid) as wrong:
        check_alias(alias)
    assert (wrong.value.code, wrong.value.errors[0].pointer) == ("invalid_alias", "/alias")


@given(st.from_regex(r"[a-z][a-z0-9-]{0,39}", fullmatch=True))
def test_every_alias_is_a_ref_to_what_it_serves(text: str) -> None:
    try:
        alias = check_alias(text)
    except Invalid:
        return
    assert parse_ref(alias) == ServedRef(alias)
    assert parse_ref(f"{alias}:next") == ServedRef(alias, incoming=True)
    assert parse_ref(f"{alias}~1") == ServedRef(alias, back=1)
    assert parse_ref(f"draft:{alias}") == DraftRef(alias)


@given(st.text(max_size=30))
def test_any_text_is_a_ref_or_is_refused(text: str) -> None:
    try:
        parse_ref(text)
    except Invalid as refused:
        code = refused.code
    else:
        code = "invalid_ref"
    assert code == "invalid_ref"
