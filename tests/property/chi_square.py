"""Chi-square tests without a library of statistics: the tail is a finite sum for whole degrees of freedom."""

from __future__ import annotations

import math
from collections.abc import Sequence


def tail(statistic: float, freedom: int) -> float:
    """Returns the chance of a chi-square value at least as large."""
    half = statistic / 2
    if freedom % 2 == 0:
        term = total = math.exp(-half)
        for number in range(1, freedom // 2):
            term *= half / number
            total += term
        return total
    total = math.erfc(math.sqrt(half))
    term = math.sqrt(half) * math.exp(-half) / math.gamma(1.5)
    for number in range((freedom - 1) // 2):
        total += term
        term *= half / (number + 1.5)
    return total


def fit(counts: Sequence[int], weights: Sequence[int]) -> float:
    """Returns the chance of counts this far from their weights; all weights above 0."""
    whole, scale = sum(counts), sum(weights)
    wanted = [whole * weight / scale for weight in weights]
    statistic = sum((count - one) ** 2 / one for count, one in zip(counts, wanted, strict=True))
    return tail(statistic, len(counts) - 1)


def independence(table: Sequence[Sequence[int]]) -> float:
    """Returns the chance of a table this uneven, were rows and columns nothing to one another."""
    rows, columns = [sum(row) for row in table], [sum(column) for column in zip(*table, strict=True)]
    whole = sum(rows)
    statistic = sum(
        (count - row * column / whole) ** 2 / (row * column / whole)
        for line, row in zip(table, rows, strict=True)
        for count, column in zip(line, columns, strict=True)
    )
    return tail(statistic, (len(rows) - 1) * (len(columns) - 1))
