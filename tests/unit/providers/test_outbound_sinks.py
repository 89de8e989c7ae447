"""Reliability check 19 for each part that goes out: no spelling of an inside address is reached by any of them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import httpx2
import pytest

from greenroom.domain.asks import Answer, Place, failed
from greenroom.domain.canonical import Digest
from greenroom.domain.ids import EnvironmentId, ProjectId, WorkspaceId
from greenroom.ports import ModelKey
from greenroom.providers.clock import SystemClock
from greenroom.providers.mcp import McpServers
from greenroom.providers.models import PydanticModels
from greenroom.providers.outbound import SafeOutbound, SafeTransport
from greenroom.providers.tools import HttpTools
from greenroom.services.outside import FunctionReach
from tests.unit.providers.test_outbound import SPELT, Names, listening

NOTHING = Digest("sha256:" + "0" * 64)
PLACE = Place(WorkspaceId("w"), ProjectId("p"), EnvironmentId("e"), "live", "live", NOTHING)
Sink = Callable[[str], Awaitable[Answer]]


async def no_tables(facts: Mapping[str, Any], place: Place) -> Answer:
    return failed("not_available", "there are none")


class Sinks:
    """Every part that opens sockets for an agent, over transports that look names up in a table."""

    def __init__(self, make: Callable[[], httpx2.AsyncBaseTransport], outbound: SafeOutbound) -> None:
        clock = SystemClock()
        self.servers = McpServers(make(), clock)
        self.models = PydanticModels(clock, make, lambda: 0.5)
        self.tools = HttpTools(outbound)
        self.functions = FunctionReach(outbound, no_tables, PLACE, {})
        self.outbound = outbound

    async def tool(self, url: str) -> Answer:
        return await self.tools.call({"method": "POST", "url": url, "body": {"a": 1}, "timeout_ms": 1_500}, {})

    async def integration(self, url: str) -> Answer:
        integration = {"base_url": url, "headers": [], "auth": {"type": "none"}}
        return await self.tools.call({"url": "/x", "integration": integration, "timeout_ms": 1_500}, {})

    async def function(self, url: str) -> Answer:
        return await self.functions.http({"method": "GET", "url": url, "timeout_ms": 1_500})

    async def mcp(self, url: str) -> Answer:
        return await self.servers.answer({"url": url, "op": "list", "timeout_ms": 1_500}, {})

    async def model(self, url: str) -> Answer:
        facts = {
            "provider": "openai:gpt-4.1",
            "temperature": 0.0,
            "max_tokens": 10,
            "instructions": "",
            "messages": [{"role": "user", "text": "hi"}],
            "tools": [],
            "timeout_ms": 250,
            "purpose": "judge",
        }
        try:
            return await self.models.answer(facts, ModelKey("sk-test", url))
        except httpx2.InvalidURL as wrong:
            return failed("bad_request_url", str(wrong))

    async def close(self) -> None:
        for part in (self.servers, self.models, self.outbound):
            await part.close()


@pytest.mark.parametrize("name", ["tool", "integration", "function", "mcp", "model"])
async def test_no_part_reaches_inside(name: str) -> None:
    async with listening() as listener:
        sinks = Sinks(lambda: SafeTransport(resolver=Names()), SafeOutbound(resolver=Names()))
        sink: Sink = getattr(sinks, name)
        # Models are asked again before they are given up: every fourth form, or this takes half a minute.
        forms = [form for form in SPELT if form][::4] if name == "model" else SPELT
        for form in forms:
            answer = await sink(form.replace("{port}", str(listener.port)))
            assert "error" in answer, form
            assert listener.seen == [], form
        await sinks.close()


@pytest.mark.parametrize("name", ["tool", "integration", "function", "mcp", "model"])
async def test_the_same_forms_are_seen_when_a_part_has_no_guard(name: str) -> None:
    """The listener would be hit: a part over a plain transport is caught."""
    async with listening() as listener:
        naive = SafeOutbound(resolver=Names())
        naive._client = httpx2.AsyncClient(trust_env=False)
        sinks = Sinks(lambda: httpx2.AsyncHTTPTransport(trust_env=False), naive)
        await getattr(sinks, name)(f"http://127.0.0.1:{listener.port}/")
        assert listener.seen
        await sinks.close()
