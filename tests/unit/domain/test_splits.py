"""Shares, weights and slots: what is refused, what moves, and whose a key is."""

from __future__ import annotations

import pytest

from greenroom.domain.environments import SLOTS, choose_slot
from greenroom.domain.errors import Invalid
from greenroom.domain.ids import EnvironmentId
from greenroom.domain.splits import (
    Decider,
    Share,
    choose_allocation,
    choose_share,
    choose_sticky_key,
    count_moved,
    decide_weights,
    format_weight,
    join_slots,
    list_slots,
    parse_weight,
    say_weights,
    weights_of,
)

LIVE, B, C = EnvironmentId("env_live"), EnvironmentId("env_b"), EnvironmentId("env_c")
WHOLE = choose_allocation((), {LIVE: SLOTS})


@pytest.mark.parametrize(
    "given, hundredths",
    [(90, 9000), (33.33, 3333), (0, 0), (0.01, 1), (100, 10000), ("10.50", 1050), (0.1, 10), (-0.0, 0)],
)
def test_a_weight_is_read_to_the_hundredth(given: float | str, hundredths: int) -> None:
    assert parse_weight(given, "/shares/0/weight") == hundredths


@pytest.mark.parametrize("given", [33.333, 0.001, 0.1 + 0.2, -1, 100.01, float("nan"), float("inf"), "ten", "", 1e400])
def test_a_weight_of_another_precision_or_range_is_refused_where_it_stands(given: float | str) -> None:
    with pytest.raises(Invalid) as refused:
        parse_weight(given, "/shares/3/weight")
    assert (refused.value.code, refused.value.errors[0].pointer) == ("invalid_weight", "/shares/3/weight")


@pytest.mark.parametrize(
    "wanted, code, pointer",
    [
        ([(LIVE, 9000), (B, 999)], "weights_not_whole", "/shares"),
        ([(LIVE, 9000), (B, 1001)], "weights_not_whole", "/shares"),
        ([], "default_entry_missing", "/shares"),
        ([(B, 10000)], "default_entry_missing", "/shares"),
        ([(LIVE, 5000), (B, 2500), (B, 2500)], "environment_twice", "/shares/2/environment"),
        ([(LIVE, 10000), *((EnvironmentId(f"env_{n}"), 0) for n in range(10))], "too_many_shares", "/shares"),
    ],
)
def test_weights_that_make_no_split_are_refused(
    wanted: list[tuple[EnvironmentId, int]], code: str, pointer: str
) -> None:
    with pytest.raises(Invalid) as refused:
        decide_weights(wanted, LIVE)
    assert (refused.value.code, refused.value.errors[0].pointer) == (code, pointer)


def test_how_much_is_missing_is_said() -> None:
    with pytest.raises(Invalid, match=r"sum to 99\.99 %, not to 100 %: 0\.01 % are missing"):
        decide_weights([(LIVE, 9000), (B, 999)], LIVE)


def test_nobody_goes_to_the_default_environment_where_it_has_nothing() -> None:
    assert decide_weights([(LIVE, 0), (B, SLOTS)], LIVE) == {LIVE: 0, B: SLOTS}
    emptied = choose_allocation(WHOLE, {LIVE: 0, B: SLOTS})
    assert emptied[0].slots == ()
    assert count_moved(WHOLE, emptied) == SLOTS


def test_who_shrinks_gives_up_the_highest_slots_and_who_grows_takes_the_lowest_free_ones() -> None:
    first = choose_allocation(WHOLE, {LIVE: 9000, B: 1000})
    assert first == (Share(LIVE, 9000, ((0, 8999),)), Share(B, 1000, ((9000, 9999),)))
    second = choose_allocation(first, {LIVE: 5000, C: 3000, B: 2000})
    assert second == (
        Share(LIVE, 5000, ((0, 4999),)),
        Share(C, 3000, ((6000, 8999),)),
        Share(B, 2000, ((5000, 5999), (9000, 9999))),
    )
    assert count_moved(first, second) == 4000


def test_the_order_in_which_shares_are_listed_decides_nothing() -> None:
    one = choose_allocation(WHOLE, {LIVE: 2000, B: 5000, C: 3000})
    other = choose_allocation(WHOLE, {C: 3000, B: 5000, LIVE: 2000})
    assert set(one) == set(other)


def test_the_smallest_share_owns_one_slot() -> None:
    _, smallest = choose_allocation(WHOLE, {LIVE: 9999, B: 1})
    assert list_slots(smallest.slots) == [9999]


def test_an_environment_that_leaves_the_split_gives_everything_back() -> None:
    with_b = choose_allocation(WHOLE, {LIVE: 9000, B: 1000})
    assert choose_allocation(with_b, {LIVE: SLOTS}) == WHOLE


def test_the_decider_finds_what_the_formula_and_the_ranges_say() -> None:
    shares = choose_allocation(choose_allocation(WHOLE, {LIVE: 9000, B: 1000}), {LIVE: 5000, B: 2000, C: 3000})
    decider = Decider("salt", [(share.environment, share.slots) for share in shares])
    for number in range(3000):
        key = f"user-{number} ä\U0001f600"
        slot = choose_slot("salt", key)
        owner = choose_share(shares, slot)
        assert owner is not None
        assert decider.choose(key) == (owner.environment, slot)


def test_a_slot_that_nobody_owns_leads_nowhere() -> None:
    decider = Decider("salt", [("a", [(0, 4999)]), ("b", [])])
    assert {decider.choose(f"u{n}")[0] for n in range(100)} == {"a", None}
    assert choose_share((Share(LIVE, 1, ((0, 0),)),), 5) is None


@pytest.mark.parametrize(
    "policy, user, caller, wanted",
    [
        ("user", "ada", "+49", ("ada", "user_id")),
        ("user", None, "+49", ("+49", "caller")),
        ("user", "", "", ("cnv_1", "conversation")),
        ("caller", "ada", "+49", ("+49", "caller")),
        ("caller", "ada", "", ("ada", "user_id")),
        ("caller", None, None, ("cnv_1", "conversation")),
        ("conversation", "ada", "+49", ("cnv_1", "conversation")),
    ],
)
def test_what_a_conversation_sticks_by(policy: str, user: str | None, caller: str | None, wanted: object) -> None:
    assert choose_sticky_key(policy, user, caller, "cnv_1") == wanted  # type: ignore[arg-type]


def test_slots_and_ranges_are_the_same_thing() -> None:
    assert join_slots([0, 1, 2, 5, 7, 8]) == ((0, 2), (5, 5), (7, 8))
    assert list_slots(((0, 2), (5, 5))) == [0, 1, 2, 5]
    assert join_slots([]) == ()


def test_weights_and_shares_in_words() -> None:
    assert [format_weight(w) for w in (9000, 3333, 10, 0, 1)] == ["90 %", "33.33 %", "0.1 %", "0 %", "0.01 %"]
    shares = choose_allocation(WHOLE, {LIVE: 9000, B: 1000})
    assert say_weights(weights_of(shares), {LIVE: "live"}) == "live 90 %, env_b 10 %"
