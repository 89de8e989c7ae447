"""Over which time results are looked at: so many days, or from one day to another."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final

from greenroom.web.session import Visit

DAYS: Final = (7, 30, 90)
USUAL: Final = 30
_DAY: Final = timedelta(days=1)


@dataclass(frozen=True)
class Period:
    """A time range. `days` is 0 where two days were given, which are then in `first` and `last`."""

    since: datetime
    until: datetime
    days: int
    first: str = ""
    last: str = ""

    @property
    def query(self) -> str:
        """Returns the part of an address that leads to the same period again."""
        return f"days={self.days}" if self.days else f"from={self.first}&to={self.last}"


def read_period(visit: Visit, usual: int = USUAL) -> Period:
    """Returns the period that the address asks for, the usual one for anything else; days are whole ones in UTC."""
    now = visit.desk.clock.now()
    first, last = _read_day(visit.query("from")), _read_day(visit.query("to"))
    if first is not None or last is not None:
        end = last or now.date()
        begin = min(first or end - timedelta(days=usual), end)
        since = datetime(begin.year, begin.month, begin.day, tzinfo=UTC)
        until = datetime(end.year, end.month, end.day, tzinfo=UTC) + _DAY
        return Period(since, until, 0, begin.isoformat(), end.isoformat())
    asked = visit.number("days")
    days = asked if asked in DAYS else usual
    midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return Period(midnight - _DAY * (days - 1), now, days)


def _read_day(text: str) -> date | None:
    """Returns a day between the years 2000 and 2200, None for anything else."""
    try:
        found = date.fromisoformat(text)
    except ValueError:
        return None
    return found if 2000 <= found.year <= 2200 else None
