"""Results: how conversations went, and arms compared."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from greenroom.sdk.exchange import Call, as_model, path_of, read_call
from greenroom.sdk.verb import Noun, S_co, Verb
from greenroom.wire.results import ResultComparisonOut, ResultsOut


class Results(Noun[S_co]):
    """How public conversations of a project went."""

    @Verb
    def load(
        self,
        project: str,
        *,
        by: Sequence[str] | None = None,
        metrics: Sequence[str] | None = None,
        interval: str | None = None,
        environment: str | None = None,
        version: int | None = None,
        channel: str | None = None,
        with_testers: bool = False,
        since: datetime | None = None,
        until: datetime | None = None,
        cursor: str | None = None,
        limit: int | None = None,
    ) -> Call[ResultsOut]:
        """Counts conversations by environment and version, or as `by` says; `interval` is hour or day."""
        query = {
            "by": None if by is None else ",".join(by),
            "metric": ",".join(metrics) if metrics else None,
            "interval": interval,
            "environment": environment,
            "version": version,
            "channel": channel,
            "with_testers": with_testers,
            **_period(since, until),
            "cursor": cursor,
            "limit": limit,
        }
        return read_call(as_model(ResultsOut), path_of("projects", project, "analytics"), query)

    @Verb
    def compare(
        self,
        project: str,
        arms: Sequence[str],
        *,
        metric: str | None = None,
        weights: Sequence[float] | None = None,
        channel: str | None = None,
        entry: str | None = None,
        with_testers: bool = False,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> Call[ResultComparisonOut]:
        """Compares arms (`live`, `v12`, `live@v12`) with the first one; `weights` are the proportions expected."""
        query = {
            "arms": ",".join(arms),
            "metric": metric,
            "weights": ",".join(map(str, weights)) if weights else None,
            "channel": channel,
            "entry": entry,
            "with_testers": with_testers,
            **_period(since, until),
        }
        return read_call(as_model(ResultComparisonOut), path_of("projects", project, "analytics", "compare"), query)


def _period(since: datetime | None, until: datetime | None) -> dict[str, str | None]:
    return {"from": since.isoformat() if since else None, "to": until.isoformat() if until else None}
