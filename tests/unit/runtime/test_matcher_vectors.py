"""What vectors may change in matching, and what they may not: an embedder is handed in, and its name is told."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from zlib import crc32

import numpy as np
import pytest
from numpy.typing import NDArray

from greenroom.runtime.matcher import NAME, Candidate, Matcher
from greenroom.runtime.matcher_vectors import build_vectors, compare_names
from tests.unit.runtime.test_matcher import FAQ, MATCHER, best, digest

MEANINGS = (
    "dog pooch hound pets cat",
    "park parking garage lot automobile",
    "open opening hours sunday",
    "wifi internet",
)
OWN = 509
GOLDEN = (("is my dog allowed to park", (("pets", 0.928), ("parking", 0.083))),)


@dataclass
class Meanings:
    """An embedder of a few words' meanings; the rest of a text is one faint direction of its own."""

    name: str = "meanings-1"
    asked: list[str] = field(default_factory=list)

    def __call__(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.asked += texts
        rows = np.zeros((len(texts), len(MEANINGS) + OWN), dtype=np.float32)
        for row, text in zip(rows, texts, strict=True):
            for word in text.split():
                known = [at for at, group in enumerate(MEANINGS) if word in group.split()]
                row[known[0] if known else len(MEANINGS) + crc32(word.encode()) % OWN] += 3.0 if known else 0.5
            row /= np.linalg.norm(row)
        return rows


class Foreign(Meanings):
    """Knows none of the words, save a dog."""

    def __call__(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return super().__call__(texts) * np.asarray([["dog" in text] for text in texts], dtype=np.float32)


def test_a_question_in_words_no_topic_uses_is_matched_by_its_meaning() -> None:
    matcher = Matcher.compile(FAQ, Meanings())
    assert best(MATCHER, "pooch hound") is None
    assert best(matcher, "pooch hound") == "pets"
    assert matcher.in_scope(matcher.match("pooch hound"))


@pytest.mark.parametrize("topic", FAQ, ids=lambda topic: topic.key)
def test_a_sample_question_still_scores_1_and_only_it(topic: Candidate) -> None:
    found = Matcher.compile(FAQ, Meanings()).match(topic.questions[0])
    assert (found[0].key, found[0].score) == (topic.key, 1.0)
    assert all(one.score < 1.0 for one in found[1:])


@pytest.mark.parametrize("text", ["xyzzy plugh", "zzz", "Взрыв гравитации", "", "?!"])
def test_a_text_of_unknown_words_and_no_near_meaning_is_a_stranger(text: str) -> None:
    matcher = Matcher.compile(FAQ, Meanings())
    assert not matcher.in_scope(matcher.match(text))


def test_the_name_tells_which_matcher_answers() -> None:
    assert MATCHER.name == NAME
    assert Matcher.compile(FAQ, Meanings()).name == f"{NAME}+meanings-1"
    assert Matcher.compile([], Meanings()).name == NAME


def test_without_an_embedder_scores_are_those_its_name_stands_for() -> None:
    for text, scores in GOLDEN:
        found = MATCHER.match(text, limit=len(scores))
        assert tuple((one.key, round(one.score, 3)) for one in found) == scores, "scores changed: raise matcher.NAME"


def test_an_embedder_that_does_not_know_the_language_is_left_out() -> None:
    matcher = Matcher.compile(FAQ, Foreign())
    assert matcher.name == NAME
    assert digest(matcher) == digest(MATCHER)


def test_a_text_the_embedder_does_not_know_is_matched_by_its_words() -> None:
    class Blind(Meanings):
        def __call__(self, texts: Sequence[str]) -> NDArray[np.float32]:
            return super().__call__(texts) * np.asarray(
                [[text != "parking garage"] for text in texts], dtype=np.float32
            )

    assert best(Matcher.compile(FAQ, Blind()), "parking garage") == "parking"


def test_the_order_of_topics_does_not_matter_with_vectors_either() -> None:
    assert digest(Matcher.compile(FAQ[::-1], Meanings())) == digest(Matcher.compile(FAQ, Meanings()))


def test_spellings_that_are_the_same_words_have_the_same_scores() -> None:
    matcher = Matcher.compile(FAQ, Meanings())
    assert matcher.match("Can't my POOCH come?!") == matcher.match("can not my pooch come")


def test_each_different_sample_is_embedded_once() -> None:
    embedder = Meanings()
    vectors = build_vectors([("a", "dog"), ("wifi",), ("a", "dog")], embedder)
    assert embedder.asked == ["a dog", "wifi"]
    assert vectors is not None
    assert vectors.rows.shape[0] == 3
    assert vectors.similarities(("a", "dog")).tolist() == pytest.approx([1.0, vectors.similarities_of(1)[0], 1.0])


def test_vectors_work_where_there_are_too_many_samples_to_solve(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("greenroom.runtime.matcher.MAX_SOLVE_ROWS", 3)
    matcher = Matcher.compile(FAQ, Meanings())
    assert matcher.name == f"{NAME}+meanings-1"
    assert best(matcher, "pooch hound") == "pets"
    assert not matcher.in_scope(matcher.match("xyzzy plugh"))


def test_a_version_tried_with_another_matcher_is_warned_of() -> None:
    assert compare_names(NAME, NAME) == ""
    assert compare_names("", NAME) == ""
    warning = compare_names(f"{NAME}+meanings-1", NAME)
    assert f"'{NAME}+meanings-1'" in warning
    assert f"'{NAME}'" in warning
    assert "embeddings" in warning
