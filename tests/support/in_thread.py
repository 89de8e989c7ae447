"""A stage behind blocking clients and the command line: its event loop runs in a thread of its own."""

import asyncio
import threading
from collections.abc import Coroutine, Mapping, Sequence
from functools import cache
from typing import Any
from unittest import mock

import httpx2
import typer
from typer.testing import CliRunner, Result

from greenroom.cli.main import app
from greenroom.cli.session import Surroundings
from tests.support.api import Stage, make_stage


class StageInThread(httpx2.BaseTransport):
    """Answers a blocking client from a stage on any store; `url` None is memory."""

    def __init__(self, store_url: str | None = None) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self.stage: Stage = self.run(self._make(store_url))
        self.requests: list[tuple[str, str]] = []

    async def _make(self, store_url: str | None) -> Stage:
        if store_url is None:
            return await make_stage()
        from greenroom.storage.sql import open_store

        return await make_stage(await open_store(store_url))

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Carries out a coroutine in the stage's loop."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(120)

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        self.requests.append((request.method, request.url.path))
        request.read()

        async def answer() -> tuple[int, Any, bytes]:
            transport = httpx2.ASGITransport(app=self.stage.app, raise_app_exceptions=False)
            there = httpx2.Request(request.method, request.url, headers=request.headers, content=request.content)
            response = await transport.handle_async_request(there)
            return response.status_code, response.headers, await response.aread()

        status, headers, body = self.run(answer())
        return httpx2.Response(status, headers=headers, content=body)

    def stop(self) -> None:
        self.run(self.stage.store.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()


@cache
def command_tree() -> Any:
    """Returns the commands, built once: that costs more than most of them do."""
    return typer.main.get_command(app)


def run_words(transport: httpx2.BaseTransport | None, words: Sequence[str], env: Mapping[str, str | None]) -> Result:
    """Runs `greenroom` in this process, with nobody at the terminal; without a transport, over the network."""
    around = Surroundings(transport, None, interactive=False)
    with mock.patch("typer.testing._get_command", return_value=command_tree()):
        return CliRunner().invoke(app, list(words), obj=around, env=env, catch_exceptions=False)
