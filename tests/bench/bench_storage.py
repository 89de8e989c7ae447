"""Small transactions (one INSERT, one UPDATE, durable) against the drivers without anything around them.

The peer writes the same rows to the same tables: SQLite over one hop to a thread, PostgreSQL through asyncpg.
The server that tests start has fsync off; give TEST_DATABASE_URL to measure a durable one.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path
from typing import Any

import asyncpg

from greenroom.domain.events import GENESIS, AuditRecord, verify_chain
from greenroom.domain.events import chain as follow
from greenroom.ports import Store, Writing
from greenroom.storage.sql import migrate, open_store, rows
from greenroom.storage.sql.opening import sqlite_path
from greenroom.storage.sql.sqlite import connect
from tests.contract.storage.samples import A, at, conversation, event, make_project, make_workspaces, turn
from tests.support import gaps, postgres

ROUNDS = 5
TRANSACTIONS = 400
VERIFIED = 20_000
BAR = 0.40

LANES = 64

_numbers = itertools.count(1)

Write = Callable[[int], Awaitable[Any]]

TURN = (
    "INSERT INTO turns (workspace, conversation, position, at, content, search, version, digest)"
    " VALUES ({}, {}, {}, {}, {}, {}, {}, {})"
)
CONVERSATION = (
    "UPDATE conversations SET last_at = {}, turns = {}, state = {}"
    " WHERE workspace = {} AND id = {} AND turns = {} AND ended_at IS NULL"
)


def run() -> None:
    asyncio.run(_run())


async def _run() -> None:
    print(f"{'one INSERT + one UPDATE':<34}{'ours/s':>9}{'peer/s':>9}{'ratio':>8}{'bar':>7}")
    with tempfile.TemporaryDirectory(prefix="greenroom-bench-") as folder:
        await _sqlite(f"sqlite:///{folder}/bench.db")
    with _postgres_url() as url:
        await _postgres(url)
    _verify()


def _verify() -> None:
    """Prints how fast a chain is verified against hashing its payloads alone."""
    chain: list[AuditRecord] = []
    for n in range(VERIFIED):
        previous = chain[-1].digest if chain else GENESIS
        chain.append(follow(n + 1, previous, event(subject=f"v{n}")))

    def rate(work: Callable[[], Any]) -> float:
        begun = time.perf_counter()
        work()
        return VERIFIED / (time.perf_counter() - begun)

    ours = statistics.median(rate(lambda: verify_chain(chain)) for _ in range(ROUNDS))
    limit = statistics.median(rate(lambda: [sha256(each.payload).digest() for each in chain]) for _ in range(ROUNDS))
    print(f"\n{'audit records verified':<34}{'ours/s':>9}{'limit/s':>9}{'ratio':>8}{'bar/s':>9}")
    print(f"{'one chain, against SHA-256 alone':<34}{ours:>9,.0f}{limit:>9,.0f}{ours / limit:>8.0%}{20_000:>9,}")


async def _sqlite(url: str) -> None:
    store = await _prepare(url)
    path = sqlite_path(url)
    assert path is not None
    driver = connect(path)
    insert, update = (text.replace("{}", "?") for text in (TURN, CONVERSATION))

    def write(n: int) -> None:
        driver.execute("BEGIN IMMEDIATE")
        driver.execute(insert, _turn_row(n))
        assert driver.execute(update, _conversation_row(n)).rowcount == 1
        driver.execute("COMMIT")

    with ThreadPoolExecutor(1) as thread:
        loop = asyncio.get_running_loop()
        await _compare("SQLite, one after the other", store, lambda n: loop.run_in_executor(thread, write, n), 1)
        await _compare("SQLite, 16 at once", store, lambda n: loop.run_in_executor(thread, write, n), 16)
    driver.close()
    await store.close()


async def _postgres(url: str) -> None:
    store = await _prepare(url)
    insert, update = (text.format(*(f"${n}" for n in range(1, text.count("{}") + 1))) for text in (TURN, CONVERSATION))
    async with asyncpg.create_pool(url, min_size=15, max_size=15) as pool:

        async def write(n: int) -> None:
            async with pool.acquire() as connection, connection.transaction():
                await connection.execute(insert, *_turn_row(n))
                assert await connection.execute(update, *_conversation_row(n)) == "UPDATE 1"

        await _compare("PostgreSQL, one after the other", store, write, 1)
        await _compare("PostgreSQL, 8 at once", store, write, 8)
    await store.close()


async def _compare(name: str, store: Store, peer: Write, at_once: int) -> None:
    """Prints the medians of alternated rounds, the ratio being the median of the rounds' own."""
    rates: dict[Write, list[float]] = {(ours := _ours(store)): [], peer: []}
    for _ in range(ROUNDS):
        for write, seen in rates.items():
            seen.append(await _rate(write, at_once))
    ratio = statistics.median(mine / theirs for mine, theirs in zip(rates[ours], rates[peer], strict=True))
    mine, theirs = (statistics.median(seen) for seen in rates.values())
    verdict = "" if ratio >= BAR else "  BELOW THE BAR"
    print(f"{name:<34}{mine:>9,.0f}{theirs:>9,.0f}{ratio:>8.0%}{BAR:>7.0%}{verdict}", flush=True)


def _ours(store: Store) -> Write:
    def write(n: int) -> Awaitable[Any]:
        def work(t: Writing) -> None:
            t.insert_turn(turn(n, of=f"cnv_{n % LANES}"))
            assert t.update_conversation(conversation(f"cnv_{n % LANES}", last_at=at(n)), 0)

        return store.write(A, work)

    return write


async def _rate(write: Write, at_once: int) -> float:
    numbers = itertools.islice(_numbers, TRANSACTIONS)

    async def lane() -> None:
        for n in numbers:
            await write(n)

    begun = time.perf_counter()
    await asyncio.gather(*(lane() for _ in range(at_once)))
    return TRANSACTIONS / (time.perf_counter() - begun)


async def _prepare(url: str) -> Store:
    await migrate(url)
    store = await open_store(url)
    await make_workspaces(store)
    await make_project(store)

    def work(t: Writing) -> None:
        for lane in range(LANES):
            t.insert_conversation(conversation(f"cnv_{lane}"))

    await store.write(A, work)
    return store


def _turn_row(n: int) -> tuple[Any, ...]:
    made = rows.turn_to_row(turn(n, of=f"cnv_{n % LANES}"))
    return (A, *(made[name] for name in ["conversation", "position", "at", "content", "search", "version", "digest"]))


def _conversation_row(n: int) -> tuple[Any, ...]:
    made = rows.conversation_to_row(conversation(f"cnv_{n % LANES}", last_at=at(n)))
    return made["last_at"], 0, made["state"], A, made["id"], 0


@contextlib.contextmanager
def _postgres_url() -> Iterator[str]:
    """Yields the URL of a server of this run's own, or of a new database on the one that is given."""
    with tempfile.TemporaryDirectory(prefix="greenroom-bench-") as folder:
        (Path(folder) / "controller").write_text(str(os.getpid()))
        os.environ[gaps.RUN_FOLDER] = folder
        try:
            with postgres.fresh_database() as url:
                yield url
        finally:
            postgres.stop()
            del os.environ[gaps.RUN_FOLDER]
