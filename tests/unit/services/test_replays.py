"""Conversations played again: the same on the same version, and compared on another one."""

from __future__ import annotations

from typing import Any

import pytest

from greenroom.domain.asks import Answer
from greenroom.domain.entities import Address
from greenroom.domain.errors import Refused
from greenroom.kinds import KINDS
from greenroom.ports import Reachable
from greenroom.providers.clock import SystemClock
from greenroom.providers.crypto import EnvelopeCipher
from greenroom.services.conversations import Beginning, Heard
from greenroom.services.desk import Desk
from greenroom.services.plans import PublishRequest
from greenroom.storage.memory import MemoryStore
from tests.unit.services.story import Story

PETS = {
    "name": "Pets",
    "content": "Dogs are welcome.",
    "sample_questions": ["Can I bring my dog?", "Are pets allowed?"],
    "actions": [{"id": "a", "type": "call", "target": "fee"}],
}
FEE = {"name": "Fee", "code": "def run(conv):\n    return 'x'\n"}
GUEST = {"name": "Guest", "pii": True}


class Counting:
    """Answers functions, and counts how often it is asked."""

    def __init__(self) -> None:
        self.asked = 0

    async def run(self, facts: Any, reach: Any) -> Answer:
        self.asked += 1
        return {"result": f"The fee is £{self.asked}.", "effects": [], "prints": [], "ms": 1.0}

    async def check(self, name: str, code: str, modules: Any) -> tuple[()]:
        return ()

    async def close(self) -> None: ...


async def tell(cipher: bool = True) -> tuple[Story, Counting, str]:
    """Publishes an agent, holds a conversation with it, and then changes it."""
    sandbox = Counting()
    reachable = Reachable(sandbox=sandbox, cipher=EnvelopeCipher("k") if cipher else None)
    desk = Desk(MemoryStore(), SystemClock(), KINDS, {}, reachable)
    story = Story(desk, await desk.access.found_workspace(None))
    await story.make_project()
    for address, body in {"topic/pets": PETS, "function/fee": FEE, "variable/guest": GUEST}.items():
        await story.save(Address(*address.split("/")), dict(body))
    await desk.publishing.publish(story.call(), "hotel", "sandbox", PublishRequest("Pets are welcome with a fee"))
    begin = Beginning(environment="sandbox", variables={"guest": "Ada Lovelace"})
    view, _ = await desk.conversations.start(story.call(), "hotel", begin)
    for text in ("Are pets allowed?", "I am Ada Lovelace", "thanks"):
        await desk.conversations.take_turn(story.call(), view.conversation.id, Heard(text))
    changed = {**PETS, "content": "Only small dogs are welcome."}
    await story.save(Address("topic", "pets"), changed)
    await desk.publishing.publish(story.call(), "hotel", "sandbox", PublishRequest("Only small dogs from now on"))
    return story, sandbox, view.conversation.id


async def test_a_conversation_is_the_same_again_with_nobody_outside() -> None:
    story, sandbox, id_ = await tell()
    turns = await story.desk.replays.replay(story.call(), id_)
    assert [turn.same for turn in turns] == [True] * 4
    assert turns[1].said_now == "Dogs are welcome. The fee is £1."
    assert turns[2].heard == "I am •••"
    assert sandbox.asked == 1


async def test_another_version_meets_the_same_inputs() -> None:
    story, sandbox, id_ = await tell()
    turns = await story.desk.replays.replay(story.call(), id_, "v2")
    assert [turn.same for turn in turns] == [True, False, True, True]
    assert turns[1].said_now == "Only small dogs are welcome. The fee is £1."
    assert turns[1].actions_now == ["function_called fee"]
    assert sandbox.asked == 1
    assert len((await story.desk.conversations.load(story.call(), id_, -1, 50))[1]) == 4


async def test_a_call_that_was_not_made_then_fails_now() -> None:
    story, sandbox, id_ = await tell()
    await story.save(Address("function", "other"), {**FEE, "name": "Other"})
    action = {"id": "a", "type": "call", "target": "other"}
    await story.save(Address("topic", "pets"), {**PETS, "actions": [action]})
    turns = await story.desk.replays.replay(story.call(), id_, "draft:sandbox")
    assert turns[1].actions_now == ["function_called other"]
    assert turns[1].said_now == "Dogs are welcome."
    assert sandbox.asked == 1


async def test_what_was_erased_or_never_kept_is_not_replayed() -> None:
    story, _, id_ = await tell()
    await story.desk.erasures.erase(story.call(), id_)
    with pytest.raises(Refused, match="cannot be replayed"):
        await story.desk.replays.replay(story.call(), id_)
    bare, _, other = await tell(cipher=False)
    with pytest.raises(Refused, match="cannot be replayed"):
        await bare.desk.replays.replay(bare.call(), other)
