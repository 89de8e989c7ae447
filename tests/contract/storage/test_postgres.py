"""What only PostgreSQL brings: lost connections, waits that end, races that the server ends."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest
from sqlalchemy import Connection, text

from greenroom.domain.errors import Unavailable
from greenroom.domain.events import verify_chain
from greenroom.ports import Reading, Store, Writing
from greenroom.storage.sql import open_store, postgres
from tests.contract.storage.samples import A, event, make_project, make_workspaces, project


@pytest.fixture
async def store(postgres_url: str) -> AsyncIterator[postgres.PostgresStore]:
    opened = await open_store(postgres_url)
    assert isinstance(opened, postgres.PostgresStore)
    await make_workspaces(opened)
    yield opened
    await opened.close()


@pytest.fixture
async def beside(postgres_url: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection of somebody else to the same database."""
    connection = await asyncpg.connect(postgres_url)
    yield connection
    await connection.close()


TERMINATE = """SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
               WHERE datname = current_database() AND pid <> pg_backend_pid()"""


def sql(t: Any, statement: str) -> Any:
    return t._work.connection.execute(text(statement)).scalar()


async def test_reads_and_writes_have_their_isolation(store: Store) -> None:
    level, only = "SHOW transaction_isolation", "SHOW transaction_read_only"
    assert await store.read(A, lambda t: (sql(t, level), sql(t, only))) == ("repeatable read", "on")
    assert await store.write(A, lambda t: (sql(t, level), sql(t, only))) == ("read committed", "off")
    assert await store.read(A, lambda t: (sql(t, level), sql(t, only))) == ("repeatable read", "on")


async def test_calls_after_connections_were_killed_succeed(store: Store, beside: asyncpg.Connection) -> None:
    for number in range(1, 6):
        await asyncio.gather(*(store.read(A, lambda t: t.list_keys()) for _ in range(8)))
        assert await beside.fetchval(TERMINATE)
        assert (await store.write(A, lambda t: t.append(event()))).seq == number
        assert await beside.fetchval(TERMINATE)
        assert len(await store.read(A, lambda t: t.list_audit(0, 99))) == number


async def test_work_that_loses_its_connection_runs_again_and_counts_once(
    store: Store, beside: asyncpg.Connection, postgres_url: str
) -> None:
    runs = 0

    def work(t: Writing) -> int:
        nonlocal runs
        runs += 1
        seq = t.append(event()).seq
        if runs == 1:
            sql(t, "SELECT pg_terminate_backend(pg_backend_pid())")
        return seq

    assert await store.write(A, work) == 1
    assert runs == 2
    assert len(await store.read(A, lambda t: t.list_audit(0, 9))) == 1


@pytest.mark.parametrize("state", ["40001", "40P01"])
async def test_work_that_loses_a_race_runs_again(store: Store, state: str) -> None:
    runs = 0

    def work(t: Writing) -> int:
        nonlocal runs
        runs += 1
        seq = t.append(event()).seq
        if runs < 3:
            sql(t, f"DO $$ BEGIN RAISE EXCEPTION 'lost' USING ERRCODE = '{state}'; END $$")
        return seq

    assert await store.write(A, work) == 1
    assert runs == 3


async def test_a_migration_under_a_running_program_costs_no_call(store: Store, beside: asyncpg.Connection) -> None:
    made = await make_project(store)
    for _ in range(3):
        assert await store.read(A, lambda t: t.find_project("hotel-1")) == made
    await beside.execute("ALTER TABLE projects ALTER COLUMN name TYPE varchar(500)")
    await beside.execute("ALTER TABLE projects ADD COLUMN colour text")
    assert await store.read(A, lambda t: t.find_project("hotel-1")) == made
    await store.write(A, lambda t: t.update_project(made))


async def test_a_lost_answer_to_commit_is_said_to_be_unknown_and_not_repeated(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = 0

    def work(t: Writing) -> None:
        nonlocal runs
        runs += 1
        t.append(event())

    def cut(_: Connection) -> None:
        raise ConnectionResetError("cut")

    monkeypatch.setattr(Connection, "commit", cut)
    with pytest.raises(Unavailable) as heard:
        await store.write(A, work)
    assert heard.value.extra == {"outcome": "unknown"}
    assert runs == 1


async def test_a_listener_that_was_cut_off_listens_again(store: Store, beside: asyncpg.Connection) -> None:
    await store.wait_for_change(0.5)
    for _ in range(3):
        await beside.fetchval(TERMINATE)
        await asyncio.sleep(1.5)
        while await store.wait_for_change(0.5):
            pass
        waiting = [asyncio.create_task(store.wait_for_change(0.9)) for _ in range(2)]
        await asyncio.sleep(0.1)
        await beside.execute("NOTIFY greenroom")
        assert await asyncio.gather(*waiting) == [True, True]


async def test_a_row_locked_by_another_is_waited_for_two_seconds(store: Store, beside: asyncpg.Connection) -> None:
    await make_project(store)
    async with beside.transaction():
        await beside.execute("UPDATE projects SET next_version = next_version")
        began = time.monotonic()
        with pytest.raises(Unavailable) as refused:
            await store.write(A, lambda t: t.take_version_number(project().id))
        assert refused.value.code == "store_unavailable"
        assert 1.5 < time.monotonic() - began < 15
    assert await store.write(A, lambda t: t.take_version_number(project().id)) == 1


async def test_busy_connections_are_waited_for_two_seconds(store: postgres.PostgresStore) -> None:
    slow = [
        asyncio.create_task(store.read(A, lambda t: sql(t, "SELECT pg_sleep(7)")))
        for _ in range(postgres.POOL + postgres.OVERFLOW)
    ]
    await asyncio.sleep(0.5)
    began = time.monotonic()
    with pytest.raises(Unavailable, match="busy"):
        await store.read(A, lambda t: t.list_keys())
    assert time.monotonic() - began < 6
    await asyncio.gather(*slow, return_exceptions=True)
    assert await store.read(A, lambda t: t.list_keys()) == ()
    assert checked_out(store) == 0


def checked_out(store: postgres.PostgresStore) -> int:
    return store._engine.pool.checkedout()  # pyright: ignore[reportAttributeAccessIssue]


async def test_callers_that_leave_in_the_middle_give_their_connection_back(
    store: postgres.PostgresStore,
) -> None:
    def work(t: Writing) -> None:
        t.append(event())
        sql(t, "SELECT pg_sleep(0.01)")
        t.append(event())

    for n in range(100):
        task = asyncio.create_task(store.write(A, work))
        await asyncio.sleep(0.0005 * (n % 40))
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    for _ in range(100):
        if checked_out(store) == 0:
            break
        await asyncio.sleep(0.05)
    assert checked_out(store) == 0
    chain = await store.read(A, lambda t: t.list_audit(0, 1000))
    assert len(chain) % 2 == 0
    assert verify_chain(chain) is None


async def test_a_server_that_is_away_is_unavailable_at_once(postgres_url: str) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    store = await open_store(f"postgresql://greenroom@127.0.0.1:{port}/greenroom")
    for refused in (store.read(A, lambda t: t.list_keys()), store.check(), store.system(lambda t: t.list_workspaces())):
        with pytest.raises(Unavailable) as heard:
            await refused
        assert heard.value.code == "store_unavailable"
    assert not await store.wait_for_change(0.2)
    await store.close()


async def test_a_server_that_never_answers_is_given_up_after_two_seconds() -> None:
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen()
        store = await open_store(f"postgresql://greenroom@127.0.0.1:{deaf.getsockname()[1]}/greenroom")
        began = time.monotonic()
        with pytest.raises(Unavailable):
            await store.read(A, lambda t: t.list_keys())
        assert time.monotonic() - began < 10
        await store.close()


async def test_a_mistake_of_the_program_is_not_called_unavailable(store: Store) -> None:
    def work(t: Reading) -> None:
        sql(t, "SELECT nothing FROM nowhere")

    with pytest.raises(Exception, match="nowhere") as mistake:
        await store.read(A, work)
    assert not isinstance(mistake.value, Unavailable)
