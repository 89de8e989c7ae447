"""What one environment is, as a single object with reads, promotions and rollbacks: written from R13 and R15."""

from __future__ import annotations

from typing import Any, NamedTuple


class Register(NamedTuple):
    """The sequence, the serving stack and every version ever served."""

    seq: int
    stack: tuple[int, ...]
    ever: frozenset[int]

    def put(self, version: int) -> Register:
        """Returns the register after a release: on the stack it pops, elsewhere it pushes."""
        if version in self.stack:
            stack = self.stack[: self.stack.index(version) + 1]
        else:
            stack = (*self.stack, version)
        return Register(self.seq + 1, stack, self.ever | {version})


def step(state: Register, asked: tuple[Any, ...], answer: tuple[Any, ...] | None) -> Register | None:
    """Returns the register after a call; None where this register would not have answered so.

    Answers are `("ok", seq, version)`, `("stale_sequence", seq)`, or one word for another refusal.
    """
    what, version, expected = asked
    if what == "read":
        return state if answer is None or answer == ("ok", state.seq, state.stack[-1]) else None
    target = version if version is not None else (state.stack[-2] if len(state.stack) > 1 else None)
    refusals = _refusals(state, what, target, expected)
    if answer is None:
        return state if refusals or target is None else state.put(target)
    if refusals or target is None:
        # Each refusal that is true may be the one that is said.
        return state if answer in refusals else None
    after = state.put(target)
    return after if answer == ("ok", after.seq, target) else None


def _refusals(state: Register, what: str, target: int | None, expected: int | None) -> set[tuple[Any, ...]]:
    refusals: set[tuple[Any, ...]] = set()
    if expected is not None and expected != state.seq:
        refusals.add(("stale_sequence", state.seq))
    if target is None:
        refusals.add(("nothing_beneath",))
    elif target == state.stack[-1]:
        refusals.add(("already_served",))
    elif what == "roll_back" and target not in state.ever:
        refusals.add(("never_served",))
    return refusals
