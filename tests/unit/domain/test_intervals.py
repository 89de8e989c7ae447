"""Statistics that may be looked at again and again: proved by simulation, and by values worked out elsewhere."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from greenroom.domain.intervals import (
    ALPHA,
    MISMATCH_BELOW,
    Difference,
    Sample,
    UnitSums,
    always_valid_p,
    check_ratio,
    chi_square_survival,
    find_difference,
    find_interval,
    find_percentile,
    half_width,
    sample_of,
)

SEEDS = 400
PEEK_EVERY = 50
LOOKS = range(200, 5_001, PEEK_EVERY)
"""Conversations in both arms at each look, from the fewest that are said anything of."""

Finding = Callable[[Sample, Sample], Difference]


def fixed_horizon(first: Sample, other: Sample) -> Difference:
    """The interval of a textbook, which holds for one look at the end."""
    value = other.mean - first.mean
    half = 1.96 * math.sqrt(first.variance / first.units + other.variance / other.units)
    return Difference(value, value - half, value + half, 1.0)


def of_rate(hits: float, n: int) -> Sample:
    return sample_of(UnitSums(n, n, hits, hits, hits, n))


def share_of_misses(find: Finding, first: float, other: float, weight: float = 0.5) -> float:
    """Returns in how many of the experiments the interval left the true difference out at any of the looks."""
    missed = 0
    for seed in range(SEEDS):
        dice = np.random.default_rng(seed)
        to_other = dice.random(LOOKS[-1]) < weight
        hit = dice.random(LOOKS[-1]) < np.where(to_other, other, first)
        n_other, hits_other = np.cumsum(to_other), np.cumsum(hit & to_other)
        hits = np.cumsum(hit)
        for n in LOOKS:
            m, k = int(n_other[n - 1]), int(hits_other[n - 1])
            found = find(of_rate(int(hits[n - 1]) - k, n - m), of_rate(k, m))
            if not found.low <= other - first <= found.high:
                missed += 1
                break
    return missed / SEEDS


@pytest.mark.parametrize("rate, weight", [(0.7, 0.5), (0.7, 0.1), (0.05, 0.5)])
def test_two_equal_arms_seldom_differ_however_often_one_looks(rate: float, weight: float) -> None:
    assert share_of_misses(find_difference, rate, rate, weight) <= ALPHA


def test_a_textbook_interval_that_is_looked_at_again_finds_what_is_not_there() -> None:
    # The planted fault: were it in use, the test above would have to fail.
    assert share_of_misses(fixed_horizon, 0.7, 0.7) > 3 * ALPHA


def test_the_interval_holds_the_true_difference_at_every_look() -> None:
    assert share_of_misses(find_difference, 0.70, 0.74) <= ALPHA
    assert share_of_misses(find_difference, 0.70, 0.74, 0.25) <= ALPHA


def test_a_difference_that_is_there_is_found_with_enough_conversations() -> None:
    found = find_difference(of_rate(7_000, 10_000), of_rate(7_400, 10_000))
    assert found.low > 0
    assert found.value == pytest.approx(0.04)
    assert found.p < 0.001
    assert find_difference(of_rate(70, 100), of_rate(74, 100)).low < 0


def test_values_that_were_worked_out_elsewhere() -> None:
    # rho from arXiv 2103.06476 with N = 5000, alpha = 0.05: sqrt((5.99146 + ln 6.99146) / 5000) = 0.0398401
    assert half_width(0.25, 5_000) == pytest.approx(0.0214622, abs=1e-6)
    assert half_width(0.25, 1_000) == pytest.approx(0.0531877, abs=1e-6)
    assert half_width(0.25, 0) == math.inf
    assert find_interval(Sample(1_000, 0.5, 0.25)).low == pytest.approx(0.4468123, abs=1e-6)


@pytest.mark.parametrize("n", [10, 200, 5_000, 100_000])
@pytest.mark.parametrize("alpha", [0.05, 0.01])
def test_p_is_below_alpha_exactly_where_the_interval_leaves_zero_out(n: int, alpha: float) -> None:
    edge = half_width(0.4, n, alpha)
    assert always_valid_p(edge * 1.001, 0.4, n, alpha) < alpha < always_valid_p(edge * 0.999, 0.4, n, alpha)
    assert always_valid_p(-edge * 1.001, 0.4, n, alpha) < alpha
    assert always_valid_p(0, 0.4, n, alpha) == 1


def test_p_does_not_overflow() -> None:
    assert always_valid_p(0.9, 0.01, 10_000_000) == 0
    assert always_valid_p(0.1, 0, 100) == 0
    assert always_valid_p(0, 0, 0) == 1
    assert find_difference(Sample(0, 0, 0), Sample(5, 1, 0)).high == math.inf


@pytest.mark.parametrize(
    "statistic, degrees, expected",
    [(3.841459, 1, 0.05), (10.827566, 1, 0.001), (7.814728, 3, 0.05), (0.5, 2, 0.778801), (23.589351, 9, 0.005)],
)
def test_chi_square_is_as_in_the_tables(statistic: float, degrees: int, expected: float) -> None:
    assert chi_square_survival(statistic, degrees) == pytest.approx(expected, rel=1e-5)
    assert chi_square_survival(0, degrees) == 1


def test_one_degree_of_freedom_is_the_normal_distribution_far_out_too() -> None:
    for z in (0.3, 1.0, 2.5, 6.0, 20.0):
        assert chi_square_survival(z * z, 1) == pytest.approx(math.erfc(z / math.sqrt(2)), rel=1e-9)


def test_a_ratio_that_chance_does_not_explain_is_a_mismatch() -> None:
    found = check_ratio((9_000, 1_300), (90, 10))
    assert found.mismatch
    assert found.expected == (9_270.0, 1_030.0)
    assert not check_ratio((9_000, 1_030), (90, 10)).mismatch
    assert check_ratio((800, 0), (50, 50)).mismatch


def test_a_ratio_is_not_checked_where_nothing_can_be_said() -> None:
    for observed, weights in (((10, 3), (90, 10)), ((500, 500), ()), ((500, 500), (100, 0)), ((500,), (100,))):
        found = check_ratio(observed, weights)
        assert (found.p, found.mismatch) == (None, False)
        assert found.reason


def test_equal_arms_are_seldom_a_mismatch() -> None:
    dice = np.random.default_rng(1)
    wrong = sum(check_ratio((int(b), 5_000 - int(b)), (1, 1)).mismatch for b in dice.binomial(5_000, 0.5, 20_000))
    assert wrong <= 4 * MISMATCH_BELOW * 20_000


def test_somebody_who_calls_often_counts_as_one() -> None:
    """A hundred people of whom each calls twenty times, alike: the interval is that of about a hundred."""
    dice = np.random.default_rng(5)
    covered = narrow = 0
    for _ in range(300):
        rates = np.where(dice.random(200) < 0.5, 0.95, 0.45)
        calls = dice.integers(1, 40, 200)
        hits = dice.binomial(calls, rates)
        by_unit = UnitSums(
            200, calls.sum(), hits.sum(), (hits**2).sum(), (hits * calls).sum(), (calls.astype(float) ** 2).sum()
        )
        n, k = int(calls.sum()), int(hits.sum())
        for sums, is_right in ((by_unit, True), (UnitSums(n, n, k, k, k, n), False)):
            sample = sample_of(sums)
            inside = abs(sample.mean - 0.7) <= 1.96 * math.sqrt(sample.variance / sample.units)
            covered += inside and is_right
            narrow += inside and not is_right
    assert covered / 300 > 0.9
    assert narrow / 300 < 0.75


def test_nobody_and_one_alone_have_no_variance() -> None:
    assert sample_of(UnitSums()) == Sample(0, 0.0, 0.0)
    assert sample_of(UnitSums(1, 2, 1, 1, 2, 4)) == Sample(1, 0.5, 0.0)


def test_percentiles_are_values_that_were_there() -> None:
    values = [float(n) for n in range(1, 101)]
    assert [find_percentile(values, share) for share in (0.5, 0.95, 0.99)] == [50.0, 95.0, 99.0]
    assert find_percentile([7.0], 0.99) == 7.0
