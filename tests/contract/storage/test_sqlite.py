"""What only SQLite promises: durable settings, one queue for writers, commits shared by a group."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import stat
import threading
from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy import text

from greenroom.domain.errors import Unavailable
from greenroom.domain.events import verify_chain
from greenroom.ports import Store, Writing
from greenroom.storage.sql import open_store, sqlite
from greenroom.storage.sql.opening import sqlite_path
from tests.contract.storage.samples import A, event, make_project, make_workspaces, project


@pytest.fixture
async def store(sqlite_url: str) -> AsyncIterator[sqlite.SqliteStore]:
    opened = await open_store(sqlite_url)
    assert isinstance(opened, sqlite.SqliteStore)
    await make_workspaces(opened)
    yield opened
    await opened.close()


def pragma(connection: Any, name: str) -> Any:
    return connection.execute(text(f"PRAGMA {name}")).scalar()


async def test_commits_are_on_disk_before_they_are_acknowledged(store: sqlite.SqliteStore) -> None:
    def look(t: Any) -> list[Any]:
        names = ("journal_mode", "synchronous", "foreign_keys", "busy_timeout", "journal_size_limit")
        return [pragma(t._work.connection, name) for name in names]

    assert await store.write(A, look) == ["wal", 2, 1, 2000, 64 * 1024 * 1024]


async def test_every_write_transaction_is_immediate(store: sqlite.SqliteStore) -> None:
    said: list[str] = []
    store._writing_on.set_trace_callback(said.append)
    await asyncio.gather(*(store.write(A, lambda t: t.append(event())) for _ in range(50)))
    await store.system(lambda t: t.list_workspaces())
    store._writing_on.set_trace_callback(None)
    begun = [each for each in said if each.startswith("BEGIN")]
    assert begun
    assert set(begun) == {"BEGIN IMMEDIATE"}
    assert said.count("COMMIT") == len(begun)


async def test_readers_cannot_write(store: sqlite.SqliteStore) -> None:
    def delete(t: Any) -> None:
        t._work.connection.execute(text("DELETE FROM projects"))

    with pytest.raises(Unavailable, match="readonly"):
        await store.read(A, delete)
    assert await store.read(A, lambda t: t.list_projects("", 1)) == ()


async def test_in_a_group_each_piece_of_work_is_whole_or_nothing(store: sqlite.SqliteStore) -> None:
    """The writer is held up, so that all that follows shares one commit."""
    await make_project(store)
    said: list[str] = []
    store._writing_on.set_trace_callback(said.append)
    held, holding = threading.Event(), threading.Event()

    def hold(_: Writing) -> None:
        holding.set()
        held.wait(30)

    def work(t: Writing, n: int) -> int:
        number = t.take_version_number(project().id)
        t.append(event(subject=str(n)))
        if n % 3 == 0:
            raise ZeroDivisionError
        return number

    first = asyncio.create_task(store.write(A, hold))
    await asyncio.to_thread(holding.wait, 30)
    rest = [asyncio.create_task(store.write(A, lambda t, n=n: work(t, n))) for n in range(20)]
    await asyncio.sleep(0.05)
    held.set()
    await first
    results = await asyncio.gather(*rest, return_exceptions=True)
    store._writing_on.set_trace_callback(None)
    assert [type(each) for n, each in enumerate(results) if n % 3 == 0] == [ZeroDivisionError] * 7
    assert [each for n, each in enumerate(results) if n % 3] == list(range(1, 14))
    chain = await store.read(A, lambda t: t.list_audit(0, 100))
    assert len(chain) == 13
    assert verify_chain(chain) is None
    assert said.count("COMMIT") == 2


async def test_a_commit_that_fails_is_heard_of_by_everyone_in_the_group(
    store: sqlite.SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    await store.write(A, lambda t: t.append(event()))

    class Full:
        """A driver on a disk that is full."""

        def __init__(self, driver: sqlite3.Connection) -> None:
            self._driver = driver

        def __getattr__(self, name: str) -> Any:
            return getattr(self._driver, name)

        def execute(self, statement: str) -> Any:
            if statement == "COMMIT":
                raise sqlite3.OperationalError("database or disk is full")
            return self._driver.execute(statement)

    commit = sqlite._commit
    full: Any = Full(store._writing_on)
    monkeypatch.setattr(sqlite, "_commit", lambda _, *rest: commit(full, *rest))
    heard = await asyncio.gather(
        *(store.write(A, lambda t: t.append(event())) for _ in range(5)), return_exceptions=True
    )
    assert [type(each) for each in heard] == [Unavailable] * 5
    monkeypatch.undo()
    assert (await store.write(A, lambda t: t.append(event()))).seq == 2


async def test_work_whose_caller_left_before_it_began_is_not_done(store: sqlite.SqliteStore) -> None:
    held = asyncio.Event()
    loop = asyncio.get_running_loop()
    first = asyncio.create_task(store.write(A, lambda _: asyncio.run_coroutine_threadsafe(held.wait(), loop).result()))
    left = asyncio.create_task(store.write(A, lambda t: t.append(event())))
    await asyncio.sleep(0.05)
    left.cancel()
    with pytest.raises(asyncio.CancelledError):
        await left
    held.set()
    await first
    assert await store.read(A, lambda t: t.list_audit(0, 9)) == ()


async def test_a_file_held_by_another_process_is_waited_for_two_seconds(
    store: sqlite.SqliteStore, sqlite_url: str
) -> None:
    path = sqlite_path(sqlite_url)
    assert path is not None
    other = sqlite.connect(path)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(Unavailable) as refused:
        await store.write(A, lambda t: t.append(event()))
    assert refused.value.code == "store_unavailable"
    assert await store.read(A, lambda t: t.list_audit(0, 9)) == ()
    other.execute("COMMIT")
    assert (await store.write(A, lambda t: t.append(event()))).seq == 1
    other.close()


async def test_the_file_is_for_its_owner_only(store: Store, sqlite_url: str) -> None:
    path = sqlite_path("sqlite:///" + sqlite_url.removeprefix("sqlite:///") + "-new")
    assert path is not None
    opened = await open_store(f"sqlite:///{path}")
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    await opened.close()


async def test_a_closed_store_says_so(store: Store) -> None:
    await store.close()
    for refused in (
        store.read(A, lambda t: t.list_keys()),
        store.write(A, lambda t: t.list_keys()),
        store.system(lambda t: t.list_workspaces()),
        store.check(),
    ):
        with pytest.raises(Unavailable):
            await refused


async def test_a_path_that_cannot_be_opened_is_unavailable(tmp_path: Any) -> None:
    with pytest.raises(Unavailable):
        await open_store(f"sqlite:///{tmp_path}")
    (tmp_path / "text.db").write_text("this is no database, it only has the name of one" * 50)
    with pytest.raises(Unavailable):
        await open_store(f"sqlite:///{tmp_path}/text.db")


async def test_many_writers_and_readers_hear_of_no_lock(store: Store) -> None:
    await make_project(store)

    async def write(_: int) -> None:
        for _ in range(20):
            await store.write(A, lambda t: t.append(event()))

    async def read(_: int) -> None:
        for _ in range(20):
            chain = await store.read(A, lambda t: t.list_audit(0, 10_000))
            assert verify_chain(chain) is None

    await asyncio.gather(*map(write, range(32)), *map(read, range(16)))
    assert len(await store.read(A, lambda t: t.list_audit(0, 10_000))) == 640
