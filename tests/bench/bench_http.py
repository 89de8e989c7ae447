"""The hot doors of a real server beside a bare ASGI app that returns the same bytes, on the same uvicorn settings.

The load comes from this process over keep-alive connections on loopback; rounds alternate between the two
servers, and the ratio is what counts. CPU time of the server a request is printed beside it: it says the same
where the machine has other work.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import uvicorn
import uvloop

from greenroom import bootstrap
from greenroom.kinds import KINDS
from greenroom.services.keys import make_key
from greenroom.settings import read_settings
from greenroom.wire.archives import pack
from greenroom.wire.folder import to_files
from tests.bench.bench_releases import entities
from tests.bench.table import Table

CONNECTIONS = 16
ROUNDS = 24
SECONDS = 0.4
WARM_SECONDS = 0.5
START_SECONDS = 60.0
HOST = "127.0.0.1"
TICKS = os.sysconf("SC_CLK_TCK")
PROJECT = "/api/v1/projects/bench"
SHARED = "/api/v1/projects/shared"
"""A project like the other one, whose default entry follows a split."""
CANNED = "GREENROOM_BENCH_REPLY"


@dataclass(frozen=True)
class Target:
    """One kind of request, and the share of the bare app's speed that it must reach."""

    name: str
    path: str
    bar: float
    headers: dict[str, str] = field(default_factory=dict)

    def request(self, key: str) -> bytes:
        """Returns the bytes of a request; with a name of its own, so that every reply is equally long."""
        headers = {"Host": HOST, "Authorization": f"Bearer {key}", "X-Request-Id": "bench", **self.headers}
        lines = [f"GET {self.path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
        return ("\r\n".join(lines) + "\r\n\r\n").encode()


@dataclass
class Server:
    """A server process and what was measured of it: requests a second in each round, CPU seconds in all."""

    process: subprocess.Popen[bytes]
    port: int
    rates: list[float] = field(default_factory=list)
    cpu: float = 0.0

    @property
    def cost(self) -> float:
        """Returns CPU microseconds a request."""
        return self.cpu / (sum(self.rates) * SECONDS) * 1e6

    def cpu_seconds(self) -> float:
        """Returns the CPU time the process has used."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS


class Asker(asyncio.Protocol):
    """One connection that asks again as soon as it was answered; all answers are equally long."""

    def __init__(self, request: bytes, length: int) -> None:
        self.request = request
        self.length = length
        self.left = length
        self.answered = 0
        self.transport: Any = None

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        transport.write(self.request)

    def data_received(self, data: bytes) -> None:
        self.left -= len(data)
        if self.left == 0:
            self.left = self.length
            self.answered += 1
            self.transport.write(self.request)
        elif self.left < 0:
            raise RuntimeError("an answer was longer than the first one")


async def load(port: int, request: bytes, length: int, seconds: float) -> float:
    """Returns requests a second over a span."""
    loop = asyncio.get_running_loop()
    askers = [Asker(request, length) for _ in range(CONNECTIONS)]
    for asker in askers:
        await loop.create_connection(lambda one=asker: one, HOST, port)
    begun = time.perf_counter()
    await asyncio.sleep(seconds)
    spent = time.perf_counter() - begun
    for asker in askers:
        asker.transport.close()
    return sum(asker.answered for asker in askers) / spent


def ask_once(port: int, request: bytes) -> bytes:
    """Returns the bytes of one answer."""
    with socket.create_connection((HOST, port), timeout=10) as link:
        link.sendall(request)
        got = link.recv(65_536)
        head, _, body = got.partition(b"\r\n\r\n")
        wanted = next(
            (int(n.split(b":")[1]) for n in head.split(b"\r\n") if n.lower().startswith(b"content-length")), 0
        )
        while len(body) < wanted:
            body += link.recv(65_536)
        return head + b"\r\n\r\n" + body


async def bare(scope: Any, receive: Any, send: Any) -> None:
    """Answers everything with one reply that lies ready: the limit."""
    await send(_START)
    await send(_BODY)


def _read_canned() -> tuple[dict[str, Any], dict[str, Any]]:
    head, _, body = Path(os.environ[CANNED]).read_bytes().partition(b"\r\n\r\n")
    status, *lines = head.split(b"\r\n")
    pairs = [line.split(b": ", 1) for line in lines]
    headers = [(name.lower(), value) for name, value in pairs if name.lower() not in (b"date", b"connection")]
    start = {"type": "http.response.start", "status": int(status.split()[1]), "headers": headers}
    return start, {"type": "http.response.body", "body": body}


if CANNED in os.environ:
    _START, _BODY = _read_canned()


@contextmanager
def started(code: str, port: int, **more: str) -> Iterator[Server]:
    """Runs Python code that serves on a port, until the end of the block."""
    process = subprocess.Popen([sys.executable, "-c", code], env={**os.environ, **more}, stdout=subprocess.DEVNULL)
    try:
        until = time.monotonic() + START_SECONDS
        while time.monotonic() < until and process.poll() is None:
            try:
                socket.create_connection((HOST, port), timeout=1).close()
                break
            except OSError:
                time.sleep(0.05)
        else:
            raise RuntimeError(f"the server on port {port} did not start")
        yield Server(process, port)
    finally:
        process.terminate()
        process.wait(10)


def free_port() -> int:
    """Returns a port that is free now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return probe.getsockname()[1]


def serve_ours(port: int, folder: str) -> None:
    """Serves what `greenroom serve` builds on SQLite, with the bare app's event loop and options."""

    async def serve() -> None:
        settings = read_settings(data_dir=Path(folder))
        async with bootstrap.build(settings) as built:
            config = uvicorn.Config(built.app, lifespan="off", **options_of(port))
            await uvicorn.Server(config).serve()

    uvloop.run(serve())


def serve_bare(port: int) -> None:
    """Serves the bare app."""
    uvicorn.run(bare, lifespan="off", **options_of(port))


def options_of(port: int) -> dict[str, Any]:
    """Returns the options of uvicorn that both servers have."""
    return {"host": HOST, "port": port, "log_level": "warning", "access_log": False, "server_header": False}


def start_ours(stack: ExitStack, folder: Path, key: str) -> Server:
    """Starts our server."""
    port = free_port()
    code = f"from tests.bench.bench_http import serve_ours; serve_ours({port}, {str(folder)!r})"
    return stack.enter_context(started(code, port, GREENROOM_BOOTSTRAP_KEY=key))


def start_bare(stack: ExitStack, reply: Path) -> Server:
    """Starts the bare app with a reply."""
    port = free_port()
    code = f"from tests.bench.bench_http import serve_bare; serve_bare({port})"
    return stack.enter_context(started(code, port, **{CANNED: str(reply)}))


def fill(port: int, key: str) -> str:
    """Makes projects with fifty topics, live, and returns their digest."""
    with httpx2.Client(base_url=f"http://{HOST}:{port}", headers={"Authorization": f"Bearer {key}"}) as client:

        def post(path: str, **more: Any) -> Any:
            return client.post(f"/api/v1{path}", **more).raise_for_status().json()

        made: Any = None
        for name in ("Shared", "Bench"):
            slug = name.lower()
            post("/projects", json={"name": name})
            post(f"/projects/{slug}/import", content=pack(to_files(entities(50), KINDS)))
            made = post(f"/projects/{slug}/environments/sandbox/publish", json={"note": "Fifty topics to be asked for"})
            for alias in ("pre-release", "live"):
                body = {"version": 1, "expected_seq": 0, "confirm": {"version": 1}}
                post(f"/projects/{slug}/environments/{alias}/promote", json=body)
        split = {"shares": [{"environment": "live", "weight": 100}]}
        client.put(f"{SHARED}/split", json=split, headers={"If-Match": "*"}).raise_for_status()
        digest = made["version"]["digest"]
        client.get(f"{PROJECT}/bundles/{digest}").raise_for_status()
        return digest


async def measure(target: Target, key: str, ours: Server, peer: Server, length: int) -> None:
    """Measures both servers in turn."""
    request = target.request(key)
    for server in (ours, peer):
        await load(server.port, request, length, WARM_SECONDS)
    for number in range(ROUNDS):
        for server in (ours, peer) if number % 2 else (peer, ours):
            before = server.cpu_seconds()
            server.rates.append(await load(server.port, request, length, SECONDS))
            server.cpu += server.cpu_seconds() - before


def run() -> None:
    """Prints resolve and bundle (200 and 304) as shares of the bare app."""
    table = Table(
        f"hot doors over HTTP: {CONNECTIONS} connections, {ROUNDS} alternated rounds of {SECONDS} s",
        ("request", "bytes", "ours req/s", "bare req/s", "ratio", "bar", "CPU µs ours", "CPU µs bare", "CPU ratio"),
    )
    key = make_key(secrets.token_hex(16))
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        ours = start_ours(stack, Path(folder) / "data", key)
        digest = fill(ours.port, key)
        bundle = f"{PROJECT}/bundles/{digest}"
        for target in (
            Target("resolve", f"{PROJECT}/resolve?key=user-4711", 0.60),
            Target("resolve by split", f"{SHARED}/resolve?key=user-4711", 0.60),
            Target("bundle 200", bundle, 0.80),
            Target("bundle 304", bundle, 0.80, {"If-None-Match": f'"{digest}"'}),
        ):
            reply = ask_once(ours.port, target.request(key))
            canned = Path(folder) / "reply"
            canned.write_bytes(reply)
            with ExitStack() as round_:
                peer = start_bare(round_, canned)
                assert len(ask_once(peer.port, target.request(key))) == len(reply), "not the same bytes"
                ours.rates.clear()
                ours.cpu = 0.0
                uvloop.run(measure(target, key, ours, peer, len(reply)))
                _add_row(table, target, ours, peer, len(reply))
    table.print()


def _add_row(table: Table, target: Target, ours: Server, peer: Server, length: int) -> None:
    rate, limit = statistics.median(ours.rates), statistics.median(peer.rates)
    # Of neighbouring rounds: what else the machine does then weighs on both alike.
    ratio = statistics.median(mine / theirs for mine, theirs in zip(ours.rates, peer.rates, strict=True))
    met = "met" if ratio >= target.bar else "MISSED"
    table.row(
        target.name,
        f"{length:,}",
        f"{rate:,.0f}",
        f"{limit:,.0f}",
        f"{ratio:.0%}",
        f"≥ {target.bar:.0%} {met}",
        f"{ours.cost:.1f}",
        f"{peer.cost:.1f}",
        f"{peer.cost / ours.cost:.0%}",
    )
