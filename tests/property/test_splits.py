"""Assignment (reliability check 9): who moves when weights change, how even shares are, and what knows of what.

The small profile has 100,000 keys, the long one a million. Keys and salts are fixed: a failure is a finding, not luck.
"""

from __future__ import annotations

import json
from array import array
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from itertools import accumulate, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greenroom.domain.environments import SLOTS, choose_slot
from greenroom.domain.ids import EnvironmentId
from greenroom.domain.splits import (
    WHOLE,
    Decider,
    Share,
    choose_allocation,
    choose_share,
    count_moved,
    join_slots,
    list_slots,
    weights_of,
)
from tests.conftest import PROFILE
from tests.property.chi_square import fit, independence, tail

KEYS = 1_000_000 if PROFILE == "long" else 100_000
SALTS = [f"salt-{number}" for number in range(20)]
UNLIKELY = 0.0005
"""The p-value below which a share is not what it should be (reliability check 9)."""

Weights = dict[EnvironmentId, int]
Allocate = Callable[[Sequence[Share], Mapping[EnvironmentId, int]], tuple[Share, ...]]
NAMES = [EnvironmentId(f"env_{letter}") for letter in "abcdefghij"]
A, B, C = NAMES[:3]
ALL_A = choose_allocation((), {A: SLOTS})


@st.composite
def weights(draw: st.DrawFn) -> Weights:
    """Draws the weights of 1 to 10 environments in any order, with many zeros, ones and twins among them."""
    names = draw(st.permutations(NAMES).map(lambda all_: all_[: draw(st.integers(1, 10))]))
    cut = st.integers(0, SLOTS) | st.sampled_from([0, 1, 1000, 5000, SLOTS - 1, SLOTS])
    cuts = sorted(draw(st.lists(cut, min_size=len(names) - 1, max_size=len(names) - 1)))
    return {name: end - begin for name, (begin, end) in zip(names, pairwise([0, *cuts, SLOTS]), strict=True)}


@cache
def keys_at(salt: str) -> array[int]:
    """Returns the slot of every key."""
    return array("H", (choose_slot(salt, f"user-{number}") for number in range(KEYS)))


def owners(shares: Sequence[Share]) -> list[EnvironmentId]:
    """Returns the owner of every slot; fails where there are none or two."""
    table: dict[int, EnvironmentId] = {}
    for share in shares:
        for slot in list_slots(share.slots):
            assert slot not in table, f"slot {slot} is owned twice"
            table[slot] = share.environment
    assert sorted(table) == list(range(SLOTS)), "not every slot is owned"
    return [table[slot] for slot in range(SLOTS)]


def half_of_differences(old: Mapping[EnvironmentId, int], new: Mapping[EnvironmentId, int]) -> int:
    total = sum(abs(old.get(name, 0) - new.get(name, 0)) for name in {*old, *new})
    assert total % 2 == 0
    return total // 2


def cumulative(_: Sequence[Share], wanted: Mapping[EnvironmentId, int]) -> tuple[Share, ...]:
    """The way of flag systems, planted here: one range after the other."""
    ends = list(accumulate(wanted.values()))
    spans = zip(wanted.items(), [0, *ends[:-1]], ends, strict=True)
    return tuple(Share(name, weight, join_slots(range(begin, end))) for (name, weight), begin, end in spans)


def check_edit(allocate: Allocate, old: Sequence[Share], wanted: Weights) -> tuple[Share, ...]:
    """Holds one edit against everything that is promised of it; returns what came of it."""
    new = allocate(old, wanted)
    before, after = owners(old), owners(new)
    assert weights_of(new) == wanted
    assert all(len(list_slots(share.slots)) == share.weight for share in new)
    assert all(a[1] + 1 < b[0] for share in new for a, b in pairwise(share.slots)), "ranges meet or are unsorted"
    moved = [slot for slot in range(SLOTS) if before[slot] != after[slot]]
    assert len(moved) == count_moved(old, new) == half_of_differences(weights_of(old), wanted), "not the fewest move"
    grew = {name for name, weight in wanted.items() if weight > weights_of(old).get(name, 0)}
    assert {after[slot] for slot in moved} <= grew, "a key was moved to a share that did not grow"
    assert not {before[slot] for slot in moved} & grew, "a key was taken from a share that grew"
    return new


def check_keys(allocate: Allocate, edits: Sequence[Weights], salt: str) -> None:
    """Holds edits, one after the other, against what becomes of every key."""
    keys, shares = keys_at(salt), ALL_A
    for wanted in edits:
        new = allocate(shares, wanted)
        before, after = owners(shares), owners(new)
        flipped = sum(before[slot] != after[slot] for slot in keys)
        least = half_of_differences(weights_of(shares), wanted) / SLOTS
        # Six standard deviations: the slots that move hold that part of the keys, and no more.
        slack = 6 * (KEYS * least * (1 - least)) ** 0.5
        assert abs(flipped - KEYS * least) <= slack, f"{flipped} of {KEYS} keys flipped, not {KEYS * least:.0f}"
        shares = new


@given(st.lists(weights(), min_size=1, max_size=4))
def test_any_edits_keep_the_slots_a_partition_and_move_the_fewest(edits: list[Weights]) -> None:
    shares = ALL_A
    for wanted in edits:
        shares = check_edit(choose_allocation, shares, wanted)


@given(weights(), weights())
def test_the_same_weights_again_move_nobody(first: Weights, other: Weights) -> None:
    shares = choose_allocation(choose_allocation(ALL_A, other), first)
    assert set(choose_allocation(shares, dict(reversed(first.items())))) == set(shares)


EDITS: list[Weights] = [
    {A: 1000, B: 8000, C: 1000},
    {A: 2000, B: 8000, C: 0},
    {A: 2000, B: 7000, C: 1000},
    {A: 5000, B: 5000},
    {A: 3333, B: 3333, C: 3334},
]


def test_the_fewest_possible_keys_move() -> None:
    check_keys(choose_allocation, EDITS, SALTS[0])


def test_cumulative_ranges_would_be_caught() -> None:
    with pytest.raises(AssertionError, match="keys flipped"):
        check_keys(cumulative, EDITS, SALTS[0])
    old = cumulative((), {A: 1000, B: 8000, C: 1000})
    with pytest.raises(AssertionError, match="not the fewest move"):
        check_edit(cumulative, old, {A: 2000, B: 8000, C: 0})


def test_no_key_flips_at_equal_weights_nor_when_everything_is_read_anew() -> None:
    shares = choose_allocation(choose_allocation(ALL_A, EDITS[0]), EDITS[4])
    again = choose_allocation(shares, EDITS[4])
    kept = json.loads(json.dumps([[share.environment, share.slots] for share in again]))
    first = Decider(SALTS[0], [(share.environment, share.slots) for share in shares])
    other = Decider(SALTS[0], [(name, [(a, b) for a, b in ranges]) for name, ranges in kept])
    for number in range(KEYS // 10):
        assert first.choose(f"user-{number}") == other.choose(f"user-{number}")
    assert owners(again) == owners(shares)


def test_a_growing_arm_keeps_all_its_keys() -> None:
    keys, shares = keys_at(SALTS[1]), ALL_A
    mine: set[int] = set()
    for percent in (1, 5, 20, 50, 100):
        shares = choose_allocation(shares, {A: SLOTS - percent * 100, B: percent * 100})
        table = owners(shares)
        now = {number for number, slot in enumerate(keys) if table[slot] == B}
        assert mine < now, f"keys left the growing arm at {percent} %"
        mine = now
    assert len(mine) == KEYS


def test_nothing_gets_nobody_and_the_least_gets_somebody() -> None:
    shares = choose_allocation(ALL_A, {A: 9999, B: 1, C: 0})
    table = owners(shares)
    for salt in SALTS:
        seen = Counter(table[slot] for slot in keys_at(salt))
        assert seen[C] == 0
        assert seen[B] > 0, salt


def test_shares_are_as_large_as_their_weights() -> None:
    wanted: Weights = {A: 9000, B: 900, C: 100}
    edited = choose_allocation(choose_allocation(ALL_A, {A: 2000, B: 8000}), wanted)
    table, names = owners(edited), list(wanted)
    fits = []
    for salt in SALTS:
        seen = Counter(table[slot] for slot in keys_at(salt))
        fits.append(fit([seen[name] for name in names], [wanted[name] for name in names]))
    assert sum(chance >= UNLIKELY for chance in fits) >= 19, fits


def chances_of_independence(salt_of_rollout: Callable[[str], str]) -> list[float]:
    """Returns how likely the arms of a rollout inside the shares of a split are, were they nothing to one another."""
    split = owners(choose_allocation(ALL_A, {A: 7000, B: 2000, C: 1000}))
    rollout = owners(choose_allocation(ALL_A, {A: 9000, B: 1000}))
    found = []
    for salt in SALTS[:5]:
        pairs = zip(keys_at(salt), keys_at(salt_of_rollout(salt)), strict=True)
        seen = Counter((split[one], rollout[other]) for one, other in pairs)
        found.append(independence([[seen[share, arm] for arm in (A, B)] for share in (A, B, C)]))
    return found


def test_the_split_says_nothing_about_a_rollout() -> None:
    assert min(chances_of_independence(lambda salt: SALTS[SALTS.index(salt) + 5])) >= UNLIKELY


def test_one_salt_for_both_would_be_caught() -> None:
    assert max(chances_of_independence(lambda salt: salt)) < UNLIKELY


def test_slots_and_the_decider_agree_with_looking_back() -> None:
    shares = choose_allocation(choose_allocation(ALL_A, EDITS[0]), EDITS[4])
    decider = Decider(SALTS[2], [(share, share.slots) for share in shares])
    for number in range(2_000):
        share, slot = decider.choose(f"user-{number}")
        assert share is choose_share(shares, slot)
    assert Decider("", [("all", WHOLE)]).choose("x")[0] == "all"


@pytest.mark.parametrize(
    "statistic, freedom, chance",
    [(3.841459, 1, 0.05), (5.991465, 2, 0.05), (7.814728, 3, 0.05), (20.515006, 5, 0.001), (18.307038, 10, 0.05)],
)
def test_the_tail_is_that_of_the_tables(statistic: float, freedom: int, chance: float) -> None:
    assert tail(statistic, freedom) == pytest.approx(chance, rel=1e-4)
