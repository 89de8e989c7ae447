"""Matches what a person said to the topic it is about: the local brain's only classifier.

Kernel ridge over words, word pairs, character pieces and thesaurus concepts of the sample questions and, where
there is an embedder, over their vectors; calibrated on its own leave-one-out and leave-one-topic-out predictions.
Pure: no clock, dice, input or output; equal candidates and embedders give equal scores in every process.
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
from greenroom.runtime.matcher_vectors import Embedder, Vectors, blended_cosines, blended_kernel, build_vectors

NAME = "ridge-1"
"""What a trace calls the matcher without vectors. Raise it with anything that changes a score."""
NAME_NOISE = 0.3
CONTENT_NOISE = 1.0
CONTENT_PARTS = 4
PART_WORDS = 24
DECIMALS = 6
MAX_JUDGED = 500
BELOW_EXACT = 0.999  # only a sample question word for word scores 1
NEAR_SPELLING = 0.12  # cosine that lets a text of unknown words through: misspellings, inflections
NEAR_MEANING = 0.45  # the same of vectors: a question asked in other words


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
    def name(self) -> str:
        """Returns what answered, for the trace: equal names and equal versions give equal scores."""
        vectors = self._model.vectors if self._model else None
        return f"{NAME}+{vectors.embedder.name}" if vectors else NAME

    @property
    def threshold(self) -> float:
        """Returns the lowest first score that still counts as in scope."""
        return self.scale.threshold

    @classmethod
    def compile(cls, candidates: Sequence[Candidate], embedder: Embedder | None = None) -> Matcher:
        """Builds a matcher; the order of candidates does not matter.

        An embedder is left out where it knows fewer than half of the samples, as in a language it was not taught.
        """
        ordered = sorted(candidates, key=lambda one: (one.key, one.questions, one.content, one.name))
        keys = tuple(one.key for one in ordered)
        samples = [sample for topic, one in enumerate(ordered) for sample in _samples(topic, one)]
        if not samples:
            return cls(keys, calibration.DEFAULT, None)
        model, scale = _learn(samples, len(keys), embedder)
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
        meant = model.vectors.similarities(said) if model.vectors else None
        if not exact and model.is_strange(said, meant):
            return np.zeros(len(self.keys))
        cosines = model.index.similarities(model.index.row(features(said)))
        scores = BELOW_EXACT * self.scale.probabilities(model.raw(cosines, meant))
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
    vectors: Vectors | None
    owners: Ints
    sizes: Floats
    dual: Floats | None
    exact: dict[tuple[str, ...], tuple[int, ...]]

    @property
    def reachable(self) -> NDArray[np.bool_]:
        return self.sizes > 0

    def is_strange(self, said: tuple[str, ...], meant: Floats | None) -> bool:
        """Tells whether no word that carries meaning is known or spelled nearly like a known one, nor any meaning."""
        if meant is not None and meant.max() >= NEAR_MEANING:
            return False
        row = self.index.row(features(meaningful(said) or said))
        return not self.index.knows_a_word(row) and self.index.similarities(row).max() < NEAR_SPELLING

    def raw(self, cosines: Floats, meant: Floats | None) -> Floats:
        """Returns one text's raw topic scores from its cosines with every sample, by words and by meaning."""
        if self.dual is None:
            return densities(_cosines(cosines, meant), self.owners, self.sizes)
        return _kernel(cosines, meant) @ self.dual


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


def _learn(samples: Sequence[_Sample], topics: int, embedder: Embedder | None) -> tuple[_Model, calibration.Scale]:
    owners = np.asarray([sample.topic for sample in samples], dtype=np.int64)
    noise = np.asarray([sample.noise for sample in samples])
    sizes = np.bincount(owners, minlength=topics).astype(np.float64)
    index, rows = build_index([features(sample.words) for sample in samples], owners)
    vectors = build_vectors([sample.words for sample in samples], embedder) if embedder else None
    judged = np.flatnonzero((noise <= RIDGE) & (sizes[owners] > 1))
    exact = _exact(samples)
    if len(samples) > MAX_SOLVE_ROWS:
        judged = judged[:: max(1, len(judged) // MAX_JUDGED)]
        kept, removed = _held_out(index, vectors, rows, owners, sizes, judged)
        scale = calibration.calibrate(kept, removed, owners[judged])
        return _Model(index, vectors, owners, sizes, None, exact), scale
    cosines = np.vstack([index.similarities(row) for row in rows])
    near = _kernel(cosines, vectors.all_similarities() if vectors else None)
    fitted = fit(near, owners, topics, noise, judged)
    scale = calibration.calibrate(fitted.kept, fitted.removed, owners[judged])
    return _Model(index, vectors, owners, sizes, fitted.dual, exact), scale


def _held_out(
    index: Index, vectors: Vectors | None, rows: Sequence[Row], owners: Ints, sizes: Floats, judged: Ints
) -> tuple[Floats, Floats]:
    kept = np.empty((len(judged), len(sizes)))
    for at, number in enumerate(judged):
        meant = vectors.similarities_of(int(number)) if vectors else None
        cosines = _cosines(index.similarities(rows[number]), meant)
        kept[at] = densities(cosines, owners, sizes, int(number))
    removed = kept.copy()
    removed[np.arange(len(judged)), owners[judged]] = -np.inf
    return kept, removed


def _kernel(cosines: Floats, meant: Floats | None) -> Floats:
    return kernel(cosines, GAMMA) if meant is None else blended_kernel(cosines, meant, GAMMA)


def _cosines(cosines: Floats, meant: Floats | None) -> Floats:
    return cosines if meant is None else blended_cosines(cosines, meant)


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
