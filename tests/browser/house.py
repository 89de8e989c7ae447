"""Greenroom over a store in memory, served on a free port from a thread of its own, for a browser to visit."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import uvicorn
from starlette.types import ASGIApp

from greenroom.domain.access import Principal
from greenroom.importers.polyai import read_project
from greenroom.kinds import KINDS
from greenroom.ports import Clock, Reachable, Sandbox
from greenroom.providers.clock import SystemClock
from greenroom.providers.crypto import EnvelopeCipher
from greenroom.providers.parsers import SafeParser
from greenroom.providers.passwords import ArgonPasswords
from greenroom.services.desk import Desk
from greenroom.services.work import Call
from greenroom.storage.memory import MemoryStore
from greenroom.web.app import build_web

T = TypeVar("T")
Furnish = Callable[[Desk, Principal], Awaitable[Any]]


@dataclass
class House:
    """A desk behind a real server. `run` carries work out on the server's own loop."""

    url: str
    desk: Desk
    owner: Principal
    loop: asyncio.AbstractEventLoop

    def run(self, work: Awaitable[T]) -> T:
        """Returns what some work on the desk returns."""

        async def carry_out() -> T:
            return await work

        done: Future[T] = asyncio.run_coroutine_threadsafe(carry_out(), self.loop)
        return done.result(60)

    def call(self) -> Call:
        """Returns a call by the owner."""
        return Call(self.owner, "req_browser")

    def link(self) -> str:
        """Returns an address that signs in once."""
        return f"{self.url}/sign-in/{self.run(self.desk.access.make_link(self.owner))}"


@contextmanager
def open_house(
    furnish: Furnish | None = None, sandbox: Sandbox | None = None, clock: Clock | None = None
) -> Iterator[House]:
    """Serves a new desk until the block ends. `furnish` is awaited first."""
    ready = threading.Event()
    found: dict[str, Any] = {}

    async def serve() -> None:
        store = MemoryStore()
        parts = Reachable(
            cipher=EnvelopeCipher("the key of tests"),
            parser=SafeParser(),
            sandbox=sandbox,
            passwords=ArgonPasswords(),
        )
        desk = Desk(store, clock or SystemClock(), KINDS, {"polyai": read_project}, parts)
        owner = await desk.access.found_workspace(None)
        if furnish is not None:
            await furnish(desk, owner)
        await desk.traffic.refresh()
        app: ASGIApp = build_web(desk)
        listening = socket.socket()
        listening.bind(("127.0.0.1", 0))
        # Open pages listen for news; the house does not wait for them.
        options = {"lifespan": "off", "log_level": "error", "access_log": False, "timeout_graceful_shutdown": 1}
        server = uvicorn.Server(uvicorn.Config(app, **options))
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        found.update(house=House(url, desk, owner, asyncio.get_running_loop()), server=server)
        ready.set()
        await server.serve(sockets=[listening])

    def begin() -> None:
        try:
            asyncio.run(serve())
        except BaseException as wrong:
            found["wrong"] = wrong
            ready.set()
            raise

    thread = threading.Thread(target=begin, daemon=True)
    thread.start()
    if not ready.wait(60) or "wrong" in found:
        raise RuntimeError("the house did not open") from found.get("wrong")
    try:
        yield found["house"]
    finally:
        found["server"].should_exit = True
        thread.join(10)
