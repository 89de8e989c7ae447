"""Small charts as plain geometry, which the templates draw as SVG; beneath each stands the table of its numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

HEIGHT: Final = 150
BOTTOM: Final = 20
TOP: Final = 10
MOST_DAYS_NAMED: Final = 5
_NICE: Final = (1, 2, 5)


@dataclass(frozen=True)
class Bar:
    """A day's rectangle, or point, in the colour of an environment; `said` is told on hover.

    Across is in percent of the room there is, so that a chart is as wide as its place and its text is never scaled;
    up and down is in pixels.
    """

    x: float
    y: float
    width: float
    height: float
    tone: str
    said: str


@dataclass(frozen=True)
class Line:
    """A piece of a line between two days that follow one another."""

    x1: float
    y1: float
    x2: float
    y2: float


@dataclass(frozen=True)
class Tick:
    """A line of the scale, or a day below it."""

    at: float
    label: str


@dataclass(frozen=True)
class Chart:
    """A chart's geometry. A day without a number leaves a gap in the line."""

    bars: Sequence[Bar]
    lines: Sequence[Line]
    points: Sequence[Bar]
    scale: Sequence[Tick]
    days: Sequence[Tick]
    height: int = HEIGHT


def draw_bars(days: Sequence[date], layers: Sequence[tuple[str, str, Sequence[int]]]) -> Chart:
    """Returns stacked bars for each day; a layer is a tone, a name and its counts."""
    totals = [sum(counts[index] for _, _, counts in layers) for index in range(len(days))]
    top = round_up(max(totals, default=0))
    each = 100 / max(len(days), 1)
    bars: list[Bar] = []
    for index, day in enumerate(days):
        below = 0
        for tone, name, counts in layers:
            count = counts[index]
            if count:
                y, height = _y(below + count, top), _y(below, top) - _y(below + count, top)
                x, width = round(each * (index + 0.12), 3), round(each * 0.76, 3)
                bars.append(Bar(x, y, width, round(height, 1), tone, f"{name}, {day}: {count:,}"))
            below += count
    scale = [Tick(_y(value, top), f"{value:,}") for value in sorted({0, top // 2, top})]
    return Chart(bars, (), (), scale, _days(days, each))


def draw_shares(days: Sequence[date], tone: str, name: str, shares: Sequence[float | None]) -> Chart:
    """Returns a line of shares between 0 and 1, one for each day that has one."""
    each = 100 / max(len(days), 1)
    points: list[Bar] = []
    lines: list[Line] = []
    last: Bar | None = None
    for index, (day, share) in enumerate(zip(days, shares, strict=True)):
        point = None
        if share is not None:
            said = f"{name}, {day}: {share * 100:.0f} %"
            point = Bar(round(each * (index + 0.5), 3), _y(share, 1), 0, 0, tone, said)
            points.append(point)
            if last is not None:
                lines.append(Line(last.x, last.y, point.x, point.y))
        last = point
    scale = [Tick(_y(value, 1), f"{value * 100:.0f} %") for value in (0, 0.5, 1)]
    return Chart((), lines, points, scale, _days(days, each))


def round_up(value: int) -> int:
    """Returns the next number that a scale ends with: 1, 2, 5, 10, 20, 50 …"""
    power = 1
    while True:
        for step in _NICE:
            if step * power >= value:
                return step * power
        power *= 10


def _y(value: float, top: float) -> float:
    room = HEIGHT - BOTTOM - TOP
    return round(HEIGHT - BOTTOM - room * value / top, 1)


def _days(days: Sequence[date], each: float) -> list[Tick]:
    """Returns some of the days, as many as there is room for."""
    step = max(1, -(-len(days) // MOST_DAYS_NAMED))
    return [
        Tick(round(each * (index + 0.5), 3), f"{day.day} {day:%b}")
        for index, day in enumerate(days)
        if index % step == 0
    ]
