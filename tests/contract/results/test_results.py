"""Results of conversations with a known truth: found where it is there, not found where it is not."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from greenroom.domain.errors import Invalid, NotFound
from greenroom.domain.ids import ConversationId
from greenroom.domain.projects import Project
from greenroom.domain.records import Record
from greenroom.domain.results import Comparison, read_arms
from greenroom.ports import Writing
from greenroom.services.result_rows import Question
from greenroom.services.results import Contest, Table
from tests.contract.results.talks import environment_id, keep, line, open_hotel, talk, talks
from tests.unit.services.story import Story


async def compare(story: Story, *arms: str, **asked: Any) -> Comparison:
    contest = Contest(read_arms(arms or ("live", "b")), **asked)
    return await story.desk.results.compare(story.call("viewer"), "hotel", contest)


async def load(story: Story, **asked: Any) -> Table:
    return await story.desk.results.load(story.call("viewer"), "hotel", Question(**asked))


async def put_record(story: Story, record: Record) -> None:
    def work(tx: Writing) -> None:
        tx.put_record(record)

    await story.desk.store.write(story.owner.workspace, work)


async def two_arms(
    story: Story, first: float, other: float, count: int = 10_000, count_b: int | None = None, **changes: Any
) -> None:
    project, now = await open_hotel(story), story.desk.clock.now()
    for seed, (alias, rate, n) in enumerate([("live", first, count), ("b", other, count_b or count)]):
        await keep(story, talks(project, await environment_id(story, alias), n, rate, now, seed, **changes))


async def test_a_difference_among_twenty_thousand_is_found_and_the_interval_holds_the_truth(story: Story) -> None:
    await two_arms(story, 0.70, 0.74)
    found = await compare(story, weights=(1, 1))
    first, other = found.arms
    assert (first.n, other.n, first.conversations) == (10_000, 10_000, 10_000)
    assert other.difference is not None
    assert 0 < other.difference.low <= 0.04 <= other.difference.high
    assert other.difference.p < 0.05
    for arm, truth in ((first, 0.70), (other, 0.74)):
        assert arm.interval is not None
        assert arm.interval.low <= truth <= arm.interval.high
    assert (found.ratio.mismatch, found.level) == (False, 0.95)
    points = f"{other.difference.value * 100:.1f}"
    assert found.verdict.startswith(f"b is better by {points} points (")
    worse = await compare(story, metric="hand_off")
    assert worse.verdict == found.verdict
    assert (await compare(story, "b", "live")).verdict.startswith("live is worse by")


async def test_two_equal_arms_show_no_difference(story: Story) -> None:
    await two_arms(story, 0.70, 0.70)
    found = await compare(story)
    assert found.arms[1].difference is not None
    assert found.arms[1].difference.low < 0 < found.arms[1].difference.high
    assert found.verdict.startswith("b: no difference shown (")
    assert found.ratio.p is None


async def test_a_ratio_that_is_none_forbids_to_read_on(light_story: Story) -> None:
    story = light_story
    await two_arms(story, 0.70, 0.74, 1_800, 400)
    found = await compare(story, weights=(90, 10))
    assert found.ratio.mismatch
    assert found.verdict.startswith("do not read this: sample ratio mismatch (live 1,800 where 1,980 were due, b 400")
    assert (await compare(story, weights=(9, 2))).ratio.mismatch is False


def split_record(project: Project, at: datetime, slots: dict[str, list[list[int]]]) -> Record:
    """A split as it is stored: set at a time, each share with its slots."""
    shares = [
        {"environment": place, "weight": sum(last - first + 1 for first, last in owned), "slots": owned}
        for place, owned in slots.items()
    ]
    body = {"salt": "s", "sticky_key": "user", "shares": shares, "note": "", "by": "mem_1"}
    return Record(project.id, "split", "default", at, at, body)


async def test_the_weights_of_the_split_are_the_slots_its_shares_own(light_story: Story) -> None:
    story = light_story
    await two_arms(story, 0.70, 0.74, 1_800, 400, entry={"by": "split", "slot": 7})
    project = (await story.desk.projects.load(story.call(), "hotel")).project
    live, b = [await environment_id(story, alias) for alias in ("live", "b")]
    long_ago = story.desk.clock.now() - timedelta(days=100)
    record = split_record(project, long_ago, {live: [[0, 4_999], [6_000, 9_999]], b: [[5_000, 5_999]]})
    await put_record(story, record)
    found = await compare(story)
    assert found.ratio.expected == (1_980.0, 220.0)
    assert found.ratio.mismatch
    assert found.notes == ("only conversations that came in by the split are compared: chance assigned no others",)
    changed = story.desk.clock.now() - timedelta(days=5)
    await put_record(story, replace(record, changed_at=changed))
    found = await compare(story)
    assert sum(found.ratio.observed) < 1_500
    assert found.arms[0].conversations == 1_800
    assert "the split was changed at" in found.notes[0]
    # What the caller says is expected goes before what is stored, and versions are no shares.
    assert (await compare(story, weights=(9, 2))).ratio.mismatch is False
    assert (await compare(story, "live@v1", "b@v1")).ratio.p is None


async def test_arms_of_the_split_are_compared_by_what_came_in_by_it(light_story: Story) -> None:
    story = light_story
    await two_arms(story, 0.70, 0.70, 500, 500, entry={"by": "split", "slot": 7})
    project = (await story.desk.projects.load(story.call(), "hotel")).project
    live, b = [await environment_id(story, alias) for alias in ("live", "b")]
    now = story.desk.clock.now()
    testers = talks(project, b, 300, 0.0, now, 9, entry={"by": "tester"})
    others = [replace(each, id=ConversationId(f"{each.id}_t"), sticky_key=f"{each.id}_t") for each in testers]
    await keep(story, others)
    long_ago = now - timedelta(days=100)
    await put_record(story, split_record(project, long_ago, {live: [[0, 4_999]], b: [[5_000, 9_999]]}))
    found = await compare(story)
    assert found.verdict.startswith("b: no difference shown")
    assert found.ratio.observed == (500, 500)
    everything = await compare(story, entry="any")
    assert everything.ratio.mismatch
    assert everything.ratio.observed == (500, 800)
    assert (await compare(story, weights=(5, 8))).ratio.observed == (500, 500)
    assert (await compare(story, weights=(5, 8), with_testers=True)).ratio.observed == (500, 800)
    assert (await compare(story, entry="tester")).arms[1].conversations == 300


@pytest.mark.parametrize("by", ["tester", "share_link"])
async def test_who_was_led_past_the_split_counts_only_when_asked_for(story: Story, by: str) -> None:
    project, now = await open_hotel(story), story.desk.clock.now()
    live, at = await environment_id(story, "live"), story.desk.clock.now() - timedelta(hours=1)
    invited = [talk(project, live, n, at=at, entry={"by": by, "key": "user_id"}) for n in range(3)]
    called = talk(project, live, 3, at=at, entry={"by": by, "number": "+442079460000"}, outcome="no_match")
    others = talks(project, live, 120, 0.5, now, 1, entry={"by": "split", "slot": 7})
    await keep(story, [*invited, called, *[replace(one, id=ConversationId(f"{one.id}_o")) for one in others]])

    async def count(**asked: Any) -> tuple[int, int]:
        found = await story.desk.results.load(story.call(), "hotel", Question(by=(), **asked))
        compared = await compare(story, "live@v1", "live@v2", **asked)
        return found.rows[0].conversations, compared.arms[0].conversations

    assert await count() == (120, 120)
    assert await count(with_testers=True) == (124, 124)
    assert (await compare(story, "live", "b", entry=by)).arms[0].conversations == 4


async def test_what_a_deletion_ended_is_over(story: Story) -> None:
    project, now = await open_hotel(story), story.desk.clock.now()
    b = await environment_id(story, "b")
    await keep(story, [talk(project, b, 0, at=now - timedelta(minutes=5), ended_at=None)])

    async def count() -> tuple[int, int, int]:
        (row,) = (await story.desk.results.load(story.call(), "hotel", Question())).rows
        (_, arm) = (await compare(story, "live", "b")).arms
        return row.running, row.outcomes["contained"], arm.n

    async def end(at: datetime) -> None:
        def work(tx: Writing) -> None:
            found = tx.find_environment(project.id, b)
            assert found is not None
            tx.update_environment(replace(found, deleted_at=now, conversations_end_at=at))

        await story.desk.store.write(story.owner.workspace, work)

    assert await count() == (1, 0, 0)
    await end(now + timedelta(hours=1))
    assert await count() == (1, 0, 0), "they finish until then"
    await end(now)
    assert await count() == (0, 1, 1)


async def test_not_enough_data_is_an_answer(light_story: Story) -> None:
    story = light_story
    await two_arms(story, 0.70, 0.74, 300, 57)
    found = await compare(story)
    assert found.verdict == "not enough data: b has 57 of at least 100 callers"
    assert found.arms[1].difference is None
    assert found.arms[0].interval is not None
    assert found.arms[1].interval is None
    assert (await compare(story, "b", "live")).verdict == "not enough data: b has 57 of at least 100 callers"
    found = await compare(story, "live", "b@v9", metric="error")
    lacks = "live has 0 of at least 8 of the rarer kind; b@v9 has 0 of at least 100 callers"
    assert found.verdict == f"not enough data: {lacks}"
    assert found.arms[1].value is None


async def test_somebody_who_calls_often_is_one_unit(light_story: Story) -> None:
    story = light_story
    project, now = await open_hotel(story), story.desk.clock.now()
    for alias in ("live", "b"):
        where = await environment_id(story, alias)
        found = talks(project, where, 600, 0.7, now, 3)
        await keep(story, [replace(each, sticky_key=f"caller-{n % 60}") for n, each in enumerate(found)])
    found = await compare(story)
    assert (found.arms[0].conversations, found.arms[0].units) == (600, 60)
    assert "live has 60 of at least 100 callers; b has 60 of at least 100 callers" in found.verdict


async def test_tests_and_replays_are_never_counted(story: Story) -> None:
    project, now = await open_hotel(story), story.desk.clock.now()
    live = await environment_id(story, "live")
    tests = talks(project, live, 300, 0.0, now, 1, origin="test")
    replays = talks(project, live, 300, 0.0, now, 2, origin="replay")
    await keep(story, [*talks(project, live, 200, 1.0, now, 3), *tests, *replays])
    table = await load(story, by=())
    (row,) = table.rows
    assert (row.conversations, row.metrics["containment"].value) == (200, 1.0)
    assert (row.environment, row.version, row.channel, row.at) == (None, None, None, None)


async def test_a_table_says_how_conversations_went_by_environment_and_version(story: Story) -> None:
    project, now = await open_hotel(story), story.desk.clock.now()
    live, b = [await environment_id(story, alias) for alias in ("live", "b")]
    at = now - timedelta(days=1)
    found = [
        talk(project, live, 0, at=at),
        talk(project, live, 1, at=at, outcome="handed_off", turns=2),
        talk(project, live, 2, at=at, outcome="running", ended_at=None, last_at=now),
        talk(project, live, 3, at=at, outcome="running", ended_at=None, last_at=now - timedelta(days=2)),
        talk(project, live, 4, at=at, outcome="error", started_version=2, channel="voice"),
        talk(project, b, 5, at=at, outcome="no_match", started_version=2),
        talk(project, b, 6, at=now - timedelta(days=31)),
    ]
    turns = [line(found[0], n, trace={"latency_ms": {"total": 10.0 * n}}) for n in range(11)]
    await keep(story, found, turns)
    rated = {"score": 1, "scale": "thumbs", "comment": "", "turn": None, "author": "x"}
    await put_record(story, Record(project.id, "feedback", "fb_1", now, now, rated, found[0].id))
    rows = {(row.environment, row.version): row for row in (await load(story)).rows}
    assert list(rows) == [("live", 2), ("live", 1), ("b", 2)]
    first = rows["live", 1]
    assert (first.conversations, first.running, first.moved) == (4, 1, 0)
    assert first.outcomes == {"contained": 1, "handed_off": 1, "abandoned": 1, "no_match": 0, "error": 0}
    assert {name: (value.value, value.n) for name, value in first.metrics.items()} == {
        "containment": (1 / 3, 3),
        "hand_off": (1 / 3, 3),
        "no_match": (0, 3),
        "error": (0, 3),
        "abandoned": (1 / 3, 3),
        "turns": (7 / 3, 3),
        "feedback": (1.0, 1),
    }
    assert first.latency is not None
    assert (first.latency.p50, first.latency.p95, first.latency.p99) == (50.0, 100.0, 100.0)
    assert (first.latency.turns, first.latency.sampled) == (10, False)
    assert rows["live", 2].metrics["error"].value == 1
    assert rows["live", 2].latency is None
    by_channel = (await load(story, by=("channel",))).rows
    assert [(row.channel, row.conversations) for row in by_channel] == [("chat", 5), ("voice", 1)]
    narrowed = (await load(story, environment="live", version=2, metrics=("error",))).rows
    assert [(row.version, set(row.metrics), row.latency) for row in narrowed] == [(2, {"error"}, None)]


async def test_a_series_has_a_row_for_each_step_in_which_something_began(story: Story) -> None:
    project = await open_hotel(story)
    live = await environment_id(story, "live")
    day = datetime(2026, 3, 1, tzinfo=UTC)
    starts = [day, day + timedelta(hours=23, minutes=59), day + timedelta(days=2)]
    found = [talk(project, live, n, at=at) for n, at in enumerate(starts)]
    turns = [line(each, 1, trace={"latency_ms": {"total": 10.0 * n}}) for n, each in enumerate(found)]
    await keep(story, found, turns)
    table = await load(story, by=(), step="day", since=day, until=day + timedelta(days=3))
    assert [(row.at, row.conversations) for row in table.rows] == [(day, 2), (day + timedelta(days=2), 1)]
    assert [row.latency.p99 for row in table.rows if row.latency] == [10.0, 20.0]
    hours = await load(story, step="hour", since=day, until=day + timedelta(days=3))
    assert [row.at for row in hours.rows] == [starts[0], day + timedelta(hours=23), starts[2]]
    with pytest.raises(Invalid, match="at most 1,000"):
        await load(story, step="hour", since=day, until=day + timedelta(days=99))


async def test_latency_and_turns_are_compared_by_conversation(light_story: Story) -> None:
    story = light_story
    project, now = await open_hotel(story), story.desk.clock.now()
    for alias, ms, turns in (("live", 900.0, 5), ("b", 700.0, 6)):
        where = await environment_id(story, alias)
        found = talks(project, where, 300, 0.7, now, 1)
        changed = [replace(each, turns=turns + number % 2) for number, each in enumerate(found)]
        spoken = [
            line(each, index, trace={"latency_ms": {"total": ms + number % 50 + index}})
            for number, each in enumerate(found)
            for index in range(3)
        ]
        await keep(story, changed, spoken)
    found = await compare(story, metric="latency")
    assert found.verdict.startswith("b is better by 200 ms (")
    assert found.arms[0].units == 300
    assert (await compare(story, metric="turns")).verdict.startswith("b has 1.00 turns (")


async def test_what_cannot_be_compared_is_refused(light_story: Story) -> None:
    story = light_story
    await open_hotel(story)
    for arms, wrong in (
        (("live", "live@v1"), "share conversations"),
        (("v1", "live@v1"), "share conversations"),
        (("v1", "live"), "share conversations"),
    ):
        with pytest.raises(Invalid, match=wrong):
            await compare(story, *arms)
    assert (await compare(story, "live@v1", "live@v2")).verdict.startswith("not enough data")
    with pytest.raises(Invalid, match="is no metric; metrics are: containment"):
        await compare(story, metric="joy")
    with pytest.raises(Invalid, match="before to"):
        await compare(story, since=datetime(2026, 3, 2, tzinfo=UTC), until=datetime(2026, 3, 1, tzinfo=UTC))
    with pytest.raises(NotFound):
        await compare(story, "live", "nowhere")
    with pytest.raises(NotFound):
        await story.desk.results.load(story.call(), "elsewhere", Question())


@pytest.mark.parametrize("text", ["", "@", "live@", "@v1", "live@1", "v0", "v1@v2", "Live", "live v1", "live@v1@v2"])
def test_what_is_no_arm_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        read_arms((text, "live"))


@pytest.mark.parametrize("texts", [("live",), ("live", "live"), tuple(f"e{n}" for n in range(11))])
def test_a_comparison_has_two_to_ten_arms_each_once(texts: tuple[str, ...]) -> None:
    with pytest.raises(Invalid, match="2 to 10 arms"):
        read_arms(texts)


def test_arms_are_environments_versions_or_both() -> None:
    arms = read_arms(("live", "v12", "b-2@v3"))
    assert [(arm.environment, arm.version) for arm in arms] == [("live", None), (None, 12), ("b-2", 3)]


async def test_three_arms_share_the_level_of_one_comparison(light_story: Story) -> None:
    story = light_story
    project, now = await open_hotel(story), story.desk.clock.now()
    live = await environment_id(story, "live")
    for version in (1, 2, 3):
        found = talks(project, live, 200, 0.7, now, version, started_version=version)
        await keep(story, [replace(each, id=ConversationId(f"{each.id}_{version}")) for each in found])
    found = await compare(story, "live@v1", "live@v2", "live@v3")
    assert found.level == 0.975
    assert len(found.verdict.split("; ")) == 2
