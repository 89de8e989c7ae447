"""Numbers of results in the words and units of those who read them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from greenroom.domain.results import EVALUATION, ArmResult, Comparison, Metric, Percentiles, Row

LABELS: Final[Mapping[str, tuple[str, str]]] = {
    "containment": ("Contained", "solved without a person"),
    "hand_off": ("Handed off", "went on to a person"),
    "no_match": ("No match", "nothing fitted what was asked"),
    "error": ("Errors", "something broke"),
    "abandoned": ("Abandoned", "the caller left without an answer"),
    "turns": ("Turns", "what the caller said, on average"),
    "feedback": ("Feedback", "of rated conversations: 100 % is all good"),
    "latency": ("Answer time", "mean of a conversation's answers"),
}
SHOWN: Final = ("containment", "hand_off", "no_match", "error", "feedback", "latency")
"""What a comparison shows beside the evaluations."""
MOST_EVALUATIONS: Final = 10
_LACK: Final = "not enough data: "


@dataclass(frozen=True)
class Cell:
    """What one arm shows of one measure; `span` is the interval in words, '' where there is too little for one."""

    value: str
    span: str = ""
    n: int = 0


@dataclass(frozen=True)
class Verdict:
    """What may be said of an arm: `lack` is what is missing before anything may."""

    said: str
    tone: str = ""
    lack: str = ""


@dataclass(frozen=True)
class Measure:
    """One line of a comparison: a measure, what each arm shows of it, and what may be said of all but the first."""

    label: str
    hint: str
    cells: Sequence[Cell]
    verdicts: Sequence[Verdict]


def label_of(metric: str) -> tuple[str, str]:
    """Returns a metric's name and what it is, for people."""
    if metric.startswith(EVALUATION):
        return metric.removeprefix(EVALUATION), "evaluation"
    return LABELS.get(metric, (metric, ""))


def say_value(metric: Metric, value: float) -> str:
    """Returns a value with its unit: `71.2 %`, `640 ms`, `3.4`."""
    if metric.unit == "ms":
        return f"{value:,.0f} ms"
    return f"{value * 100:.1f} %" if metric.unit == "share" else f"{value:.2f}"


def say_latency(found: Percentiles | None) -> str:
    """Returns how long half, 95 and 99 of 100 answers took at most."""
    if found is None:
        return "–"
    return f"{found.p50:,.0f} · {found.p95:,.0f} · {found.p99:,.0f} ms"


def lay_out(comparisons: Sequence[Comparison], rows: Sequence[Row | None]) -> list[Measure]:
    """Returns the lines of comparisons of the same arms; `rows` are the arms' rows of a table of results."""
    if not comparisons:
        return []
    arms = comparisons[0].arms
    lines = [Measure("Conversations", "begun in this time", [Cell(f"{arm.conversations:,}") for arm in arms], ())]
    for one in comparisons:
        label, hint = label_of(one.metric.name)
        cells = [_cell(one.metric, arm) for arm in one.arms]
        lines.append(Measure(label, hint, cells, [_verdict(arm) for arm in one.arms[1:]]))
        if one.metric.name == "latency":
            found = [Cell(say_latency(row.latency if row else None)) for row in rows]
            lines.append(Measure("Answers within", "half · 95 % · 99 %, however they came in", found, ()))
    return lines


def _cell(metric: Metric, arm: ArmResult) -> Cell:
    if arm.value is None:
        return Cell("–")
    span = ""
    if arm.interval is not None:
        low, high = arm.interval.low, arm.interval.high
        if metric.unit == "share":
            low, high = max(low, 0.0), min(high, 1.0)
        span = f"{say_value(metric, max(low, 0.0))} to {say_value(metric, high)}"
    return Cell(say_value(metric, arm.value), span, arm.n)


def _verdict(arm: ArmResult) -> Verdict:
    if arm.verdict.startswith(_LACK):
        return Verdict("Not enough data", "", arm.verdict.removeprefix(_LACK))
    tone = "good" if " is better " in arm.verdict else "bad" if " is worse " in arm.verdict else ""
    return Verdict(arm.verdict, tone)
