"""Matches what a person said to the topic it is about: the local brain's only classifier.

Kernel ridge over words, word pairs, character pieces and thesaurus concepts of the sample questions,
calibrated on its own leave-one-out and leave-one-topic-out predictions. Pure: no clock, dice, input or
output; equal candidates give equal scores in every process.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from greenroom.runtime import matcher_calibration as calibration
from greenroom.runtime.matcher_index import (
    GAMMA,
    MAX_SOLVE_ROWS,
    RIDGE,
    Floats,
    Index,
    Ints,
    Row,
    build_index,
    densities,
    fit,
    kernel,
)
from greenroom.runtime.matcher_text import features, meaningful, words

NAME_NOISE = 0.3
CONTENT_NOISE = 1.0
CONTENT_PARTS = 4
PART_WORDS = 24
DECIMALS = 6
MAX_JUDGED = 500
BELOW_EXACT = 0.999  # only a sample question word for word scores 1
NEAR_SPELLING = 0.12  # cosine that lets a text of unknown words through: misspellings, inflections


@dataclass(frozen=True, slots=True)
class Candidate:
    """Holds one topic as the matcher sees it."""

    key: str
    questions: tuple[str, ...]
    content: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True)
class Match:
    """Holds one topic's key and the probability (0..1) that the text is about it."""

    key: str
    score: float


@dataclass(frozen=True, slots=True)
class Matcher:
    """Ranks topics for a text; compiled once per version, then only read."""

    keys: tuple[str, ...]
    scale: calibration.Scale
    _model: _Model | None = field(repr=False)

    @property
    def threshold(self) -> float:
        """Returns the lowest first score that still counts as in scope."""
        return self.scale.threshold

    @classmethod
    def compile(cls, candidates: Sequence[Candidate]) -> Matcher:
        """Builds a matcher; the order of candidates does not matter."""
        ordered = sorted(candidates, key=lambda one: (one.key, one.questions, one.content, one.name))
        keys = tuple(one.key for one in ordered)
        samples = [sample for topic, one in enumerate(ordered) for sample in _samples(topic, one)]
        if not samples:
            return cls(keys, calibration.DEFAULT, None)
        model, scale = _learn(samples, len(keys))
        return cls(keys, scale, model)

    def match(self, text: str, limit: int = 5) -> tuple[Match, ...]:
        """Ranks topics for a text, best first, ties by key; nothing when no word is shared."""
        said = words(text)
        if self._model is None or not said or limit < 1:
            return ()
        scores = self._scores(self._model, said)
        order = sorted((-float(scores[topic]), self.keys[topic], topic) for topic in _largest(scores, limit))
        return tuple(Match(key, -score) for score, key, _ in order[:limit] if score < 0.0)

    def in_scope(self, matches: Sequence[Match]) -> bool:
        """Tells whether the best match is good enough to answer from; False asks for a fallback."""
        return bool(matches) and matches[0].score >= self.scale.threshold

    def _scores(self, model: _Model, said: tuple[str, ...]) -> Floats:
        exact = model.exact.get(said, ())
        if not exact and model.is_strange(said):
            return np.zeros(len(self.keys))
        cosines = model.index.similarities(model.index.row(features(said)))
        scores = BELOW_EXACT * self.scale.probabilities(model.raw(cosines))
        scores[~model.reachable] = 0.0
        scores[list(exact)] = 1.0
        return np.round(scores, DECIMALS)


@dataclass(frozen=True, slots=True)
class _Sample:
    topic: int
    words: tuple[str, ...]
    noise: float


@dataclass(frozen=True, slots=True)
class _Model:
    index: Index
    owners: Ints
    sizes: Floats
    dual: Floats | None
    exact: dict[tuple[str, ...], tuple[int, ...]]

    @property
    def reachable(self) -> NDArray[np.bool_]:
        return self.sizes > 0

    def is_strange(self, said: tuple[str, ...]) -> bool:
        """Tells whether no word that carries meaning is known, nor spelled nearly like a known one."""
        row = self.index.row(features(meaningful(said) or said))
        return not self.index.knows_a_word(row) and self.index.similarities(row).max() < NEAR_SPELLING

    def raw(self, cosines: Floats) -> Floats:
        """Returns one text's raw topic scores from its cosines with every sample."""
        if self.dual is None:
            return densities(cosines, self.owners, self.sizes)
        return kernel(cosines, GAMMA) @ self.dual


def _samples(topic: int, one: Candidate) -> list[_Sample]:
    asked = sorted({words(question) for question in one.questions} - {()})
    sure = [_Sample(topic, found, RIDGE) for found in asked]
    title = words(one.name.replace("_", " "))
    body = words(one.content)
    parts = [body[at : at + PART_WORDS] for at in range(0, len(body), PART_WORDS)][:CONTENT_PARTS]
    trust = (NAME_NOISE, CONTENT_NOISE) if sure else (RIDGE, RIDGE)
    if title:
        sure.append(_Sample(topic, title, trust[0]))
    return sure + [_Sample(topic, part, trust[1]) for part in parts]


def _learn(samples: Sequence[_Sample], topics: int) -> tuple[_Model, calibration.Scale]:
    owners = np.asarray([sample.topic for sample in samples], dtype=np.int64)
    noise = np.asarray([sample.noise for sample in samples])
    sizes = np.bincount(owners, minlength=topics).astype(np.float64)
    index, rows = build_index([features(sample.words) for sample in samples], owners)
    judged = np.flatnonzero((noise <= RIDGE) & (sizes[owners] > 1))
    exact = _exact(samples)
    if len(samples) > MAX_SOLVE_ROWS:
        judged = judged[:: max(1, len(judged) // MAX_JUDGED)]
        kept, removed = _held_out(index, rows, owners, sizes, judged)
        return _Model(index, owners, sizes, None, exact), calibration.calibrate(kept, removed, owners[judged])
    cosines = np.vstack([index.similarities(row) for row in rows])
    fitted = fit(cosines, owners, topics, noise, judged)
    scale = calibration.calibrate(fitted.kept, fitted.removed, owners[judged])
    return _Model(index, owners, sizes, fitted.dual, exact), scale


def _held_out(index: Index, rows: Sequence[Row], owners: Ints, sizes: Floats, judged: Ints) -> tuple[Floats, Floats]:
    kept = np.empty((len(judged), len(sizes)))
    for at, number in enumerate(judged):
        kept[at] = densities(index.similarities(rows[number]), owners, sizes, int(number))
    removed = kept.copy()
    removed[np.arange(len(judged)), owners[judged]] = -np.inf
    return kept, removed


def _exact(samples: Sequence[_Sample]) -> dict[tuple[str, ...], tuple[int, ...]]:
    found: dict[tuple[str, ...], dict[int, None]] = {}
    for sample in samples:
        if sample.noise <= RIDGE:
            found.setdefault(sample.words, {})[sample.topic] = None
    return {said: tuple(topics) for said, topics in found.items()}


def _largest(scores: Floats, limit: int) -> list[int]:
    if limit >= len(scores):
        return list(range(len(scores)))
    cut = np.partition(scores, len(scores) - limit)[len(scores) - limit]
    return [int(topic) for topic in np.flatnonzero(scores >= cut)]
