"""The checker itself: histories that are right or wrong by hand, and against trying every order."""

from __future__ import annotations

from itertools import combinations, permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fault.linearizability import Operation, find_refutation


def step(state: int, asked: tuple[Any, ...], answer: tuple[Any, ...] | None) -> int | None:
    """A register with `read → value` and `swap(old, new) → whether`."""
    if asked[0] == "read":
        return state if answer is None or answer == (state,) else None
    _, old, new = asked
    if answer is None:
        return new if state == old else state
    return (new if state == old else state) if answer == (state == old,) else None


def op(called: int, answered: int | None, *asked: Any, answer: Any = None) -> Operation:
    return Operation(called, answered, asked, answer if answer is None else (answer,))


RIGHT = {
    "one after the other": [op(1, 2, "swap", 0, 1, answer=True), op(3, 4, "read", answer=1)],
    "a read during a swap sees either": [
        op(1, 9, "swap", 0, 1, answer=True),
        op(2, 3, "read", answer=0),
        op(4, 5, "read", answer=1),
    ],
    "one of two racing swaps wins": [op(1, 4, "swap", 0, 1, answer=True), op(2, 3, "swap", 0, 2, answer=False)],
    "a lost call took effect": [op(1, None, "swap", 0, 1), op(3, 4, "read", answer=1)],
    "a lost call did not": [op(1, None, "swap", 0, 1), op(3, 4, "read", answer=0)],
    "a lost call takes effect late": [
        op(1, None, "swap", 0, 1),
        op(3, 4, "read", answer=0),
        op(5, 6, "read", answer=1),
    ],
}
WRONG = {
    "a stale read": [op(1, 2, "swap", 0, 1, answer=True), op(3, 4, "read", answer=0)],
    "both swaps win": [op(1, 4, "swap", 0, 1, answer=True), op(2, 3, "swap", 0, 2, answer=True)],
    "the value goes back": [
        op(1, 9, "swap", 0, 1, answer=True),
        op(2, 3, "read", answer=1),
        op(4, 5, "read", answer=0),
    ],
    "a lost call takes effect and is undone": [
        op(1, None, "swap", 0, 1),
        op(3, 4, "read", answer=1),
        op(5, 6, "read", answer=0),
    ],
    "a read from nowhere": [op(1, 2, "read", answer=7)],
}


@pytest.mark.parametrize("history", RIGHT.values(), ids=RIGHT)
def test_a_right_history_is_accepted(history: list[Operation]) -> None:
    assert find_refutation(history, 0, step) is None


@pytest.mark.parametrize("history", WRONG.values(), ids=WRONG)
def test_a_wrong_history_is_refuted(history: list[Operation]) -> None:
    assert find_refutation(history, 0, step) is not None


def explained_by_trying_all(history: list[Operation]) -> bool:
    lost = [o for o in history if o.answered is None]
    kept = [o for o in history if o.answered is not None]
    for count in range(len(lost) + 1):
        for some in combinations(lost, count):
            for order in permutations([*kept, *some]):
                if any(b.answered is not None and b.answered < a.called for a, b in _pairs(order)):
                    continue
                state: int | None = 0
                for call in order:
                    state = None if state is None else step(state, call.asked, call.answer)
                if state is not None:
                    return True
    return False


def _pairs(order: tuple[Operation, ...]) -> list[tuple[Operation, Operation]]:
    return [(a, b) for i, a in enumerate(order) for b in order[i + 1 :]]


@st.composite
def histories(draw: st.DrawFn) -> list[Operation]:
    count = draw(st.integers(1, 5))
    times = draw(st.permutations(range(2 * count)))
    history: list[Operation] = []
    for index in range(count):
        called, answered = sorted(times[2 * index : 2 * index + 2])
        swap = draw(st.booleans())
        asked = ("swap", draw(st.integers(0, 2)), draw(st.integers(0, 2))) if swap else ("read",)
        answer = (draw(st.booleans()),) if swap else (draw(st.integers(0, 2)),)
        lost = draw(st.integers(0, 4)) == 0
        history.append(Operation(called, None if lost else answered, asked, None if lost else answer))
    return history


@given(histories())
def test_the_checker_says_what_trying_every_order_says(history: list[Operation]) -> None:
    assert (find_refutation(history, 0, step) is None) == explained_by_trying_all(history)
