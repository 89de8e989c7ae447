"""A version as nasty as its schema allows: refused with a place, or served without hurting anybody else."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from greenroom.domain.entities import Address
from greenroom.domain.errors import Invalid
from greenroom.domain.knowledge import Edit
from greenroom.kinds import KINDS
from greenroom.ports import Reachable
from greenroom.providers.clock import SystemClock
from greenroom.providers.crypto import EnvelopeCipher
from greenroom.providers.outbound import SafeOutbound
from greenroom.providers.sandbox import MontySandbox
from greenroom.providers.tools import HttpTools
from greenroom.runtime import driver
from greenroom.services.conversations import Beginning, Heard
from greenroom.services.desk import Desk
from greenroom.services.plans import PromoteRequest, PublishRequest, RollbackRequest
from greenroom.storage.memory import MemoryStore
from tests.unit.services.story import Story

GOOD: dict[str, dict[str, Any]] = {
    "topic/pool": {"name": "Pool", "content": "From seven.", "sample_questions": ["When does the pool open?"]},
}
BOMB = "(a+)+$"
DOCUMENTS = 3_000
POISON: dict[str, dict[str, Any]] = {
    "agent/main": {"name": "Main", "persona": "x" * 32_000, "greeting": "{{component.c0}}"},
    **{
        f"component/c{n}": {"name": f"C{n}", "text": "lorem ipsum " * 20 + f"{{{{component.c{n + 1}}}}}" * (n < 19) * 6}
        for n in range(20)
    },
    **{
        f"topic/t{n}": {
            "name": f"Topic {n}",
            "sample_questions": [f"question {m} of {n} " + "word " * 40 for m in range(60)],
            "content": "y" * 20_000,
        }
        for n in range(60)
    },
    "guardrail/all": {"name": "All", "patterns": [BOMB, ".*", "(x|y)*z"], "action": "reword"},
    "response_control/c": {
        "name": "C",
        "corrections": [
            {"id": f"k{n}", "patterns": [{"pattern": f"({n}|a)+b?", "replacement": "c"}]} for n in range(200)
        ],
    },
    "rule/slow": {
        "name": "Slow",
        "severity": "hard",
        "text": 'Never say "y".',
        "applies_when": "[1,2,3,4,5,6,7,8,9].all(a, [1,2,3,4,5,6,7,8,9].all(b, [1,2,3,4,5,6,7,8,9].all(c, a+b+c > 0)))",
    },
    "routing_rule/always": {"name": "Always", "target": {"type": "workflow", "value": "round"}},
    "workflow/round": {
        "name": "Round",
        "start": "call",
        "steps": [
            {"id": "call", "type": "call", "function": "hang", "next": "tool"},
            {"id": "tool", "type": "call", "tool": "inside", "next": "call", "branches": [{"condition": "false"}]},
        ],
    },
    "function/hang": {"name": "Hang", "code": "def run(conv):\n    while True:\n        pass\n"},
    "tool/inside": {"name": "Inside", "url": "http://169.254.169.254/latest/", "timeout_ms": 1000},
    "agent/a": {"name": "A"},
    "agent/b": {"name": "B"},
    "squad/main": {
        "name": "Round",
        "members": ["a", "b"],
        "entry": "a",
        "transfers": [{"id": "1", "source": "a", "target": "b"}, {"id": "2", "source": "b", "target": "a"}],
    },
    "knowledge/many": {"name": "Many", "documents": [{"document": f"d{n}"} for n in range(DOCUMENTS)]},
}


async def stage() -> Story:
    outbound = SafeOutbound()
    parts = Reachable(
        sandbox=MontySandbox(SystemClock()),
        outbound=outbound,
        call_tool=HttpTools(outbound).call,
        cipher=EnvelopeCipher("k"),
    )
    desk = Desk(MemoryStore(), SystemClock(), KINDS, {}, parts)
    return Story(desk, await desk.access.found_workspace(None))


async def publish(story: Story, slug: str, agent: dict[str, dict[str, Any]], note: str) -> None:
    for address, body in agent.items():
        await story.save(Address(*address.split("/")), dict(body), slug=slug)
    known = ("function_type", "empty_topic", "needs_model")
    await story.desk.publishing.publish(story.call(), slug, "sandbox", PublishRequest(note, acknowledged=known))


async def serve_everywhere(story: Story, slug: str, version: int) -> None:
    for alias in ("pre-release", "live"):
        environment = (await story.desk.environments.load(story.call(), slug, alias)).environment
        request = PromoteRequest(version, environment.seq, confirm_version=version)
        await story.desk.releases.promote(story.call(), slug, alias, request)


async def write_documents(story: Story, slug: str) -> None:
    """Makes what `knowledge/many` lists: a version that names documents that are not there is not promoted."""
    for n in range(DOCUMENTS):
        await story.desk.knowledge.put_document(story.call(), slug, Edit(f"d{n}", f"Fact {n}.", f"Document {n}"))


async def ask(story: Story, slug: str, text: str) -> str:
    view, _ = await story.desk.conversations.start(story.call(), slug, Beginning())
    turn = await story.desk.conversations.take_turn(story.call(), view.conversation.id, Heard(text))
    return turn.turn.said


class Neighbours:
    """Somebody else's callers: how long each answer took, while the poison works."""

    def __init__(self, story: Story) -> None:
        self.took: list[float] = []
        self._story = story
        self._stop = asyncio.Event()

    async def call(self) -> None:
        while not self._stop.is_set():
            begun = time.monotonic()
            assert await ask(self._story, "good", "When does the pool open?") == "From seven."
            self.took.append(time.monotonic() - begun)
            await asyncio.sleep(0.01)

    def stop(self) -> None:
        self._stop.set()


@pytest.mark.timeout(120)
async def test_a_poisoned_version_hurts_nobody_else_and_is_rolled_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(driver, "MAX_TURN_MS", 2_000)
    story = await stage()
    for slug in ("good", "bad"):
        await story.make_project(slug)
        await publish(story, slug, GOOD, "The pool is open from seven")
        await serve_everywhere(story, slug, 1)
    neighbours = Neighbours(story)
    calling = asyncio.create_task(neighbours.call())
    begun = time.monotonic()
    await write_documents(story, "bad")
    await publish(story, "bad", POISON, "As nasty as the schema allows")
    await serve_everywhere(story, "bad", 2)
    said = await asyncio.wait_for(ask(story, "bad", "a" * 4_000), 60)
    assert said, "the caller hears something"
    assert "{{" not in said
    seq = (await story.desk.environments.load(story.call(), "bad", "live")).environment.seq
    rolled = time.monotonic()
    await story.desk.releases.roll_back(story.call(), "bad", "live", RollbackRequest("poison", expected_seq=seq))
    assert time.monotonic() - rolled < 2
    assert await ask(story, "bad", "When does the pool open?") == "From seven."
    neighbours.stop()
    await calling
    assert len(neighbours.took) > 20
    worst = sorted(neighbours.took)[int(len(neighbours.took) * 0.99)]
    assert worst < 3, f"a neighbour waited {worst:.2f} s while the poison worked for {time.monotonic() - begun:.1f} s"


@pytest.mark.parametrize(
    "address, body, pointer",
    [
        ("guardrail/g", {"patterns": ["(a"]}, "/guardrail/g/patterns/0"),
        ("rule/r", {"applies_when": "while (true)"}, "/rule/r/applies_when"),
        ("component/c", {"text": "{{component.c}}"}, "/component/c/text"),
        (
            "workflow/w",
            {
                "start": "a",
                "steps": [{"id": "a", "type": "goto", "next": "b"}, {"id": "b", "type": "goto", "next": "a"}],
            },
            "/workflow/w/steps",
        ),
    ],
)
async def test_what_can_never_work_is_refused_at_its_place(address: str, body: dict[str, Any], pointer: str) -> None:
    story = await stage()
    await story.make_project("bad")
    with pytest.raises(Invalid) as wrong:
        await publish(story, "bad", {address: {"name": "X", **body}}, "This can never work at all")
    assert any(fault.pointer.startswith(pointer) for fault in wrong.value.errors), wrong.value.errors
