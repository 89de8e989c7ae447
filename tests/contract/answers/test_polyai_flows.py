"""Real agents' flows, imported, published and walked: by a model as far as their steps allow, and without one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from greenroom.domain.asks import Answer, Streamer
from greenroom.domain.entities import Address, Body
from greenroom.importers.polyai import read_project
from greenroom.importers.polyai.flows import NEEDS_MODEL
from greenroom.kinds import KINDS
from greenroom.ports import ModelKey, Reachable
from greenroom.providers.clock import SystemClock
from greenroom.providers.crypto import EnvelopeCipher
from greenroom.providers.sandbox import MontySandbox
from greenroom.services.conversations import Beginning, Heard
from greenroom.services.desk import Desk
from greenroom.services.plans import PublishRequest
from greenroom.storage.memory import MemoryStore
from tests.contract.answers.test_own_questions import agents, load
from tests.support.gaps import note_fact
from tests.unit.services.story import Story

ROUTED = Address("routing_rule", "walk")
DEEDS = {
    "cite_topic", "cite_passage", "offer_sms", "hand_off", "start_workflow", "start_playbook", "transfer_to",
    "set_variable", "out_of_scope", "end_conversation",
}  # fmt: skip


class Caller:
    """A model that calls the step's first function once, with arguments of the right type, and then speaks."""

    def __init__(self) -> None:
        self.told: list[Mapping[str, Any]] = []

    async def answer(self, facts: Mapping[str, Any], key: ModelKey, stream: Streamer | None = None) -> Answer:
        self.told.append(facts)
        tools = [tool for tool in facts["tools"] if tool["name"] not in DEEDS]
        if tools and facts["messages"][-1]["role"] == "user":
            return {"text": "", "calls": [{"id": "c", **_call(tools[0])}], "ms": 1.0}
        return {"text": "All right.", "calls": [], "ms": 1.0}

    async def close(self) -> None: ...


def _call(tool: Mapping[str, Any]) -> dict[str, Any]:
    values = {"string": "12345", "integer": 2, "number": 2.5, "boolean": True, "array": [], "object": {}}
    properties: Mapping[str, Any] = tool["parameters"].get("properties", {})
    arguments = {name: values.get(str(schema.get("type")), "x") for name, schema in properties.items()}
    return {"name": tool["name"], "arguments": arguments}


async def publish(agent: Mapping[Address, Body], model: Caller | None) -> tuple[Story, MontySandbox]:
    sandbox = MontySandbox(SystemClock())
    parts = Reachable(sandbox=sandbox, models=model, cipher=EnvelopeCipher("k"))
    desk = Desk(MemoryStore(), SystemClock(), KINDS, {}, parts)
    story = Story(desk, await desk.access.found_workspace(None))
    await story.make_project()
    for address, body in agent.items():
        await story.save(address, dict(body))
    codes = ("function_type", "function_unsupported", "function_no_entry", "function_syntax")
    await desk.publishing.publish(story.call(), "hotel", "sandbox", PublishRequest("A real agent", acknowledged=codes))
    return story, sandbox


def walking(agent: Mapping[Address, Body], workflow: str, provider: str) -> dict[Address, Body]:
    """Returns the agent with one flow begun by a word, and answered for by a provider."""
    main = dict(agent[Address("agent", "main")])
    rule = {"schema": 1, "name": "Walk", "condition": "text == 'begin'"}
    target = {"type": "workflow", "value": workflow}
    return {
        **agent,
        Address("agent", "main"): {**main, "model": {"provider": provider}},
        ROUTED: {**rule, "target": target},
    }


@pytest.mark.parametrize("folder", agents(), ids=lambda folder: folder.name)
async def test_every_flow_runs_as_far_as_its_steps_allow(folder: Path) -> None:
    agent = load(folder)
    flows = {address.slug: body for address, body in agent.items() if address.kind == "workflow"}
    kinds = Counter(step["type"] for body in flows.values() for step in body["steps"])
    called, left = 0, 0
    for workflow in list(flows)[:4]:
        model = Caller()
        story, sandbox = await publish(walking(agent, workflow, "openai:any"), model)
        try:
            view, _ = await story.desk.conversations.start(story.call(), "hotel", Beginning(environment="sandbox"))
            for text in ("begin", "yes", "12345"):
                turn = await story.desk.conversations.take_turn(story.call(), view.conversation.id, Heard(text))
                events = [event["type"] for event in turn.turn.events]
                assert turn.turn.said, (workflow, events)
                assert "{{" not in turn.turn.said
                assert "brain_fallback" not in events, turn.turn.trace["problems"]
                called += sum(event["type"] == "function_called" and "error" not in event for event in turn.turn.events)
                if turn.ended:
                    break
        finally:
            await sandbox.close()
        start = flows[workflow]["start"]
        step = next(step for step in flows[workflow]["steps"] if step["id"] == start)
        if step["type"] == "prompt":
            assert any(step["text"][:40] in facts["instructions"] for facts in model.told) or "{{" in step["text"][:60]
        left += await _local(agent, workflow)
    assert called
    note_fact(
        f"flows of {folder.name}: {len(flows)} flows, steps {dict(kinds)}; walked {min(len(flows), 4)} with a model"
        f" ({called} functions ran in the sandbox), {left} left at a step for a model without one"
    )


async def _local(agent: Mapping[Address, Body], workflow: str) -> int:
    """Begins the flow without a model: the caller hears an answer, and the record says why the flow was left."""
    story, sandbox = await publish(walking(agent, workflow, "local"), None)
    try:
        view, _ = await story.desk.conversations.start(story.call(), "hotel", Beginning(environment="sandbox"))
        turn = await story.desk.conversations.take_turn(story.call(), view.conversation.id, Heard("begin"))
    finally:
        await sandbox.close()
    assert turn.turn.said
    hows = [event["how"] for event in turn.turn.events if event["type"] == "workflow_ended"]
    return hows.count("needs_model")


async def test_a_function_moves_a_flow_by_the_name_of_a_step() -> None:
    folder = agents()[-1]
    agent = load(folder)
    slug, body = next((a.slug, b) for a, b in agent.items() if a.kind == "workflow" and len(b["steps"]) > 1)
    first = next(step for step in body["steps"] if step["id"] == body["start"])
    second = next(step for step in body["steps"] if step["id"] != body["start"])
    owned = [a for a, b in agent.items() if a.kind == "function" and b.get("workflow") == slug and not b.get("role")]
    code = (
        f"def move(conv, flow):\n    flow.goto_step({second['name']!r})\n"
        "    conv.state.moved = 'yes'\n    return 'Moved.'\n"
    )
    moved = {**agent, owned[0]: {"schema": 1, "name": "Move", "code": code, "workflow": slug}}
    for other in owned[1:]:
        del moved[other]
    mentions = {a: b for a, b in moved.items() if a.kind not in {"topic", "workflow"}}
    flow = {**body, "steps": [{**step, "text": step["name"]} for step in (first, second)]}
    kept = {**mentions, Address("workflow", slug): flow}
    small = {a: b for a, b in kept.items() if a.kind in {"agent", "workflow", "settings"} or a == owned[0]}
    small[Address("agent", "main")] = {"schema": 1, "name": "Main"}
    model = Caller()
    story, sandbox = await publish(walking(small, slug, "openai:any"), model)
    try:
        view, _ = await story.desk.conversations.start(story.call(), "hotel", Beginning(environment="sandbox"))
        turn = await story.desk.conversations.take_turn(story.call(), view.conversation.id, Heard("begin"))
        assert turn.turn.trace["workflow"]["step"] == second["id"]
        assert {"key": "vars.moved", "before": None, "after": "yes"} in turn.turn.trace["changes"]
        await story.desk.conversations.take_turn(story.call(), view.conversation.id, Heard("go on"))
        assert second["name"] in model.told[-1]["instructions"]
    finally:
        await sandbox.close()


def test_the_report_says_which_steps_need_a_model() -> None:
    for folder in agents():
        files = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
        made = read_project({path: data for path, data in files.items() if "__pycache__" not in path})
        steps = sum(
            step["type"] == "prompt"
            for address, body in made.entities.items()
            if address.kind == "workflow"
            for step in body["steps"]
        )
        assert sum(row.reason == NEEDS_MODEL for row in made.report) == steps
