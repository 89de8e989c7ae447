"""The rows of a table of results: counted by the store, and for latency read of the latest turns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Literal

from greenroom.domain.conversations import OUTCOMES
from greenroom.domain.errors import Fault, Invalid
from greenroom.domain.evaluations import metrics_of
from greenroom.domain.ids import EnvironmentId
from greenroom.domain.intervals import find_percentile
from greenroom.domain.projects import Project
from greenroom.domain.results import (
    EVALUATION,
    METRICS,
    Dimension,
    Group,
    Metric,
    OutcomeCount,
    Percentiles,
    Row,
    Scores,
    Slice,
    Value,
    settle,
)
from greenroom.ports import Reading
from greenroom.services.evaluations import RESULT, list_evaluations
from greenroom.services.transcripts import FEEDBACK

Step = Literal["hour", "day"]
STEPS: Mapping[Step, int] = {"hour": 3_600, "day": 86_400}
MOST_TURNS = 10_000
"""So many turns are read for the latencies of one table."""
MOST_TURNS_A_ROW = 2_000
MOST_SAMPLED_ROWS = 200
"""A table with more rows has no latencies: each costs a query of its own."""


@dataclass(frozen=True, slots=True)
class Question:
    """What a table is of: what it is broken down by, over which time, narrowed by what is given."""

    by: tuple[Dimension, ...] = ("environment", "version")
    step: Step | None = None
    metrics: tuple[str, ...] = ()
    """Names; none means all."""
    since: datetime | None = None
    until: datetime | None = None
    environment: str | None = None
    version: int | None = None
    channel: str | None = None
    with_testers: bool = False
    """Whether testers and share links count too."""


_Key = tuple[EnvironmentId | None, int | None, str | None, datetime | None]


def find_metrics(tx: Reading, project: Project, wanted: Sequence[str]) -> Mapping[str, Metric]:
    """Returns metrics by name, all of them when none is named. Raises Invalid `unknown_metric`."""
    known = {**METRICS, **metrics_of(list_evaluations(tx, project.id))}
    for name in wanted:
        if name not in known:
            message = f"'{name[:80]}' is no metric; metrics are: {', '.join(known)}"
            raise Invalid("unknown_metric", message, errors=[Fault("/metric", message)])
    return {name: known[name] for name in wanted} if wanted else known


def scores_of(metric: Metric) -> Scores:
    """Returns where a metric's scores are kept."""
    if metric.name.startswith(EVALUATION):
        return Scores(RESULT, metric.name.removeprefix(EVALUATION))
    return Scores(FEEDBACK)


def count_rows(tx: Reading, project: Project, asked: Question, where: Slice) -> Sequence[Row]:
    """Returns the rows of a table, by environment, version (newest first), channel and time."""
    metrics = find_metrics(tx, project, asked.metrics)
    seconds = STEPS[asked.step] if asked.step else None

    def key(group: Group) -> _Key:
        by = asked.by
        return (
            group.environment if "environment" in by else None,
            group.version if "version" in by else None,
            group.channel if "channel" in by else None,
            group.at,
        )

    counts: dict[_Key, list[OutcomeCount]] = {}
    for one in tx.count_outcomes(project.id, where, seconds):
        counts.setdefault(key(one.group), []).append(one)
    values = {of: _values(all_, metrics) for of, all_ in counts.items()}
    for metric in metrics.values():
        if metric.name == "feedback" or metric.name.startswith(EVALUATION):
            sums: dict[_Key, tuple[int, float]] = {}
            for found in tx.count_scores(project.id, where, scores_of(metric), seconds):
                n, total = sums.get(key(found.group), (0, 0.0))
                sums[key(found.group)] = (n + found.count, total + found.total)
            for of, (n, total) in sums.items():
                values[of][metric.name] = Value(total / n, n)
    places = _order(tx, project, counts)
    latencies = _latencies(tx, project, where, [of for of, _ in places], seconds) if "latency" in metrics else {}
    return [_row(of, alias, counts[of], values[of], latencies.get(of)) for of, alias in places]


def _values(counts: Sequence[OutcomeCount], metrics: Mapping[str, Metric]) -> dict[str, Value]:
    """Returns what the counts alone say: shares of those that are over, and their turns."""
    n = sum(one.count for one in counts if one.over)
    found: dict[str, Value] = {}
    for metric in metrics.values():
        if metric.outcome is not None and n:
            hits = sum(one.count for one in counts if one.over and settle(one.outcome, True) == metric.outcome)
            found[metric.name] = Value(hits / n, n)
        elif metric.name == "turns" and n:
            found[metric.name] = Value(sum(one.turns for one in counts if one.over) / n, n)
    return found


def _order(tx: Reading, project: Project, keys: Mapping[_Key, Any]) -> list[tuple[_Key, str | None]]:
    """Returns keys with their environments' aliases, in the order of a table."""
    aliases: dict[str, tuple[int, str]] = {}
    for environment in {of[0] for of in keys if of[0] is not None}:
        # A deleted environment's conversations are still its own.
        found = tx.find_environment(project.id, environment)
        aliases[environment] = (found.position, found.alias) if found else (0, environment)

    def place(of: _Key) -> tuple[Any, ...]:
        return (aliases.get(of[0] or "", (0, "")), -(of[1] or 0), of[2] or "", of[3].timestamp() if of[3] else 0)

    return [(of, aliases[of[0]][1] if of[0] is not None else None) for of in sorted(keys, key=place)]


def _row(
    of: _Key,
    alias: str | None,
    counts: Sequence[OutcomeCount],
    values: Mapping[str, Value],
    latency: Percentiles | None,
) -> Row:
    outcomes = dict.fromkeys((name for name in OUTCOMES if name != "running"), 0)
    for one in counts:
        if one.over:
            outcomes[settle(one.outcome, True)] += one.count
    return Row(
        environment=alias,
        version=of[1],
        channel=of[2],
        at=of[3],
        conversations=sum(one.count for one in counts),
        running=sum(one.count for one in counts if not one.over),
        moved=sum(one.moved for one in counts),
        outcomes=outcomes,
        metrics=values,
        latency=latency,
    )


def _latencies(
    tx: Reading, project: Project, where: Slice, keys: Sequence[_Key], seconds: int | None
) -> Mapping[_Key, Percentiles]:
    if not keys or len(keys) > MOST_SAMPLED_ROWS:
        return {}
    limit = min(MOST_TURNS_A_ROW, MOST_TURNS // len(keys))
    found: dict[_Key, Percentiles] = {}
    for of in keys:
        environment, version, channel, at = of
        mine = replace(
            where,
            environment=environment or where.environment,
            version=version or where.version,
            channel=channel or where.channel,
        )
        if at is not None and seconds is not None:
            end = at + timedelta(seconds=seconds)
            mine = replace(mine, since=max(at, where.since), until=min(end, where.until))
        times = sorted(one.ms for one in tx.list_latencies(project.id, mine, limit))
        if times:
            p50, p95, p99 = (find_percentile(times, share) for share in (0.5, 0.95, 0.99))
            found[of] = Percentiles(p50, p95, p99, len(times), len(times) >= limit)
    return found
