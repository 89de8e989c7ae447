"""Finds the passages of documents that answer a question: two rankings, joined, and a score that can be trusted.

Words are those of the topic matcher: same stems, same thesaurus, same spelling pieces. The first ranking is BM25 over
stems, the second the cosine of concepts, stem pairs and spelling pieces (and of vectors, where there is an embedder);
they are joined by reciprocal rank. The order comes from there, the score does not: it is the share of what was asked
that a passage speaks of, each word by how rare it is, so that a question about something else scores low whatever
ranks first. Pure: equal passages and questions give equal results in every process and over every database.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from greenroom.runtime.matcher_text import concepts, features, meaningful, stem, words
from greenroom.runtime.matcher_vectors import Embedder
from greenroom.runtime.postings import NEW, Floats, Postings, build_postings

NAME = "passages-1"
"""What a trace calls the ranking. Raise it with anything that changes a score."""
K1, B = 1.2, 0.6
RANKED = 60
"""How many passages of each ranking are joined."""
FUSION = 60.0
"""The constant of reciprocal rank fusion: how slowly a rank loses weight."""
HEADING = 2.0
"""How often a word of a title or heading counts, beside one in the text."""
PART_CHARS = 2_000
SENSE = 0.75
"""What a word counts that a passage has by another name."""
SPELLING = 0.7
NEAR = 0.6
"""The least share of pieces that makes a word a misspelling of another."""
UNKNOWN = 1.0
"""What a word that no passage has counts against all of them, beside the rarest that is known."""
MEANING = 0.55
"""The cosine of vectors from which on meaning counts; at 0.85 it counts whole."""
MEANT_WHOLE = 0.85

LIKE_SHARE = 0.3
"""What likeness counts in a score, beside the share of the question that a passage speaks of."""
LIKE_WHOLE = 0.15
"""The likeness that counts whole: a passage is longer than a question, and never quite like one."""
LEAST = 0.05
"""What scores less is not even worth looking at."""
USUAL, USUAL_SCORE = 0.35, 0.2
"""What is scored 0.2, the usual least score of settings: nine in ten real questions reach it, one in five strangers."""


@dataclass(frozen=True, slots=True)
class Piece:
    """One passage as it is searched: its own words, and those that stand over it."""

    stems: Mapping[str, float]
    parts: Mapping[str, float]
    """Stem pairs, concepts and spelling pieces; of unit length."""
    length: float


@dataclass(frozen=True, slots=True)
class Hit:
    """One passage found: its place in the index and its score from 0 to 1."""

    place: int
    score: float


def read_piece(text: str, headings: Sequence[str] = ()) -> Piece:
    """Returns a passage as it is searched. Costs about a millisecond, so keep it."""
    own = _words(text)
    over = [word for heading in headings for word in words(heading)]
    stems: dict[str, float] = {}
    for word in own:
        stems[stem(word)] = stems.get(stem(word), 0.0) + 1.0
    for word in over:
        stems[stem(word)] = stems.get(stem(word), 0.0) + HEADING
    return Piece(stems, _parts(tuple(own + over)), sum(stems.values()))


def _words(text: str) -> list[str]:
    """Returns all words of a passage; the matcher's reader takes so many at a time."""
    found: list[str] = []
    start = 0
    while start < len(text):
        cut = min(len(text), start + 600)
        if cut < len(text):
            cut = max(text.rfind(" ", start, cut), text.rfind("\n", start, cut)) + 1 or cut
            cut = cut if cut > start else min(len(text), start + 600)
        found.extend(words(text[start:cut]))
        start = cut
    return found


def _parts(found: tuple[str, ...]) -> dict[str, float]:
    """Returns the parts of words for the second ranking: `2` pairs, `3` spelling, `4` concepts."""
    _, pairs, pieces, senses = features(found)
    made = {f"2{name}": weight for name, weight in pairs.items() if " " in name}
    made |= {f"3{name}": 0.5 * weight for name, weight in pieces.items() if len(name) == 4}
    made |= {f"4{name}": weight for name, weight in senses.items() if not name.startswith("=")}
    return made


@dataclass(frozen=True, slots=True)
class _Body:
    """What is known of all passages together."""

    counts: Postings
    stems: Postings
    """The same as `counts`, with BM25's weights."""
    parts: Postings
    roots: frozenset[str]
    senses: Mapping[str, tuple[str, ...]]
    """Stems that are there, by concept."""
    spellings: Mapping[str, tuple[str, ...]]
    """Stems that are there, by piece of spelling."""


@dataclass(frozen=True, slots=True)
class PassageIndex:
    """All passages that a version may answer from; built once, then only read."""

    size: int
    _body: _Body = field(repr=False)
    _embedder: Embedder | None = field(repr=False, default=None)
    _vectors: NDArray[np.float32] | None = field(repr=False, default=None)

    @property
    def name(self) -> str:
        """Returns what ranked, for the trace."""
        return f"{NAME}+{self._embedder.name}" if self._embedder and self._vectors is not None else NAME

    @property
    def is_worn(self) -> bool:
        """Says whether it remembers more features that no passage has any more than others: better build it whole."""
        parts = self._body.parts
        return len(parts.numbers) > 2 * int(np.count_nonzero(np.diff(parts.bounds))) + 10_000

    def find(self, question: str, limit: int, weights: Sequence[float] = ()) -> tuple[Hit, ...]:
        """Returns the best passages; ties go to the one that comes first. `weights` move their places, not scores."""
        asked = words(question)
        if not asked or not self.size or limit < 1:
            return ()
        spoken, relevance = self._by_words(asked)
        likeness = self._by_parts(asked)
        meant = self._by_meaning(asked)
        rankings = [relevance, likeness, spoken, *([] if meant is None else [meant])]
        joined: dict[int, float] = {}
        for ranking in rankings:
            for rank, place in enumerate(_best(ranking, RANKED)):
                joined[place] = joined.get(place, 0.0) + 1.0 / (FUSION + rank)
        if weights:
            joined = {place: value * weights[place] for place, value in joined.items()}
        scores = _calibrated((1.0 - LIKE_SHARE) * spoken + LIKE_SHARE * np.minimum(likeness / LIKE_WHOLE, 1.0))
        if meant is not None:
            scores = np.maximum(scores, _score_of_meaning(meant))
        order = sorted(joined, key=lambda place: (-round(joined[place], 9), place))
        hits = (Hit(place, round(float(scores[place]), 4)) for place in order[:limit])
        return tuple(hit for hit in hits if hit.score >= LEAST)

    def _by_words(self, asked: tuple[str, ...]) -> tuple[Floats, Floats]:
        """Returns the share of the question that each passage speaks of, and its BM25."""
        shares, relevance = np.zeros(self.size), np.zeros(self.size)
        total = 0.0
        most = math.log(1.0 + self.size)
        for root in dict.fromkeys(stem(word) for word in meaningful(asked) or asked):
            found = self._body.stems.count(root)
            rarity = _rarity(found, self.size) if found else most
            spoken = np.zeros(self.size)
            weight = rarity if found else UNKNOWN * most
            for other, worth in self._others(root):
                self._add(spoken, relevance, other, worth)
            self._add(spoken, relevance, root, 1.0)
            if not found and spoken.any():
                weight = most * 0.7
            shares += weight * spoken
            total += weight
        return (shares / total if total else shares), relevance

    def _add(self, spoken: Floats, relevance: Floats, root: str, worth: float) -> None:
        found = self._body.stems.of(root)
        if found is None:
            return
        places, weights = found
        spoken[places] = np.maximum(spoken[places], worth)
        relevance[places] += worth * _rarity(len(places), self.size) * weights

    def _others(self, root: str) -> list[tuple[str, float]]:
        """Returns stems that mean the same as one, or are how it may have been meant to be spelled."""
        others = {
            other: SENSE
            for sense in concepts().get(root, ())
            for other in self._body.senses.get(sense, ())
            if other != root
        }
        if not self._body.stems.count(root) and len(root) >= 4:
            others |= dict.fromkeys(self._misspelled(root), SPELLING)
        return list(others.items())

    def _misspelled(self, root: str) -> list[str]:
        pieces = _spelling(root)
        shared: dict[str, int] = {}
        for piece in pieces:
            for other in self._body.spellings.get(piece, ()):
                shared[other] = shared.get(other, 0) + 1
        near = ((2.0 * count / (len(pieces) + len(_spelling(other))), other) for other, count in shared.items())
        return [other for _, other in sorted((each for each in near if each[0] >= NEAR), reverse=True)[:3]]

    def _by_parts(self, asked: tuple[str, ...]) -> Floats:
        """Returns how alike the question and each passage are in concepts, pairs and spelling, from 0 to 1."""
        likeness, length = np.zeros(self.size), 0.0
        for name, weight in _parts(asked).items():
            found = self._body.parts.of(name)
            length += (weight * _rarity(self._body.parts.count(name), self.size) ** 2) ** 2
            # What half of all passages have tells none apart, and costs most.
            if found is not None and len(found[0]) <= max(self.size // 4, 50):
                places, weights = found
                likeness[places] += weight * _rarity(len(places), self.size) ** 2 * weights
        return likeness / math.sqrt(length) if length else likeness

    def _by_meaning(self, asked: tuple[str, ...]) -> Floats | None:
        if self._embedder is None or self._vectors is None:
            return None
        vector = self._embedder([" ".join(asked)])[0]
        return (self._vectors @ vector).astype(np.float64) if vector.any() else None


def build_passages(
    pieces: Sequence[Piece],
    embedder: Embedder | None = None,
    texts: Sequence[str] = (),
    before: PassageIndex | None = None,
    kept: Sequence[int] = (),
) -> PassageIndex:
    """Returns the index of passages, in their order; `texts` are what an embedder reads.

    With `before`, an index of which most passages stay, `kept` says of each passage which place it had there, or NEW;
    the result is the same, for a small part of the cost.
    """
    was = before._body if before is not None else None
    counts = build_postings([piece.stems for piece in pieces], was and was.counts, kept)
    parts = build_postings([_unit(piece, at, kept) for at, piece in enumerate(pieces)], was and was.parts, kept)
    lengths = np.asarray([piece.length for piece in pieces])
    mean = float(lengths.sum()) / len(pieces) if pieces else 1.0
    # BM25's weight of each stem within its passage.
    norms = K1 * (1.0 - B + B * lengths / mean)
    stems = counts.with_amounts(counts.amounts * (K1 + 1.0) / (counts.amounts + norms[counts.places]))
    roots = frozenset(counts.names())
    body = _Body(counts, stems, parts, roots, *_neighbours(roots, was))
    return PassageIndex(len(pieces), body, embedder, _embed(embedder, texts, before, kept))


def _unit(piece: Piece, at: int, kept: Sequence[int]) -> Mapping[str, float]:
    """Returns the parts of a passage at unit length; nothing of one whose parts are there already."""
    if kept and kept[at] != NEW:
        return {}
    length = math.sqrt(sum(weight * weight for weight in piece.parts.values()))
    return {name: weight / length for name, weight in piece.parts.items()}


def _neighbours(
    roots: frozenset[str], was: _Body | None
) -> tuple[dict[str, tuple[str, ...]], dict[str, tuple[str, ...]]]:
    """Returns the stems that are there by concept and by piece of spelling; from former ones only what differs."""
    senses, spellings = (dict(was.senses), dict(was.spellings)) if was is not None else ({}, {})
    old = was.roots if was is not None else frozenset[str]()
    for lists, keys_of in ((senses, _senses_of), (spellings, _spellings_of)):
        changed: dict[str, set[str]] = {}
        for root in old ^ roots:
            for key in keys_of(root):
                changed.setdefault(key, set(lists.get(key, ()))).symmetric_difference_update((root,))
        for key, members in changed.items():
            lists[key] = tuple(sorted(members))
    return senses, spellings


def _senses_of(root: str) -> Iterable[str]:
    return concepts().get(root, ())


def _spellings_of(root: str) -> Iterable[str]:
    return _spelling(root) if len(root) >= 4 else ()


def _embed(
    embedder: Embedder | None, texts: Sequence[str], before: PassageIndex | None, kept: Sequence[int]
) -> NDArray[np.float32] | None:
    """Returns the vectors of texts; those that are there already are not made again."""
    if embedder is None or not texts:
        return None
    if before is None or before._vectors is None or before._embedder is not embedder:
        return embedder(texts)
    fresh = [at for at, old in enumerate(kept) if old == NEW]
    vectors = before._vectors[np.maximum(np.asarray(kept), 0)]
    if fresh:
        vectors[fresh] = embedder([texts[at] for at in fresh])
    return vectors


def _spelling(root: str) -> frozenset[str]:
    padded = f" {root} "
    return frozenset(padded[at : at + 3] for at in range(len(padded) - 2))


def _rarity(found: int, size: int) -> float:
    return math.log(1.0 + (size - found + 0.5) / (found + 0.5))


def _best(scores: Floats, limit: int) -> list[int]:
    """Returns the places of the highest scores above nothing, best first, ties by place."""
    limit = min(limit, len(scores))
    if limit < len(scores):
        floor = np.partition(scores, len(scores) - limit)[len(scores) - limit]
        chosen = np.flatnonzero(scores >= max(floor, 1e-12))
    else:
        chosen = np.flatnonzero(scores > 0.0)
    order = np.lexsort((chosen, -np.round(scores[chosen], 9)))
    return [int(chosen[at]) for at in order[:limit]]


def _calibrated(raw: Floats) -> Floats:
    above = USUAL_SCORE + (raw - USUAL) * (1.0 - USUAL_SCORE) / (1.0 - USUAL)
    return np.where(raw < USUAL, raw * USUAL_SCORE / USUAL, above)


def _score_of_meaning(meant: Floats) -> Floats:
    return np.clip((meant - MEANING) / (MEANT_WHOLE - MEANING), 0.0, 1.0)
