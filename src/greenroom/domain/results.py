"""Results: how public conversations went, by where they began, and what a comparison of arms may honestly say.

A conversation counts for the environment and the version it began with, whatever answered later: that is what was
decided about it, and nothing that happens in it can move it from one side of a comparison to the other. Those that
another version answered at some turn are counted as `moved` beside.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from greenroom.domain.conversations import Outcome
from greenroom.domain.errors import Fault, Invalid
from greenroom.domain.ids import EnvironmentId
from greenroom.domain.intervals import Difference, Interval, RatioCheck, UnitSums

Unit = Literal["share", "number", "ms"]
Better = Literal["higher", "lower", ""]
Dimension = Literal["environment", "version", "channel"]
DIMENSIONS: tuple[Dimension, ...] = ("environment", "version", "channel")
EVALUATION = "evaluation:"
MIN_UNITS = 100
"""So many different traffic keys an arm needs before anything is said of it."""
MIN_CELL = 8
"""So many of each kind (contained, not contained) an arm needs before a share's distribution is near a normal one."""
MAX_ARMS = 10
INVITED = ("tester", "share_link")
"""Entries of those who were led past the split to look at something: they are no sample of anybody."""
_ALIAS = re.compile(r"(?!v[0-9]+$)[a-z][a-z0-9-]{0,39}")
_VERSION = re.compile(r"v[1-9][0-9]{0,8}")


@dataclass(frozen=True, slots=True)
class Metric:
    """Something conversations are measured by. Of `outcome` it is the share; else see the service."""

    name: str
    unit: Unit = "share"
    better: Better = "higher"
    outcome: Outcome | None = None
    binary: bool = True
    """Whether each conversation counts 0 or 1."""


METRICS: Mapping[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric("containment", outcome="contained"),
        Metric("hand_off", better="lower", outcome="handed_off"),
        Metric("no_match", better="lower", outcome="no_match"),
        Metric("error", better="lower", outcome="error"),
        Metric("abandoned", better="lower", outcome="abandoned"),
        Metric("turns", "number", "", binary=False),
        Metric("feedback", binary=False),
        Metric("latency", "ms", "lower", binary=False),
    )
}
"""`feedback` is from 0 (thumbs down, one star) to 1 (thumbs up, five stars)."""


@dataclass(frozen=True, slots=True)
class Slice:
    """Which public conversations are counted: those begun in [since, until), narrowed by what is given."""

    since: datetime
    until: datetime
    environment: EnvironmentId | None = None
    version: int | None = None
    channel: str | None = None
    entry: str | None = None
    """How they came in: `by` of their entry."""
    without: tuple[str, ...] = ()
    """Entries that are left out."""
    closed: frozenset[EnvironmentId] = frozenset()
    """Environments whose conversations are over, because they were deleted so."""
    idle_before: Mapping[str, datetime] = field(default_factory=dict[str, datetime])
    """By channel: one whose last turn was before is over, whether or not anybody ended it."""


@dataclass(frozen=True, slots=True)
class Group:
    """Where conversations began; `at` is the start of their bucket, None where there are none."""

    environment: EnvironmentId
    version: int | None
    channel: str
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class OutcomeCount:
    """Conversations of one group that stand alike. `turns` are those with an input, summed."""

    group: Group
    outcome: Outcome
    over: bool
    count: int
    moved: int
    turns: int


@dataclass(frozen=True, slots=True)
class ScoreCount:
    """Conversations of one group that were scored, and the sum of their scores."""

    group: Group
    count: int
    total: float


@dataclass(frozen=True, slots=True)
class ArmScope:
    """Which conversations of a slice are in an arm; None means any."""

    environment: EnvironmentId | None
    version: int | None

    def holds(self, environment: EnvironmentId, version: int | None) -> bool:
        """Says whether a conversation that began there is in the arm."""
        return self.environment in {None, environment} and self.version in {None, version}

    def meets(self, other: ArmScope) -> bool:
        """Says whether a conversation could be in both."""
        pairs = ((self.environment, other.environment), (self.version, other.version))
        return all(one is None or two is None or one == two for one, two in pairs)


@dataclass(frozen=True, slots=True)
class ArmSums:
    """An arm's conversations, the different traffic keys they came with, and what was measured of those over."""

    conversations: int = 0
    keys: int = 0
    moved: int = 0
    measured: UnitSums = field(default_factory=UnitSums)


@dataclass(frozen=True, slots=True)
class Latency:
    """How long one turn took; `key` is the conversation's traffic key."""

    group: Group
    conversation: str
    key: str
    ms: float


@dataclass(frozen=True, slots=True)
class Scores:
    """Where scores are kept: records of a noun, owned by the conversation, or by `owner` under its id."""

    noun: str
    owner: str | None = None


@dataclass(frozen=True, slots=True)
class Value:
    """A metric's value over n conversations."""

    value: float
    n: int


@dataclass(frozen=True, slots=True)
class Percentiles:
    """Latency of turns. `sampled` says that only the latest ones were looked at."""

    p50: float
    p95: float
    p99: float
    turns: int
    sampled: bool


@dataclass(frozen=True, slots=True)
class Row:
    """The results of one group. What a table is not broken down by is None."""

    environment: str | None
    version: int | None
    channel: str | None
    at: datetime | None
    conversations: int
    running: int
    moved: int
    outcomes: Mapping[str, int]
    metrics: Mapping[str, Value]
    latency: Percentiles | None = None


@dataclass(frozen=True, slots=True)
class ArmName:
    """An arm as it is asked for: an environment, a version, or a version in an environment."""

    text: str
    environment: str | None
    version: int | None


@dataclass(frozen=True, slots=True)
class ArmResult:
    """One arm of a comparison. `interval` and `difference` (to the first arm) are None where there is too little."""

    name: str
    conversations: int
    units: int
    moved: int
    n: int
    value: float | None
    interval: Interval | None = None
    difference: Difference | None = None
    verdict: str = ""
    sampled: bool = False


@dataclass(frozen=True, slots=True)
class Comparison:
    """What a comparison of arms comes to."""

    metric: Metric
    arms: tuple[ArmResult, ...]
    ratio: RatioCheck
    since: datetime
    until: datetime
    level: float
    verdict: str
    notes: tuple[str, ...] = ()


def settle(outcome: Outcome, over: bool) -> Outcome:
    """Returns the outcome a conversation counts with: one that is over and was never answered was abandoned.

    What failed or matched nothing stays what it was, also where the caller then left without a word.
    """
    return "abandoned" if over and outcome == "running" else outcome


def read_arm(text: str) -> ArmName:
    """Returns the arm that a text names: `live`, `v12` or `live@v12`. Raises Invalid `invalid_arm`."""
    alias, sign, version = text.partition("@")
    if not sign and _VERSION.fullmatch(text):
        alias, version = "", text
    alone = bool(_ALIAS.fullmatch(alias)) and not sign
    if not alone and not (_VERSION.fullmatch(version) and (_ALIAS.fullmatch(alias) or not sign)):
        message = f"'{text[:80]}' is no arm: say an environment (live), a version (v12) or both (live@v12)"
        raise Invalid("invalid_arm", message, errors=[Fault("/arms", message)])
    return ArmName(text, alias or None, int(version[1:]) if version else None)


def read_arms(texts: Sequence[str]) -> tuple[ArmName, ...]:
    """Returns the arms of a comparison, at least two and each once. Raises Invalid."""
    arms = tuple(map(read_arm, texts))
    if not 2 <= len(arms) <= MAX_ARMS or len(set(texts)) != len(arms):
        message = f"name 2 to {MAX_ARMS} arms, each once; the first is the one that others are compared to"
        raise Invalid("invalid_arms", message, errors=[Fault("/arms", message)])
    return arms


def read_weights(texts: Sequence[str], count: int) -> tuple[float, ...]:
    """Returns the weights of arms, in their order. Raises Invalid `invalid_weights`."""
    try:
        weights = tuple(map(float, texts))
    except ValueError:
        weights = ()
    if len(weights) != count or not all(0 < weight <= 1_000_000 for weight in weights):
        message = f"give a weight above 0 for each of the {count} arms, in their order: 90,10"
        raise Invalid("invalid_weights", message, errors=[Fault("/weights", message)])
    return weights


def find_lack(metric: Metric, arm: ArmResult, hits: float) -> str:
    """Returns what an arm lacks before anything can be said of it, '' for nothing."""
    if arm.units < MIN_UNITS:
        return f"{arm.name} has {arm.units:,} of at least {MIN_UNITS} callers"
    least = min(hits, arm.n - hits)
    if metric.binary and least < MIN_CELL:
        return f"{arm.name} has {least:,.0f} of at least {MIN_CELL} of the rarer kind"
    return ""


def say_verdict(metric: Metric, name: str, found: Difference) -> str:
    """Returns a difference to the first arm in words."""
    low, high = found.low, found.high
    if low <= 0 <= high:
        span = f"{_say(metric, low)} to {_say(metric, high)}"
        return f"{name}: no difference shown ({_say(metric, found.value)} {_unit(metric)}, {span})"
    up = found.value > 0
    near, far = sorted((abs(low), abs(high)))
    size = f"{_say(metric, abs(found.value))} {_unit(metric)} ({_say(metric, near)} to {_say(metric, far)})"
    if not metric.better:
        return f"{name} has {size} {'more' if up else 'fewer'}"
    return f"{name} is {'better' if up == (metric.better == 'higher') else 'worse'} by {size}"


def say_mismatch(names: Sequence[str], ratio: RatioCheck) -> str:
    """Returns why a comparison must not be read."""
    seen = ", ".join(
        f"{name} {count:,} where {due:,.0f} were due"
        for name, count, due in zip(names, ratio.observed, ratio.expected, strict=True)
    )
    return f"do not read this: sample ratio mismatch ({seen}; p = {ratio.p or 0:.1g})"


def _say(metric: Metric, value: float) -> str:
    if metric.unit == "ms":
        return f"{value:,.0f}"
    return f"{value * 100:.1f}" if metric.unit == "share" else f"{value:.2f}"


def _unit(metric: Metric) -> str:
    return {"share": "points", "ms": "ms", "number": metric.name}[metric.unit]
