"""Counting conversations: the same on every store, public ones only, by where they began."""

from __future__ import annotations

import random
from dataclasses import fields, is_dataclass, replace
from datetime import timedelta
from typing import Any

import pytest

from greenroom.domain.conversations import OUTCOMES, Conversation
from greenroom.domain.ids import EnvironmentId
from greenroom.domain.intervals import UnitSums
from greenroom.domain.records import Record
from greenroom.domain.releases import InFlight
from greenroom.domain.results import ArmScope, ArmSums, Group, OutcomeCount, ScoreCount, Scores, Slice
from greenroom.ports import Reading, Store, Writing
from greenroom.storage.memory import MemoryStore
from tests.contract.storage.samples import (
    A,
    at,
    b_environment,
    conversation,
    make_project,
    make_workspaces,
    project,
    record,
    release,
    turn,
)

P = project().id
LIVE, B = EnvironmentId("env_live_1"), EnvironmentId("env_b_1")
ALL = Slice(at(-86_400), at(86_400 * 9), idle_before={"chat": at(1_000), "voice": at(3_000)})
FEEDBACK = Scores("feedback")
KIND = Scores("evaluation_result", "kind")
ANYWHERE = [ArmScope(None, None)]


def came(t: Reading, where: Slice = ALL) -> ArmSums:
    return t.sum_arms(P, where, ANYWHERE, [None])[0][0]


def talk(name: str, **changes: Any) -> Conversation:
    return conversation(name, **{"turns": 3, "ended_at": at(5), "outcome": "contained", "sticky_key": name, **changes})


async def put(store: Store, *talks: Conversation, records: tuple[Record, ...] = ()) -> None:
    await make_project(store)

    def work(t: Writing) -> None:
        t.insert_environment(b_environment())
        for each in talks:
            t.insert_conversation(each)
        for each in records:
            t.put_record(each)

    await store.write(A, work)


def rated(key: str, whose: str, score: int, scale: str, comment: str = "") -> Record:
    return record(key, "feedback", whose, body={"score": score, "scale": scale, "comment": comment, "turn": None})


def judged(whose: str, score: float, name: str = "kind") -> Record:
    return record(f"{name}/{whose}", "evaluation_result", name, body={"score": score, "scale": "share", "reason": "so"})


async def test_public_conversations_are_counted_by_where_they_began_and_how_they_stand(store: Store) -> None:
    await put(
        store,
        talk("a"),
        talk("b", turns=1),
        talk("c", outcome="running", ended_at=None, last_at=at(999)),
        talk("d", outcome="running", ended_at=None, last_at=at(1_000)),
        talk("e", environment=B, started_version=2),
        talk("early", started_at=at(-90_000)),
        talk("test", origin="test"),
        talk("replay", origin="replay"),
    )
    found = await store.read(A, lambda t: t.count_outcomes(P, ALL))
    live, b = Group(LIVE, 1, "chat"), Group(B, 2, "chat")
    assert set(found) == {
        OutcomeCount(live, "contained", True, 2, 0, 2),
        OutcomeCount(live, "running", True, 1, 0, 2),
        OutcomeCount(live, "running", False, 1, 0, 2),
        OutcomeCount(b, "contained", True, 1, 0, 2),
    }
    found = await store.read(A, came)
    assert (found.conversations, found.keys, found.measured.units) == (5, 5, 4)


async def test_a_slice_is_narrowed_by_everything_it_names(store: Store) -> None:
    await put(
        store,
        talk("a", entry={"by": "split", "slot": 7}),
        talk("b", environment=B, entry={"by": "alias"}),
        talk("c", started_version=2, entry={}),
        talk("d", channel="voice"),
    )
    for changes, wanted in (
        ({"environment": B}, 1),
        ({"version": 2}, 1),
        ({"channel": "voice"}, 1),
        ({"entry": "split"}, 2),
        ({"entry": "spl"}, 0),
        ({"without": ("alias",)}, 3),
        ({"without": ("alias", "split")}, 1),
        ({"without": ("spl",)}, 4),
        ({"since": at(0), "until": at(1)}, 4),
        ({"until": at(0)}, 0),
        ({"environment": B, "version": 2}, 0),
    ):
        where = replace(ALL, **changes)
        assert (await store.read(A, lambda t, w=where: came(t, w))).keys == wanted, changes


async def test_time_is_cut_into_buckets_that_begin_on_the_hour_in_utc(store: Store) -> None:
    await put(store, talk("a"), talk("b", started_at=at(1)), talk("c", started_at=at(3_600)), talk("d"))
    found = await store.read(A, lambda t: t.count_outcomes(P, ALL, 3_600))
    hour = at(0).replace(minute=0, second=0, microsecond=0)
    # START is one second before the hour.
    assert [(one.group.at, one.count) for one in found] == [(hour, 2), (hour + timedelta(hours=1), 2)]
    days = await store.read(A, lambda t: t.count_outcomes(P, ALL, 86_400))
    assert [(one.group.at, one.count) for one in days] == [(hour.replace(hour=0), 4)]


async def test_a_conversation_that_another_version_answered_is_moved(store: Store) -> None:
    await put(store, talk("stayed"), talk("moved", last_at=at(20)), talk("before", last_at=at(9)))

    def work(t: Writing) -> None:
        t.insert_release(release(1, 1))
        t.insert_release(release(2, 2, at=at(10), in_flight=InFlight("switch")))
        t.insert_turn(turn(1, "stayed"))
        for index, version in ((1, 1), (2, 2), (3, 1)):
            t.insert_turn(turn(index, "moved", version=version))

    await store.write(A, work)
    found = await store.read(A, lambda t: t.count_outcomes(P, ALL))
    assert [(one.count, one.moved) for one in found] == [(3, 1)]
    assert (await store.read(A, came)).moved == 1


async def test_scores_are_means_by_conversation(store: Store) -> None:
    odd = 'He said "scale":"stars","score":5 \\ "'
    await put(
        store,
        talk("a"),
        talk("b"),
        talk("c", environment=B),
        talk("none"),
        talk("test", origin="test"),
        records=(
            rated("1", "a", -1, "thumbs", odd),
            rated("2", "a", 5, "stars"),
            rated("3", "b", 1, "thumbs"),
            rated("4", "c", 2, "stars"),
            rated("5", "test", 1, "thumbs"),
            judged("a", 1),
            judged("b", 0.25),
            judged("a", 0, "other"),
            judged("test", 1),
            judged("gone", 1),
            record("kind/none", "evaluation_result", "kind", body={"error": "no score"}),
        ),
    )
    found = await store.read(A, lambda t: t.count_scores(P, ALL, FEEDBACK))
    live, b = Group(LIVE, 1, "chat"), Group(B, 1, "chat")
    assert set(found) == {ScoreCount(live, 2, 1.5), ScoreCount(b, 1, 0.25)}
    found = await store.read(A, lambda t: t.count_scores(P, ALL, KIND))
    assert found == (ScoreCount(live, 2, 1.25),)
    assert await store.read(A, lambda t: t.count_scores(P, ALL, Scores("evaluation_result", "kin"))) == ()
    arms = [ArmScope(B, None), ArmScope(LIVE, 1)]
    sums = await store.read(A, lambda t: t.sum_scores(P, ALL, arms, KIND))
    assert sums == (UnitSums(), UnitSums(2, 2, 1.25, 1.0625, 1.25, 2))
    sums = await store.read(A, lambda t: t.sum_scores(P, ALL, arms, FEEDBACK))
    assert sums == (UnitSums(1, 1, 0.25, 0.0625, 0.25, 1), UnitSums(2, 2, 1.5, 1.25, 1.5, 2))


async def test_units_are_traffic_keys_and_an_erased_one_counts_for_itself(store: Store) -> None:
    await put(
        store,
        talk("a", sticky_key="ann"),
        talk("b", sticky_key="ann", outcome="handed_off"),
        talk("c", sticky_key="ann", turns=2),
        talk("d", sticky_key=""),
        talk("e", sticky_key="", outcome="running"),
        talk("f", sticky_key="bob", outcome="running", ended_at=None, last_at=at(2_000)),
    )
    measures: list[Any] = ["contained", "abandoned", None]
    found = await store.read(A, lambda t: t.sum_arms(P, ALL, ANYWHERE, measures))
    read: dict[Any, ArmSums] = {measure: one[0] for measure, one in zip(measures, found, strict=True)}
    assert read["contained"] == ArmSums(6, 4, 0, UnitSums(3, 5, 3, 5, 7, 11))
    assert read["abandoned"] == ArmSums(6, 4, 0, UnitSums(3, 5, 1, 1, 1, 11))
    assert read[None] == ArmSums(6, 4, 0, UnitSums(3, 5, 9, 33, 19, 11))
    arms = [ArmScope(LIVE, 9), ArmScope(None, 1), ArmScope(B, 3)]
    contained = await store.read(A, lambda t: t.sum_arms(P, ALL, arms, ["contained"]))
    assert contained == ((ArmSums(), read["contained"], ArmSums()),)


async def test_latencies_are_of_answers_by_the_version_it_began_with_latest_first(store: Store) -> None:
    await put(store, talk("a"), talk("b", started_at=at(5)), talk("test", origin="test"))

    def work(t: Writing) -> None:
        for whose in ("a", "b", "test"):
            for index in range(4):
                version = 2 if (whose, index) == ("b", 3) else 1
                trace = {"latency_ms": {"total": 10.0 * index, "begin": 1}} if index < 3 else {}
                t.insert_turn(turn(index, whose, version=version, trace=trace))

    await store.write(A, work)
    found = await store.read(A, lambda t: t.list_latencies(P, ALL, 10))
    assert [(one.conversation, one.key, one.ms) for one in found] == [
        ("b", "b", 20.0),
        ("b", "b", 10.0),
        ("a", "a", 20.0),
        ("a", "a", 10.0),
    ]
    assert [one.ms for one in await store.read(A, lambda t: t.list_latencies(P, ALL, 1))] == [20.0]


def everything(t: Reading) -> list[Any]:
    slices = [ALL, replace(ALL, environment=B, entry="split"), replace(ALL, version=2, channel="voice")]
    found: list[Any] = []
    for where in slices:
        for bucket in (None, 3_600, 86_400):
            found += [t.count_outcomes(P, where, bucket), t.count_scores(P, where, FEEDBACK, bucket)]
        for arms in (ANYWHERE, [ArmScope(LIVE, None), ArmScope(B, 2)], [ArmScope(None, n) for n in (2, 1)]):
            found += t.sum_arms(P, where, arms, [*OUTCOMES, None])
            found += [t.sum_scores(P, where, arms, scores) for scores in (FEEDBACK, KIND)]
        found.append(t.list_latencies(P, where, 40))
    return found


def ordered(found: list[Any]) -> list[Any]:
    """Returns what was found in one order, its sums rounded: each store adds up in an order of its own."""

    def plain(one: Any) -> Any:
        if is_dataclass(one):
            return [plain(getattr(one, field.name)) for field in fields(one)]
        return round(one, 6) if isinstance(one, float) else one

    return [sorted(repr(plain(one)) for one in each) for each in found]


@pytest.mark.parametrize("seed", range(3))
async def test_every_store_counts_alike(store: Store, seed: int) -> None:
    dice = random.Random(seed)
    talks = [
        talk(
            f"cnv_{n:03d}",
            origin=dice.choice(["public", "public", "public", "test"]),
            environment=dice.choice([LIVE, B]),
            started_version=dice.choice([1, 2, None]),
            channel=dice.choice(["chat", "voice"]),
            outcome=dice.choice(OUTCOMES),
            started_at=at(dice.uniform(-200_000, 200_000)),
            last_at=at(dice.uniform(0, 4_000)),
            ended_at=dice.choice([None, at(9)]),
            turns=dice.randrange(5),
            sticky_key=dice.choice(["", "ann", "bob", "cy", "di"]),
            entry=dice.choice([{}, {"by": "split"}, {"by": "number", "number": "split"}]),
            ref=dice.choice([None, None, "v1"]),
        )
        for n in range(120)
    ]
    marks = tuple(
        rated(f"f{n}", dice.choice(talks).id, *dice.choice([(1, "thumbs"), (-1, "thumbs"), (4, "stars")]))
        for n in range(60)
    )
    verdicts = tuple(judged(each.id, dice.choice([0, 1, 0.25])) for each in talks[::3])
    twin = MemoryStore()
    await make_workspaces(twin)
    for each in (store, twin):
        await put(each, *talks, records=(*marks, *verdicts))

        def work(t: Writing) -> None:
            rolls = random.Random(seed)
            t.insert_release(release(2, 2, at=at(2_000), in_flight=InFlight("switch")))
            for one in talks:
                for index in range(3):
                    trace = {"latency_ms": {"total": rolls.randrange(100)}}
                    t.insert_turn(turn(index, one.id, version=rolls.choice([1, 2, None]), trace=trace))

        await each.write(A, work)
    ours, theirs = await store.read(A, everything), await twin.read(A, everything)
    assert ordered(ours) == ordered(theirs)
    assert any(one.moved for one in ours[0])
