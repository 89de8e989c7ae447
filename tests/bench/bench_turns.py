"""What a turn costs with everything on: masked, sealed, recorded, on SQLite, with more and more open conversations.

Over HTTP a server of its own with one worker answers 16 callers at a time; beside, the price of a compile with all
kinds and of a function in the sandbox.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2

from greenroom.domain.entities import Address, Body
from greenroom.kinds import KINDS
from greenroom.ports import Reachable
from greenroom.providers.clock import SystemClock
from greenroom.providers.crypto import EnvelopeCipher
from greenroom.providers.sandbox import MontySandbox
from greenroom.runtime.program import compile_program
from greenroom.services.conversations import Beginning, Heard
from greenroom.services.demo import make_demo
from greenroom.services.desk import Desk
from greenroom.services.keys import make_key
from greenroom.services.work import Call
from greenroom.storage.sql import migrate, open_store
from tests.bench.table import Table
from tests.support.agents import hotel

OPEN = (10, 1_000, 10_000)
TURNS = 200
CALLERS = 16
SECONDS = 5.0
QUESTIONS = ("Where can I park?", "Do you allow dogs?", "What is the wifi password?", "When is breakfast?")
DEMO = [
    {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }
    for folder in (Path(__file__).parents[2] / "examples" / "hotel" / version for version in ("v1", "v2", "v3"))
]


async def turns(folder: Path) -> dict[int, tuple[float, float]]:
    """Returns p50 and p99 of a turn in ms by the number of open conversations."""
    url = f"sqlite:///{folder / 'turns.db'}"
    await migrate(url)
    store = await open_store(url)
    found: dict[int, tuple[float, float]] = {}
    try:
        desk = Desk(store, SystemClock(), KINDS, {}, Reachable(cipher=EnvelopeCipher("bench")))
        owner = await desk.access.found_workspace(None)
        await make_demo(desk, owner, DEMO)
        call = Call(owner, "bench")
        ids: list[str] = []
        for wanted in OPEN:
            while len(ids) < wanted:
                begun = [
                    desk.conversations.start(call, "hotel", Beginning(user_id=f"u{len(ids) + number}"))
                    for number in range(min(50, wanted - len(ids)))
                ]
                ids += [view.conversation.id for view, _ in await asyncio.gather(*begun)]
            times: list[float] = []
            for number in range(TURNS):
                heard = Heard(QUESTIONS[number % len(QUESTIONS)])
                begin = time.perf_counter()
                await desk.conversations.take_turn(call, ids[number * 7 % len(ids)], heard)
                times.append((time.perf_counter() - begin) * 1000)
            found[wanted] = (statistics.median(times), sorted(times)[int(TURNS * 0.99)])
    finally:
        await store.close()
    return found


def compiles() -> tuple[float, float]:
    """Returns ms to compile the hotel with 50 topics, and the same with a body of every kind."""
    topics: dict[Address, Body] = {
        Address("topic", f"t{n}"): {
            "schema": 1,
            "name": f"Subject {n}",
            "content": f"Facts about subject {n}.",
            "sample_questions": [f"What about subject {n} on day {m}?" for m in range(10)],
        }
        for n in range(50)
    }
    plain = {**hotel("v3"), **topics}
    whole = {**plain, **{Address(k, v.singleton or "sample"): v.sample for k, v in KINDS.items() if k != "variant"}}
    return _best(plain), _best(whole)


def _best(agent: dict[Address, Body]) -> float:
    times: list[float] = []
    for _ in range(7):
        begin = time.perf_counter()
        compile_program(agent)
        times.append((time.perf_counter() - begin) * 1000)
    return statistics.median(times)


async def functions() -> float:
    """Returns p50 of a warm call of a small function in ms."""
    sandbox = MontySandbox(SystemClock())
    facts: dict[str, Any] = {
        "function": "double",
        "code": "def run(conv, n: int):\n    return n * 2\n",
        "modules": {},
        "arguments": {"n": 21},
        "conv": {"state": {}, "now": "2026-11-21T10:00:00+00:00"},
    }
    times: list[float] = []
    try:
        for _ in range(120):
            begin = time.perf_counter()
            answer = await sandbox.run(facts, None)  # type: ignore[arg-type]
            times.append((time.perf_counter() - begin) * 1000)
            assert answer["result"] == 42, answer
    finally:
        await sandbox.close()
    return statistics.median(times[20:])


@contextmanager
def server(folder: Path, key: str) -> Iterator[str]:
    """Serves the demo with one worker."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    code = "from greenroom.cli.main import main; main()"
    command = [sys.executable, "-c", code, "demo", "--port", str(port), "--data-dir", str(folder)]
    environment = {**os.environ, "GREENROOM_BOOTSTRAP_KEY": key}
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(300):
            try:
                if httpx2.get(f"{address}/readyz").status_code == 200:
                    break
            except httpx2.HTTPError:
                time.sleep(0.1)
        yield address
    finally:
        process.terminate()
        process.wait(20)


class Caller:
    """A caller over one kept connection: little more than the socket, so that the server is what is measured."""

    def __init__(self, address: str, key: str) -> None:
        self._host, self._port = address.removeprefix("http://").split(":")
        self._key = key

    async def open(self) -> None:
        self._reader, self._writer = await asyncio.open_connection(self._host, int(self._port))

    async def post(self, path: str, body: Any) -> Any:
        data = json.dumps(body).encode()
        head = f"POST /api/v1{path} HTTP/1.1\r\nHost: {self._host}\r\nAuthorization: Bearer {self._key}\r\n"
        head += f"Content-Type: application/json\r\nContent-Length: {len(data)}\r\n\r\n"
        self._writer.write(head.encode() + data)
        answer = (await self._reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = int(answer.partition("content-length:")[2].partition("\r\n")[0])
        text = await self._reader.readexactly(length)
        assert answer.startswith(("http/1.1 200", "http/1.1 201")), answer + text.decode()
        return text

    def close(self) -> None:
        self._writer.close()


async def over_http(address: str, key: str) -> tuple[float, float]:
    """Returns turns a second, and the p50 of one in ms, with 16 callers at a time."""
    times: list[float] = []

    async def call() -> None:
        caller = Caller(address, key)
        await caller.open()
        begun = json.loads(await caller.post("/projects/hotel/conversations", {}))["id"]
        number = 0
        while time.perf_counter() < until:
            begin = time.perf_counter()
            await caller.post(f"/conversations/{begun}/turns", {"text": QUESTIONS[number % len(QUESTIONS)]})
            times.append((time.perf_counter() - begin) * 1000)
            number += 1
        caller.close()

    until = time.perf_counter() + SECONDS
    await asyncio.gather(*(call() for _ in range(CALLERS)))
    return len(times) / SECONDS, statistics.median(times)


def run() -> None:
    """Prints the tables."""
    with tempfile.TemporaryDirectory() as folder:
        found = asyncio.run(turns(Path(folder)))
    base = found[OPEN[0]][0]
    table = Table(
        "a turn through the service: local brain, masked, sealed, recorded", ("open", "p50", "p99", "ratio", "bar")
    )
    for count, (middle, late) in found.items():
        table.row(f"{count:,}", f"{middle:.2f} ms", f"{late:.2f} ms", f"{middle / base:.2f}", "≤ 5 ms, flat")
    table.print()
    plain, whole = compiles()
    other = Table("beside", ("work", "measured", "bar"))
    other.row("compile the hotel and 50 topics", f"{plain:.0f} ms", "≤ 200 ms")
    other.row("the same with a body of every kind", f"{whole:.0f} ms", "≤ 200 ms")
    other.row("a function in the sandbox, warm", f"{asyncio.run(functions()):.2f} ms", "–")
    key = make_key("benchbenchbenchbenchbench")
    with tempfile.TemporaryDirectory() as folder, server(Path(folder), key) as address:
        rate, middle = asyncio.run(over_http(address, key))
    other.row(
        f"turns over HTTP, one worker, {CALLERS} callers", f"{rate:.0f}/s, p50 {middle:.1f} ms", "≥ 1,000/s a core"
    )
    other.print()
