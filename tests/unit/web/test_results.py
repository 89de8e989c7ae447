"""Results, comparisons and charts in the browser, of conversations whose truth is known."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import date, timedelta
from typing import Any

import pytest

from greenroom.domain.results import METRICS
from greenroom.services.splits import ShareRequest, SplitRequest
from greenroom.services.work import Call
from greenroom.web.charts import draw_bars, draw_shares, round_up
from greenroom.web.measures import say_value
from tests.contract.results.talks import environment_id, keep, line, talks
from tests.support.api import HOME
from tests.support.splits import open_place
from tests.unit.services.story import Story
from tests.unit.web.visitor import Visitor, furnished, visiting

BASE = "/projects/hotel"


@pytest.fixture
async def owner() -> AsyncIterator[Visitor]:
    stage = await furnished()
    await open_place(stage.store, HOME, "hotel", "b", 1)
    async with visiting(stage) as found:
        yield found


async def story_of(visitor: Visitor) -> Story:
    who = await visitor.stage.desk.access.find_session(visitor.token)
    assert who is not None
    return Story(visitor.stage.desk, who)


async def talk(visitor: Visitor, alias: str, count: int, rate: float, seed: int = 1, **more: Any) -> None:
    """Lets so many callers come to an environment in the last ten days, of which about that share is contained."""
    story = await story_of(visitor)
    project = (await story.desk.projects.load(story.call(), "hotel")).project
    place = await environment_id(story, alias)
    begun = talks(project, place, count, rate, story.desk.clock.now(), seed, **more)
    await keep(story, begun, [line(one, 1, "Hello", "Good evening.") for one in begun])


async def split(visitor: Visitor, **weights: float) -> None:
    story = await story_of(visitor)
    wanted = [ShareRequest(alias, weight) for alias, weight in weights.items()]
    await story.desk.splits.set(Call(story.owner, "req_test"), "hotel", SplitRequest(wanted), "*")


async def test_a_project_without_traffic_says_what_to_expect(owner: Visitor) -> None:
    old = "?from=2020-01-01&to=2020-01-31"
    assert "No public conversations in this time" in (await owner.get(f"{BASE}/results{old}")).text
    assert "No public conversations in this time" in (await owner.get(f"{BASE}/analytics{old}")).text


async def test_results_are_broken_down_and_narrowed(owner: Visitor) -> None:
    await talk(owner, "live", 40, 1.0)
    await talk(owner, "b", 10, 0.0, channel="voice")
    page = (await owner.get(f"{BASE}/results?by=both&days=30")).text
    rows = re.findall(r"<tr>\n<td>.*?</tr>", page, re.DOTALL)
    assert len(rows) == 2
    assert "100 · 100 · 100 ms" in rows[1]
    assert "0.0 %" in rows[1]
    assert ">v1</a>" in rows[1]
    only = (await owner.get(f"{BASE}/results?by=channel&environment=b&channel=voice")).text
    assert only.count("<strong>10</strong>") == 1
    assert "<strong>4" not in only[only.index("<tbody>") :]
    assert "No public conversations" in (await owner.get(f"{BASE}/results?version=v9")).text
    for odd in ("by=moon&days=8", "from=yesterday", "from=2030-01-01&to=2020-01-01", "version=x&start=x", "channel=x"):
        assert (await owner.get(f"{BASE}/results?{odd}")).status_code == 200, odd
    unknown = await owner.get(f"{BASE}/results?environment=nowhere")
    assert unknown.status_code == 422
    assert "has no environment" in unknown.text


async def test_two_arms_are_compared_with_intervals_and_a_plain_verdict(owner: Visitor) -> None:
    await talk(owner, "live", 600, 0.3)
    await talk(owner, "b", 600, 0.9, 2)
    page = (await owner.get(f"{BASE}/results?one=live&other=b&days=30")).text
    compared = page[page.index('id="compare"') :]
    assert re.search(r'said-good">b is better by \d+\.\d points', compared)
    assert re.search(r"\d+\.\d % to \d+\.\d %", compared)
    assert "Errors<span" in compared
    assert "b has 0 of at least 8 of the rarer kind" in compared
    other_way = (await owner.get(f"{BASE}/results?one=b&other=live&days=30")).text
    assert re.search(r'said-bad">live is worse by', other_way)


@pytest.mark.parametrize(
    "arms, told",
    [
        ("one=live&other=", "is no arm"),
        ("one=live&other=live", "each once"),
        ("one=live&other=live%40v1", "share conversations; arms must be apart"),
        ("one=live&other=nowhere", "has no environment"),
    ],
)
async def test_arms_that_cannot_be_compared_are_said_beside_what_was_typed(
    owner: Visitor, arms: str, told: str
) -> None:
    page = (await owner.get(f"{BASE}/results?{arms}")).text
    assert told in page
    assert 'name="one" value="live"' in page


async def test_shares_that_callers_did_not_come_to_as_set_are_not_to_be_read(owner: Visitor) -> None:
    await talk(owner, "live", 300, 0.3, entry={"by": "split"})
    await talk(owner, "b", 300, 0.9, 2, entry={"by": "split"})
    page = (await owner.get(f"{BASE}/results?one=live&other=b&days=30")).text
    assert "Do not read these results" not in page
    await split(owner, live=90, b=10)
    story = await story_of(owner)
    await _age_split(story)
    page = (await owner.get(f"{BASE}/traffic/results")).text
    assert "Do not read these results." in page
    assert "Live: 300 callers where 540 were due; B: 300 callers where 60 were due" in page
    assert "is better" not in page, "what must not be read is not said"


async def _age_split(story: Story) -> None:
    """Lets the split have been set before the conversations of the last ten days."""
    from dataclasses import replace

    project = (await story.desk.projects.load(story.call(), "hotel")).project

    def age(tx: Any) -> None:
        found = tx.find_record(project.id, "split", "default")
        tx.put_record(replace(found, changed_at=story.desk.clock.now() - timedelta(days=11)))

    await story.desk.store.write(story.owner.workspace, age)


async def test_charts_have_a_table_of_their_numbers(owner: Visitor) -> None:
    await talk(owner, "live", 40, 1.0)
    await talk(owner, "b", 10, 0.5)
    page = (await owner.get(f"{BASE}/analytics?days=30")).text
    assert page.count('role="img"') == 5
    assert "style=" not in page[page.index("<main") :], "the policy forbids it"
    assert "The numbers of B" in page
    days = page[page.index('aria-label="B by day"') :]
    counts = [int(found) for found in re.findall(r'<tr><td>[\d-]+</td><td class="num">(\d+)</td>', days)]
    assert (len(counts), sum(counts)) == (30, 10)
    assert (await owner.get(f"{BASE}/analytics?from=2001-01-01&to=2100-01-01")).status_code == 200


async def test_another_workspace_and_a_viewer(owner: Visitor) -> None:
    await talk(owner, "live", 5, 1.0)
    async with visiting(owner.stage, "viewer") as viewer:
        for path in ("results", "analytics"):
            assert (await viewer.get(f"{BASE}/{path}")).status_code == 200


def test_bars_stack_up_to_a_round_scale() -> None:
    days = [date(2030, 1, 1), date(2030, 1, 2)]
    chart = draw_bars(days, [("live", "Live", [30, 0]), ("teal", "B", [30, 8])])
    assert [tick.label for tick in chart.scale] == ["0", "50", "100"]
    first, second, third = chart.bars
    assert second.y + second.height == pytest.approx(first.y, abs=0.2)
    assert (first.height, third.said) == (second.height, "B, 2030-01-02: 8")
    assert all(bar.x >= 0 and bar.x + bar.width <= 100 for bar in chart.bars)
    assert [round_up(value) for value in (0, 1, 3, 9, 11, 51, 1001)] == [1, 1, 5, 10, 20, 100, 2000]
    assert draw_bars(days, []).scale[-1].label == "1"


def test_a_day_without_a_number_is_a_gap_in_the_line() -> None:
    days = [date(2030, 1, 1) + timedelta(days=n) for n in range(4)]
    chart = draw_shares(days, "live", "Live", [0.5, 1.0, None, 0.0])
    assert len(chart.points) == 3
    assert len(chart.lines) == 1
    assert draw_shares([], "live", "Live", []).points == []


def test_values_are_said_with_their_units() -> None:
    told = [
        say_value(METRICS[name], value) for name, value in (("containment", 0.7123), ("latency", 1234), ("turns", 3))
    ]
    assert told == ["71.2 %", "1,234 ms", "3.00"]
