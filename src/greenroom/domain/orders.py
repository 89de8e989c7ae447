"""Orders of keyed lists merged: what both sides moved, and where the elements of one side alone belong."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

MAX_REORDERED: Final = 1_000
"""Elements of a list that both sides reordered; every pair is looked at, so longer lists are a conflict."""


def merge_orders(base: Sequence[str], ours: Sequence[str], theirs: Sequence[str]) -> list[str] | None:
    """Returns the order that makes both sides' moves, None where they contradict each other.

    `ours` and `theirs` hold the same keys, `base` those of them that it knew. Each pair of keys stands as
    the side has it that turned it round; moves contradict each other when no order has all pairs so.
    """
    if ours == theirs or (base == theirs and len(base) == len(ours)):
        return list(ours)
    if base == ours:
        return list(theirs)
    if len(ours) > MAX_REORDERED:
        return None
    in_base = {key: place for place, key in enumerate(base)}
    in_theirs = {key: place for place, key in enumerate(theirs)}
    wins = dict.fromkeys(ours, 0)
    for place, first in enumerate(ours):
        for second in ours[place + 1 :]:
            if in_theirs[first] < in_theirs[second]:
                wins[first] += 1
            elif first not in in_base or second not in in_base:
                return None
            else:
                # The sides differ, so one of them turned the pair round: the one that is not as the base.
                wins[first if in_base[first] > in_base[second] else second] += 1
    order = sorted(wins, key=lambda key: -wins[key])
    # Only when the pairs form an order has each key a number of wins of its own.
    return order if len(set(wins.values())) == len(wins) else None


def place_additions(core: Sequence[str], ours: Sequence[str], theirs: Sequence[str]) -> list[str]:
    """Returns `core` with the keys that only one side has, each run after the core key it follows there.

    Two runs after the same key come in the order of their first keys, so that neither side is preferred.
    """
    known = set(core)
    runs: dict[str | None, list[list[str]]] = {}
    for side in (ours, theirs):
        anchor: str | None = None
        run: list[str] = []
        for key in side:
            if key in known:
                anchor, run = key, []
            else:
                if not run:
                    runs.setdefault(anchor, []).append(run)
                run.append(key)
    result: list[str] = []
    for key in (None, *core):
        if key is not None:
            result.append(key)
        for run in sorted(runs.get(key, ())):
            result.extend(run)
    return result
