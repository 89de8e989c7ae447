"""Turns raw topic scores into probabilities and picks the out-of-scope threshold, at compile time.

Two free experiments on the sample questions: leave one question out (what a good question scores) and
leave one topic out (what a question nobody prepared for scores). A logistic scale is fitted between them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from greenroom.runtime.matcher_index import Floats, Ints

REFUSED_SHARE = 0.04
OUT_OF_SCOPE_WEIGHT = 0.25
PRIOR = np.asarray([-2.1, 5.0, 3.5])  # about what BANKING77, CLINC150 and two real agents fit
PRIOR_WEIGHT = np.asarray([6.0, 2.0, 2.0])
PRIOR_THRESHOLD, PRIOR_ROWS = 0.4, 20
STEPS = 24
LONGEST_STEP = 2.0
LOWEST, HIGHEST = 0.05, 0.5


@dataclass(frozen=True, slots=True)
class Scale:
    """Holds a logistic scale over (1, raw score, lead over the best other topic) and its threshold."""

    bias: float
    raw: float
    lead: float
    threshold: float

    def probabilities(self, raw: Floats) -> Floats:
        """Maps one text's raw topic scores, shape (topics,), to 0..1, keeping their order."""
        return _logistic(self.bias + self.raw * raw + self.lead * _leads(raw))


DEFAULT = Scale(float(PRIOR[0]), float(PRIOR[1]), float(PRIOR[2]), PRIOR_THRESHOLD)


def calibrate(kept: Floats, removed: Floats, owners: Ints) -> Scale:
    """Fits the scale.

    kept: raw scores with the row itself left out, (rows, topics); removed: the same with the row's
    whole topic left out and its own column at -inf; owners: the right topic of each row.
    Penalised logistic regression by Newton steps around fixed prior weights, so few rows are safe.
    Threshold: the score below which REFUSED_SHARE of the kept rows fall, drawn to a prior when rows are few.
    """
    if len(owners) == 0:
        return DEFAULT
    inside, right = _tops(kept, owners)
    parts, labels, weights = [inside], [right], [np.ones(len(owners))]
    if kept.shape[1] > 1:
        outside, _ = _tops(removed, owners)
        parts.append(outside)
        labels.append(np.zeros(len(owners)))
        weights.append(np.full(len(owners), OUT_OF_SCOPE_WEIGHT))
    fitted = _newton(np.vstack(parts), np.concatenate(labels), np.concatenate(weights))
    scores = np.sort(_logistic(inside @ fitted))
    cut = float(scores[int(REFUSED_SHARE * len(scores))])
    cut = (len(scores) * cut + PRIOR_ROWS * PRIOR_THRESHOLD) / (len(scores) + PRIOR_ROWS)
    bias, raw, lead = (round(float(value), 6) for value in fitted)
    return Scale(bias, raw, lead, round(min(max(cut, LOWEST), HIGHEST), 6))


def _tops(raw: Floats, owners: Ints) -> tuple[Floats, Floats]:
    best = raw.argmax(axis=1)
    top = raw[np.arange(len(raw)), best]
    if raw.shape[1] > 1:
        second = np.partition(raw, -2, axis=1)[:, -2]
        lead = np.where(np.isfinite(second), top - second, top)
    else:
        lead = top
    return np.stack([np.ones(len(top)), top, lead], axis=1), (best == owners).astype(np.float64)


def _leads(raw: Floats) -> Floats:
    if len(raw) < 2:
        return raw
    second, first = np.partition(raw, -2)[-2:]
    return raw - np.where(raw == first, second, first)


def _newton(inputs: Floats, labels: Floats, weights: Floats) -> Floats:
    fitted = PRIOR.copy()
    penalty = np.diag(PRIOR_WEIGHT)
    for _ in range(STEPS):
        guess = _logistic(inputs @ fitted)
        slope = inputs.T @ (weights * (guess - labels)) + penalty @ (fitted - PRIOR)
        curve = (inputs * (weights * guess * (1.0 - guess))[:, None]).T @ inputs + penalty
        fitted = fitted - np.clip(np.linalg.solve(curve, slope), -LONGEST_STEP, LONGEST_STEP)
    return np.asarray([fitted[0], max(fitted[1], 0.5), max(fitted[2], 0.0)])


def _logistic(value: Floats) -> Floats:
    return 1.0 / (1.0 + np.exp(-np.clip(value, -40.0, 40.0)))
