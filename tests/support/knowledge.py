"""Local web servers, and a desk that may reach them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from greenroom.domain.entities import Address
from greenroom.kinds import KINDS
from greenroom.ports import Reachable, Store
from greenroom.providers.clock import SystemClock
from greenroom.providers.crypto import EnvelopeCipher
from greenroom.providers.feeds import FolderFeed
from greenroom.providers.outbound import SafeOutbound, read_allowed
from greenroom.providers.parsers import SafeParser
from greenroom.providers.shopify import ShopifyFeed
from greenroom.providers.zendesk import ZendeskFeed
from greenroom.services.desk import Desk
from greenroom.storage.memory import MemoryStore
from tests.unit.services.story import Story


@dataclass
class Request:
    """A request that a local server was sent."""

    method: str
    path: str
    query: Mapping[str, list[str]]
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """Returns the body."""
        return json.loads(self.body)


@dataclass
class Reply:
    """What a local server answers."""

    body: Any = ""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict[str, str])

    def encode(self) -> bytes:
        """Returns the bytes of the answer."""
        kind = "application/json" if isinstance(self.body, dict | list) else "text/html"
        body = self.body if isinstance(self.body, str | bytes) else json.dumps(self.body)
        data = body.encode() if isinstance(body, str) else body
        headers = {"Content-Type": kind, **self.headers, "Content-Length": str(len(data)), "Connection": "close"}
        lines = [f"HTTP/1.1 {self.status} X", *(f"{name}: {value}" for name, value in headers.items())]
        return ("\r\n".join(lines) + "\r\n\r\n").encode() + data


@asynccontextmanager
async def serving(answer: Callable[[Request], Reply]) -> AsyncIterator[tuple[str, list[Request]]]:
    """Serves HTTP on a free port; gives the address and the requests seen."""
    seen: list[Request] = []

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        method, target, _ = head[0].split(" ")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:]) if name}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        parts = urlsplit(target)
        seen.append(Request(method, parts.path, parse_qs(parts.query), headers, body))
        writer.write(answer(seen[-1]).encode())
        with suppress(ConnectionError):
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1")
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", seen
    finally:
        server.close()
        await server.wait_closed()


def page(title: str, text: str, *links: str) -> str:
    """Returns a web page."""
    anchors = "".join(f'<a href="{link}">{link}</a>' for link in links)
    head = f"<!doctype html><html><head><title>{title}</title></head>"
    return f"{head}<body><main><p>{text}</p></main><nav>{anchors}</nav></body></html>"


@asynccontextmanager
async def telling(store: Store | None = None, folder: Path | None = None) -> AsyncIterator[Story]:
    """Gives a desk with the project `hotel` that reaches local servers, and puts everything away."""
    outbound, parser = SafeOutbound(read_allowed("127.0.0.1")), SafeParser()
    feeds = {"zendesk": ZendeskFeed(outbound), "shopify": ShopifyFeed(outbound), "folder": FolderFeed(folder)}
    cipher = EnvelopeCipher("the key of tests")
    reachable = Reachable(outbound=outbound, parser=parser, feeds=feeds, cipher=cipher)
    desk = Desk(store or MemoryStore(), SystemClock(), KINDS, {}, reachable)
    desk.syncs._gatherer = replace(desk.syncs._gatherer, pause=0.0)
    story = Story(desk, await desk.access.found_workspace(None))
    await story.make_project()
    try:
        yield story
    finally:
        await desk.syncs.close()
        await parser.close()
        await outbound.close()


async def list_in_draft(story: Story, slug: str = "faq", **body: Any) -> None:
    """Saves a knowledge entity in the draft of Sandbox."""
    await story.save(Address("knowledge", slug), {"name": "Questions", **body})


async def sync(story: Story, slug: str = "faq", **more: Any) -> Any:
    """Reads a source, waits until it is over, and returns how it went."""
    await story.desk.knowledge.sync(story.call(), "hotel", slug, **more)
    project = (await story.desk.projects.load(story.call(), "hotel")).project
    await story.desk.syncs.wait(project.id, slug)
    sources = await story.desk.knowledge.list_sources(story.call(), "hotel")
    return next(each for each in sources if each.slug == slug).sync
