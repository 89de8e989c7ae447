"""What the topic matcher promises: exact questions win, strangers are refused, nothing depends on chance."""

import csv
import hashlib
import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greenroom.runtime.matcher import Candidate, Match, Matcher
from greenroom.runtime.matcher_text import MAX_WORD_CHARS, MAX_WORDS, features, stem, words
from tests.support import data, gaps

FAQ = (
    Candidate("hours", ("What are your opening hours?", "When do you open?", "Are you open on Sunday?")),
    Candidate("parking", ("Where can I park?", "Is there a parking garage?", "Do you have parking?")),
    Candidate(
        "refund",
        ("I want my money back", "How do I get a refund?", "Can you refund my order?"),
        "Within 14 days.",
    ),
    Candidate("pets", ("Can I bring my dog?", "Are pets allowed?", "Is my cat welcome?")),
    Candidate("wifi", ("What is the wifi password?", "Do you have internet?", "How do I connect to the wifi?")),
)
MATCHER = Matcher.compile(FAQ)
INTENTS = data.shared_data_wanted() / "intents"

PRINT_HASH = """
import hashlib
from tests.unit.runtime.test_matcher import FAQ, Matcher, digest
print(digest(Matcher.compile(FAQ)))
"""


def digest(matcher: Matcher) -> str:
    """Returns a hash of every score of a few questions."""
    asked = [question for topic in FAQ for question in topic.questions] + [
        "is my dog allowed to park",
        "naïve 😀",
    ]
    return hashlib.sha256(repr([matcher.match(text) for text in asked]).encode()).hexdigest()


def best(matcher: Matcher, text: str) -> str | None:
    found = matcher.match(text)
    return found[0].key if found else None


def rows(folder: Path) -> list[tuple[str, str]]:
    texts = (folder / "seq.in").read_text(encoding="utf-8").splitlines()
    return list(zip(texts, (folder / "label").read_text(encoding="utf-8").splitlines(), strict=True))


def topics_of(pairs: list[tuple[str, str]]) -> list[Candidate]:
    grouped: dict[str, list[str]] = {}
    for text, label in pairs:
        grouped.setdefault(label, []).append(text)
    return [Candidate(label, tuple(texts)) for label, texts in grouped.items()]


@pytest.fixture(scope="module")
def intents() -> Path:
    if not INTENTS.is_dir():
        gaps.note_gap(f"no intent data at {INTENTS}: the matcher's accuracy was not measured")
        pytest.skip("no intent data")
    return INTENTS


@pytest.mark.parametrize("topic", FAQ, ids=lambda topic: topic.key)
def test_a_sample_question_word_for_word_returns_its_topic(topic: Candidate) -> None:
    for question in topic.questions:
        assert MATCHER.match(question)[0] == Match(topic.key, 1.0)


@pytest.mark.parametrize(
    "text, key",
    [
        ("when are you open on sundays", "hours"),
        ("is there anywhere to park?", "parking"),
        ("i would like a refund for my order please", "refund"),
        ("may I bring a dog", "pets"),
        ("whats the WIFI passwrd", "wifi"),
        ("could i be reimbursed", "refund"),
        ("refudn", "refund"),
    ],
)
def test_a_question_close_to_a_sample_is_matched_and_in_scope(text: str, key: str) -> None:
    found = MATCHER.match(text)
    assert found[0].key == key
    assert MATCHER.in_scope(found), found


@pytest.mark.parametrize("text", ["xyzzy plugh", "zzz", "Взрыв гравитации", "", "   ", "?!", "\x00", "🦖"])
def test_a_text_without_shared_vocabulary_is_out_of_scope(text: str) -> None:
    assert not MATCHER.in_scope(MATCHER.match(text))


@pytest.mark.parametrize("text", ["who won the football match yesterday", "my violin is out of tune"])
def test_a_stranger_sharing_only_small_words_is_out_of_scope(text: str) -> None:
    assert not MATCHER.in_scope(MATCHER.match(text))


def test_matches_come_best_first_within_0_and_1_and_limited() -> None:
    found = MATCHER.match("can i bring my dog to the parking garage", limit=3)
    assert len(found) == 3
    assert [one.score for one in found] == sorted((one.score for one in found), reverse=True)
    assert all(0.0 < one.score <= 1.0 for one in found)
    assert {found[0].key, found[1].key} == {"pets", "parking"}
    assert MATCHER.match("dog", limit=0) == ()


def test_a_question_two_topics_share_is_a_tie_broken_by_key() -> None:
    matcher = Matcher.compile([Candidate("b", ("help me", "aid")), Candidate("a", ("Help me!", "rescue"))])
    assert matcher.match("help me") == (Match("a", 1.0), Match("b", 1.0))


def test_an_unrelated_topic_does_not_move_an_exact_question() -> None:
    more = Matcher.compile([*FAQ, Candidate("noise", ("What are your parking dog wifi refund hours?", "open"))])
    for topic in FAQ:
        assert all(best(more, question) == topic.key for question in topic.questions)


def test_only_an_exact_question_scores_one() -> None:
    assert MATCHER.match("what are your opening hours on sunday")[0].score < 1.0
    for topic in FAQ:
        for question in topic.questions:
            assert all(one.score < 1.0 for one in MATCHER.match(question)[1:])


def test_the_order_of_topics_and_questions_does_not_matter() -> None:
    turned = [Candidate(one.key, one.questions[::-1], one.content) for one in reversed(FAQ)]
    assert digest(Matcher.compile(turned)) == digest(MATCHER)


def test_a_duplicate_question_changes_nothing() -> None:
    doubled = [Candidate(one.key, one.questions * 3, one.content) for one in FAQ]
    assert digest(Matcher.compile(doubled)) == digest(MATCHER)


def test_processes_with_different_hash_seeds_agree() -> None:
    root = Path(__file__).resolve().parents[3]
    found = {digest(MATCHER)}
    for seed in ("1", "2"):
        paths = os.pathsep.join([str(root / "src"), str(root)])
        env = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": paths}
        run = subprocess.run(
            [sys.executable, "-c", PRINT_HASH], env=env, cwd=root, capture_output=True, text=True, check=True
        )
        found.add(run.stdout.strip())
    assert len(found) == 1


def test_no_topics_match_nothing() -> None:
    for empty in (
        Matcher.compile([]),
        Matcher.compile([Candidate("a", ())]),
        Matcher.compile([Candidate("a", ("",))]),
    ):
        assert empty.match("hello") == ()
        assert not empty.in_scope(())


def test_one_topic_answers_its_own_and_refuses_strangers() -> None:
    one = Matcher.compile(FAQ[:1])
    assert best(one, "when are you open") == "hours"
    assert one.in_scope(one.match("when do you open on sunday"))
    assert not one.in_scope(one.match("xyzzy plugh"))


def test_a_topic_without_questions_is_found_by_name_and_content() -> None:
    bare = Candidate("gift", (), "A voucher is valid for two years.", "gift_vouchers")
    matcher = Matcher.compile([*FAQ, bare])
    assert best(matcher, "do you sell gift vouchers") == "gift"
    assert best(matcher, "how long is a voucher valid") == "gift"


def test_content_breaks_a_tie_the_questions_leave() -> None:
    plain = [Candidate("a", ("tell me about plan one",)), Candidate("b", ("tell me about plan two",))]
    told = [plain[0], Candidate("b", plain[1].questions, "It includes roadside assistance and towing.")]
    assert best(Matcher.compile(told), "roadside assistance") == "b"
    assert best(Matcher.compile(plain), "roadside assistance") is None


def test_other_languages_are_matched_by_their_own_words() -> None:
    matcher = Matcher.compile(
        [
            Candidate("heures", ("Quels sont vos horaires d'ouverture ?", "À quelle heure fermez-vous ?")),
            Candidate("оплата", ("Как оплатить счёт?", "Можно ли платить картой?")),
            Candidate("住所", ("住所はどこですか", "場所を教えてください")),
            Candidate("समय", ("आप कब खुलते हैं", "खुलने का समय क्या है")),
        ]
    )
    assert best(matcher, "a quelle heure ouvrez-vous") == "heures"
    assert best(matcher, "хочу оплатить картой") == "оплата"
    assert best(matcher, "お店の住所を教えて") == "住所"
    assert best(matcher, "खुलने का समय बताइए") == "समय"


@pytest.mark.parametrize("text", ["refund " * 20_000, "x" * 100_000, "é" * 100_000, "😀" * 50_000, "can't{" * 20_000])
def test_a_hundred_kilobytes_are_bounded_work(text: str) -> None:
    begin = time.perf_counter()
    MATCHER.match(text)
    assert time.perf_counter() - begin < 0.25
    assert len(words(text)) <= MAX_WORDS
    assert all(len(word) <= MAX_WORD_CHARS for word in words(text))


@given(text=st.text(max_size=200))
def test_any_text_is_answered_with_sound_scores(text: str) -> None:
    found = MATCHER.match(text)
    assert all(0.0 < one.score <= 1.0 for one in found)
    assert MATCHER.match(text) == found


@given(questions=st.lists(st.lists(st.text(max_size=20), max_size=3), max_size=4))
def test_any_topics_compile(questions: list[list[str]]) -> None:
    matcher = Matcher.compile([Candidate(str(at), tuple(texts)) for at, texts in enumerate(questions)])
    assert 0.0 < matcher.threshold < 1.0
    for at, texts in enumerate(questions):
        for text in texts:
            exact = {one.key for one in matcher.match(text, limit=9) if one.score == 1.0}
            assert not words(text) or str(at) in exact


def test_more_rows_than_a_solve_takes_still_match(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("greenroom.runtime.matcher.MAX_SOLVE_ROWS", 3)
    matcher = Matcher.compile(FAQ)
    assert best(matcher, "may i bring a dog") == "pets"
    assert matcher.in_scope(matcher.match("is there anywhere to park?"))
    assert not matcher.in_scope(matcher.match("xyzzy plugh"))


def test_words_are_normalised() -> None:
    assert words("What's the Café’s PRICE, um, $20?") == (
        "what",
        "is",
        "the",
        "cafe",
        "price",
        "dollar",
        "20",
    )
    assert words("I can't pay {{vrbl:amount}} 😀") == ("i", "can", "not", "pay", "😀")
    assert words("नमस्ते 😀") == ("नमस्ते", "😀")
    assert words("um") == ("um",)


@pytest.mark.parametrize(
    "left, right",
    [
        ("cancelled", "cancel"),
        ("payments", "payment"),
        ("companies", "company"),
        ("stopping", "stop"),
        ("12", "3"),
    ],
)
def test_inflections_share_a_stem(left: str, right: str) -> None:
    assert stem(left) == stem(right)


def test_synonyms_share_a_concept() -> None:
    assert features(("reimburse",))[3].keys() & features(("refund",))[3].keys()
    assert not features(("reimburse",))[3].keys() & features(("dog",))[3].keys()


def sampled(pairs: list[tuple[str, str]], size: int) -> list[tuple[str, str]]:
    return random.Random(7).sample(pairs, size)


def accuracy(matcher: Matcher, pairs: list[tuple[str, str]]) -> float:
    return sum(best(matcher, text) == label for text, label in pairs) / len(pairs)


def test_banking77_ten_questions_a_topic(intents: Path) -> None:
    with (intents / "banking77" / "test.csv").open(encoding="utf-8", newline="") as file:
        asked = [(row["text"], row["category"]) for row in csv.DictReader(file)]
    matcher = Matcher.compile(topics_of(rows(intents / "banking77" / "train_10")))
    assert accuracy(matcher, sampled(asked, 500)) >= 0.78


def test_clinc150_ten_questions_a_topic(intents: Path) -> None:
    matcher = Matcher.compile(topics_of(rows(intents / "clinc150" / "train_10")))
    asked = sampled(rows(intents / "clinc150" / "test"), 500)
    assert accuracy(matcher, asked) >= 0.81
    refused = sum(not matcher.in_scope(matcher.match(text)) for text, _ in asked) / len(asked)
    assert refused <= 0.08
