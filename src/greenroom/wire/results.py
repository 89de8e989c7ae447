"""Results and comparisons on the network."""

from __future__ import annotations

from typing import Literal

from greenroom.wire.model import Moment, Out, Page, VersionNumber


class ValueOut(Out):
    """A metric's value over `n` conversations: shares from 0 to 1, numbers as they are."""

    value: float
    n: int


class LatencyOut(Out):
    """How long turns took; `sampled` says that only the latest `turns` were looked at."""

    p50_ms: float
    p95_ms: float
    p99_ms: float
    turns: int
    sampled: bool


class ResultRowOut(Out):
    """Public conversations by where they began; what the table is not broken down by is null.

    `outcomes` and shares are of those that are over. `moved` were answered by another version from some turn on.
    """

    environment: str | None
    version: VersionNumber | None
    channel: str | None
    at: Moment | None
    conversations: int
    running: int
    moved: int
    outcomes: dict[str, int]
    metrics: dict[str, ValueOut]
    latency: LatencyOut | None


class ResultsOut(Page[ResultRowOut]):
    """A table of results; steps of a series in which nothing began have no row."""

    since: Moment
    until: Moment
    by: list[str]
    interval: str | None


class IntervalOut(Out):
    """Where a value lies, at every moment at once."""

    value: float
    low: float
    high: float


class DifferenceOut(IntervalOut):
    """How much an arm is above the first one; `p` stays valid however often it is looked at."""

    p: float


class ArmOut(Out):
    """One arm. `interval` and `difference` are null where there is not enough data, which `verdict` then says."""

    name: str
    conversations: int
    keys: int
    """Different traffic keys of the conversations measured: one who calls often counts as one."""
    moved: int
    n: int
    value: float | None
    interval: IntervalOut | None
    difference: DifferenceOut | None
    verdict: str
    sampled: bool


class RatioOut(Out):
    """The sample-ratio check. `p` is null where nothing could be checked, for the `reason` given."""

    observed: list[int]
    expected: list[float]
    p: float | None
    mismatch: bool
    reason: str


class ResultComparisonOut(Out):
    """Arms compared with the first of them, and what may be said of it."""

    metric: str
    unit: Literal["share", "number", "ms"]
    better: Literal["higher", "lower", ""]
    since: Moment
    until: Moment
    level: float
    arms: list[ArmOut]
    ratio: RatioOut
    verdict: str
    notes: list[str]
