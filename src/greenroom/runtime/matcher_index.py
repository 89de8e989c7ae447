"""Holds the numeric half of the topic matcher: weighted rows, similarities, the closed-form fit.

numpy only. Similarity sums run in a fixed order (`bincount` over sorted postings), so one input gives
one result on every machine up to the last bits of the linear solve, which the matcher rounds away.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from greenroom.runtime.matcher_text import BLOCKS, Features

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

BLOCK_WEIGHTS = (0.5, 0.3, 1.2, 1.0)
GAMMA = 2.0
RIDGE = 0.1
DENSITY_GAMMA = 12.0
MAX_SOLVE_ROWS = 2_000
PIECES = 2  # the number of the block of character pieces


@dataclass(frozen=True, slots=True)
class Row:
    """Holds one text as sorted feature numbers and weights of unit length."""

    ids: Ints
    weights: Floats


@dataclass(frozen=True, slots=True)
class Count:
    """Holds one text's amount of each known feature, and per block the squared amounts of unknown ones."""

    seen: dict[int, float]
    unseen: Floats


@dataclass(frozen=True, slots=True)
class Index:
    """Holds the sample texts' features as postings: feature number to row numbers and weights."""

    vocabulary: tuple[dict[str, int], ...]
    rarity: Floats
    novelty: float
    block: Ints
    starts: Ints
    rows: Ints
    weights: Floats
    size: int

    def row(self, found: Features) -> Row:
        """Weighs one text's features; those never seen weigh as seen in one topic, so they only dilute."""
        return _weigh(_count(found, self.vocabulary), self.rarity, self.block, self.novelty)

    def knows_a_word(self, row: Row) -> bool:
        """Tells whether a weighted text has a known word or concept, not just known character pieces."""
        return bool(np.any(self.block[row.ids] != PIECES))

    def similarities(self, row: Row) -> Floats:
        """Returns the cosine of one weighted text with every sample row, shape (size,)."""
        begin = self.starts[row.ids]
        length = self.starts[row.ids + 1] - begin
        total = int(length.sum())
        if total == 0:
            return np.zeros(self.size)
        ends = np.cumsum(length)
        at = np.arange(total) + np.repeat(begin - ends + length, length)
        shares = np.repeat(row.weights, length) * self.weights[at]
        return np.bincount(self.rows[at], shares, self.size).astype(np.float64)


def build_index(texts: Sequence[Features], owners: Ints) -> tuple[Index, list[Row]]:
    """Builds postings over sample texts; `owners` is each text's topic number.

    Weights: the amount inside the text, times the square root of smoothed inverse *topic* frequency (a word
    repeated inside one topic keeps its weight), unit length per block and per text.
    """
    vocabulary: tuple[dict[str, int], ...] = tuple({} for _ in range(BLOCKS))
    block: list[int] = []
    counts = [_count(text, vocabulary, block) for text in texts]
    blocks = np.asarray(block, dtype=np.int64)
    rarity = _rarity(counts, owners, len(block))
    novelty = float(_rareness(int(owners.max()) + 1, np.asarray([1]))[0])
    rows = [_weigh(count, rarity, blocks, novelty) for count in counts]
    ids = np.concatenate([row.ids for row in rows])
    order = np.argsort(ids, kind="stable")
    numbers = np.repeat(np.arange(len(rows)), [len(row.ids) for row in rows])
    starts = np.concatenate(([0], np.cumsum(np.bincount(ids, minlength=len(block)))))
    weights = np.concatenate([row.weights for row in rows])
    return Index(vocabulary, rarity, novelty, blocks, starts, numbers[order], weights[order], len(rows)), rows


def kernel(cosines: Floats, gamma: float) -> Floats:
    """Turns cosines into radial similarities exp(gamma (cos - 1)), between exp(-gamma) and 1."""
    return np.exp(gamma * (cosines - 1.0))


@dataclass(frozen=True, slots=True)
class Fit:
    """Holds dual weights (rows, topics) and the held-out scores of the judged rows."""

    dual: Floats
    kept: Floats
    removed: Floats


def fit(near: Floats, owners: Ints, topics: int, noise: Floats, judged: Ints) -> Fit:
    """Fits one-vs-rest kernel ridge and scores every judged row as if it had not been there.

    near: the kernel K, rows by rows.
    Dual solution A = (K + diag(noise))^-1 Y = J Y. Leaving a set S of rows out predicts
    Y_S - (J_SS)^-1 A_S for S in closed form (Rifkin & Lippert 2007, "Notes on Regularized Least
    Squares"): once with S = the row alone (kept), once with S = all rows of its topic (removed).
    """
    targets = np.full((len(owners), topics), -1.0 / topics)
    targets[np.arange(len(owners)), owners] = 1.0
    inverse = np.linalg.inv(near + np.diag(noise))
    dual: Floats = np.asarray(inverse @ targets, dtype=np.float64)
    kept = targets - dual / np.diag(inverse)[:, None]
    removed = np.empty_like(kept)
    bounds = np.searchsorted(owners, np.arange(topics + 1))
    for topic, (begin, end) in enumerate(pairwise(bounds)):
        block = slice(begin, end)
        removed[block] = targets[block] - np.linalg.solve(inverse[block, block], dual[block])
        removed[block, topic] = -np.inf
    return Fit(dual, kept[judged], removed[judged])


def densities(cosines: Floats, owners: Ints, sizes: Floats, left_out: int | None = None) -> Floats:
    """Scores topics by kernel density, shape (topics,): the fit for more rows than a solve can take.

    Per topic of n rows 1 + ln(sum of exp(g (cos - 1)) / sqrt(n)) / g: a nearest cosine that the other
    rows of the topic soften, in about 0..1. `left_out` names one sample row not to look at.
    """
    near = kernel(cosines, DENSITY_GAMMA)
    if left_out is not None:
        near[left_out] = 0.0
    sums = np.bincount(owners, near, len(sizes)) / np.sqrt(np.maximum(sizes, 1.0))
    return 1.0 + np.log(np.maximum(sums, np.exp(-DENSITY_GAMMA))) / DENSITY_GAMMA


def _count(found: Features, vocabulary: Sequence[dict[str, int]], grow: list[int] | None = None) -> Count:
    seen: dict[int, float] = {}
    unseen = np.zeros(BLOCKS)
    for number, (amounts, known) in enumerate(zip(found, vocabulary, strict=True)):
        for name, amount in amounts.items():
            at = known.get(name)
            if at is None:
                if grow is None:
                    unseen[number] += amount * amount
                    continue
                at = known[name] = len(grow)
                grow.append(number)
            seen[at] = amount
    return Count(seen, unseen)


def _rarity(counts: Sequence[Count], owners: Ints, size: int) -> Floats:
    lengths = [len(count.seen) for count in counts]
    ids = np.fromiter((at for count in counts for at in count.seen), dtype=np.int64, count=sum(lengths))
    topics = int(owners.max()) + 1
    seen = np.unique(ids * topics + np.repeat(owners, lengths))
    return _rareness(topics, np.bincount(seen // topics, minlength=size))


def _rareness(topics: int, frequency: Ints) -> Floats:
    return np.sqrt(np.log((1.0 + topics) / (1.0 + frequency)) + 1.0)


def _weigh(count: Count, rarity: Floats, block: Ints, novelty: float) -> Row:
    ids = np.fromiter(count.seen, dtype=np.int64, count=len(count.seen))
    amounts = np.fromiter(count.seen.values(), dtype=np.float64, count=len(count.seen))
    order = np.argsort(ids)
    ids = ids[order]
    weights = amounts[order] * rarity[ids]
    part = block[ids]
    lengths = np.bincount(part, weights * weights, BLOCKS) + novelty * novelty * count.unseen
    shares = np.asarray(BLOCK_WEIGHTS) * (lengths > 0)
    scale = np.sqrt(shares / np.where(lengths > 0, lengths, 1.0) / max(float(shares.sum()), 1e-12))
    return Row(ids, weights * scale[part])
