"""Small charts as plain geometry, which the templates draw as SVG; beneath each stands the table of its numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

WIDTH: Final = 640
HEIGHT: Final = 150
LEFT: Final = 40
BOTTOM: Final = 20
TOP: Final = 10
RIGHT: Final = 6
_NICE: Final = (1, 2, 5)


@dataclass(frozen=True)
class Bar:
    """A rectangle in the colour of an environment; `said` is told on hover."""

    x: float
    y: float
    width: float
    height: float
    tone: str
    said: str


@dataclass(frozen=True)
class Tick:
    """A line of the scale, or a day below it."""

    at: float
    label: str


@dataclass(frozen=True)
class Chart:
    """A chart's geometry. Lines are paths of stretches that have numbers; days without any leave a gap."""

    bars: Sequence[Bar]
    lines: Sequence[str]
    points: Sequence[Bar]
    scale: Sequence[Tick]
    days: Sequence[Tick]

    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    right: int = WIDTH - RIGHT
    floor: int = HEIGHT - BOTTOM


def draw_bars(days: Sequence[date], layers: Sequence[tuple[str, str, Sequence[int]]]) -> Chart:
    """Returns stacked bars for each day; a layer is a tone, a name and its counts."""
    totals = [sum(counts[index] for _, _, counts in layers) for index in range(len(days))]
    top = round_up(max(totals, default=0))
    each = (WIDTH - LEFT - RIGHT) / max(len(days), 1)
    bars: list[Bar] = []
    for index, day in enumerate(days):
        below = 0
        for tone, name, counts in layers:
            count = counts[index]
            if count:
                y, height = _y(below + count, top), _y(below, top) - _y(below + count, top)
                x, width = LEFT + each * index + each * 0.12, max(each * 0.76, 1)
                bars.append(Bar(round(x, 1), y, round(width, 1), round(height, 1), tone, f"{name}, {day}: {count:,}"))
            below += count
    scale = [Tick(_y(value, top), f"{value:,}") for value in (0, top // 2, top) if value or top]
    return Chart(bars, (), (), scale if top > 1 else [Tick(_y(0, 1), "0"), Tick(_y(1, 1), "1")], _days(days, each))


def draw_shares(days: Sequence[date], tone: str, name: str, shares: Sequence[float | None]) -> Chart:
    """Returns a line of shares between 0 and 1, one for each day that has one."""
    each = (WIDTH - LEFT - RIGHT) / max(len(days), 1)
    stretches: list[list[str]] = [[]]
    points: list[Bar] = []
    for index, (day, share) in enumerate(zip(days, shares, strict=True)):
        if share is None:
            stretches.append([])
            continue
        x, y = round(LEFT + each * (index + 0.5), 1), _y(share, 1)
        stretches[-1].append(f"{x} {y}")
        points.append(Bar(x, y, 0, 0, tone, f"{name}, {day}: {share * 100:.0f} %"))
    lines = [f"M{' L'.join(stretch)}" for stretch in stretches if len(stretch) > 1]
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
    """Returns the first day, the last and some between, as many as there is room for."""
    if not days:
        return []
    step = max(1, -(-len(days) // 6))
    return [
        Tick(round(LEFT + each * (index + 0.5), 1), f"{day.day} {day:%b}")
        for index, day in enumerate(days)
        if index % step == 0
    ]
