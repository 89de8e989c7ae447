"""A test of a ref may pretend that it is another time: all its turns do, and so does its replay."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from greenroom.domain.errors import Invalid
from greenroom.services.conversations import Beginning, Heard
from greenroom.services.plans import PublishRequest
from tests.unit.services.story import CHECKOUT, begin, topic

NIGHT = datetime(2026, 5, 1, 23, 30, tzinfo=UTC)


async def test_every_turn_of_a_test_is_at_the_time_that_is_pretended() -> None:
    story = await begin()
    await story.make_project()
    await story.save(CHECKOUT, topic("Until noon."))
    await story.desk.publishing.publish(story.call(), "hotel", "sandbox", PublishRequest("Late check-out until noon"))
    talks = story.desk.conversations
    begun, greeting = await talks.start(story.call(), "hotel", Beginning(ref="v1", now=NIGHT))
    turn = await talks.take_turn(story.call(), begun.conversation.id, Heard("Can I check out late?"))
    for each in (greeting, turn):
        assert each.turn.trace["now"] == "2026-05-01T23:30:00.000000Z"
        assert each.turn.at > NIGHT
    _, real = await talks.start(story.call(), "hotel", Beginning(ref="v1"))
    assert real.turn.trace["now"] != greeting.turn.trace["now"]


async def test_traffic_never_pretends() -> None:
    story = await begin()
    await story.make_project()
    with pytest.raises(Invalid, match="only a test of a ref"):
        await story.desk.conversations.start(story.call(), "hotel", Beginning(now=NIGHT))
