"""What Prometheus may know: counts and times by route, without a word of any tenant."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping
from itertools import accumulate
from typing import Final

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

from greenroom.services.desk import Desk

BUCKETS: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
BUCKETS_MS: Final = tuple(bound * 1000 for bound in BUCKETS)
LABELS: Final = ("method", "route", "status")
Key = tuple[str, str, str]
ELSEWHERE: Final = "elsewhere"
"""The route of what has none, so that strangers cannot make up names here."""
MEDIA_TYPE: Final = CONTENT_TYPE_LATEST
METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class Tally:
    """The requests of one method, route and status. The event loop is one thread, so counting takes no lock."""

    __slots__ = ("buckets", "count", "key", "seconds")

    def __init__(self, key: Key) -> None:
        self.key = key
        self.count = 0
        self.seconds = 0.0
        self.buckets = [0] * (len(BUCKETS) + 1)

    def note(self, spent_ms: float) -> None:
        """Counts one request."""
        self.count += 1
        self.seconds += spent_ms / 1000
        self.buckets[bisect_left(BUCKETS_MS, spent_ms) if spent_ms > BUCKETS_MS[0] else 0] += 1


class Metrics:
    """The figures of one application, in a registry of its own."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self._tallies: dict[Key, Tally] = {}
        self._registry = CollectorRegistry()
        self.turns = Counter("greenroom_turns", "Turns answered through the API.", registry=self._registry)
        self.releases = Counter(
            "greenroom_releases", "Releases made through the API.", ("operation",), registry=self._registry
        )
        self._registry.register(_Requests(self._tallies))
        self._registry.register(_Inside(desk))

    def tally(self, method: str, route: str, status: int) -> Tally:
        """Returns where requests of this sort are counted."""
        key = (method if method in METHODS else "other", route, str(status))
        found = self._tallies.get(key)
        if found is None:
            found = self._tallies[key] = Tally(key)
        return found

    def render(self) -> bytes:
        """Returns the figures as Prometheus reads them."""
        return generate_latest(self._registry)


class _Requests:
    """The tallies, as Prometheus has them."""

    def __init__(self, tallies: Mapping[Key, Tally]) -> None:
        self._tallies = tallies

    def collect(self) -> Iterator[Metric]:
        counts = CounterMetricFamily("greenroom_http_requests", "Requests answered.", labels=LABELS)
        times = HistogramMetricFamily(
            "greenroom_http_request_seconds", "Time to the last byte of the answer.", labels=LABELS
        )
        bounds = [*(str(bound) for bound in BUCKETS), "+Inf"]
        for tally in self._tallies.values():
            counts.add_metric(tally.key, tally.count)
            reached = list(zip(bounds, accumulate(tally.buckets), strict=True))
            times.add_metric(tally.key, reached, tally.seconds)
        yield counts
        yield times


class _Inside:
    """Figures that the desk keeps itself, read when they are asked for."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def collect(self) -> Iterator[Metric]:
        compiled = CounterMetricFamily("greenroom_compiled_programs", "Versions compiled since the start.")
        compiled.add_metric([], self._desk.programs.compiled)
        yield compiled
        refreshed = CounterMetricFamily("greenroom_pointer_refreshes", "How often the pointer table was read.")
        refreshed.add_metric([], self._desk.traffic.refreshed)
        yield refreshed
        yield GaugeMetricFamily(
            "greenroom_ready", "1 once the pointer table was read.", value=float(self._desk.traffic.ready)
        )
