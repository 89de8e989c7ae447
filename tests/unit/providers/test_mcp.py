"""MCP servers, really spoken to: in the present protocol version and in one before it, on a local port."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import uvicorn
from mcp.server import MCPServer

from greenroom.providers.clock import SystemClock
from greenroom.providers.mcp import KEPT_MS, McpServers
from greenroom.providers.outbound import SafeTransport, read_allowed

LOCAL = read_allowed("127.0.0.1")
AUTH = {"Authorization": "Bearer k3y-of-the-calendar"}
LEGACY = "2025-06-18"


class Turning(SystemClock):
    """A clock whose spans a test may lengthen."""

    ahead = 0.0

    def monotonic_ms(self) -> float:
        return super().monotonic_ms() + self.ahead


class Seen:
    def __init__(self) -> None:
        self.requests: list[tuple[str, str, dict[str, str]]] = []

    def posts(self) -> list[str]:
        return [f"{method} {what}" for method, what, _ in self.requests]


def calendar() -> MCPServer:
    server = MCPServer("calendar")

    @server.tool()
    def add(title: str, nights: int = 1) -> dict[str, Any]:
        """Adds a stay."""
        return {"booked": title, "nights": nights}

    @server.tool()
    def say(text: str) -> str:
        """Says a text again."""
        return text

    @server.tool()
    def big() -> str:
        """Answers at length."""
        return "x" * 200_000

    @server.tool()
    def huge() -> str:
        """Answers with more than is read."""
        return "x" * 6_000_000

    @server.tool()
    def fail() -> str:
        """Fails."""
        raise ValueError("no such room")

    @server.tool()
    async def sleep() -> str:
        """Takes its time."""
        await asyncio.sleep(30)
        return "done"

    return server


@asynccontextmanager
async def serving(
    seen: Seen, key: str | None = AUTH["Authorization"], *, json_response: bool = False
) -> AsyncIterator[str]:
    """Serves the calendar by the library's own server; gives its address."""
    inner = calendar().streamable_http_app(json_response=json_response)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            headers = {name.decode(): value.decode() for name, value in scope["headers"]}
            seen.requests.append((scope["method"], headers.get("mcp-method", ""), headers))
            if key is not None and headers.get("authorization") != key:
                await send({"type": "http.response.start", "status": 401, "headers": []})
                await send({"type": "http.response.body", "body": b""})
                return
        await inner(scope, receive, send)

    config = uvicorn.Config(app, port=0, log_level="critical", lifespan="on", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110  uvicorn tells it no other way
        await asyncio.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/mcp"
    finally:
        server.should_exit = True
        await task


@asynccontextmanager
async def serving_before(seen: Seen, answer: Callable[[dict[str, Any]], Any]) -> AsyncIterator[str]:
    """Serves a server of the protocol before 2026, written by hand: sessions, JSON answers, no discovery."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        method = head[0].split(" ")[0]
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:]) if name}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        message = json.loads(body) if body else {}
        seen.requests.append((method, message.get("method", ""), headers))
        status, content, more = reply(method, message, headers)
        lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(content)}", "Connection: close", *more]
        lines += ["Content-Type: application/json"] if content else []
        writer.write(("\r\n".join(lines) + "\r\n\r\n").encode() + content)
        await writer.drain()
        writer.close()

    def reply(method: str, message: dict[str, Any], headers: dict[str, str]) -> tuple[int, bytes, list[str]]:
        asked = message.get("method")
        if method == "DELETE":
            return 200, b"", []
        if method != "POST":
            return 405, b"", []
        if asked == "initialize":
            result: Any = {
                "protocolVersion": LEGACY,
                "capabilities": {"tools": {}},
                "serverInfo": {"name": "old", "version": "1"},
            }
            return 200, _result(message, result), ["Mcp-Session-Id: s1"]
        if headers.get("mcp-session-id") != "s1" or headers.get("mcp-protocol-version") != LEGACY:
            return 400, b"", []
        if asked == "notifications/initialized":
            return 202, b"", []
        return 200, _result(message, answer(message)), []

    server = await asyncio.start_server(handle, "127.0.0.1")
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/mcp"
    finally:
        server.close()
        await server.wait_closed()


def _result(message: dict[str, Any], result: Any) -> bytes:
    return json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": result}).encode()


@asynccontextmanager
async def client(clock: SystemClock | None = None, allowed: str = "127.0.0.1") -> AsyncIterator[McpServers]:
    servers = McpServers(SafeTransport(read_allowed(allowed)), clock or SystemClock())
    try:
        yield servers
    finally:
        await servers.close()


def to(url: str, tool: str = "", **more: Any) -> dict[str, Any]:
    op = {"op": "call", "tool": tool, "arguments": more.pop("arguments", {})} if tool else {"op": "list"}
    return {"mcp": "calendar", "url": url, "allowed": [], "timeout_ms": 5_000, **op, **more}


@pytest.mark.parametrize("json_response", [True, False], ids=["json", "events"])
async def test_tools_are_listed_and_called_in_the_present_version(json_response: bool) -> None:
    seen = Seen()
    async with serving(seen, json_response=json_response) as url, client() as servers:
        listed = await servers.answer(to(url), AUTH)
        assert [tool["name"] for tool in listed["tools"]] == ["add", "say", "big", "huge", "fail", "sleep"]
        add = listed["tools"][0]
        assert add["description"] == "Adds a stay."
        assert add["parameters"]["properties"]["nights"]["type"] == "integer"
        answer = await servers.answer(to(url, "add", arguments={"title": "Ada", "nights": 2}), AUTH)
        assert answer == {"result": {"booked": "Ada", "nights": 2}, "is_error": False}
        assert (await servers.answer(to(url, "say", arguments={"text": "hi"}), AUTH))["result"] == "hi"
        assert {headers.get("mcp-protocol-version") for _, _, headers in seen.requests} == {"2026-07-28"}
        assert all(headers["authorization"] == AUTH["Authorization"] for _, _, headers in seen.requests)


async def test_a_server_of_the_version_before_is_spoken_to_as_it_expects() -> None:
    seen = Seen()
    tool = {"name": "add", "description": "Adds.", "inputSchema": {"type": "object"}}

    def answer(message: dict[str, Any]) -> Any:
        if message["method"] == "tools/list":
            return {"tools": [tool]}
        said = f"{message['params']['name']} {message['params']['arguments']}"
        return {"content": [{"type": "text", "text": said}, {"type": "image", "data": "", "mimeType": "image/png"}]}

    async with serving_before(seen, answer) as url:
        async with client() as servers:
            listed = await servers.answer(to(url), AUTH)
            assert listed == {"tools": [{"name": "add", "description": "Adds.", "parameters": {"type": "object"}}]}
            called = await servers.answer(to(url, "add", arguments={"n": 1}), AUTH)
            assert called == {"result": "add {'n': 1}\n[image]", "is_error": False}
            for _ in range(200):
                if seen.posts().count("DELETE ") == 2:
                    break
                await asyncio.sleep(0.01)
    assert seen.posts().count("DELETE ") == 2, "both sessions were ended"
    assert seen.posts().count("POST server/discover") == 1, "it is asked once what it speaks"
    assert all(headers["authorization"] == AUTH["Authorization"] for _, _, headers in seen.requests)


async def test_lists_are_remembered_for_some_minutes_and_for_one_key() -> None:
    seen, clock = Seen(), Turning()
    async with serving(seen, None) as url, client(clock) as servers:
        await servers.answer(to(url), AUTH)
        asked = len(seen.requests)
        await servers.answer(to(url), AUTH)
        assert len(seen.requests) == asked
        await servers.answer(to(url, allowed=["say"]), {"Authorization": "Bearer another"})
        assert len(seen.requests) > asked
        asked = len(seen.requests)
        clock.ahead = KEPT_MS + 1
        await servers.answer(to(url), AUTH)
        assert len(seen.requests) > asked


async def test_only_allowed_tools_are_shown_and_called() -> None:
    seen = Seen()
    async with serving(seen) as url, client() as servers:
        listed = await servers.answer(to(url, allowed=["say"]), AUTH)
        assert [tool["name"] for tool in listed["tools"]] == ["say"]
        asked = len(seen.requests)
        refused = await servers.answer(to(url, "add", allowed=["say"]), AUTH)
        assert refused["error"]["code"] == "not_allowed"
        assert len(seen.requests) == asked


async def test_what_fails_is_an_answer() -> None:
    seen = Seen()
    async with serving(seen) as url, client() as servers:
        failed = await servers.answer(to(url, "fail"), AUTH)
        assert failed["is_error"] is True
        assert "no such room" in failed["result"] or "Error executing tool" in failed["result"]
        assert (await servers.answer(to(url, "nothing"), AUTH)).keys() & {"is_error", "error"}
        assert (await servers.answer(to(url), {}))["error"]["code"] in {"mcp_error", "unreachable"}
        assert (await servers.answer(to("http://127.0.0.1:2/mcp"), AUTH))["error"]["code"] == "unreachable"
        assert (await servers.answer(to("http://10.1.2.3/mcp"), AUTH))["error"]["code"] == "address_refused"
        assert (await servers.answer(to("file:///etc/passwd"), AUTH))["error"]["code"] == "bad_request_url"
        assert (await servers.answer(to("http://u:p@127.0.0.1/"), AUTH))["error"]["code"] == "bad_request_url"


async def test_nothing_inside_is_reached_unless_it_is_listed() -> None:
    seen = Seen()
    async with serving(seen, None) as url, client(allowed="") as servers:
        for place in (url, url.replace("127.0.0.1", "localhost"), url.replace("127.0.0.1", "[::ffff:127.0.0.1]")):
            answer = await servers.answer(to(place), AUTH)
            assert answer["error"]["code"] in {"address_refused", "unreachable"}, place
    assert seen.requests == []


async def test_large_results_are_cut_and_larger_ones_are_not_read() -> None:
    async with serving(Seen()) as url, client() as servers:
        cut = await servers.answer(to(url, "big"), AUTH)
        assert (len(cut["result"]), cut["truncated"]) == (64_000, True)
        huge = await servers.answer(to(url, "huge", timeout_ms=8_000), AUTH)
        assert "error" in huge


async def test_a_slow_server_keeps_nobody_waiting() -> None:
    async with serving(Seen()) as url, client() as servers:
        await servers.answer(to(url), AUTH)
        begun = time.monotonic()
        answer = await servers.answer(to(url, "sleep", timeout_ms=300), AUTH)
        assert answer["error"]["code"] == "timed_out"
        assert time.monotonic() - begun < 1.5


async def test_a_server_that_echoes_our_key_does_not_show_it() -> None:
    async with serving(Seen()) as url, client() as servers:
        for text in ("k3y-of-the-calendar", "Bearer k3y-of-the-calendar", "azN5LW9mLXRoZS1jYWxlbmRhcg=="):
            answer = await servers.answer(to(url, "say", arguments={"text": text}), AUTH)
            assert "k3y" not in str(answer)
            assert "•••" in answer["result"]
