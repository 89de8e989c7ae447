"""Lists in pages. A cursor is opaque and belongs to one list."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import Annotated, Final, TypeVar

from fastapi import Query

from greenroom.domain.errors import Fault, Invalid
from greenroom.wire.model import Out, Page

T = TypeVar("T")
M = TypeVar("M", bound=Out)

MAX_LIMIT: Final = 200
MAX_NUMBER: Final = 2**31 - 1
"""The largest number that every database takes for a place in a list."""

Limit = Annotated[int, Query(ge=1, le=MAX_LIMIT, description="How many items a page has at most.")]
Cursor = Annotated[
    str | None, Query(max_length=400, description="`next_cursor` of the page before; absent for the first one.")
]
DEFAULT_LIMIT: Final = 50


def make_cursor(noun: str, place: str | int) -> str:
    """Returns the cursor of a place in a list."""
    return base64.urlsafe_b64encode(f"{noun}:{place}".encode()).decode().rstrip("=")


def read_text_cursor(noun: str, cursor: str | None) -> str | None:
    """Returns the place a cursor names, None without one. Raises Invalid `invalid_cursor`."""
    if cursor is None:
        return None
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        whose, _, place = (
            base64.b64decode(padded.encode("ascii"), altchars=b"-_", validate=True).decode().partition(":")
        )
    except (binascii.Error, ValueError):
        raise _invalid() from None
    if whose != noun or not place or "\0" in place:
        raise _invalid()
    return place


def read_cursor(noun: str, cursor: str | None) -> int | None:
    """Returns the number a cursor names, None without one. Raises Invalid `invalid_cursor`."""
    place = read_text_cursor(noun, cursor)
    if place is None:
        return None
    if not (place.isascii() and place.isdecimal() and len(place) <= 10 and int(place) <= MAX_NUMBER):
        raise _invalid()
    return int(place)


def page_of(
    noun: str, found: Sequence[T], limit: int, place: Callable[[T], str | int], convert: Callable[[T], M]
) -> Page[M]:
    """Returns a page of what was found, where one more than `limit` was asked for to see whether there is more."""
    items = found[:limit]
    cursor = make_cursor(noun, place(items[-1])) if len(found) > limit else None
    return Page(items=[convert(item) for item in items], next_cursor=cursor)


def cut_page(
    noun: str, whole: Sequence[T], cursor: str | None, limit: int, place: Callable[[T], str], convert: Callable[[T], M]
) -> Page[M]:
    """Returns a page of a list that is always read whole, because it is short."""
    after = read_text_cursor(noun, cursor)
    start = 0
    if after is not None:
        places = [place(item) for item in whole]
        if after not in places:
            raise _invalid()
        start = places.index(after) + 1
    return page_of(noun, whole[start : start + limit + 1], limit, place, convert)


def _invalid() -> Invalid:
    detail = "this is not a cursor of this list; begin again without one"
    return Invalid("invalid_cursor", detail, errors=[Fault("/cursor", detail)])
