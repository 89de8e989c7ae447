"""How alike two texts are: by the features that the topic matcher compares, without anything learned."""

from __future__ import annotations

import math
from collections.abc import Mapping

from greenroom.runtime.matcher_text import features, words

DECIMALS = 4


def similarity(one: str, other: str) -> float:
    """Returns 0 (nothing in common) to 1 (the same words); the same two texts always give the same number.

    It is the mean of the cosines of stems, word pairs, character pieces and thesaurus concepts.
    """
    left, right = words(one), words(other)
    if not left or not right:
        return 0.0
    if left == right:
        return 1.0
    pairs = list(zip(features(left), features(right), strict=True))
    return round(sum(_cosine(a, b) for a, b in pairs) / len(pairs), DECIMALS)


def _cosine(one: Mapping[str, float], other: Mapping[str, float]) -> float:
    shared = sum(weight * other[name] for name, weight in sorted(one.items()) if name in other)
    sizes = math.sqrt(_square(one) * _square(other))
    return shared / sizes if sizes else 0.0


def _square(table: Mapping[str, float]) -> float:
    return math.fsum(weight * weight for weight in table.values())
