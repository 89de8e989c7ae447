"""HTTP tools against a real local server: addresses, sign-in, bodies, retries, failures."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from greenroom.providers.outbound import SafeOutbound, read_allowed
from greenroom.providers.tools import HttpTools

Reply = Callable[[dict[str, Any], int], tuple[int, bytes, dict[str, str]]]


@asynccontextmanager
async def serving(reply: Reply) -> AsyncIterator[tuple[str, list[dict[str, Any]]]]:
    """Serves HTTP on a free port; gives the address and the requests seen."""
    seen: list[dict[str, Any]] = []

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        method, path, _ = head[0].split(" ")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:]) if name}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        seen.append({"method": method, "path": path, "headers": headers, "body": body})
        status, content, more = reply(seen[-1], len(seen))
        lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(content)}", "Connection: close"]
        lines += [f"{name}: {value}" for name, value in more.items()]
        writer.write(("\r\n".join(lines) + "\r\n\r\n").encode() + content)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1")
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", seen
    finally:
        server.close()
        await server.wait_closed()


def ok(request: dict[str, Any], count: int) -> tuple[int, bytes, dict[str, str]]:
    return 200, json.dumps({"rooms": [{"price": 90}]}).encode(), {"Content-Type": "application/json"}


JSON = {"Content-Type": "application/json"}


def after(times: int, first: tuple[int, bytes, dict[str, str]]) -> Reply:
    """Answers so a number of times, and then as usual."""
    return lambda request, count: first if count <= times else ok(request, count)


async def call(facts: dict[str, Any], reply: Reply = ok, **secrets: str) -> tuple[Any, list[dict[str, Any]]]:
    async with serving(reply) as (address, seen):
        outbound = SafeOutbound(read_allowed("127.0.0.1"))
        text = json.dumps(facts).replace("ADDRESS", address)
        try:
            return await HttpTools(outbound).call(json.loads(text), secrets), seen
        finally:
            await outbound.close()


def through(auth: dict[str, str], **more: Any) -> dict[str, Any]:
    integration = {"slug": "pms", "base_url": "ADDRESS/api/", "headers": [["X-House", "7"]], "auth": auth}
    return {"method": "POST", "url": "/rooms", "integration": integration, "body": {"nights": 2}, **more}


@pytest.mark.parametrize(
    "auth, header, value",
    [
        ({"type": "bearer", "secret": "K"}, "authorization", "Bearer s3cret"),
        ({"type": "basic", "secret": "K", "username": "u"}, "authorization", "Basic dTpzM2NyZXQ="),
        ({"type": "header", "secret": "K", "name": "X-Key"}, "x-key", "s3cret"),
    ],
)
async def test_a_tool_signs_in_at_its_integration(auth: dict[str, str], header: str, value: str) -> None:
    answer, (request,) = await call(through(auth), K="s3cret")
    assert answer == {"status": 200, "result": {"rooms": [{"price": 90}]}}
    assert (request["method"], request["path"]) == ("POST", "/api/rooms")
    assert request["headers"][header] == value
    assert request["headers"]["x-house"] == "7"
    assert json.loads(request["body"]) == {"nights": 2}
    assert request["headers"]["content-type"] == "application/json"


async def test_secrets_stand_where_the_version_names_them() -> None:
    facts = through({"type": "query", "secret": "K", "name": "key"}, query=[["q", "a b&c"]])
    facts["headers"] = [["X-Sig", "v1 {{secret.K}}"]]
    facts["body"] = {"token": "{{secret.K}}"}
    _, (request,) = await call(facts, K='s/cr"et')
    assert request["path"] == "/api/rooms?q=a+b%26c&key=s%2Fcr%22et"
    assert request["headers"]["x-sig"] == 'v1 s/cr"et'
    assert json.loads(request["body"]) == {"token": 's/cr"et'}


def echo(request: dict[str, Any], count: int) -> tuple[int, bytes, dict[str, str]]:
    return 200, json.dumps({**request, "body": request["body"].decode()}).encode(), {"Content-Type": "application/json"}


@pytest.mark.parametrize("auth", ["bearer", "basic", "header", "query"])
async def test_a_server_that_echoes_the_request_shows_no_secret(auth: str) -> None:
    secret = 'k3y/+"of=the&house'
    facts = through({"type": auth, "secret": "K", "username": "desk", "name": "key"})
    answer, _ = await call({**facts, "body": "{{secret.K}}"}, echo, K=secret)
    assert "k3y" not in str(answer)
    assert base64.b64encode(b"desk:" + secret.encode()).decode()[8:24] not in str(answer)
    assert "•••" in str(answer)


async def test_half_a_secret_at_the_end_of_a_cut_answer_is_hidden_too() -> None:
    cut = (200, b"x" * 63_990 + b"0123456789abcdef", {})
    answer, _ = await call(
        {"url": "ADDRESS/x", "headers": [["X", "{{secret.K}}"]]}, after(1, cut), K="0123456789abcdef"
    )
    assert answer["truncated"] is True
    assert answer["result"].endswith("x•••")


async def test_an_url_that_is_none_is_said_without_what_may_be_a_key() -> None:
    for url in ("http://h/a b?key={{secret.K}}", "http://u:{{secret.K}}@h/", "http:/{{secret.K}}"):
        answer, _ = await call({"url": url}, K="0123456789abcdef" * 10)
        assert answer["error"]["code"] == "bad_request_url"
        assert "01234567" not in answer["error"]["message"]


async def test_a_tool_never_leaves_its_integrations_host() -> None:
    for url in ("//evil.example/x", "http://evil.example/x", "@evil.example/x", "/../../x"):
        answer, seen = await call(through({"type": "bearer", "secret": "K"}, url=url), K="s3cret")
        assert len(seen) == 1, (url, answer)


async def test_what_can_be_repeated_is_tried_again() -> None:
    def tired(request: dict[str, Any], count: int) -> tuple[int, bytes, dict[str, str]]:
        return (503, b"", {}) if count < 3 else (200, b"done", {})

    facts = {"method": "GET", "url": "ADDRESS/x", "retries": 2}
    answer, seen = await call(facts, tired)
    assert (answer, len(seen)) == ({"status": 200, "result": "done"}, 3)
    answer, seen = await call({**facts, "method": "POST"}, tired)
    assert (answer["error"]["code"], len(seen)) == ("status_503", 1)
    answer, seen = await call({**facts, "method": "POST"}, after(1, (429, b"", {"Retry-After": "0"})))
    assert (answer["status"], len(seen)) == (200, 2)
    answer, seen = await call(facts, after(9, (429, b"", {"Retry-After": "900"})))
    assert (answer["error"]["code"], len(seen)) == ("status_429", 1)


async def test_failures_are_answers() -> None:
    answer, _ = await call({"url": "http://10.1.2.3/x", "timeout_ms": 500})
    assert answer["error"]["code"] == "address_refused"
    answer, _ = await call({"url": "nothing", "timeout_ms": 500})
    assert answer["error"]["code"] == "bad_request_url"
    answer, _ = await call({"url": "ADDRESS/x"}, after(1, (404, b'{"why": "no room"}', JSON)))
    assert (answer["status"], answer["result"], answer["error"]["code"]) == (404, {"why": "no room"}, "status_404")
    answer, _ = await call({"url": "ADDRESS/x"}, after(1, (200, b"[" * 500_000, JSON)))
    assert answer["truncated"] is True
    assert len(answer["result"]) == 64_000
