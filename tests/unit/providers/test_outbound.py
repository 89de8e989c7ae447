"""The way out of the server: the internet, and nothing inside, however it is spelt, resolved or redirected."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from ipaddress import ip_address

import httpcore2
import httpx2
import pytest

from greenroom.domain.errors import GreenroomError, Invalid, Refused, Unavailable
from greenroom.ports import OutboundRequest, OutboundResponse
from greenroom.providers.outbound import Allowed, SafeOutbound, SafeTransport, is_public, read_allowed
from greenroom.providers.outbound.addresses import choose_addresses
from greenroom.providers.outbound.client import SafeBackend, check_url
from greenroom.providers.outbound.lending import LentTransport

INSIDE = [
    "127.0.0.1", "127.1.2.3", "0.0.0.0", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "169.254.169.254",
    "100.64.0.1", "100.127.255.255", "192.0.0.1", "192.0.2.1", "198.18.0.1", "198.51.100.1", "203.0.113.1",
    "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255", "::1", "::", "fe80::1", "fec0::1", "fc00::1",
    "fd00:ec2::254", "ff02::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::127.0.0.1",
    "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::7f00:1", "2002:7f00:1::", "2002:a00:1::1",
    "2001:0:7f00:1::", "2001:0:4136:e378:8000:63bf:80ff:fffe", "2001:db8::1", "100::1", "fe80::1%eth0",
]  # fmt: skip
OUTSIDE = ["1.1.1.1", "8.8.8.8", "93.184.216.34", "2606:4700:4700::1111", "64:ff9b::808:808", "2002:808:808::1"]
SPELT = [
    "http://127.0.0.1:{port}/", "http://localhost:{port}/", "http://LOCALHOST:{port}/", "http://localhost.:{port}/",
    "http://[::1]:{port}/", "http://[::ffff:127.0.0.1]:{port}/", "http://[0:0:0:0:0:ffff:7f00:1]:{port}/",
    "http://0.0.0.0:{port}/", "http://0:{port}/", "http://127.1:{port}/", "http://127.0.1:{port}/",
    "http://2130706433:{port}/", "http://0x7f000001:{port}/", "http://0x7f.0.0.1:{port}/", "http://0177.0.0.1:{port}/",
    "http://017700000001:{port}/", "http://127.0.0.1.:{port}/", "http://①②⑦.⓪.⓪.①:{port}/", "http://ⓛocalhost:{port}/",
    "http://127。0。0。1:{port}/", "http://user@127.0.0.1:{port}/", "http://example.com@127.0.0.1:{port}/",
    "http://127.0.0.1:{port}\\@example.com/", "http://example.com#@127.0.0.1:{port}/x y", "http:///127.0.0.1:{port}/",
    "http:127.0.0.1:{port}/", "//127.0.0.1:{port}/", "file:///etc/passwd", "file://127.0.0.1:{port}/",
    "FILE:///etc/passwd",
    "gopher://127.0.0.1:{port}/_x", "dict://127.0.0.1:{port}/", "ftp://127.0.0.1:{port}/", "ws://127.0.0.1:{port}/",
    "unix:///var/run/docker.sock", "http+unix://%2Fvar%2Frun%2Fdocker.sock/", "data:text/plain,x",
    "javascript:alert(1)",
    "http://[fe80::1%25lo]:{port}/", "http://[::1%25lo]:{port}/", "http://127.0.0.1:0/", "http://127.0.0.1:99999/",
    "http://inside.example:{port}/", "http://mixed.example:{port}/", "http://rebinds.example:{port}/",
    "http://nat64.example:{port}/", "http://mapped.example:{port}/", "http://metadata.example:{port}/",
    "http://127.0.0.1%00.example.com:{port}/", "http://127.0.0.1\t:{port}/", "http://127.0.0.1\r\nX:1:{port}/",
    "http://:{port}/", "http://", "", "http://%31%32%37.0.0.1:{port}/", "http://0x7f.1:{port}/", "http://1.0x7f:{port}/",
    "https://127.0.0.1:{port}/", "https://[::1]:{port}/", "http://127.0.0.1:{port}", "HTTP://127.0.0.1:{port}/",
    "http://[::]:{port}/", "http://[0000::1]:{port}/", "http://ip6-localhost:{port}/", "http://10.0.0.1:{port}/",
    "http://192.168.0.1:{port}/", "http://169.254.169.254/latest/meta-data/", "http://[fd00:ec2::254]/latest/",
    "http://metadata.google.internal/", "http://100.100.100.200/", "http://localhost.localdomain:{port}/",
]  # fmt: skip
NAMES = {
    "inside.example": ["127.0.0.1"],
    "mixed.example": ["1.1.1.1", "127.0.0.1"],
    "nat64.example": ["64:ff9b::7f00:1"],
    "mapped.example": ["::ffff:127.0.0.1"],
    "metadata.example": ["169.254.169.254"],
    "metadata.google.internal": ["169.254.169.254"],
    "localhost": ["127.0.0.1", "::1"],
    "localhost.localdomain": ["127.0.0.1"],
    "ip6-localhost": ["::1"],
    "ok.example": ["127.0.0.1"],
    "other.example": ["127.0.0.1"],
}
"""What the tests' name server says; `rebinds.example` is public at the first look and inside from then on."""


class Names:
    def __init__(self) -> None:
        self.asked: list[str] = []

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked.append(host)
        if host == "rebinds.example":
            return ["127.0.0.1"] if self.asked.count(host) > 1 else ["192.0.2.77"]
        try:
            return NAMES[host.lower().rstrip(".")]
        except KeyError:
            raise OSError("no such name") from None


class Listener:
    """A raw server that answers by path and counts who comes."""

    def __init__(self) -> None:
        self.seen: list[bytes] = []
        self.port = 0
        self.open: list[asyncio.StreamWriter] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open.append(writer)
        head = await reader.readuntil(b"\r\n\r\n")
        self.seen.append(head)
        path = head.split(b" ", 2)[1].decode()
        writer.write(b"" if path == "/drip" else self.answer(path))
        if path == "/slow":
            await asyncio.sleep(5)
        if path == "/drip":
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
            with suppress(ConnectionError):
                for _ in range(100):
                    writer.write(b"x")
                    await writer.drain()
                    await asyncio.sleep(0.05)
        with suppress(ConnectionError):
            await writer.drain()
        writer.close()

    def answer(self, path: str) -> bytes:
        def reply(status: str, body: bytes = b"", *more: str) -> bytes:
            head = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *more, "", ""]
            return "\r\n".join(head).encode() + body

        if path.startswith("/to/"):
            _, _, code, target = path.split("/", 3)
            return reply(f"{code} Moved", b"", f"Location: {target}")
        if path == "/big":
            return reply("200 OK", b"x" * 3_000_000)
        if path == "/bomb":
            return reply("200 OK", gzip.compress(b"0" * 200_000_000, 9), "Content-Encoding: gzip")
        if path == "/slow":
            return b""
        if path == "/headers":
            return reply("200 OK", b"", "X-Large: " + "x" * 300_000)
        return reply("200 OK", b"hello")


@asynccontextmanager
async def listening() -> AsyncIterator[Listener]:
    listener = Listener()
    server = await asyncio.start_server(listener.serve, "127.0.0.1")
    listener.port = server.sockets[0].getsockname()[1]
    six = await asyncio.start_server(listener.serve, "::1", listener.port)
    try:
        yield listener
    finally:
        for writer in listener.open:
            writer.transport.abort()
        await asyncio.sleep(0)
        for each in (six, server):
            each.close()
            await each.wait_closed()


@pytest.mark.parametrize("text", INSIDE)
def test_inside_addresses_are_not_public(text: str) -> None:
    assert not is_public(ip_address(text))
    with pytest.raises(Refused, match="inside"):
        choose_addresses("x", [text], Allowed())


@pytest.mark.parametrize("text", OUTSIDE)
def test_the_internet_is_public(text: str) -> None:
    assert is_public(ip_address(text))


async def test_no_spelling_reaches_a_listener_inside() -> None:
    assert len(SPELT) >= 70
    async with listening() as listener:
        outbound = SafeOutbound(resolver=Names())
        for form in SPELT:
            url = form.replace("{port}", str(listener.port))
            for _ in range(2):
                with pytest.raises(GreenroomError):
                    await outbound.fetch(OutboundRequest("GET", url, timeout_ms=1500))
        await outbound.close()
        assert listener.seen == []


async def test_a_client_without_the_checks_is_caught_by_the_same_forms() -> None:
    """The forms do reach a listener when nothing stops them."""
    async with listening() as listener, httpx2.AsyncClient(trust_env=False, timeout=1) as naive:
        for form in SPELT[:8]:
            try:
                await naive.get(form.replace("{port}", str(listener.port)))
            except (httpx2.HTTPError, httpx2.InvalidURL):
                continue
        assert len(listener.seen) >= 5


async def fetch(path: str, *, allowed: str = "ok.example", **more: object) -> tuple[OutboundResponse, Listener]:
    async with listening() as listener:
        outbound = SafeOutbound(read_allowed(allowed), Names())
        url = f"http://ok.example:{listener.port}{path.replace('PORT', str(listener.port))}"
        method = str(more.pop("method", "GET"))
        try:
            return await outbound.fetch(OutboundRequest(method, url, **more)), listener  # type: ignore[arg-type]
        finally:
            await outbound.close()


async def test_what_an_operator_lists_is_reached() -> None:
    response, listener = await fetch("/x", headers=[("X-Key", "k")])
    assert (response.status, response.body) == (200, b"hello")
    assert b"x-key: k" in listener.seen[0].lower()
    assert b"host: ok.example" in listener.seen[0].lower()
    by_network, _ = await fetch("/x", allowed="127.0.0.0/8")
    assert by_network.status == 200


@pytest.mark.parametrize(
    "target",
    [
        "http://inside.example:PORT/",
        "http://127.0.0.1:PORT/",
        "file:///etc/passwd",
        "gopher://x/",
        "//inside.example:PORT/",
    ],
)
@pytest.mark.parametrize("code", ["301", "302", "307"])
async def test_redirects_are_checked_like_the_first_address(code: str, target: str) -> None:
    with pytest.raises(GreenroomError) as wrong:
        await fetch(f"/to/{code}/{target}")
    assert isinstance(wrong.value, Refused | Invalid)


async def test_keys_do_not_follow_a_redirect_to_another_origin() -> None:
    headers = [("Authorization", "Bearer k"), ("X-Api-Key", "k"), ("Accept", "a/b")]
    response, listener = await fetch(
        "/to/307/http://other.example:PORT/y", allowed="ok.example,other.example", headers=headers
    )
    assert response.status == 200
    assert b"bearer k" in listener.seen[0].lower()
    assert b"bearer" not in listener.seen[1].lower()
    assert b"x-api-key" not in listener.seen[1].lower()
    assert b"accept: a/b" in listener.seen[1].lower()
    _, listener = await fetch("/to/307//z", headers=headers)
    assert b"bearer k" in listener.seen[1].lower()


async def test_what_was_sent_does_not_follow_a_redirect_to_another_origin() -> None:
    elsewhere = "http://other.example:PORT/y"
    names = "ok.example,other.example"
    for code in ("307", "308"):
        with pytest.raises(Refused, match="not for others"):
            await fetch(f"/to/{code}/{elsewhere}", allowed=names, method="POST", body=b"s3cret")
    for code in ("301", "302", "303"):
        _, listener = await fetch(f"/to/{code}/{elsewhere}", allowed=names, method="POST", body=b"s3cret")
        assert listener.seen[1].startswith(b"GET /y ")
    _, listener = await fetch("/to/307//z", method="POST", body=b"s3cret")
    assert listener.seen[1].startswith(b"POST /z ")


async def test_who_asks_for_redirects_themselves_gets_them() -> None:
    response, listener = await fetch("/to/302//x", redirects=None)
    assert (response.status, len(listener.seen)) == (302, 1)
    assert dict(response.headers)["location"] == "/x"


async def test_redirects_end() -> None:
    with pytest.raises(Refused, match="3 redirects"):
        await fetch("/to/302//to/302//to/302//to/302//x")


async def test_large_answers_are_cut_and_bombs_stay_small() -> None:
    response, _ = await fetch("/big", max_bytes=1000)
    assert (len(response.body), response.truncated) == (1000, True)
    bomb, _ = await fetch("/bomb", max_bytes=100_000)
    assert (len(bomb.body), bomb.truncated) == (100_000, True)


async def test_slow_answers_time_out() -> None:
    with pytest.raises(Unavailable, match="within 200 ms"):
        await fetch("/slow", timeout_ms=200)


async def test_one_byte_at_a_time_times_out_too() -> None:
    with pytest.raises(Unavailable, match="within 300 ms"):
        await fetch("/drip", timeout_ms=300)


async def test_endless_headers_are_not_read() -> None:
    with pytest.raises(Unavailable, match="cannot be reached"):
        await fetch("/headers")


class Dialled(httpcore2.AsyncNetworkBackend):
    """A network that only notes who is called."""

    def __init__(self) -> None:
        self.addresses: list[str] = []

    async def connect_tcp(self, host: str, port: int, *args: object, **more: object) -> httpcore2.AsyncNetworkStream:
        self.addresses.append(host)
        raise httpcore2.ConnectError("noted")


async def test_the_address_that_was_checked_is_the_one_that_is_called() -> None:
    """A name server that answers differently the second time is not asked a second time."""
    answers = [["93.184.216.34"], ["127.0.0.1"]]

    async def rebinding(host: str, port: int) -> Sequence[str]:
        return answers.pop(0)

    backend, network = SafeBackend(Allowed(), rebinding), Dialled()
    backend._inner = network
    with pytest.raises(httpcore2.ConnectError):
        await backend.connect_tcp("rebinds.example", 80)
    assert (network.addresses, len(answers)) == (["93.184.216.34"], 1)
    with pytest.raises(Refused):
        await backend.connect_tcp("rebinds.example", 80)
    assert network.addresses == ["93.184.216.34"]


async def test_an_environments_proxy_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    async with listening() as proxy:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        response, _ = await fetch("/x")
        assert response.status == 200
        assert proxy.seen == []


@pytest.mark.parametrize("port", [22, 25, 53, 6379, 11211, 0])
def test_ports_of_other_services_are_refused(port: int) -> None:
    with pytest.raises(Invalid, match="nothing speaks HTTP"):
        check_url(f"https://example.com:{port}/")


async def test_lent_connections_are_bounded_checked_and_stay_open() -> None:
    async with listening() as listener:
        inner = SafeTransport(read_allowed("ok.example"), Names())
        place = f"http://ok.example:{listener.port}"
        async with httpx2.AsyncClient(transport=LentTransport(inner, max_bytes=1_000)) as client:
            assert (await client.get(f"{place}/x")).text == "hello"
            for path, code in (("/big", "too_large"), ("/bomb", "unreadable")):
                with pytest.raises(Unavailable) as wrong:
                    await client.get(place + path)
                assert wrong.value.code == code
            with pytest.raises(Invalid):
                await client.get(f"http://user:pass@ok.example:{listener.port}/")
            with pytest.raises(Refused):
                await client.get(f"http://inside.example:{listener.port}/")
        async with httpx2.AsyncClient(transport=LentTransport(inner)) as again:
            assert (await again.get(f"{place}/x")).text == "hello"
        await inner.aclose()


@pytest.mark.parametrize("header", [("A b", "x"), ("", "x"), ("A", "x\r\nB: y"), ("A:", "x"), ("A", "x" * 40_000)])
async def test_headers_cannot_break_out(header: tuple[str, str]) -> None:
    with pytest.raises(Invalid):
        await fetch("/x", headers=[header])


async def test_other_clients_use_the_same_transport() -> None:
    async with listening() as listener, httpx2.AsyncClient(transport=SafeTransport(resolver=Names())) as client:
        with pytest.raises(Refused):
            await client.get(f"http://inside.example:{listener.port}/")
        assert listener.seen == []


def test_the_allow_list_is_read_strictly() -> None:
    assert read_allowed(" a.internal , 10.0.0.0/8,").hosts == {"a.internal"}
    with pytest.raises(Invalid, match="neither a host nor a network"):
        read_allowed("10.0.0.0/99")
