"""MCP servers over streamable HTTP, in the present protocol version and in those before it.

Every request goes through the transport that reaches the internet alone. Which version a server speaks, and which
tools it lists, is remembered for some minutes for its address and the headers we sign in with.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import httpx2
from mcp import Client, MCPError
from mcp.client.streamable_http import streamable_http_client
from mcp_types import CallToolResult, DiscoverResult, Implementation, TextContent, Tool
from pydantic import ValidationError

from greenroom import __version__
from greenroom.domain.asks import Answer, failed
from greenroom.domain.errors import GreenroomError
from greenroom.domain.hiding import hide_secrets
from greenroom.ports import Clock
from greenroom.providers.outbound.lending import LentTransport

MAX_RESULT_CHARACTERS = 64_000
MAX_TOOLS = 200
MAX_PAGES = 20
MAX_DESCRIPTION = 4_000
MAX_SCHEMA_CHARACTERS = 32_000
KEPT_MS = 300_000
MOST_KEPT = 500
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Known:
    """What is remembered of a server: until when, its version, and its tools once they were listed."""

    until_ms: float
    version: str
    discovered: DiscoverResult | None
    """None of a server that is greeted as before 2026."""
    tools: tuple[Mapping[str, Any], ...] | None = None


@dataclass(frozen=True, slots=True)
class _Server:
    """Where a server is, how we sign in there, and how long it has."""

    url: str
    headers: Mapping[str, str]
    limit_ms: int

    @property
    def key(self) -> str:
        """Returns what it is remembered by: nobody sees the tools that another's key is shown."""
        return hashlib.sha256(json.dumps([self.url, sorted(self.headers.items())]).encode()).hexdigest()


class McpServers:
    """`ports.ToolServers` over a SafeTransport, which is closed with it."""

    def __init__(self, transport: httpx2.AsyncBaseTransport, clock: Clock) -> None:
        self._transport = transport
        self._clock = clock
        self._known: dict[str, _Known] = {}
        self._open: set[asyncio.Task[None]] = set()
        # The library's debug lines hold whole messages, and so whatever tools answer.
        logging.getLogger("mcp").setLevel(logging.CRITICAL)

    async def close(self) -> None:
        """Closes all connections."""
        for task in self._open:
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)
        await self._transport.aclose()

    async def answer(self, facts: Mapping[str, Any], auth: Mapping[str, str]) -> Answer:
        """Returns {tools} of `op: list`, else {result, is_error, truncated?} of one tool; failures are answers."""
        limit_ms = int(facts.get("timeout_ms") or 10_000)
        server = _Server(str(facts.get("url", "")), dict(auth), limit_ms)
        allowed = facts.get("allowed") or ()
        try:
            if facts.get("op") == "list":
                tools = await self._list(server)
                answer: Answer = {"tools": [dict(tool) for tool in tools if not allowed or tool["name"] in allowed]}
            else:
                answer = await self._call(server, str(facts.get("tool", "")), facts.get("arguments"), allowed)
        except Exception as wrong:  # noqa: BLE001  whatever a foreign server does is its answer
            self._known.pop(server.key, None)
            answer = _failed_by(wrong, limit_ms)
        return hide_secrets(answer, _secrets_of(auth), cut="truncated" in answer)

    async def _list(self, server: _Server) -> Sequence[Mapping[str, Any]]:
        known = self._find(server.key)
        if known is None or known.tools is None:
            return await self._converse(server, self._read_tools)
        return known.tools

    async def _read_tools(self, server: _Server, client: Client) -> Sequence[Mapping[str, Any]]:
        tools = await _list_tools(client)
        self._remember(server, client, tools)
        return tools

    async def _call(self, server: _Server, tool: str, arguments: Any, allowed: Collection[str]) -> Answer:
        if allowed and tool not in allowed:
            return failed("not_allowed", f"the tool '{tool[:100]}' is not one that this version allows")

        async def call(_: _Server, client: Client) -> Answer:
            return _read_result(await client.call_tool(tool, dict(arguments or {})))

        return await self._converse(server, call)

    async def _converse(self, server: _Server, use: Callable[[_Server, Client], Awaitable[T]]) -> T:
        """Connects, and returns what `use` returns; taking leave of the server keeps nobody waiting."""
        answered: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        task = asyncio.create_task(self._visit(server, use, answered))
        self._open.add(task)
        task.add_done_callback(self._open.discard)
        try:
            async with asyncio.timeout(server.limit_ms / 1000):
                return await answered
        except BaseException:
            task.cancel()
            raise

    async def _visit(
        self, server: _Server, use: Callable[[_Server, Client], Awaitable[T]], answered: asyncio.Future[T]
    ) -> None:
        try:
            async with self._connected(server) as client:
                result = await use(server, client)
                if not answered.done():
                    answered.set_result(result)
        except Exception as wrong:  # noqa: BLE001  it is raised where the answer is awaited
            if not answered.done():
                answered.set_exception(wrong)

    @asynccontextmanager
    async def _connected(self, server: _Server) -> AsyncIterator[Client]:
        """Connects in the version that the server is known to speak, else finds out which."""
        known = self._find(server.key)
        mode = "auto" if known is None else "legacy" if known.discovered is None else known.version
        who = Implementation(name="greenroom", version=__version__)
        async with httpx2.AsyncClient(
            transport=LentTransport(self._transport),
            headers=server.headers,
            timeout=server.limit_ms / 1000,
            trust_env=False,
        ) as http:
            transport = streamable_http_client(server.url, http_client=http)
            discovered = known.discovered if known is not None else None
            async with Client(transport, mode=mode, prior_discover=discovered, client_info=who, cache=None) as client:
                if known is None:
                    self._remember(server, client, None)
                yield client

    def _find(self, key: str) -> _Known | None:
        known = self._known.get(key)
        return known if known is not None and known.until_ms > self._clock.monotonic_ms() else None

    def _remember(self, server: _Server, client: Client, tools: Sequence[Mapping[str, Any]] | None) -> None:
        if len(self._known) >= MOST_KEPT:
            self._known.pop(next(iter(self._known)))
        until = self._clock.monotonic_ms() + KEPT_MS
        kept = None if tools is None else tuple(tools)
        self._known[server.key] = _Known(until, client.protocol_version, client.session.discover_result, kept)


async def _list_tools(client: Client) -> list[Mapping[str, Any]]:
    found: list[Mapping[str, Any]] = []
    cursor: str | None = None
    for _ in range(MAX_PAGES):
        page = await client.list_tools(cursor=cursor)
        found += [_shown(tool) for tool in page.tools]
        cursor = page.next_cursor
        if not cursor or len(found) >= MAX_TOOLS:
            break
    return found[:MAX_TOOLS]


def _shown(tool: Tool) -> Mapping[str, Any]:
    parameters: Any = tool.input_schema
    if len(json.dumps(parameters)) > MAX_SCHEMA_CHARACTERS:
        parameters = {"type": "object"}
    return {
        "name": tool.name[:200],
        "description": (tool.description or tool.title or "")[:MAX_DESCRIPTION],
        "parameters": parameters,
    }


def _read_result(found: CallToolResult) -> Answer:
    """Returns a result as an answer: its structured content where it has one, else its texts."""
    result: Any = found.structured_content
    if result is None:
        result = "\n".join(
            block.text if isinstance(block, TextContent) else f"[{block.type}]" for block in found.content
        )
    elif set(result) == {"result"}:
        # How servers wrap what is no object.
        result = result["result"]
    text = result if isinstance(result, str) else json.dumps(result, ensure_ascii=False)
    answer: dict[str, Any] = {"result": result, "is_error": bool(found.is_error)}
    if len(text) > MAX_RESULT_CHARACTERS:
        answer |= {"result": text[:MAX_RESULT_CHARACTERS], "truncated": True}
    return answer


def _failed_by(wrong: BaseException, limit_ms: int) -> Answer:
    """Returns what went wrong as an answer; task groups wrap it."""
    while isinstance(wrong, BaseExceptionGroup):
        wrong = wrong.exceptions[0]
    if isinstance(wrong, GreenroomError):
        return failed(wrong.code, wrong.detail)
    if isinstance(wrong, TimeoutError | httpx2.TimeoutException):
        return failed("timed_out", f"the MCP server did not answer within {limit_ms} ms")
    if isinstance(wrong, MCPError):
        return failed("mcp_error", f"the MCP server refused: {wrong.error.message[:500]} ({wrong.error.code})")
    if isinstance(wrong, httpx2.HTTPError):
        return failed("unreachable", f"the MCP server cannot be reached ({type(wrong).__name__})")
    if isinstance(wrong, ValidationError):
        return failed("unreadable", "the MCP server's answer is not as the protocol has it")
    return failed("mcp_error", f"talking to the MCP server broke with {type(wrong).__name__}")


def _secrets_of(auth: Mapping[str, str]) -> list[str]:
    return [part for value in auth.values() for part in {value, value.rpartition(" ")[2]}]
