"""A real local server that speaks OpenAI's chat completions, scripted by a function of the request."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

Script = Callable[[Mapping[str, Any], int], Mapping[str, Any]]
"""Given a request's JSON and its number (from 1): {text, calls: [{name, arguments}], status, delay, cut, raw}.

`cut` ends a stream after so many pieces; `pause` is seconds before each piece of a stream but the first.
"""


@dataclass
class ModelServer:
    """Where it is, and what it was asked."""

    script: Script
    base_url: str = ""
    requests: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    keys: list[str] = field(default_factory=list[str])

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            headers = {n.lower(): v.strip() for n, _, v in (line.partition(":") for line in head[1:]) if n}
            asked = json.loads(await reader.readexactly(int(headers.get("content-length", 0))))
            self.requests.append(asked)
            self.keys.append(headers.get("authorization", ""))
            reply = self.script(asked, len(self.requests))
            await asyncio.sleep(reply.get("delay", 0))
            # Header and body in one send: two would wait for each other's acknowledgement.
            first, *rest = self._answer(asked, reply)
            writer.write(first)
            await writer.drain()
            for piece in rest:
                await asyncio.sleep(reply["pause"])
                writer.write(piece)
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            return
        finally:
            writer.close()

    def _answer(self, asked: Mapping[str, Any], reply: Mapping[str, Any]) -> list[bytes]:
        status = reply.get("status", 200)
        if status != 200 or "raw" in reply:
            body = reply.get("raw", b'{"error": {"message": "secret words of the provider"}}')
            return [_head(status, "application/json", len(body)) + body]
        if not asked.get("stream"):
            body = json.dumps(_whole(asked, reply)).encode()
            return [_head(200, "application/json", len(body)) + body]
        pieces = [f"data: {json.dumps(chunk)}\n\n".encode() for chunk in _chunks(asked, reply)]
        pieces = pieces[: reply["cut"]] if "cut" in reply else [*pieces, b"data: [DONE]\n\n"]
        pieces[0] = _head(200, "text/event-stream", None) + pieces[0]
        return pieces if "pause" in reply else [b"".join(pieces)]


def _head(status: int, kind: str, length: int | None) -> bytes:
    lines = [f"HTTP/1.1 {status} X", f"Content-Type: {kind}", "Connection: close"]
    if length is not None:
        lines.append(f"Content-Length: {length}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def _calls(reply: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [
        {
            "index": number,
            "id": f"call_{number}",
            "type": "function",
            "function": {
                "name": call["name"],
                "arguments": call["arguments"] if isinstance(call["arguments"], str) else json.dumps(call["arguments"]),
            },
        }
        for number, call in enumerate(reply.get("calls", ()))
    ]


def _whole(asked: Mapping[str, Any], reply: Mapping[str, Any]) -> dict[str, Any]:
    calls = _calls(reply)
    message: dict[str, Any] = {"role": "assistant", "content": reply.get("text")}
    if calls:
        message["tool_calls"] = calls
    return {
        "id": "c1",
        "object": "chat.completion",
        "created": 1,
        "model": asked["model"],
        "choices": [{"index": 0, "message": message, "finish_reason": "tool_calls" if calls else "stop"}],
        "usage": {"prompt_tokens": 120, "completion_tokens": 30, "total_tokens": 150},
    }


def _chunks(asked: Mapping[str, Any], reply: Mapping[str, Any]) -> list[dict[str, Any]]:
    def chunk(delta: Mapping[str, Any], finish: str | None = None) -> dict[str, Any]:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        return {
            "id": "c1",
            "object": "chat.completion.chunk",
            "created": 1,
            "model": asked["model"],
            "choices": [choice],
        }

    words = str(reply["text"]).split(" ") if reply.get("text") else []
    pieces = [chunk({"role": "assistant", "content": ""})]
    pieces += [
        chunk({"content": word if at == 0 else f" {word}"}) for at, word in enumerate(words) if reply.get("text")
    ]
    pieces += [chunk({"tool_calls": [call]}) for call in _calls(reply)]
    pieces.append(chunk({}, "tool_calls" if reply.get("calls") else "stop"))
    usage = {"prompt_tokens": 120, "completion_tokens": 30, "total_tokens": 150}
    return [*pieces, {**chunk({}), "choices": [], "usage": usage}]


@asynccontextmanager
async def model_server(script: Script) -> AsyncIterator[ModelServer]:
    """Serves on a free port of 127.0.0.1."""
    found = ModelServer(script)
    server = await asyncio.start_server(found.handle, "127.0.0.1")
    found.base_url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    try:
        yield found
    finally:
        server.close()
        await server.wait_closed()
