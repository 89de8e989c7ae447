"""Times as both databases keep them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def to_us(moment: datetime) -> int:
    """Returns an aware time as whole microseconds since 1970."""
    return (moment - _EPOCH) // _MICROSECOND


def to_us_or_none(moment: datetime | None) -> int | None:
    """Returns the same of a time that may be absent."""
    return None if moment is None else to_us(moment)


def from_us(us: int) -> datetime:
    """Returns the time that `to_us` wrote, exactly, in UTC."""
    return _EPOCH + timedelta(microseconds=us)


def from_us_or_none(us: int | None) -> datetime | None:
    """Returns the same of a time that may be absent."""
    return None if us is None else from_us(us)
