"""The blocking client."""

from __future__ import annotations

from collections.abc import Callable, Iterator
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
from greenroom.sdk.verb import Blocking

T = TypeVar("T")


class Client(Nouns[Blocking], Blocking):
    """Greenroom over HTTP: `client.releases.promote("hotel", "live", 12, …)`.

    Every write carries an idempotency key of its own, so a lost connection or a 503 is tried again safely.
    Raises the errors of `greenroom.domain.errors`, as the server raised them. That an alias is an old one is told
    once: to `tell`, or as a `DeprecatedAliasWarning`.
    """

    def __init__(
        self,
        url: str,
        key: str | None = None,
        *,
        transport: httpx2.BaseTransport | None = None,
        clock: Clock | None = None,
        timeout_s: float = TIMEOUT_S,
        tell: Tell | None = None,
    ) -> None:
        super().__init__(self)
        self._http = httpx2.Client(**settings_of(url, key, transport, timeout_s))
        self._clock = clock or SystemClock()
        self._notices = Notices(tell)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes the connections."""
        self._http.close()

    def send(self, call: Call[T]) -> T:
        """Sends a call and returns what the reply holds."""
        return self._carry_out(call, self._request)

    def stream(self, call: Call[tuple[StreamedEvent, ...]]) -> Iterator[StreamedEvent]:
        """Sends a call and yields the events of its reply."""
        streams: list[httpx2.Response] = []

        def begin(request: Request) -> Reply:
            response = self._http.send(self._build(request), stream=True)
            if begins_stream(response):
                streams.append(response)
                return opening_of(response)
            response.read()
            return reply_of(response)

        yield from self._carry_out(call, begin)
        for response in streams:
            try:
                for event in httpx2.EventSource(response):
                    yield read_event(event.event, event.data)
            except httpx2.RequestError as wrong:
                raise broken_stream(wrong) from None
            finally:
                response.close()

    def _carry_out(self, call: Call[T], perform: Callable[[Request], Reply]) -> T:
        steps = converse(call, self._clock.new_key())
        outcome: Reply | Failure | None = None
        while True:
            try:
                step = steps.send(outcome)
            except StopIteration as done:
                return done.value
            if isinstance(step, Wait):
                self._clock.wait(step.ms)
                outcome = None
                continue
            try:
                outcome = perform(step)
                self._notices.hear(outcome)
            except httpx2.RequestError as wrong:
                outcome = failure_of(wrong, self._http.base_url)

    def _request(self, request: Request) -> Reply:
        return reply_of(self._http.send(self._build(request)))

    def _build(self, request: Request) -> httpx2.Request:
        return self._http.build_request(request.method, request.target, **content_of(request, chunks(request)))
