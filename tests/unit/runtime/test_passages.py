"""An index made from a former one is the one that would be built whole: same places, same scores."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from greenroom.runtime.passages import PassageIndex, Piece, build_passages, read_piece
from greenroom.runtime.postings import NEW, build_postings

WORDS = ("pool", "open", "seven", "morning", "sauna", "heated", "reception", "hour", "dog", "breakfast", "late", "key")
QUESTIONS = ("When does the pool open?", "sauna key", "breakfst in the morning", "dogs", "heated", "nothing of it")
texts = st.lists(st.sampled_from(WORDS), min_size=1, max_size=8).map(" ".join)


class Counting:
    """An embedder that makes a vector of letters, and counts what it was asked."""

    name = "letters"

    def __init__(self) -> None:
        self.asked = 0

    def __call__(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.asked += len(texts)
        rows = np.asarray([[text.count(sign) for sign in "aeiou"] for text in texts], dtype=np.float32)
        return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1.0)


def answers(index: PassageIndex) -> list[object]:
    return [index.find(question, 5) for question in QUESTIONS]


@given(st.lists(texts, max_size=12), st.lists(st.one_of(texts, st.integers(0, 11)), max_size=12), st.booleans())
def test_an_index_made_from_a_former_one_is_the_same(old: list[str], new: list[str | int], meaning: bool) -> None:
    before_pieces = [read_piece(text, ("House",)) for text in old]
    used: set[int] = set()
    kept: list[int] = []
    pieces: list[Piece] = []
    said: list[str] = []
    for each in new:
        if isinstance(each, int) and each < len(old) and each not in used:
            used.add(each)
            kept.append(each)
            pieces.append(before_pieces[each])
            said.append(old[each])
        elif isinstance(each, str):
            kept.append(NEW)
            pieces.append(read_piece(each, ("House",)))
            said.append(each)
    embedder = Counting() if meaning else None
    before = build_passages(before_pieces, embedder, old)
    was = answers(before)
    count = embedder.asked if embedder else 0
    made = build_passages(pieces, embedder, said, before, kept)
    if embedder is not None:
        assert embedder.asked - count <= (len(pieces) if not old else kept.count(NEW)), "kept vectors were made again"
    assert answers(made) == answers(build_passages(pieces, embedder, said))
    assert answers(before) == was, "the index that it was made from is still read"


def test_features_that_nobody_has_any_more_wear_an_index_out() -> None:
    rows = [{f"{at}:{k}": 1.0 for k in range(600)} for at in range(20)]
    postings = build_postings(rows[:1])
    for row in rows[1:]:
        postings = build_postings([row], postings, [NEW])
    assert (len(postings.numbers), len(postings.names())) == (12_000, 600)
    assert postings.of("0:0") is None
    assert postings.count("19:1") == 1
