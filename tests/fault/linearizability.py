"""Is a history of concurrent calls explained by some order of single steps? (Wing & Gong; Lowe's just-in-time form.)

A call takes effect at one moment between its invocation and its answer. A call without an answer may have
taken effect at any moment since, or never.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

S = TypeVar("S", bound=Hashable)

NO_ANSWER = None


@dataclass(frozen=True)
class Operation:
    """One call: when it was made and answered (None: never), by one clock for all; what was asked and answered."""

    called: int
    answered: int | None
    asked: tuple[Any, ...]
    answer: tuple[Any, ...] | None = NO_ANSWER
    by: str = ""


Step = Callable[[S, tuple[Any, ...], tuple[Any, ...] | None], S | None]
"""Returns the state after a call with this answer; None when the state does not give this answer."""


@dataclass(frozen=True)
class Refutation:
    """The first answer that no order of the calls before it explains, and the states that were possible then."""

    operation: Operation
    states: Sequence[Any]


def find_refutation(history: Iterable[Operation], initial: S, step: Step[S], limit: int = 200_000) -> Refutation | None:
    """Returns None for a linearizable history.

    Walks invocations and answers in the order of time. A configuration is a state and which of the calls under
    way have taken effect in it; at each answer only those live on in which that call has.
    """
    calls = list(history)
    events = [(call.called, 1, index) for index, call in enumerate(calls)]
    # At one tick answers come first: that asks for more, and ticks are nanoseconds.
    events += [(call.answered, 0, index) for index, call in enumerate(calls) if call.answered is not None]
    under_way: set[int] = set()
    possible: set[tuple[S, frozenset[int]]] = {(initial, frozenset())}
    for _, is_call, index in sorted(events):
        if is_call:
            under_way.add(index)
            continue
        before, possible = possible, set()
        waiting, seen = list(before), set(before)
        while waiting:
            state, done = waiting.pop()
            if index in done:
                possible.add((state, done - {index}))
                continue
            for other in under_way - done:
                after = step(state, calls[other].asked, calls[other].answer)
                configuration = (after, done | {other})
                if after is not None and configuration not in seen:
                    seen.add(configuration)  # type: ignore[arg-type]
                    waiting.append(configuration)  # type: ignore[arg-type]
            if len(seen) > limit:
                raise RuntimeError(f"more than {limit} configurations: the history is too concurrent to decide")
        under_way.discard(index)
        if not possible:
            return Refutation(calls[index], sorted({repr(state) for state, _ in before})[:5])
    return None
