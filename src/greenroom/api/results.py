"""Results on the network: how conversations went, and arms compared."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from fastapi import Query
from pydantic import AwareDatetime
from starlette.responses import Response

from greenroom.api.asking import Given, ProjectPath, reply
from greenroom.api.nouns import Noun
from greenroom.api.paging import DEFAULT_LIMIT, MAX_NUMBER, Cursor, Limit, cut_page
from greenroom.domain.errors import Fault, Invalid
from greenroom.domain.intervals import Difference, Interval
from greenroom.domain.results import DIMENSIONS, ArmResult, Comparison, Dimension, Row, read_arms, read_weights
from greenroom.services.result_rows import Question
from greenroom.services.results import Contest, Table
from greenroom.wire.results import (
    ArmOut,
    DifferenceOut,
    IntervalOut,
    LatencyOut,
    RatioOut,
    ResultComparisonOut,
    ResultRowOut,
    ResultsOut,
    ValueOut,
)

NOUN: Final = Noun("results")
Since = Annotated[
    AwareDatetime | None, Query(alias="from", description="Begun then or later; 30 days before `to` by default.")
]
Until = Annotated[AwareDatetime | None, Query(alias="to", description="Begun before; now by default.")]
Channel = Annotated[str | None, Query(max_length=40, description="Keeps one channel's.")]
Testers = Annotated[bool, Query(description="Counts testers and share links too, who were led past the split.")]


@NOUN.verb("GET", "/projects/{project}/analytics", "load", ResultsOut)
async def load(
    ask: Given,
    project: ProjectPath,
    by: Annotated[
        str, Query(max_length=60, description="Any of environment, version, channel, with commas; empty for one row.")
    ] = "environment,version",
    metric: Annotated[
        str, Query(max_length=2_000, description="Names with commas; all by default: containment, evaluation:kind …")
    ] = "",
    interval: Annotated[Literal["hour", "day"] | None, Query(description="Cuts time into steps, in UTC.")] = None,
    environment: Annotated[str | None, Query(max_length=80, description="Keeps one environment's.")] = None,
    version: Annotated[int | None, Query(ge=1, le=MAX_NUMBER, description="Keeps those begun with it.")] = None,
    channel: Channel = None,
    with_testers: Testers = False,
    since: Since = None,
    until: Until = None,
    cursor: Cursor = None,
    limit: Limit = DEFAULT_LIMIT,
) -> Response:
    """Counts how public conversations went, by where they began; tests and replays never count."""
    asked = Question(
        by=_dimensions(by),
        step=interval,
        metrics=_words(metric),
        since=since,
        until=until,
        environment=environment,
        version=version,
        channel=channel,
        with_testers=with_testers,
    )
    return reply(results_out(await ask.desk.results.load(ask.call, project, asked), asked, cursor, limit))


@NOUN.verb("GET", "/projects/{project}/analytics/compare", "compare", ResultComparisonOut)
async def compare(
    ask: Given,
    project: ProjectPath,
    arms: Annotated[
        str,
        Query(max_length=1_000, description="Environments, versions or both, with commas: live,b or live@v1,live@v2."),
    ],
    metric: Annotated[str, Query(max_length=200, description="What to compare them by.")] = "containment",
    weights: Annotated[
        str,
        Query(max_length=200, description="Expected proportions, with commas: 90,10; those of the split by default."),
    ] = "",
    channel: Channel = None,
    entry: Annotated[
        str | None, Query(max_length=40, description="Keeps those that came in so: split, alias, any …")
    ] = None,
    with_testers: Testers = False,
    since: Since = None,
    until: Until = None,
) -> Response:
    """Compares arms with the first one: sample-ratio check, and intervals that stay valid while one looks again."""
    names = read_arms(_words(arms))
    expected = read_weights(_words(weights), len(names)) if weights else ()
    asked = Contest(names, metric, since, until, channel, entry, expected, with_testers)
    return reply(comparison_out(await ask.desk.results.compare(ask.call, project, asked)))


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(",") if word.strip())


def _dimensions(text: str) -> tuple[Dimension, ...]:
    words = _words(text)
    for word in words:
        if word not in DIMENSIONS:
            message = f"'{word[:40]}' is none of: {', '.join(DIMENSIONS)}"
            raise Invalid("invalid_dimension", message, errors=[Fault("/by", message)])
    return tuple(name for name in DIMENSIONS if name in words)


def results_out(table: Table, asked: Question, cursor: str | None, limit: int) -> ResultsOut:
    """Returns a page of a table as it is sent."""
    page = cut_page("results", table.rows, cursor, limit, _place, row_out)
    return ResultsOut(
        items=page.items,
        next_cursor=page.next_cursor,
        since=table.since,
        until=table.until,
        by=list(asked.by),
        interval=asked.step,
    )


def _place(row: Row) -> str:
    at = row.at.isoformat() if row.at else ""
    return f"{row.environment or ''}/{row.version or ''}/{row.channel or ''}/{at}"


def row_out(row: Row) -> ResultRowOut:
    """Returns one row as it is sent."""
    found = row.latency
    latency = None
    if found is not None:
        latency = LatencyOut(
            p50_ms=found.p50, p95_ms=found.p95, p99_ms=found.p99, turns=found.turns, sampled=found.sampled
        )
    return ResultRowOut(
        environment=row.environment,
        version=row.version,
        channel=row.channel,
        at=row.at,
        conversations=row.conversations,
        running=row.running,
        moved=row.moved,
        outcomes=dict(row.outcomes),
        metrics={name: ValueOut(value=each.value, n=each.n) for name, each in row.metrics.items()},
        latency=latency,
    )


def comparison_out(found: Comparison) -> ResultComparisonOut:
    """Returns a comparison as it is sent."""
    ratio = found.ratio
    return ResultComparisonOut(
        metric=found.metric.name,
        unit=found.metric.unit,
        better=found.metric.better,
        since=found.since,
        until=found.until,
        level=found.level,
        arms=[_arm_out(each) for each in found.arms],
        ratio=RatioOut(
            observed=list(ratio.observed),
            expected=list(ratio.expected),
            p=ratio.p,
            mismatch=ratio.mismatch,
            reason=ratio.reason,
        ),
        verdict=found.verdict,
        notes=list(found.notes),
    )


def _arm_out(arm: ArmResult) -> ArmOut:
    return ArmOut(
        name=arm.name,
        conversations=arm.conversations,
        keys=arm.units,
        moved=arm.moved,
        n=arm.n,
        value=arm.value,
        interval=_interval_out(arm.interval),
        difference=_difference_out(arm.difference),
        verdict=arm.verdict,
        sampled=arm.sampled,
    )


def _interval_out(found: Interval | None) -> IntervalOut | None:
    return None if found is None else IntervalOut(value=found.value, low=found.low, high=found.high)


def _difference_out(found: Difference | None) -> DifferenceOut | None:
    return None if found is None else DifferenceOut(value=found.value, low=found.low, high=found.high, p=found.p)
