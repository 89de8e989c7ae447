"""Which version answers a running conversation (R14), and the serving stack (R13)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greenroom.domain.environments import Arm, full_arm
from greenroom.domain.ids import EnvironmentId, PrincipalId, ReleaseId
from greenroom.domain.releases import (
    InFlight,
    Operation,
    Policy,
    Release,
    choose_answering,
    choose_pop,
    walk_stack,
)

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def at(minutes: float) -> datetime:
    return NOON + timedelta(minutes=minutes)


def release(
    seq: int,
    version: int,
    policy: Policy = "finish",
    until: float | None = None,
    *,
    arms: tuple[Arm, ...] | None = None,
    operation: Operation = "promote",
    beneath: int | None = None,
    minute: float | None = None,
) -> Release:
    """A release made at the minute of its seq; `until` is the minute a drain ends."""
    return Release(
        id=ReleaseId(f"rel_{seq}"),
        environment=EnvironmentId("env_1"),
        seq=seq,
        operation=operation,
        from_arms=(),
        to_arms=arms or full_arm(version),
        in_flight=InFlight(policy, None if until is None else at(until)),
        actor=PrincipalId("mem_1"),
        at=at(seq if minute is None else minute),
        reason="",
        beneath=beneath,
    )


def answers(later: Sequence[Release], minute: float, started_with: int = 1, slot: int = 0) -> int:
    """The answer at a minute, when only the releases made until then are known."""
    known = [made for made in later if made.at <= at(minute)]
    return choose_answering(started_with, slot, known, at(minute))


def test_finish_stays_with_the_version_it_began_with() -> None:
    assert answers([], 0) == 1
    assert answers([release(1, 2), release(2, 3)], 100) == 1


def test_switch_moves_at_once() -> None:
    assert answers([release(1, 2, "switch")], 1) == 2


def test_a_later_finish_never_cancels_an_earlier_switch() -> None:
    assert answers([release(1, 2, "switch"), release(2, 3)], 100) == 2


def test_drain_moves_at_its_deadline() -> None:
    later = [release(1, 2, "drain", 30)]
    assert [answers(later, minute) for minute in (1, 29.9, 30, 31)] == [1, 1, 2, 2]


def test_a_later_finish_never_cancels_an_earlier_drain() -> None:
    later = [release(1, 2, "drain", 30), release(10, 3)]
    assert [answers(later, minute) for minute in (10, 29.9, 30, 100)] == [1, 1, 3, 3]


def test_a_drain_that_ended_before_a_release_led_to_what_was_served_then() -> None:
    later = [release(1, 2, "drain", 5), release(10, 3)]
    assert [answers(later, minute) for minute in (5, 10, 100)] == [2, 2, 2]


def test_a_release_at_the_very_deadline_comes_after_it() -> None:
    alone = [release(1, 2, "drain", 30)]
    assert answers(alone, 30) == 2
    assert answers([*alone, release(30, 3)], 30) == 2


def test_a_rollback_moves_conversations_off_the_bad_version_only() -> None:
    back = release(2, 1, "switch", operation="rollback")
    assert answers([release(1, 2), back], 5) == 1
    assert answers([back], 5, started_with=2) == 1


def test_a_drain_that_a_rollback_made_pointless_moves_nobody() -> None:
    later = [release(1, 2, "drain", 30), release(2, 1, "switch", operation="rollback")]
    assert answers(later, 100) == 1


def test_several_drains_each_count() -> None:
    later = [release(1, 2, "drain", 30), release(2, 3, "drain", 10), release(20, 4)]
    # At minute 10 to what was served then, 3; at minute 30 to what is served then, 4.
    assert [answers(later, minute) for minute in (9, 10, 29, 30)] == [1, 3, 3, 4]


def test_an_arm_that_stays_keeps_its_conversations() -> None:
    arms = (Arm(1, ((0, 8_999),)), Arm(2, ((9_000, 9_999),)))
    rollout = release(1, 1, "switch", arms=arms)
    assert answers([rollout], 5, started_with=1, slot=9_500) == 1
    assert answers([rollout], 5, started_with=7, slot=9_500) == 2
    assert answers([rollout], 5, started_with=7, slot=100) == 1


policies = st.sampled_from(("finish", "switch", "drain"))


@st.composite
def histories(draw: st.DrawFn) -> list[Release]:
    """Releases at rising times, with drains that end before, at and after later releases."""
    minutes = sorted(draw(st.lists(st.integers(1, 40), max_size=7, unique=True)))
    made: list[Release] = []
    for seq, minute in enumerate(minutes, 1):
        policy: Policy = draw(policies)
        until = minute + draw(st.integers(0, 20)) if policy == "drain" else None
        made.append(release(seq, draw(st.integers(1, 4)), policy, until, minute=minute))
    return made


def replay(later: Sequence[Release], now: datetime) -> int:
    """The rule told as a story: everything that happened, one thing after the other."""
    happenings: list[tuple[datetime, int, int, Release]] = []
    for made in later:
        happenings.append((made.at, 1, made.seq, made))
        if made.in_flight.drain_until is not None:
            end = made.in_flight.drain_until
            # A deadline comes before a release of the same moment, but not before its own.
            happenings.append((end, 2 if end == made.at else 0, made.seq, made))
    version, served = 1, 1
    for when, what, _, made in sorted(happenings, key=lambda happening: happening[:3]):
        if when > now:
            break
        if what == 1:
            served = made.version
        if what != 1 or made.in_flight.policy == "switch":
            version = served
    return version


@given(histories(), st.integers(0, 70))
def test_the_answer_is_what_the_story_tells(later: list[Release], minute: int) -> None:
    assert answers(later, minute) == replay(later, at(minute))


@given(histories(), st.integers(0, 70), st.integers(1, 9))
def test_a_later_finish_takes_no_move_back(later: list[Release], minute: int, version: int) -> None:
    known = [made for made in later if made.at <= at(minute)]
    finish = release(99, version, minute=minute)
    assert answers([*known, finish], minute) == answers(known, minute)


@given(histories())
def test_the_version_changes_only_at_a_switch_or_a_deadline(later: list[Release]) -> None:
    moments = {made.at for made in later if made.in_flight.policy == "switch"}
    moments |= {made.in_flight.drain_until for made in later if made.in_flight.drain_until is not None}
    track = [(at(minute), answers(later, minute)) for minute in range(70)]
    for (_, before), (moment, now) in pairwise(track):
        assert now == before or moment in moments


# ── the serving stack ────────────────────────────────────────────────────────────────────────────────────────


class History:
    """An environment's releases, each told what lies beneath by the domain."""

    def __init__(self) -> None:
        self.releases: dict[int, Release] = {}

    @property
    def top(self) -> Release:
        return self.releases[max(self.releases)]

    @property
    def stack(self) -> list[int]:
        return [entry.version for entry in walk_stack(self.top, self.releases.__getitem__)]

    def push(self, version: int) -> None:
        beneath = max(self.releases, default=None)
        seq = len(self.releases) + 1
        self.releases[seq] = release(seq, version, beneath=beneath)

    def roll_back(self, version: int | None = None) -> tuple[int, ...]:
        target = version if version is not None else self.stack[1]
        beneath, taken = choose_pop(self.top, target, self.releases.__getitem__)
        seq = len(self.releases) + 1
        self.releases[seq] = release(seq, target, "switch", operation="rollback", beneath=beneath)
        return taken


def history(*versions: int) -> History:
    made = History()
    for version in versions:
        made.push(version)
    return made


def test_rolling_back_twice_never_brings_the_bad_version_back() -> None:
    made = history(1, 2, 3)
    assert made.roll_back() == (3,)
    assert made.stack == [2, 1]
    assert made.roll_back() == (2,)
    assert made.stack == [1]


def test_a_rollback_may_skip_versions_and_says_which() -> None:
    made = history(1, 2, 3, 4)
    assert made.roll_back(2) == (4, 3)
    assert made.stack == [2, 1]


def test_undoing_a_rollback_pushes_the_version_again() -> None:
    made = history(1, 2)
    made.roll_back()
    assert made.roll_back(2) == ()
    assert made.stack == [2, 1]
    assert made.roll_back() == (2,)
    assert made.stack == [1]


def test_the_highest_entry_of_a_version_is_meant() -> None:
    made = history(1, 2, 1, 3)
    assert made.roll_back(1) == (3,)
    assert made.stack == [1, 2, 1]


def test_the_stack_is_read_only_as_far_as_asked() -> None:
    made = history(*range(1, 101))
    loaded: list[int] = []

    def load(seq: int) -> Release:
        loaded.append(seq)
        return made.releases[seq]

    walk = walk_stack(made.top, load)
    assert [next(walk).version, next(walk).version] == [100, 99]
    assert loaded == [99]
    assert list(walk_stack(None, load)) == []


@given(st.lists(st.one_of(st.integers(1, 5), st.just("back"), st.integers(-5, -1)), max_size=12))
def test_the_records_keep_the_stack(steps: list[int | str]) -> None:
    made, model = history(9), [9]
    for step in steps:
        if step == "back":
            if len(model) > 1:
                made.roll_back()
                del model[0]
        elif isinstance(step, int) and step > 0:
            made.push(step)
            model.insert(0, step)
        elif isinstance(step, int) and -step != model[0]:
            made.roll_back(-step)
            if -step in model:
                del model[: model.index(-step)]
            else:
                model.insert(0, -step)
        assert made.stack == model


@pytest.mark.parametrize("versions,target,taken", [((1, 2, 2, 3), 1, (3, 2)), ((1, 2, 3, 2), 1, (2, 3))])
def test_each_version_is_taken_back_once(versions: tuple[int, ...], target: int, taken: tuple[int, ...]) -> None:
    assert history(*versions).roll_back(target) == taken
