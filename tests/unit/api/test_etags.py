"""Preconditions: one strong tag, or *."""

from __future__ import annotations

import pytest

from greenroom.api.etags import matches, parse_if_match, quote_tag
from greenroom.domain.errors import Invalid


@pytest.mark.parametrize("header, revision", [(None, None), ("*", "*"), (' "sha256:ab" ', "sha256:ab"), ('""', "")])
def test_one_strong_tag_is_read(header: str | None, revision: str | None) -> None:
    assert parse_if_match(header) == revision


@pytest.mark.parametrize("header", ['W/"a"', '"a", "b"', "a", '"a', "", '"a"b"'])
def test_anything_else_is_refused(header: str) -> None:
    with pytest.raises(Invalid) as refused:
        parse_if_match(header)
    assert refused.value.errors[0].pointer == "/If-Match"


def test_what_is_quoted_is_read_again() -> None:
    assert parse_if_match(quote_tag("sha256:ab")) == "sha256:ab"


@pytest.mark.parametrize(
    "header, found", [(None, False), ("*", True), ('"a"', True), ('"b", W/"a"', True), ('"b"', False), ("a", False)]
)
def test_a_reader_may_name_what_it_has(header: str | None, found: bool) -> None:
    assert matches(header, "a") is found
