"""Cases over the real sandbox and real tables: what a test may do, and what it may not."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest

from greenroom.domain.connections import Connection
from greenroom.domain.entities import Address
from greenroom.domain.tables import Column, Table
from greenroom.domain.test_runs import CaseResult, Selection
from greenroom.importers.polyai import read_project
from greenroom.kinds import KINDS
from greenroom.ports import OutboundRequest, OutboundResponse, Reachable
from greenroom.providers.clock import SystemClock
from greenroom.providers.models import PydanticModels
from greenroom.providers.outbound import SafeTransport, read_allowed
from greenroom.providers.sandbox import MontySandbox
from greenroom.services.desk import Desk
from greenroom.storage.memory import MemoryStore
from tests.support.openai_server import model_server
from tests.unit.services.story import Story

FIND = """
def find_booking(conv, reference: str = "none"):
    conv.state.nights = 3
    return f"Booking {reference} is for {conv.caller}."
"""
REACH = """
def reach_out(conv):
    answer = conv.http.get("https://rooms.example/all")
    return f"status {answer.status}"
"""
KEEP = """
def keep(conv):
    conv.table("guests").put({"name": "Ada", "room": 7})
    return f"{len(conv.table('guests').find({}))} guests"
"""
AGENT: dict[str, dict[str, Any]] = {
    "agent/main": {"name": "Desk"},
    "variable/nights": {"name": "Nights", "type": "number"},
    "function/find_booking": {"name": "Find", "code": FIND},
    "function/reach_out": {"name": "Reach", "code": REACH},
    "function/keep": {"name": "Keep", "code": KEEP},
}
QUESTIONS = {
    "find_booking": "Where is my booking please?",
    "reach_out": "Is there a room for tonight?",
    "keep": "Write my name into your guest book",
}


class Counting:
    """A way out that only counts."""

    def __init__(self) -> None:
        self.asked: list[OutboundRequest] = []

    async def fetch(self, request: OutboundRequest) -> OutboundResponse:
        self.asked.append(request)
        return OutboundResponse(200, (), b"{}", request.url)

    async def close(self) -> None:
        pass


async def furnish(story: Story) -> None:
    """Makes the agent whose topics call its functions."""
    await story.make_project()
    for address, body in AGENT.items():
        kind, _, slug = address.partition("/")
        await story.save(Address(kind, slug), body)
    for slug, question in QUESTIONS.items():
        action = {"id": "call", "type": "call", "target": slug}
        topic = {"name": slug, "sample_questions": [question, f"{question} Tell me."], "actions": [action]}
        await story.save(Address("topic", slug.replace("_", "-")), topic)


@pytest.fixture
async def way_out() -> Counting:
    return Counting()


def script(asked: Mapping[str, Any], number: int) -> Mapping[str, Any]:
    """A model that plays a caller with one question, and judges by looking for a word."""
    system, last = asked["messages"][0]["content"], asked["messages"][-1]["content"]
    if "You play a caller" in system:
        begun = sum(message["role"] == "assistant" for message in asked["messages"]) > 0
        said = {"say": "" if begun else QUESTIONS["find_booking"], "done": begun}
        return {"calls": [{"name": "give_result", "arguments": said}]}
    conversation, _, statements = last.partition("Statements")
    words = [line.partition(". ")[2] for line in statements.splitlines()[1:]]
    verdicts = [{"holds": word in conversation, "reason": f"looked for {word}"} for word in words]
    return {"calls": [{"name": "give_result", "arguments": {"verdicts": verdicts}}]}


async def test_a_scenario_is_acted_and_judged_by_a_model_over_http(way_out: Counting) -> None:
    sandbox, clock = MontySandbox(SystemClock(), workers=1), SystemClock()
    models = PydanticModels(clock, lambda: SafeTransport(read_allowed("127.0.0.1")), lambda: 0.0)
    async with model_server(script) as server:
        desk = Desk(MemoryStore(), clock, KINDS, {}, Reachable(sandbox, way_out, models))
        story = Story(desk, await desk.access.found_workspace(None))
        await furnish(story)
        stand_in = Connection("stand-in", "model", "openai", server.base_url)
        await desk.connections.save(story.call(), "hotel", stand_in, "*")
        cases = [
            {"id": "told", "scenario": "You have lost your booking.", "judged": ["Booking none"]},
            {"id": "silent", "scenario": "You have lost your booking.", "judged": ["Booking none", "a free room"]},
        ]
        await story.save(Address("test_set", "acted"), {"name": "Acted", "cases": cases})
        begun = await desk.test_runs.start(
            story.call(), "hotel", Selection("draft:sandbox", judge="openai:gpt-4.1-mini", connection="stand-in")
        )
        await desk.test_runs.wait(begun.id)
        run, found = await desk.test_runs.load(story.call(), "hotel", begun.id)
    await models.close()
    await sandbox.close()
    assert [case.status for _, case in found] == ["passed", "failed"], found
    assert run.subject.judge == "openai:gpt-4.1-mini"
    results = found[1][1].attempts[0].results
    assert [(each.status, each.got) for each in results] == [
        ("passed", "looked for Booking none"),
        ("failed", "looked for a free room"),
    ]
    assert len(server.requests) == 6


@pytest.fixture
async def told(way_out: Counting) -> AsyncIterator[Story]:
    """A desk with a sandbox, a way out that counts, and an agent whose topics call its functions."""
    sandbox = MontySandbox(SystemClock(), workers=1)
    desk = Desk(MemoryStore(), SystemClock(), KINDS, {"polyai": read_project}, Reachable(sandbox, way_out))
    story = Story(desk, await desk.access.found_workspace(None))
    await furnish(story)
    yield story
    await desk.test_runs.close()
    await sandbox.close()


async def play(story: Story, function: str, expect: dict[str, Any], **mocks: Any) -> CaseResult:
    """Plays one case that calls a function."""
    case = {"id": "one", "turns": [{"say": QUESTIONS[function], "expect": expect}], "mocks": mocks}
    await story.save(Address("test_set", "one"), {"name": "One", "cases": [case]})
    begun = await story.desk.test_runs.start(story.call(), "hotel", Selection("draft:sandbox"))
    await story.desk.test_runs.wait(begun.id)
    _, [(_, found)] = await story.desk.test_runs.load(story.call(), "hotel", begun.id)
    return found


async def test_a_function_really_runs_in_the_sandbox(told: Story) -> None:
    expect = {"called": "find_booking", "contains": "is for +441", "variables": {"nights": 3}}
    found = await play(told, "find_booking", expect, caller="+441")
    assert found.status == "passed", found
    assert (await play(told, "find_booking", {"variables": {"nights": 4}})).status == "failed"


async def test_its_requests_are_refused_unless_the_case_allows_them(told: Story, way_out: Counting) -> None:
    found = await play(told, "reach_out", {"called": "reach_out"})
    assert found.status == "error", found
    assert found.attempts[0].problems[0].code == "not_mocked"
    assert way_out.asked == []
    allowed = await play(told, "reach_out", {"contains": "status 200"}, allow_real=True)
    assert (allowed.status, len(way_out.asked)) == ("passed", 1)
    mocked = await play(told, "reach_out", {"contains": "all rooms"}, functions={"reach_out": "all rooms"})
    assert (mocked.status, len(way_out.asked)) == ("passed", 1)


async def test_what_it_writes_to_a_table_stays_in_the_test(told: Story) -> None:
    table = Table("guests", "Guests", columns=(Column("name", required=True), Column("room", "number")), key="name")
    await told.desk.tables.create(told.call(), "hotel", table)
    await told.desk.tables.put_row(told.call(), "hotel", "guests", {"name": "Bob", "room": 8})
    for _ in range(2):
        found = await play(told, "keep", {"contains": "2 guests"})
        assert found.status == "passed", found
    rows = await told.desk.tables.find_rows(told.call(), "hotel", "guests", {}, None, 10)
    assert [row.body["values"]["name"] for row in rows] == ["Bob"]
    assert (await play(told, "keep", {"contains": "1 guests"}, tables={"guests": []})).status == "passed"
    assert (await play(told, "keep", {"contains": "2 guests"}, allow_real=True)).status == "passed"
    rows = await told.desk.tables.find_rows(told.call(), "hotel", "guests", {}, None, 10)
    assert [row.body["values"]["name"] for row in rows] == ["Ada", "Bob"]
