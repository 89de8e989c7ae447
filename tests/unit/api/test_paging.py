"""Cursors are opaque, belong to one list, and forged ones are refused."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greenroom.api.paging import cut_page, make_cursor, page_of, read_cursor, read_text_cursor
from greenroom.domain.errors import Invalid
from greenroom.wire.content import EntitySummary


def item(name: str) -> EntitySummary:
    return EntitySummary(address=name, kind="topic", slug=name, name=name, revision="r")


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=60))
def test_a_cursor_leads_back_to_its_place(place: str) -> None:
    assert read_text_cursor("list", make_cursor("list", place)) == place


@given(st.integers(0, 2**31 - 1))
def test_a_number_too(place: int) -> None:
    assert read_cursor("list", make_cursor("list", place)) == place


@given(st.text(max_size=40))
def test_a_forged_cursor_is_refused(cursor: str) -> None:
    with pytest.raises(Invalid) as refused:
        read_cursor("list", cursor)
    assert refused.value.code == "invalid_cursor"


@pytest.mark.parametrize("inside", ["other:5", "list:", "list:-1", "list:99999999999", "list:٣", "list:1e3"])
def test_a_cursor_of_another_list_or_beyond_any_number_is_refused(inside: str) -> None:
    with pytest.raises(Invalid):
        read_cursor("list", base64.urlsafe_b64encode(inside.encode()).decode())


def test_one_more_than_was_asked_for_says_that_there_is_more() -> None:
    page = page_of("list", ["a", "b", "c"], 2, str, item)
    assert [one.name for one in page.items] == ["a", "b"]
    assert read_text_cursor("list", page.next_cursor) == "b"
    assert page_of("list", ["a", "b"], 2, str, item).next_cursor is None


def test_a_list_that_is_read_whole_is_cut() -> None:
    seen, cursor = [], None
    while True:
        page = cut_page("list", ["a", "b", "c", "d", "e"], cursor, 2, str, item)
        seen += [one.name for one in page.items]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert seen == ["a", "b", "c", "d", "e"]
    with pytest.raises(Invalid):
        cut_page("list", ["a"], make_cursor("list", "gone"), 2, str, item)
