"""Honest statistics of two arms: intervals that stay valid while one looks again and again, and the sample-ratio check.

A fixed-horizon interval that is looked at after every few conversations shows a difference where there is none far
more often than it says. What is here is the asymptotic confidence sequence of Waudby-Smith, Arbour, Sinha, Kennedy
and Ramdas, "Time-uniform central limit theory and asymptotic confidence sequences" (arXiv 2103.06476), in the
two-sided form and with the tuning that GrowthBook's sequential tests use: it may be looked at as often as one likes.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

ALPHA = 0.05
TUNED_FOR = 5_000
"""Intervals are narrowest around so many units; before and after they hold just as well, and are a little wider."""
MISMATCH_BELOW = 0.0005
"""A sample ratio this improbable is taken for a fault, not for chance; low, because it too is looked at again."""
MIN_EXPECTED = 8.0
_TINY = 1e-300
_MOST_STEPS = 10_000


@dataclass(frozen=True, slots=True)
class UnitSums:
    """Sums over units (traffic keys), of which each has `n` measured conversations with values that sum to `y`."""

    units: int = 0
    count: float = 0.0
    """Sum of n."""
    total: float = 0.0
    """Sum of y."""
    squares: float = 0.0
    """Sum of y²."""
    cross: float = 0.0
    """Sum of n·y."""
    count_squares: float = 0.0
    """Sum of n²."""


@dataclass(frozen=True, slots=True)
class Sample:
    """A mean over conversations, and its variance for each unit: the mean's own variance is `variance / units`."""

    units: int
    mean: float
    variance: float


@dataclass(frozen=True, slots=True)
class Interval:
    """Where a value lies, with the given confidence at every moment at once."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Difference:
    """How much the second of two samples is above the first; `p` may be looked at as often as one likes."""

    value: float
    low: float
    high: float
    p: float


@dataclass(frozen=True, slots=True)
class RatioCheck:
    """Whether units came to the arms in the proportion that was set. `p` is None where that cannot be said."""

    observed: tuple[int, ...]
    expected: tuple[float, ...] = ()
    p: float | None = None
    reason: str = ""
    """Why nothing was checked."""

    @property
    def mismatch(self) -> bool:
        """Says whether the proportion is none that chance explains."""
        return self.p is not None and self.p < MISMATCH_BELOW


def sum_up(units: Iterable[Sequence[float]]) -> UnitSums:
    """Returns the sums over units, of which each is given as the values of its conversations."""
    pairs = [(float(len(values)), sum(values)) for values in units]
    return UnitSums(
        len(pairs),
        math.fsum(n for n, _ in pairs),
        math.fsum(y for _, y in pairs),
        math.fsum(y * y for _, y in pairs),
        math.fsum(n * y for n, y in pairs),
        math.fsum(n * n for n, _ in pairs),
    )


def sample_of(sums: UnitSums) -> Sample:
    """Returns the mean over conversations with its variance by unit, so that one who calls often counts as one.

    The ratio estimator with the delta method; with one conversation for each unit it is the plain variance.
    """
    if sums.units < 2 or sums.count <= 0:
        return Sample(sums.units, sums.total / sums.count if sums.count else 0.0, 0.0)
    mean = sums.total / sums.count
    spread = sums.squares - 2 * mean * sums.cross + mean * mean * sums.count_squares
    each = sums.count / sums.units
    return Sample(sums.units, mean, max(spread, 0.0) / (sums.units - 1) / (each * each))


def find_interval(sample: Sample, alpha: float = ALPHA) -> Interval:
    """Returns where the true mean lies."""
    half = half_width(sample.variance, sample.units, alpha)
    return Interval(sample.mean, sample.mean - half, sample.mean + half)


def find_difference(first: Sample, other: Sample, alpha: float = ALPHA) -> Difference:
    """Returns how much `other` is above `first`."""
    n = first.units + other.units
    if not first.units or not other.units:
        return Difference(0.0, -math.inf, math.inf, 1.0)
    value = other.mean - first.mean
    # The variance of the difference, as if it were the mean of n units.
    variance = (first.variance / first.units + other.variance / other.units) * n
    half = half_width(variance, n, alpha)
    return Difference(value, value - half, value + half, always_valid_p(value, variance, n, alpha))


def half_width(variance: float, n: int, alpha: float = ALPHA) -> float:
    """Returns half the width of the confidence sequence after n units; infinite before the first."""
    if n < 1:
        return math.inf
    grown = n * _rho(alpha) ** 2 + 1
    return math.sqrt(variance) * math.sqrt(2 * grown * math.log(math.sqrt(grown) / alpha) / (n * n * _rho(alpha) ** 2))


def always_valid_p(difference: float, variance: float, n: int, alpha: float = ALPHA) -> float:
    """Returns the p-value that belongs to `half_width`: below alpha exactly where the interval leaves 0 out."""
    if variance <= 0 or n < 1:
        return 1.0 if difference == 0 or n < 1 else 0.0
    rho2 = _rho(alpha) ** 2
    grown = n * rho2 + 1
    evidence = rho2 * (n * difference) ** 2 / variance / (2 * grown) - math.log(grown) / 2
    return min(1.0, math.exp(-evidence)) if evidence < 700 else 0.0


def _rho(alpha: float) -> float:
    return math.sqrt((-2 * math.log(alpha) + math.log(-2 * math.log(alpha) + 1)) / TUNED_FOR)


def check_ratio(observed: Sequence[int], weights: Sequence[float]) -> RatioCheck:
    """Returns whether units came to arms in proportion to the weights: chi-square goodness of fit.

    Too few are expected somewhere: nothing is checked. An arm that nobody came to, though many were due, is a mismatch.
    """
    counts, whole = tuple(observed), sum(weights)
    if len(counts) < 2 or len(weights) != len(counts) or min(weights, default=0) <= 0:
        return RatioCheck(counts, reason="no expected shares are known for all arms")
    total = sum(counts)
    expected = tuple(total * weight / whole for weight in weights)
    if min(expected) < MIN_EXPECTED:
        return RatioCheck(counts, expected, reason=f"fewer than {MIN_EXPECTED:.0f} are due in an arm")
    statistic = sum((seen - due) ** 2 / due for seen, due in zip(counts, expected, strict=True))
    return RatioCheck(counts, expected, chi_square_survival(statistic, len(counts) - 1))


def chi_square_survival(statistic: float, degrees: int) -> float:
    """Returns how probable a chi-square statistic this large or larger is."""
    return upper_gamma(degrees / 2, statistic / 2) if statistic > 0 else 1.0


def upper_gamma(a: float, x: float) -> float:
    """Returns the regularised upper incomplete gamma function Q(a, x), for positive a and x.

    A series below a + 1 and Lentz's continued fraction above it (Abramowitz and Stegun 6.5.29 and 6.5.31).
    """
    scale = math.exp(a * math.log(x) - x - math.lgamma(a))
    if x < a + 1:
        term = total = 1 / a
        for step in range(1, _MOST_STEPS):
            term *= x / (a + step)
            total += term
            if term < total * 1e-16:
                break
        return max(0.0, 1 - scale * total)
    b = x + 1 - a
    c, d = 1 / _TINY, 1 / b
    fraction = d
    for step in range(1, _MOST_STEPS):
        factor = -step * (step - a)
        b += 2
        d = 1 / _apart(factor * d + b)
        c = _apart(b + factor / c)
        fraction *= c * d
        if abs(c * d - 1) < 1e-15:
            break
    return scale * fraction


def _apart(value: float) -> float:
    """Returns the value, kept apart from 0."""
    return value if abs(value) > _TINY else _TINY


def find_percentile(rising: Sequence[float], share: float) -> float:
    """Returns the nearest-rank percentile of values in rising order; `share` is 0.95 for p95."""
    return rising[max(0, math.ceil(share * len(rising)) - 1)]
