"""The awaiting client."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Self, TypeVar

import httpx2

from greenroom.sdk.clock import Clock, SystemClock
from greenroom.sdk.exchange import Call, Failure, Reply, Request, Wait, chunks, converse
from greenroom.sdk.notices import Notices, Tell
from greenroom.sdk.nouns import Nouns
from greenroom.sdk.transport import (
    TIMEOUT_S,
    begins_stream,
    broken_stream,
    content_of,
    failure_of,
    opening_of,
    reply_of,
    settings_of,
)
from greenroom.sdk.turns import StreamedEvent, read_event
from greenroom.sdk.verb import Awaiting

T = TypeVar("T")


async def _async_chunks(request: Request) -> AsyncIterator[bytes]:
    for chunk in chunks(request):
        yield chunk


class AsyncClient(Nouns[Awaiting], Awaiting):
    """The same as `Client`, awaited: `await client.releases.promote("hotel", "live", 12, …)`."""

    def __init__(
        self,
        url: str,
        key: str | None = None,
        *,
        transport: httpx2.AsyncBaseTransport | None = None,
        clock: Clock | None = None,
        timeout_s: float = TIMEOUT_S,
        tell: Tell | None = None,
    ) -> None:
        super().__init__(self)
        self._http = httpx2.AsyncClient(**settings_of(url, key, transport, timeout_s))
        self._clock = clock or SystemClock()
        self._notices = Notices(tell)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Closes the connections."""
        await self._http.aclose()

    async def send(self, call: Call[T]) -> T:
        """Sends a call and returns what the reply holds."""
        return await self._carry_out(call, self._request)

    async def stream(self, call: Call[tuple[StreamedEvent, ...]]) -> AsyncIterator[StreamedEvent]:
        """Sends a call and yields the events of its reply."""
        streams: list[httpx2.Response] = []

        async def begin(request: Request) -> Reply:
            response = await self._http.send(self._build(request), stream=True)
            if begins_stream(response):
                streams.append(response)
                return opening_of(response)
            await response.aread()
            return reply_of(response)

        for event in await self._carry_out(call, begin):
            yield event
        for response in streams:
            try:
                async for sent in httpx2.EventSource(response):
                    yield read_event(sent.event, sent.data)
            except httpx2.RequestError as wrong:
                raise broken_stream(wrong) from None
            finally:
                await response.aclose()

    async def _carry_out(self, call: Call[T], perform: Callable[[Request], Awaitable[Reply]]) -> T:
        steps = converse(call, self._clock.new_key())
        outcome: Reply | Failure | None = None
        while True:
            try:
                step = steps.send(outcome)
            except StopIteration as done:
                return done.value
            if isinstance(step, Wait):
                await self._clock.wait_async(step.ms)
                outcome = None
                continue
            try:
                outcome = await perform(step)
                self._notices.hear(outcome)
            except httpx2.RequestError as wrong:
                outcome = failure_of(wrong, self._http.base_url)

    async def _request(self, request: Request) -> Reply:
        return reply_of(await self._http.send(self._build(request)))

    def _build(self, request: Request) -> httpx2.Request:
        return self._http.build_request(request.method, request.target, **content_of(request, _async_chunks(request)))
