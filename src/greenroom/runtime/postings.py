"""Which passages have a feature, and how much of it: built whole, or from a former one of which most passages stay.

Both ways give the same lists. What a change costs follows the arrays' length at memory's speed, and what is new.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]
Longs = NDArray[np.int64]
NEW = -1


@dataclass(frozen=True, slots=True)
class Postings:
    """For each feature the places that have it, rising, and its amount in each."""

    numbers: dict[str, int] = field(repr=False)
    """Feature → its number. Shared with what is built from it: names are only added; an unused one has no place."""
    bounds: Longs
    places: Ints
    amounts: Floats

    def of(self, name: str) -> tuple[Ints, Floats] | None:
        """Returns where a feature is, None where it is nowhere."""
        start, end = self._span(name)
        return None if start == end else (self.places[start:end], self.amounts[start:end])

    def count(self, name: str) -> int:
        """Returns how many passages have a feature."""
        start, end = self._span(name)
        return end - start

    def names(self) -> list[str]:
        """Returns the features that some passage has."""
        used = np.diff(self.bounds) > 0
        return [name for name, number in self.numbers.items() if number < len(used) and used[number]]

    def with_amounts(self, amounts: Floats) -> Postings:
        """Returns the same lists with other amounts."""
        return Postings(self.numbers, self.bounds, self.places, amounts)

    def _span(self, name: str) -> tuple[int, int]:
        number = self.numbers.get(name)
        if number is None or number + 1 >= len(self.bounds):
            return 0, 0
        return int(self.bounds[number]), int(self.bounds[number + 1])


def build_postings(
    rows: Sequence[Mapping[str, float]], before: Postings | None = None, kept: Sequence[int] = ()
) -> Postings:
    """Returns the lists of rows. With `before`, `kept` says of each row which place it had there, or NEW."""
    if before is None:
        entries = _entries(rows, range(len(rows)), {})
        return _sorted(*entries, len(rows))
    was = np.asarray(kept, dtype=np.int64)
    stay = np.flatnonzero(was != NEW)
    moved = np.full(max(int(was.max(initial=0)), int(before.places.max(initial=0))) + 1, NEW, dtype=np.int64)
    moved[was[stay]] = stay
    fresh = [place for place, old in enumerate(kept) if old == NEW]
    numbers, new_numbers, new_places, new_amounts = _entries([rows[at] for at in fresh], fresh, before.numbers)
    old_numbers = np.repeat(np.arange(len(before.bounds) - 1), np.diff(before.bounds))
    places = moved[before.places]
    here = places != NEW
    all_numbers = np.concatenate((old_numbers[here], new_numbers))
    all_places = np.concatenate((places[here], new_places))
    amounts = np.concatenate((before.amounts[here], new_amounts))
    if np.any(np.diff(was[stay]) < 0):
        return _sorted(numbers, all_numbers, all_places, amounts, len(rows))
    # Both parts are in order, so that the second is only slipped in.
    keys, count = all_numbers * max(len(rows), 1) + all_places, int(here.sum())
    order = np.argsort(keys[count:], kind="stable")
    where = np.searchsorted(keys[:count], keys[count:][order])
    return Postings(
        numbers,
        _bounds(numbers, all_numbers),
        np.insert(all_places[:count].astype(np.int32), where, all_places[count:][order].astype(np.int32)),
        np.insert(amounts[:count], where, amounts[count:][order]),
    )


def _entries(
    rows: Sequence[Mapping[str, float]], places: Sequence[int], numbers: dict[str, int]
) -> tuple[dict[str, int], Longs, Longs, Floats]:
    """Returns every (feature, place, amount) of rows, in their order; features that are new get a number."""
    for row in rows:
        for name in row:
            if name not in numbers:
                numbers[name] = len(numbers)
    sizes = [len(row) for row in rows]
    total = sum(sizes)
    found = np.fromiter((numbers[name] for name in chain.from_iterable(rows)), np.int64, total)
    amounts = np.fromiter(chain.from_iterable(row.values() for row in rows), np.float64, total)
    return numbers, found, np.repeat(np.asarray(places, dtype=np.int64), sizes), amounts


def _sorted(numbers: dict[str, int], found: Longs, places: Longs, amounts: Floats, size: int) -> Postings:
    order = np.argsort(found * max(size, 1) + places, kind="stable")
    return Postings(numbers, _bounds(numbers, found), places[order].astype(np.int32), amounts[order])


def _bounds(numbers: Mapping[str, int], found: Longs) -> Longs:
    counts = np.bincount(found, minlength=len(numbers))
    return np.concatenate((np.zeros(1, dtype=np.int64), np.cumsum(counts)))
