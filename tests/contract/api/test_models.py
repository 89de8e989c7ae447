"""An agent that a model answers for, through the API, against a local server that speaks OpenAI's protocol."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import httpx2

from greenroom.ports import Reachable
from greenroom.providers.clock import SystemClock
from greenroom.providers.crypto import EnvelopeCipher
from greenroom.providers.models import PydanticModels
from greenroom.providers.outbound import SafeTransport, read_allowed
from tests.support.api import AGENT, BREAKFAST, PREFIX, Stage, good, make_stage, save
from tests.support.openai_server import ModelServer, model_server

MODEL = {"provider": "openai:gpt-4.1-mini", "connection": "house-model", "timeout_ms": 3000}
PLACE = f"{PREFIX}/projects/hotel"


async def modelled(client: httpx2.AsyncClient, server: ModelServer) -> None:
    """Makes a project whose agent is answered for by the server's model."""
    good(await client.post(f"{PREFIX}/projects", json={"name": "Hotel", "slug": "hotel"}))
    good(await client.put(f"{PLACE}/secrets/MODEL_KEY", json={"value": "sk-canary-123456"}))
    connection = {"kind": "model", "provider": "openai", "base_url": server.base_url, "secret": "MODEL_KEY"}
    good(await client.put(f"{PLACE}/connections/house-model", json=connection, headers={"If-Match": "*"}))
    good(await save(client, "hotel", "agent/main", {**AGENT, "model": MODEL, "persona": "You are Robin."}))
    good(await save(client, "hotel", "topic/breakfast", BREAKFAST))
    good(await client.post(f"{PLACE}/environments/sandbox/publish", json={"note": "A model answers the guests"}))


async def staged() -> Stage:
    models = PydanticModels(SystemClock(), lambda: SafeTransport(read_allowed("127.0.0.1")), lambda: 0.0)
    return await make_stage(reachable=Reachable(cipher=EnvelopeCipher("k"), models=models))


async def talk(client: httpx2.AsyncClient, text: str, **headers: str) -> tuple[str, httpx2.Response]:
    begun = good(await client.post(f"{PLACE}/conversations", json={"environment": "sandbox", "channel": "chat"}))
    place = f"{PREFIX}/conversations/{begun['id']}/turns"
    return begun["id"], await client.post(place, json={"text": text}, headers=headers)


def script(asked: Mapping[str, Any], number: int) -> Mapping[str, Any]:
    if number == 1:
        return {"text": "Let me see.", "calls": [{"name": "cite_topic", "arguments": {"topic": "breakfast"}}]}
    return {"text": "Breakfast is from seven, **on the terrace**."}


async def test_a_model_answers_word_by_word_with_its_sources_tokens_and_cost() -> None:
    stage = await staged()
    async with model_server(script) as server, stage.client() as client:
        await modelled(client, server)
        id_, streamed = await talk(client, "When is breakfast?", Accept="text/event-stream")
        events = [block.split("\n") for block in streamed.text.strip().split("\n\n")]
        deltas = [json.loads(lines[1][6:])["text"] for lines in events if lines[0] == "event: delta"]
        turn = json.loads(events[-1][1][6:])
        assert turn["reply"] == "".join(deltas) == "Let me see. Breakfast is from seven, **on the terrace**."
        assert len(deltas) >= 8, "the words came one by one"
        trace = turn["trace"]
        assert (trace["brain"], trace["topic"]) == ("openai:gpt-4.1-mini", "breakfast")
        assert [each["tokens"] for each in trace["models"]] == [{"input": 120, "output": 30}] * 2
        assert trace["models"][0]["cost_usd"] > 0
        assert server.keys == ["Bearer sk-canary-123456"] * 2
        assert "You are Robin." in server.requests[0]["messages"][0]["content"]
        found = good(await client.get(f"{PLACE}/executions?conversation={id_}"))["items"]
        assert {each["kind"] for each in found} == {"model"}
        assert "sk-canary" not in json.dumps([turn, found])
        again = good(await client.post(f"{PREFIX}/conversations/{id_}/replay"))
        assert again["changed"] == 0
        assert len(server.requests) == 2, "a replay asks nobody"


async def test_the_local_brain_answers_visibly_for_a_model_that_is_away() -> None:
    stage = await staged()
    async with stage.client() as client:
        async with model_server(lambda asked, number: {"status": 500}) as server:
            await modelled(client, server)
            _, reply = await talk(client, "When is breakfast?")
        turn = good(reply)
        assert turn["reply"] == "Breakfast is from seven."
        assert (turn["trace"]["brain"], turn["trace"]["fallback_of"]) == ("local", "openai:gpt-4.1-mini")
        assert "brain_fallback" in [event["type"] for event in turn["events"]]
        _, gone = await talk(client, "When is breakfast?")
        assert good(gone)["reply"] == "Breakfast is from seven."
