"""A desk with every real part on a local stage: SQLite, the sandbox, and servers that listen on this machine only."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from mcp.server import MCPServer

from greenroom.domain.connections import Connection
from greenroom.domain.entities import Address, parse_address
from greenroom.domain.knowledge import Edit
from greenroom.domain.test_runs import Selection
from greenroom.kinds import KINDS
from greenroom.ports import Reachable
from greenroom.providers.clock import SystemClock
from greenroom.providers.crypto import EnvelopeCipher
from greenroom.providers.mcp import McpServers
from greenroom.providers.models import PydanticModels
from greenroom.providers.outbound import SafeOutbound, SafeTransport, read_allowed
from greenroom.providers.sandbox import MontySandbox
from greenroom.providers.tools import HttpTools
from greenroom.runtime.turn import Heard
from greenroom.services.conversations import TurnView
from greenroom.services.desk import Desk
from greenroom.services.keeping import Beginning
from greenroom.services.plans import PromoteRequest, PublishRequest, RollbackRequest
from greenroom.storage.sql import open_store
from tests.support.openai_server import model_server
from tests.unit.services.story import Story

PROJECT = "hotel"
ALIASES = ("sandbox", "pre-release", "live")
HERE = read_allowed("127.0.0.1")
KEY = "k3y-of-the-booking-system"
SHELF = {
    "pool": "The pool on the roof is open from seven to ten.",
    "pool-2027": "The pool on the roof is closed until spring.",
}
"""What the project's documents hold, in every version."""


@dataclass
class House:
    """The desk, and where its local servers are: names such as WEB in bodies stand for their addresses."""

    story: Story
    addresses: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def desk(self) -> Desk:
        return self.story.desk

    async def save(self, address: str, body: Mapping[str, Any]) -> None:
        """Puts an entity into the draft of Sandbox, with the addresses of the local servers in their places."""
        text = json.dumps(body)
        for name, address_of in self.addresses.items():
            text = text.replace(f"http://{name}", address_of)
        where = parse_address(address)
        await self.story.save(Address(where.kind, where.slug), {"name": where.slug, **json.loads(text)}, slug=PROJECT)

    async def publish(self, note: str) -> int:
        request = PublishRequest(note)
        done = await self.desk.publishing.publish(self.story.call(), PROJECT, "sandbox", request)
        return done.version.version.number

    async def promote(self, version: int, alias: str) -> None:
        request = PromoteRequest(version, await self._seq(alias), confirm_version=version)
        await self.desk.releases.promote(self.story.call(), PROJECT, alias, request)

    async def roll_back(self, alias: str) -> None:
        request = RollbackRequest("the change is taken back", expected_seq=await self._seq(alias))
        await self.desk.releases.roll_back(self.story.call(), PROJECT, alias, request)

    async def talk(self, alias: str, says: Sequence[str], begin: Mapping[str, Any]) -> list[TurnView]:
        """Holds a conversation in an environment and returns its turns, the greeting first."""
        call, verbs = self.story.call(), self.desk.conversations
        view, greeting = await verbs.start(call, PROJECT, Beginning(environment=alias, **begin))
        return [greeting, *[await verbs.take_turn(call, view.conversation.id, Heard(text)) for text in says]]

    async def play_tests(self, alias: str) -> str | None:
        """Plays the test sets of what an environment serves against it, and returns the outcome."""
        run = await self.desk.test_runs.start(self.story.call(), PROJECT, Selection(alias))
        await self.desk.test_runs.wait(run.id)
        return (await self.desk.test_runs.load(self.story.call(), PROJECT, run.id))[0].outcome

    async def _seq(self, alias: str) -> int:
        return (await self.desk.environments.load(self.story.call(), PROJECT, alias)).environment.seq


@asynccontextmanager
async def open_house(url: str) -> AsyncIterator[House]:
    """Opens a desk on an empty, migrated database, with a project that may reach the local servers."""
    async with AsyncExitStack() as stack:
        clock, store = SystemClock(), await open_store(url)
        stack.push_async_callback(store.close)
        outbound = SafeOutbound(HERE)
        reachable = Reachable(
            sandbox=MontySandbox(clock, workers=1),
            outbound=outbound,
            models=PydanticModels(clock, lambda: SafeTransport(HERE)),
            tool_servers=McpServers(SafeTransport(HERE), clock),
            call_tool=HttpTools(outbound).call,
            cipher=EnvelopeCipher("the key of tests"),
        )
        for part in (reachable.outbound, reachable.models, reachable.tool_servers, reachable.sandbox):
            assert part is not None
            stack.push_async_callback(part.close)
        desk = Desk(store, clock, KINDS, {}, reachable)
        stack.push_async_callback(desk.test_runs.close)
        story = Story(desk, await desk.access.found_workspace(None))
        await story.make_project(PROJECT)
        web = await stack.enter_async_context(_web_server())
        model = await stack.enter_async_context(model_server(lambda asked, _: answer_as_told(asked)))
        tools = await stack.enter_async_context(_tool_server())
        await desk.secrets.set(story.call(), PROJECT, "BOOKING_KEY", KEY)
        connection = Connection("house", "model", "openai", model.base_url, "BOOKING_KEY")
        await desk.connections.save(story.call(), PROJECT, connection, "*")
        for document, text in SHELF.items():
            await desk.knowledge.put_document(story.call(), PROJECT, Edit(document, text), "*")
        yield House(story, {"WEB": web, "MCP": tools})


def answer_as_told(asked: Mapping[str, Any]) -> Mapping[str, Any]:
    """A model that says every line of its instructions that begins with SAY, and calls the first tool of a server.

    Of what a tool gave it says the text.
    """
    last = asked["messages"][-1]
    if last["role"] == "tool":
        return {"text": str(json.loads(last["content"]).get("result"))}
    names = [tool["function"]["name"] for tool in asked.get("tools", ())]
    mine = sorted(name for name in names if name.startswith("house_"))
    if mine:
        return {"calls": [{"name": mine[0], "arguments": {"text": "towels"}}]}
    told = [line[4:] for line in str(asked["messages"][0]["content"]).splitlines() if line.startswith("SAY ")]
    return {"text": " ".join(told) or "Nothing to say."}


@asynccontextmanager
async def _web_server() -> AsyncIterator[str]:
    """Serves rooms by path: the house's name stands in the first part; prices only for those who sign in."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        path = head.split(" ")[1]
        guest = "a known guest" if f"Authorization: Bearer {KEY}".lower() in head.lower() else "a stranger"
        content = json.dumps({"at": path, "as": guest}).encode()
        lines = ["HTTP/1.1 200 OK", "Content-Type: application/json", f"Content-Length: {len(content)}"]
        writer.write(("\r\n".join([*lines, "Connection: close"]) + "\r\n\r\n").encode() + content)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1")
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        await server.wait_closed()


@asynccontextmanager
async def _tool_server() -> AsyncIterator[str]:
    """Serves two MCP tools by the library's own server."""
    served = MCPServer("housekeeping")

    @served.tool()
    def bring(text: str) -> str:
        """Brings something to the room."""
        return f"{text} are on their way"

    @served.tool()
    def count(text: str) -> str:
        """Counts what is left."""
        return f"three {text} are left"

    config = uvicorn.Config(
        served.streamable_http_app(), port=0, log_level="critical", lifespan="on", timeout_graceful_shutdown=1
    )
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110  uvicorn says it in no other way
        await asyncio.sleep(0.005)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/mcp"
    finally:
        server.should_exit = True
        await task
