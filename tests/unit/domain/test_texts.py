"""Hunks of words and lines: what people read, and how much work a hostile text may cause."""

from __future__ import annotations

import random
import unicodedata
from functools import cache

import pytest

from greenroom.domain import texts
from greenroom.domain.texts import Budget, align, line_hunks, merge_lines, split_lines, word_hunks


def test_words_that_changed_are_hunks() -> None:
    assert word_hunks("Late check-out is free.", "Early check-out is free.") == [
        ("removed", "Late"),
        ("added", "Early"),
        ("same", " check-out is free."),
    ]


def test_a_placeholder_is_one_word() -> None:
    hunks = word_hunks("It costs {{variable.fee}}.", "It costs {{variable.late_fee}}.")
    assert hunks == [
        ("same", "It costs "),
        ("removed", "{{variable.fee}}"),
        ("added", "{{variable.late_fee}}"),
        ("same", "."),
    ]


def test_spaces_between_two_changed_words_belong_to_the_change() -> None:
    assert word_hunks("one two three", "uno dos three") == [
        ("removed", "one two"),
        ("added", "uno dos"),
        ("same", " three"),
    ]


def test_accents_stay_with_their_letters() -> None:
    composed, decomposed = "café", unicodedata.normalize("NFD", "café")
    assert word_hunks(f"{composed} open", f"{decomposed} open") == [
        ("removed", composed),
        ("added", decomposed),
        ("same", " open"),
    ]


def test_ideographs_are_words_of_their_own() -> None:
    assert word_hunks("返金を受付", "返品を受付") == [
        ("same", "返"),
        ("removed", "金"),
        ("added", "品"),
        ("same", "を受付"),
    ]


@pytest.mark.parametrize(
    "before,after,expected",
    [("", "", []), ("", "a", [("added", "a")]), ("a", "", [("removed", "a")]), ("a b", "a b", [("same", "a b")])],
)
def test_empty_and_equal_texts(before: str, after: str, expected: list[texts.WordHunk]) -> None:
    assert word_hunks(before, after) == expected


def test_line_hunks_have_numbers_and_context() -> None:
    before = "".join(f"{n}\n" for n in range(1, 21))
    after = before.replace("5\n", "five\n", 1).replace("18\n", "")
    first, second = line_hunks(before, after, context=2)
    assert (first.before, first.after) == ((3, 5), (3, 5))
    assert [(line.op, line.before, line.after, line.text) for line in first.lines] == [
        ("same", 3, 3, "3"),
        ("same", 4, 4, "4"),
        ("removed", 5, None, "5"),
        ("added", None, 5, "five"),
        ("same", 6, 6, "6"),
        ("same", 7, 7, "7"),
    ]
    assert (second.before, second.after) == ((16, 5), (16, 4))


def test_changes_close_together_share_a_hunk() -> None:
    before = "".join(f"{n}\n" for n in range(1, 21))
    assert len(line_hunks(before, before.replace("5\n", "five\n", 1).replace("9\n", "nine\n", 1))) == 1


def test_a_missing_last_newline_is_a_change() -> None:
    (hunk,) = line_hunks("a\nb", "a\nb\n")
    assert [(line.op, line.text, line.ended) for line in hunk.lines] == [
        ("same", "a", True),
        ("removed", "b", False),
        ("added", "b", True),
    ]


def test_equal_code_has_no_hunks() -> None:
    assert line_hunks("a\n", "a\n") == []


def test_only_newlines_end_lines() -> None:
    assert split_lines("a\x0bb\u2028c\r\nd") == ["a\x0bb\u2028c\r\n", "d"]


def test_lines_changed_apart_merge() -> None:
    base = "def f():\n    a = 1\n    b = 2\n    c = 3\n    return a\n"
    ours, theirs = base.replace("a = 1", "a = 10"), base.replace("return a", "return c")
    assert merge_lines(base, ours, theirs) == base.replace("a = 1", "a = 10").replace("return a", "return c")


def test_lines_changed_next_to_each_other_do_not_merge() -> None:
    assert merge_lines("a\nb\nc\n", "A\nb\nc\n", "a\nB\nc\n") is None
    assert merge_lines("a\n", "a\nb\n", "a\nc\n") is None


def test_the_same_change_on_both_sides_is_made_once() -> None:
    assert merge_lines("a\nb\nc\nd\n", "A\nb\nc\nd\n", "A\nb\nc\nD\n") == "A\nb\nc\nD\n"


def test_large_additions_need_no_budget() -> None:
    assert align(["a", "z"], ["a", *map(str, range(100_000)), "z"], Budget(0)) is not None


@cache
def _hostile_texts() -> dict[str, tuple[str, str]]:
    dice, size = random.Random(7), 512 * 1024
    words = [f"w{n}" for n in range(5000)]
    prose = [" ".join(dice.choices(words, k=90_000))[:size] for _ in range(2)]
    noise = ["".join(dice.choices("a\n", k=size)) for _ in range(2)]
    marks = ["".join(dice.choices("ab.,", k=size)) for _ in range(2)]
    return {
        "two unrelated texts": (prose[0], prose[1]),
        "one word again and again": ("a " * (size // 2), "b" + "a " * (size // 2 - 3) + "c"),
        "two words in turn": ("a b " * (size // 4), "b a a " * (size // 6)),
        "nothing but short lines": (noise[0], noise[1]),
        "nothing but punctuation": (marks[0], marks[1]),
        "unfinished placeholders": ("{{a" * (size // 3), "{{b" * (size // 3)),
        "one endless word": ("a" * size, "b" * size),
        "nothing but newlines": ("\n" * size, "\n" * (size // 2) + "x\n" + "\n" * (size // 3) + "y\n"),
    }


@pytest.mark.parametrize("name", _hostile_texts())
def test_a_hostile_text_is_bounded_work(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    before, after = _hostile_texts()[name]

    class Counted(Budget):
        def __init__(self) -> None:
            super().__init__()
            budgets.append(self)

    budgets: list[Budget] = []
    monkeypatch.setattr(texts, "Budget", Counted)
    hunks = word_hunks(before, after)
    assert "".join(text for op, text in hunks if op != "added") == before
    assert "".join(text for op, text in hunks if op != "removed") == after
    assert sum(len(hunk.lines) for hunk in line_hunks(before, after)) <= texts.MAX_LINES
    merge_lines(before, after, before + "x")
    spent = [texts.MAX_STEPS - budget.steps for budget in budgets]
    # A round of the search may overrun by the one snake it is in.
    assert max(spent) <= texts.MAX_STEPS + len(before)


def test_texts_too_different_for_words_are_aligned_by_lines() -> None:
    dice = random.Random(3)
    lines = [" ".join(dice.choices("abcdefghij", k=12)) + "\n" for _ in range(2_000)]
    others = [line if n % 5 else f"changed {n}\n" for n, line in enumerate(lines)]
    hunks = word_hunks("".join(lines), "".join(others))
    assert sum(len(text) for op, text in hunks if op == "same") >= sum(len(line) for line in lines) // 2
