"""Writes tests/golden/traffic.json: python -m tests.golden.traffic

The file is a promise to other languages: once released, no line of it changes; new ones may be added behind.
"""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

from greenroom.domain.environments import SLOTS, choose_slot
from greenroom.domain.ids import EnvironmentId
from greenroom.domain.splits import Share, choose_allocation, count_moved

FILE = Path(__file__).with_suffix(".json")
SALTS = (
    "",
    "s",
    "0123456789abcdef0123456789abcdef01234567",
    "Übersalz \U0001f9c2",
    "a\0b",
    "x" * 127,
    "x" * 128,
    "y" * 300,
)
ODD_KEYS = (
    "", " ", "0", "a", "A", "user-1", "user-1 ", "+4915112345678", "ada@example.com", "cnv_0mwq3jpn93njf5fjw6p4kd",
    "ä", "a\u0308", "\u212b", "ß", "日本語", "\U0001f600", "\u202eabc", "\ufeff", "\0", "a\0b", "\n",
    "\ud7ff\ue000\U0010ffff",
    "k" * 126, "k" * 127, "k" * 128, "k" * 129, "k" * 255, "k" * 256, "k" * 1000,
)  # fmt: skip
EDITS: tuple[tuple[dict[str, int], ...], ...] = (
    ({"live": 10000},),
    (
        {"live": 9900, "b": 100},
        {"live": 9500, "b": 500},
        {"live": 8000, "b": 2000},
        {"live": 5000, "b": 5000},
        {"live": 0, "b": 10000},
    ),
    ({"live": 9999, "b": 1}, {"live": 10000, "b": 0}, {"live": 9999, "b": 1}),
    ({"live": 1000, "b": 8000, "c": 1000}, {"live": 2000, "b": 7000, "c": 1000}, {"live": 1000, "b": 8000, "c": 1000}),
    ({"live": 3334, "b": 3333, "c": 3333}, {"c": 3334, "b": 3333, "live": 3333}),
    (
        {"live": 5000, "b": 5000},
        {"live": 5000, "c": 5000},
        {"c": 10000, "live": 0},
        {"b": 2500, "c": 2500, "é": 2500, "live": 2500},
    ),
    tuple({"live": 10000 - 1111 * n, **{f"arm-{k}": 1111 for k in range(n)}} for n in (1, 3, 9, 2, 8)),
)


def vectors() -> list[dict[str, Any]]:
    """Returns keys with their slots: odd ones with every salt, and plain ones."""
    pairs = [(salt, key) for salt in SALTS for key in ODD_KEYS]
    pairs += [(SALTS[2], f"user-{number}") for number in range(600 - len(pairs))]
    return [{"salt": salt, "key": key, "slot": choose_slot(salt, key)} for salt, key in pairs]


def allocations() -> list[dict[str, Any]]:
    """Returns edits, one after the other, each from what the one before left: the listed ones and drawn ones."""
    dice = random.Random(4711)
    drawn = [[draw(dice) for _ in range(6)] for _ in range(8)]
    found: list[dict[str, Any]] = []
    for edits in (*EDITS, *drawn):
        old = choose_allocation((), {EnvironmentId("live"): SLOTS})
        for weights in edits:
            new = choose_allocation(old, {EnvironmentId(one): weight for one, weight in weights.items()})
            found.append({"old": write(old), "weights": weights, "new": write(new), "moved": count_moved(old, new)})
            old = new
    return found


def draw(dice: random.Random) -> dict[str, int]:
    """Returns weights of some environments."""
    names = dice.sample(["live", "b", "c", "d", "e", "f"], dice.randint(1, 6))
    cuts = sorted(dice.randint(0, SLOTS) for _ in names[1:])
    return {name: end - begin for name, begin, end in zip(names, [0, *cuts], [*cuts, SLOTS], strict=True)}


def write(shares: tuple[Share, ...]) -> list[dict[str, Any]]:
    """Returns shares as JSON."""
    return [{"environment": s.environment, "weight": s.weight, "slots": [list(r) for r in s.slots]} for s in shares]


def text() -> str:
    """Returns the file: one vector in a line."""
    parts = [f'"{name}": [\n{lines(found)}\n]' for name, found in (("keys", vectors()), ("edits", allocations()))]
    return '{\n"slots": 10000,\n' + ",\n".join(parts) + "\n}\n"


def lines(found: list[dict[str, Any]]) -> str:
    return ",\n".join(json.dumps(one, separators=(",", ":")) for one in found)


if __name__ == "__main__":
    FILE.write_text(text())
