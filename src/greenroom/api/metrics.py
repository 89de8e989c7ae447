"""What Prometheus may know: counts and times by route, without a word of any tenant."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from greenroom.services.desk import Desk

BUCKETS: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
ELSEWHERE: Final = "elsewhere"
"""The route of what has none, so that strangers cannot make up names here."""
MEDIA_TYPE: Final = CONTENT_TYPE_LATEST
METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


@dataclass(slots=True)
class Bound:
    """The counter and the clock of one method, route and status, found once."""

    requests: Counter
    seconds: Histogram

    def note(self, spent_ms: float) -> None:
        """Counts one request."""
        self.requests.inc()
        self.seconds.observe(spent_ms / 1000)


@dataclass(slots=True)
class Metrics:
    """The figures of one application, in a registry of its own."""

    desk: Desk
    registry: CollectorRegistry = field(default_factory=CollectorRegistry)
    _requests: Counter = field(init=False)
    _seconds: Histogram = field(init=False)
    turns: Counter = field(init=False)
    releases: Counter = field(init=False)
    _bound: dict[tuple[str, str, int], Bound] = field(init=False, default_factory=dict[tuple[str, str, int], Bound])

    def __post_init__(self) -> None:
        labels = ("method", "route", "status")
        self._requests = Counter("greenroom_http_requests", "Requests answered.", labels, registry=self.registry)
        self._seconds = Histogram(
            "greenroom_http_request_seconds",
            "Time to the last byte of the answer.",
            ("method", "route"),
            buckets=BUCKETS,
            registry=self.registry,
        )
        self.turns = Counter("greenroom_turns", "Turns answered through the API.", registry=self.registry)
        self.releases = Counter(
            "greenroom_releases", "Releases made through the API.", ("operation",), registry=self.registry
        )
        self.registry.register(_Inside(self.desk))

    def bind(self, method: str, route: str, status: int) -> Bound:
        """Returns where requests of this sort are counted."""
        key = (method if method in METHODS else "other", route, status)
        found = self._bound.get(key)
        if found is None:
            found = Bound(self._requests.labels(*map(str, key)), self._seconds.labels(key[0], route))
            self._bound[key] = found
        return found

    def render(self) -> bytes:
        """Returns the figures as Prometheus reads them."""
        return generate_latest(self.registry)


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
