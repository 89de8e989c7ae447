"""The only way out of the server: a client, and a transport for other clients, that reach the internet alone."""

from __future__ import annotations

import asyncio
import logging
import re
import socket
import zlib
from collections.abc import Awaitable, Callable, Iterable, Sequence
from ipaddress import ip_address
from typing import cast
from urllib.parse import urljoin

import httpcore2
import httpx2

from greenroom.domain.errors import Invalid, Refused, Unavailable
from greenroom.ports import OutboundRequest, OutboundResponse
from greenroom.providers.outbound.addresses import Allowed, choose_addresses

Resolver = Callable[[str, int], Awaitable[Sequence[str]]]
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
MAX_URL = 8_000
MAX_HEADER_BYTES = 32_000
OWN_HEADERS = frozenset(
    {"host", "content-length", "transfer-encoding", "connection", "upgrade", "expect", "te", "accept-encoding"}
)
CARRIED = frozenset({"accept", "accept-language", "user-agent", "content-type"})
"""Headers that go with a redirect to another origin: none that may hold a key."""
REDIRECTS = frozenset({301, 302, 303, 307, 308})
USER_AGENT = "Greenroom/1"
REFUSED_PORTS = frozenset(
    {0, 1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95, 101, 102, 103, 104, 109}
    | {110, 111, 113, 115, 117, 119, 123, 135, 137, 139, 143, 161, 179, 389, 427, 465, 512, 513, 514, 515, 526, 530}
    | {531, 532, 540, 548, 554, 556, 563, 587, 601, 636, 989, 990, 993, 995, 1719, 1720, 1723, 2049, 3659, 4045, 4190}
    | {5060, 5061, 6000, 6379, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 10080, 11211}
)
"""Ports of services that speak other languages (browsers refuse them too), so that no request is taken for theirs."""


async def resolve(host: str, port: int) -> Sequence[str]:
    """Returns the addresses of a name, as the machine's resolver knows them."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


class SafeBackend(httpcore2.AsyncNetworkBackend):
    """Opens sockets to addresses that were checked, and to no others: it resolves once, itself."""

    def __init__(self, allowed: Allowed, resolver: Resolver = resolve) -> None:
        self._allowed = allowed
        self._resolver = resolver
        self._inner = cast(httpcore2.AsyncNetworkBackend, httpcore2.AnyIOBackend())

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """Connects to the first address that answers."""
        try:
            async with asyncio.timeout(timeout):
                found = await self._find(host.strip("[]"), port)
        except TimeoutError:
            raise httpcore2.ConnectTimeout(f"looking '{host[:100]}' up took too long") from None
        addresses = choose_addresses(host, found, self._allowed)
        for number, address in enumerate(addresses):
            try:
                return await self._inner.connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout):
                if number == len(addresses) - 1:
                    raise
        raise httpcore2.ConnectError("nobody answers")

    async def _find(self, host: str, port: int) -> Sequence[str]:
        try:
            return [str(ip_address(host))]
        except ValueError:
            pass
        try:
            return await self._resolver(host, port)
        except (OSError, UnicodeError) as wrong:
            raise httpcore2.ConnectError(f"'{host[:100]}' cannot be found ({type(wrong).__name__})") from None

    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """Refuses: no local socket is ever meant."""
        raise Refused("address_refused", "local sockets cannot be reached")

    async def sleep(self, seconds: float) -> None:
        await self._inner.sleep(seconds)


class SafeTransport(httpx2.AsyncHTTPTransport):
    """A transport for httpx2 clients whose every socket is opened by a SafeBackend. No proxies, no local sockets."""

    def __init__(self, allowed: Allowed | None = None, resolver: Resolver = resolve) -> None:
        super().__init__(trust_env=False)
        # Their lines hold whole URLs and headers, and so the secrets in them.
        for name in ("httpx2", "httpcore2"):
            logging.getLogger(name).setLevel(logging.WARNING)
        self._pool = httpcore2.AsyncConnectionPool(
            ssl_context=httpx2.create_ssl_context(trust_env=False),
            max_connections=200,
            max_keepalive_connections=20,
            keepalive_expiry=10.0,
            network_backend=SafeBackend(allowed or Allowed(), resolver),
        )


class SafeOutbound:
    """`ports.Outbound` over a SafeTransport."""

    def __init__(self, allowed: Allowed | None = None, resolver: Resolver = resolve) -> None:
        transport = SafeTransport(allowed, resolver)
        self._client = httpx2.AsyncClient(transport=transport, trust_env=False, follow_redirects=False)

    async def close(self) -> None:
        """Closes all connections."""
        await self._client.aclose()

    async def fetch(self, request: OutboundRequest) -> OutboundResponse:
        """Makes a request, following redirects as far as it allows.

        Raises Invalid `bad_request_url` for what is no URL, Refused `address_refused` and `too_many_redirects`,
        Unavailable `unreachable` and `timed_out`.
        """
        try:
            async with asyncio.timeout(request.timeout_ms / 1000):
                return await self._follow(request)
        except TimeoutError:
            raise Unavailable("timed_out", f"no answer within {request.timeout_ms} ms") from None
        except httpx2.TimeoutException:
            raise Unavailable("timed_out", f"no answer within {request.timeout_ms} ms") from None
        except httpx2.HTTPError as wrong:
            raise Unavailable("unreachable", f"the other side cannot be reached ({type(wrong).__name__})") from None

    async def _follow(self, request: OutboundRequest) -> OutboundResponse:
        url, method, body = check_url(request.url), request.method.upper(), request.body
        headers = check_headers(request.headers)
        if method not in METHODS:
            known = ", ".join(sorted(METHODS))
            raise Invalid("bad_request_url", f"'{method[:20]}' is not a method; methods are: {known}")
        for _ in range((request.redirects or 0) + 1):
            response = await self._send(method, url, headers, body, request)
            target = next((value for name, value in response.headers if name.lower() == "location"), "")
            if response.status not in REDIRECTS or not target or request.redirects is None:
                return response
            before, url = url, check_url(urljoin(str(url), target))
            if response.status == 303 or (response.status in {301, 302} and method == "POST"):
                method, body = "GET", b""
            if not _is_same_origin(before, url):
                headers = [pair for pair in headers if pair[0].lower() in CARRIED]
                if body:
                    message = f"the answer sends us on to {url.host}, and what we sent is not for others"
                    raise Refused("redirect_refused", message)
        raise Refused("too_many_redirects", f"more than {request.redirects} redirects")

    async def _send(
        self, method: str, url: httpx2.URL, headers: list[tuple[str, str]], body: bytes, limits: OutboundRequest
    ) -> OutboundResponse:
        made = self._client.build_request(method, url, headers=headers, content=body or None)
        response = await self._client.send(made, stream=True)
        try:
            kept, truncated = bytearray(), False
            unpack = _unpacking(response.headers.get("content-encoding", ""))
            async for chunk in response.aiter_raw(16_384):
                kept += unpack(chunk, limits.max_bytes + 1 - len(kept))
                if len(kept) > limits.max_bytes:
                    truncated = True
                    break
        finally:
            await response.aclose()
        pairs = tuple((name, value) for name, value in response.headers.multi_items())
        return OutboundResponse(response.status_code, pairs, bytes(kept[: limits.max_bytes]), str(url), truncated)


def _is_same_origin(before: httpx2.URL, after: httpx2.URL) -> bool:
    """Says whether a redirect stays where it was sent from; from http to https on one host it does."""
    if (before.scheme, before.host, before.port) == (after.scheme, after.host, after.port):
        return True
    is_upgrade = before.scheme == "http" and after.scheme == "https" and before.port is None and after.port is None
    return is_upgrade and before.host == after.host


def _unpacking(encoding: str) -> Callable[[bytes, int], bytes]:
    """Returns what unpacks a body piece by piece and never makes more than it is told: bodies can be bombs."""
    if encoding in {"", "identity"}:
        return lambda chunk, most: chunk[:most]
    if encoding not in {"gzip", "x-gzip", "deflate"}:
        raise Unavailable("unreadable", f"the answer is encoded as '{encoding[:40]}', which was not asked for")
    unpacker = zlib.decompressobj(47)

    def unpack(chunk: bytes, most: int) -> bytes:
        try:
            return unpacker.decompress(unpacker.unconsumed_tail + chunk, max(most, 1))
        except zlib.error:
            raise Unavailable("unreadable", "the answer says that it is packed, but is not") from None

    return unpack


def check_url(text: str) -> httpx2.URL:
    """Returns a URL that may be asked for. Raises Invalid `bad_request_url` with what is wrong."""
    if len(text) > MAX_URL or any(ord(sign) < 33 or sign in "\\\x7f" for sign in text):
        raise _bad(text, "holds spaces, control characters or backslashes, or is too long")
    try:
        url = httpx2.URL(text)
    except (httpx2.InvalidURL, ValueError, UnicodeError):
        raise _bad(text, "is not a URL") from None
    if url.scheme not in {"http", "https"}:
        raise _bad(text, "must begin with https:// or http://")
    if not url.host or url.userinfo:
        raise _bad(text, "needs a host and no user name")
    if url.port in REFUSED_PORTS:
        raise _bad(text, f"has the port {url.port}, on which nothing speaks HTTP")
    _check_host(url.host, text)
    return url


def _check_host(host: str, text: str) -> None:
    """Refuses other spellings of addresses: 0177.0.0.1, 2130706433, 0x7f.1, 127.1."""
    try:
        ip_address(host.strip("[]"))
        return
    except ValueError:
        pass
    last = host.rstrip(".").rsplit(".", 1)[-1]
    if last.isdigit() or last.lower().startswith("0x") or "%" in host or host.startswith("["):
        raise _bad(text, "has a host that is neither a name nor an address in its usual spelling")


def check_headers(headers: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Returns headers that may be sent. Raises Invalid `bad_header`."""
    size = sum(len(name) + len(value) for name, value in headers)
    if size > MAX_HEADER_BYTES:
        raise Invalid("bad_header", f"headers of {size:,} bytes are too large; at most {MAX_HEADER_BYTES:,}")
    kept = [("Accept-Encoding", "identity")]
    kept += [("User-Agent", USER_AGENT)] if not any(n.lower() == "user-agent" for n, _ in headers) else []
    for name, value in headers:
        if not name or any(ord(sign) < 33 or ord(sign) > 126 or sign == ":" for sign in name):
            raise Invalid("bad_header", f"'{name[:60]}' is not the name of a header")
        if any(sign in "\r\n\0" for sign in value):
            raise Invalid("bad_header", f"the header {name} holds a line break")
        if name.lower() not in OWN_HEADERS:
            kept.append((name, value))
    return kept


def _bad(text: str, why: str) -> Invalid:
    return Invalid("bad_request_url", f"'{_origin_of(text)}' {why}")


def _origin_of(text: str) -> str:
    """Returns the beginning of what was taken for a URL: what follows the host may hold a key, so may a user name."""
    scheme, separator, rest = text.partition("://")
    if not separator:
        return re.split(r"[:/?#@]", text, maxsplit=1)[0][:20] + "…"
    host = re.split(r"[/?#\\\s]", rest, maxsplit=1)[0].rpartition("@")[2]
    return f"{scheme[:20]}://{host[:80]}"
