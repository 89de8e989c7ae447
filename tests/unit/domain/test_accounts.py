"""What a name and a password must be, and how often one may try."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greenroom.domain.accounts import decide_try, fold_password, read_name, read_password
from greenroom.domain.errors import Invalid, LimitReached

NOW = datetime(2026, 11, 1, 9, 0, tzinfo=UTC)


@pytest.mark.parametrize("typed", ["ann@hotel.test", "  Ann@Hotel.Test ", "ＡＮＮ@hotel.test"])
def test_a_name_is_the_same_however_it_is_typed(typed: str) -> None:
    assert read_name(typed) == "ann@hotel.test"


@pytest.mark.parametrize("typed", ["", "an", "a b c", "ann\0", "ann\u202e@hotel", "x" * 121])
def test_a_name_without_a_shape_is_refused(typed: str) -> None:
    with pytest.raises(Invalid) as refused:
        read_name(typed)
    assert refused.value.errors[0].pointer == "/name"


@pytest.mark.parametrize("typed", ["", "elevenchars", "abababababababab", "ann@hotel.test 1", "x" * 201])
def test_a_weak_password_is_refused(typed: str) -> None:
    with pytest.raises(Invalid) as refused:
        read_password(typed, "ann@hotel.test")
    assert refused.value.code == "weak_password"
    assert typed == "" or typed not in str(refused.value.errors)


def test_a_long_password_of_words_is_taken_as_it_is() -> None:
    assert read_password("four blue horses eat", "ann") == "four blue horses eat"
    assert fold_password("e\u0301") == fold_password("\u00e9")


@given(st.lists(st.integers(0, 90_000), min_size=1, max_size=200))
def test_nobody_tries_more_than_ten_times_in_any_minute(gaps_ms: list[int]) -> None:
    free_at, at = None, NOW
    allowed: list[datetime] = []
    for gap in gaps_ms:
        at += timedelta(milliseconds=gap)
        try:
            free_at = decide_try(free_at, at)
        except LimitReached as wait:
            later = at + timedelta(seconds=wait.extra["retry_after"])
            assert decide_try(free_at, later) > later
        else:
            allowed.append(at)
    for begin in allowed:
        assert sum(begin <= each < begin + timedelta(minutes=1) for each in allowed) <= 10


def test_who_waits_may_try_again() -> None:
    free_at = None
    for _ in range(5):
        free_at = decide_try(free_at, NOW)
    with pytest.raises(LimitReached) as refused:
        decide_try(free_at, NOW)
    assert refused.value.code == "rate_limited"
    assert 1 <= refused.value.extra["retry_after"] <= 13
