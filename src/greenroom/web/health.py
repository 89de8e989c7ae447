"""How the last release is doing: what its callers met since, beside what callers of the version before met."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from greenroom.domain.results import Row
from greenroom.services.result_rows import Question
from greenroom.web.session import Visit
from greenroom.web.shell import Place

LONGEST: Final = timedelta(days=30)
ENOUGH: Final = 100
"""Conversations below which shares are shown with a warning that they say little."""
SHARES: Final = (("contained", "containment"), ("handed off", "hand_off"), ("not understood", "no_match"))
ERRORS: Final = ("failed", "error")
METRICS: Final = (*(name for _, name in SHARES), ERRORS[1], "latency")


@dataclass(frozen=True)
class Figure:
    """One measure of a release, and what it was before; '' where nothing is known."""

    label: str
    now: str
    before: str


@dataclass(frozen=True)
class Health:
    """What callers met since a release. `whole` says that all of the time since is counted."""

    conversations: int
    running: int
    before: int | None
    whole: bool
    few: bool
    figures: Sequence[Figure]


async def load_health(visit: Visit, place: Place) -> Health | None:
    """Returns how what an environment serves is doing, None where it serves nothing."""
    release = place.view.release
    if release is None:
        return None
    now = visit.desk.clock.now()
    since = max(release.at, now - LONGEST)
    before = release.from_arms[0].version if release.from_arms else None
    row = await _load(visit, place, release.version, since, None) if since < now else None
    old = await _load(visit, place, before, since - LONGEST, since) if before else None
    over = row.conversations - row.running if row else 0
    figures = [Figure(label, _share(row, name), _share(old, name)) for label, name in (*SHARES, ERRORS)]
    figures.append(Figure("95 of 100 answers within", _latency(row), _latency(old)))
    return Health(
        row.conversations if row else 0,
        row.running if row else 0,
        before if old else None,
        since == release.at,
        over < ENOUGH,
        figures if over else [],
    )


async def _load(visit: Visit, place: Place, version: int | None, since: datetime, until: datetime | None) -> Row | None:
    asked = Question(("version",), None, METRICS, since, until, place.alias, version)
    table = await visit.desk.results.load(visit.call, visit.path("slug"), asked)
    return table.rows[0] if table.rows else None


def _share(row: Row | None, name: str) -> str:
    found = row.metrics.get(name) if row else None
    return f"{found.value * 100:.0f} %" if found else ""


def _latency(row: Row | None) -> str:
    if row is None or row.latency is None:
        return ""
    ms = row.latency.p95
    return f"{ms / 1000:.1f} s" if ms >= 1000 else f"{max(round(ms), 1)} ms"
