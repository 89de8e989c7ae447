"""A stage behind blocking clients: its event loop runs in a thread of its own."""

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any

import httpx2

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
