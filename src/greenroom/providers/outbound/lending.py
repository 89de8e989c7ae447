"""A transport lent to other clients (MCP, models): the same checks, and no answer larger than they may have."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx2

from greenroom.domain.errors import Unavailable
from greenroom.providers.outbound.client import check_url

MAX_BYTES = 4_000_000


class LentTransport(httpx2.AsyncBaseTransport):
    """Sends through a SafeTransport that somebody else closes; for clients that make and close their own.

    Each URL is checked as `SafeOutbound` checks it, answers come unpacked, and end with Unavailable `too_large`
    after `max_bytes`.
    """

    def __init__(self, inner: httpx2.AsyncBaseTransport, max_bytes: int = MAX_BYTES) -> None:
        self._inner = inner
        self._max_bytes = max_bytes

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Sends one request."""
        check_url(str(request.url))
        request.headers["Accept-Encoding"] = "identity"
        response = await self._inner.handle_async_request(request)
        encoding = response.headers.get("content-encoding", "identity")
        if encoding not in {"", "identity"}:
            await response.aclose()
            raise Unavailable("unreadable", f"the answer is encoded as '{encoding[:40]}', which was not asked for")
        return httpx2.Response(
            status_code=response.status_code,
            headers=response.headers,
            stream=_Bounded(response, self._max_bytes),
            extensions=response.extensions,
        )

    async def aclose(self) -> None:
        """Leaves the lender's connections open."""


class _Bounded(httpx2.AsyncByteStream):
    def __init__(self, response: httpx2.Response, most: int) -> None:
        self._response = response
        self._left = most

    async def __aiter__(self) -> AsyncIterator[bytes]:
        stream = self._response.stream
        assert isinstance(stream, httpx2.AsyncByteStream), "the inner transport is asynchronous"
        async for chunk in stream:
            self._left -= len(chunk)
            if self._left < 0:
                raise Unavailable("too_large", "the answer is larger than is read here")
            yield chunk

    async def aclose(self) -> None:
        await self._response.aclose()
