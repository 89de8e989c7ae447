"""Results: how public conversations went by environment and version, arms compared, and a few charts of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Final

from starlette.responses import Response
from starlette.routing import Route

from greenroom.domain.conversations import CHANNELS
from greenroom.domain.errors import GreenroomError
from greenroom.domain.evaluations import Evaluation
from greenroom.domain.results import DIMENSIONS, METRICS, Dimension, Row, read_arms
from greenroom.domain.splits import format_weight
from greenroom.services.result_rows import Question
from greenroom.services.results import Contest, Table
from greenroom.web.charts import Chart, draw_bars, draw_shares
from greenroom.web.contests import Arm, Contested, contest
from greenroom.web.door import Door
from greenroom.web.forms import Refusal, refusal_of
from greenroom.web.measures import MOST_EVALUATIONS, say_latency, say_value
from greenroom.web.periods import DAYS, Period, read_period
from greenroom.web.session import Visit, read_number
from greenroom.web.shell import Shell, load_shell

PAGE: Final = 50
MOST_DAYS: Final = 370
VIEWS: Final[Mapping[str, tuple[str, tuple[Dimension, ...]]]] = {
    "environment": ("environment", ("environment",)),
    "version": ("version", ("version",)),
    "both": ("environment and version", ("environment", "version")),
    "channel": ("environment and channel", ("environment", "channel")),
}
assert all(set(by) <= set(DIMENSIONS) for _, by in VIEWS.values())
ENTRIES: Final = {"": "drawn by the split, where both are its shares", "any": "all, however they came in"}


@dataclass(frozen=True)
class Strip:
    """One environment on the page of charts: its row over the whole time, its days, and their charts."""

    alias: str
    tone: str
    whole: Row
    days: Sequence[Row | None]
    count: Chart
    contained: Chart


class ResultPages:
    """The pages of results."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._desk = door.desk

    def routes(self) -> list[Route]:
        """Returns the routes."""
        return [
            self._door.route("/projects/{slug}/results", self.results),
            self._door.route("/projects/{slug}/analytics", self.analytics),
        ]

    async def results(self, visit: Visit) -> Response:
        """Shows the table that the address asks for, and a comparison where it names arms."""
        slug = visit.path("slug")
        shell = await load_shell(visit, slug, "Results", "results")
        period, view = read_period(visit), visit.query("by") if visit.query("by") in VIEWS else "environment"
        asked = self._question(visit, period, view)
        evaluations = [each.evaluation for each in await self._desk.evaluations.list(visit.call, slug)]
        table, refusal = None, Refusal()
        try:
            table = await self._desk.results.load(visit.call, slug, asked)
        except GreenroomError as wrong:
            refusal = refusal_of(wrong)
        start = visit.number("start") or 0
        rows = table.rows[start : start + PAGE] if table else ()
        return self._door.page(
            shell,
            "results/results.html",
            422 if refusal else 200,
            period=period,
            days=DAYS,
            view=view,
            views=VIEWS,
            asked=asked,
            rows=rows,
            more=start + PAGE if table and len(table.rows) > start + PAGE else 0,
            evaluations=evaluations[:MOST_EVALUATIONS],
            channels=CHANNELS,
            refusal=refusal,
            say=_say,
            say_latency=say_latency,
            format_weight=format_weight,
            **await self._compared(visit, shell, period),
        )

    @staticmethod
    def _question(visit: Visit, period: Period, view: str) -> Question:
        channel = visit.query("channel")
        return Question(
            by=VIEWS[view][1],
            since=period.since,
            until=period.until,
            environment=visit.query("environment").strip()[:80] or None,
            version=read_number(visit.query("version").strip().removeprefix("v")),
            channel=channel if channel in CHANNELS else None,
        )

    async def _compared(self, visit: Visit, shell: Shell, period: Period) -> dict[str, object]:
        """Returns the comparison of two arms that the address names: `live`, `v12` or `live@v12`."""
        one, other = visit.query("one").strip()[:80], visit.query("other").strip()[:80]
        entry = visit.query("entry") if visit.query("entry") in ENTRIES else ""
        facts: dict[str, object] = {"one": one, "other": other, "entry": entry, "entries": ENTRIES}
        if not one and not other:
            return {**facts, "contested": None, "arms_refusal": Refusal()}
        try:
            names = read_arms([one, other])
        except GreenroomError as wrong:
            return {**facts, "contested": None, "arms_refusal": refusal_of(wrong)}
        arms = [Arm(name.text, shell.place(name.environment or ""), name.version) for name in names]
        asked = Contest(names, since=period.since, until=period.until, entry=entry or None)
        found: Contested = await contest(visit, arms, asked, period.days)
        return {**facts, "contested": None if found.refusal else found, "arms_refusal": found.refusal}

    async def analytics(self, visit: Visit) -> Response:
        """Shows conversations and containment by day, together and for each environment."""
        slug = visit.path("slug")
        shell = await load_shell(visit, slug, "Analytics", "analytics")
        period = read_period(visit)
        if period.until - period.since > timedelta(days=MOST_DAYS):
            period = replace(period, since=period.until - timedelta(days=MOST_DAYS))
        metrics = ("containment", "hand_off", "no_match", "error", "feedback")
        asked = Question(("environment",), None, metrics, period.since, period.until)
        whole = await self._desk.results.load(visit.call, slug, asked)
        daily = await self._desk.results.load(visit.call, slug, replace(asked, step="day"))
        days = _list_days(period)
        strips = draw_strips(shell, whole, daily, days)
        everything = draw_bars(
            days,
            [(s.tone, _name(shell, s.alias), [row.conversations if row else 0 for row in s.days]) for s in strips],
        )
        return self._door.page(
            shell,
            "results/analytics.html",
            period=period,
            days=DAYS,
            dates=days,
            strips=strips,
            everything=everything,
            say=_say,
        )


def draw_strips(shell: Shell, whole: Table, daily: Table, days: Sequence[date]) -> list[Strip]:
    """Returns the environments that had conversations, in their order, with the charts of their days."""
    by_day: dict[str, dict[date, Row]] = {}
    for row in daily.rows:
        if row.at is not None:
            by_day.setdefault(row.environment or "", {})[row.at.date()] = row
    strips: list[Strip] = []
    for row in whole.rows:
        alias = row.environment or ""
        place = shell.place(alias)
        tone, name = place.tone if place else "none", _name(shell, alias)
        found = [by_day.get(alias, {}).get(day) for day in days]
        counts = [each.conversations if each else 0 for each in found]
        values = [each.metrics.get("containment") if each else None for each in found]
        shares = [value.value if value else None for value in values]
        count, contained = draw_bars(days, [(tone, name, counts)]), draw_shares(days, tone, name, shares)
        strips.append(Strip(alias, tone, row, found, count, contained))
    return strips


def _list_days(period: Period) -> list[date]:
    first, last = period.since.date(), (period.until - timedelta(microseconds=1)).date()
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]


def _name(shell: Shell, alias: str) -> str:
    place = shell.place(alias)
    return place.name if place else alias


def _say(row: Row | None, metric: str, evaluation: Evaluation | None = None) -> str:
    """Returns a row's value of a metric in words, – where there is none."""
    value = row.metrics.get(metric) if row else None
    if value is None:
        return "–"
    return say_value(evaluation.metric if evaluation else METRICS[metric], value.value)
