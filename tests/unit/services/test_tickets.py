"""Tickets: opened by what a turn did, assigned, closed, never twice."""

from __future__ import annotations

import pytest

from greenroom.domain.errors import Invalid, NotAllowed, NotFound, Refused
from greenroom.services.tickets import opened, tickets_of
from tests.unit.services.data import NOW, make_hotel, talk
from tests.unit.services.story import Story, begin

HANDED = {
    "type": "handed_off",
    "method": "ticket",
    "handoff": "back-office",
    "name": "Back office",
    "reason": "wants \ud800 a refund" + "x" * 3_000,
    "destination": {"queue": "refunds", "big": 2**70},
}


async def hand_over(story: Story) -> str:
    conversation = await talk(story, "hello")
    project = (await story.desk.projects.load(story.call(), "hotel")).project
    effects = [{"type": "said", "text": "hi"}, HANDED, {"type": "handed_off", "method": "sip"}]
    tickets = tickets_of(project, conversation, effects, NOW)

    def work(tx):
        for ticket in tickets:
            assert tx.put_record(ticket, 0)
            tx.append(opened(story.desk.work, story.call(), ticket))

    await story.desk.store.write(story.owner.workspace, work)
    return tickets[0].key


async def test_a_ticket_goes_from_open_to_closed_and_is_found_either_way() -> None:
    story = await begin()
    await make_hotel(story)
    first, second = await hand_over(story), await hand_over(story)
    tickets = story.desk.tickets
    assert [t.key for t in await tickets.list(story.call(), "hotel", None, 9)] == [second, first]
    assert [t.key for t in await tickets.list(story.call(), "hotel", second, 9, "open")] == [first]
    assigned = await tickets.assign(story.call("editor"), "hotel", first, " Ann ")
    assert (assigned.body["assignee"], assigned.body["status"], assigned.revision) == ("Ann", "open", 2)
    closed = await tickets.close(story.call("editor"), "hotel", first, "Paid back")
    assert (closed.body["status"], closed.body["comment"]) == ("closed", "Paid back")
    assert closed.body["closed_by"] == "mem_editor"
    assert len(closed.body["reason"]) == 2_000
    for verb in (tickets.assign, tickets.close):
        with pytest.raises(Refused) as refused:
            await verb(story.call(), "hotel", first, "again")
        assert refused.value.code == "ticket_closed"
    assert [t.key for t in await tickets.list(story.call(), "hotel", None, 9, "open")] == [second]
    assert [t.key for t in await tickets.list(story.call(), "hotel", None, 9, "closed")] == [first]
    actions = [line.event["action"] for line in await story.desk.history.list(story.call(), "hotel", None, 3)]
    assert actions == ["ticket.closed", "ticket.assigned", "ticket.opened"]


async def test_a_ticket_that_is_not_there_or_may_not_be_touched() -> None:
    story = await begin()
    await make_hotel(story)
    ticket = await hand_over(story)
    with pytest.raises(NotFound):
        await story.desk.tickets.load(story.call(), "hotel", "tkt_none")
    with pytest.raises(NotAllowed):
        await story.desk.tickets.close(story.call("viewer"), "hotel", ticket, "")
    with pytest.raises(Invalid):
        await story.desk.tickets.close(story.call(), "hotel", ticket, "x" * 2_001)
    assert await story.desk.tickets.list(story.call("viewer"), "hotel", None, 9, "open")


def test_other_hand_overs_open_none() -> None:
    assert tickets_of(None, None, [{"type": "handed_off", "method": "sip"}, {"type": "ended"}], NOW) == []  # type: ignore[arg-type]
