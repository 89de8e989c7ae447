"""What both clients say to httpx2, and how they read what it says back."""

from __future__ import annotations

from typing import Any

import httpx2

from greenroom.domain.errors import Invalid, Unauthenticated, Unavailable
from greenroom.sdk.exchange import EVENT_STREAM, Failure, Reply, Request

TIMEOUT_S = 60.0


def settings_of(url: str, key: str | None, transport: Any, timeout_s: float) -> dict[str, Any]:
    """Returns the arguments that both httpx2 clients take.

    Raises Invalid for what is no URL, Unauthenticated for what cannot be a key.
    """
    if not url.startswith(("http://", "https://")):
        raise Invalid("invalid_url", f"'{url[:200]}' is not the URL of a server; it begins with http:// or https://")
    if key and not (key.isascii() and key.isprintable()):
        raise Unauthenticated("invalid_credentials", "the API key holds characters that no key has; copy it again")
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    try:
        base = httpx2.URL(url.rstrip("/"))
    except httpx2.InvalidURL as wrong:
        raise Invalid("invalid_url", f"'{url[:200]}' is not a URL: {wrong}") from None
    # Reading the certificates of the system is a sixth of a program's start: not where none will be checked.
    verify = base.scheme == "https"
    return {"base_url": base, "headers": headers, "transport": transport, "timeout": timeout_s, "verify": verify}


def content_of(request: Request, pieces: Any) -> dict[str, Any]:
    """Returns what httpx2 sends: the body at once, or in pieces where somebody watches."""
    if request.on_sent is None or not request.body:
        return {"content": request.body, "headers": dict(request.headers)}
    # Without a length the body would go out chunked, which hides its size from the server's limit.
    return {"content": pieces, "headers": {**request.headers, "Content-Length": str(len(request.body))}}


def reply_of(response: httpx2.Response) -> Reply:
    """Returns a response that was read whole."""
    headers = response.headers
    kind, since, link = (headers.get(name, "") for name in ("content-type", "deprecation", "link"))
    return Reply(response.status_code, kind, response.content, since, link)


def begins_stream(response: httpx2.Response) -> bool:
    """Says whether events will follow."""
    return response.is_success and response.headers.get("content-type", "").startswith(EVENT_STREAM)


def opening_of(response: httpx2.Response) -> Reply:
    """Returns a response whose events are still to come."""
    return Reply(response.status_code, response.headers["content-type"], b"")


def failure_of(wrong: httpx2.RequestError, base_url: httpx2.URL) -> Failure:
    """Says what became of a request that got no reply."""
    server = f"{base_url.scheme}://{base_url.netloc.decode()}"
    if isinstance(wrong, httpx2.ReadTimeout | httpx2.WriteTimeout):
        # The server may be at work on it: asking again at once would only queue behind.
        return Failure("timed_out", f"{server} did not answer in time", passing=False)
    passing = not isinstance(wrong, httpx2.UnsupportedProtocol | httpx2.LocalProtocolError)
    return Failure("unreachable", f"no answer from {server}: {wrong or type(wrong).__name__}", passing)


def broken_stream(wrong: httpx2.RequestError) -> Unavailable:
    """Returns the error of a stream that ended before its turn did."""
    detail = f"the answer broke off ({wrong or type(wrong).__name__}); load the conversation to see what was said"
    return Unavailable("stream_broken", detail)
