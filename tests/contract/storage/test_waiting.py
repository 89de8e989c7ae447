"""Waiting for the next commit, of this process and of others."""

from __future__ import annotations

import asyncio
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from greenroom.domain.records import ANNOUNCED
from greenroom.ports import Store
from greenroom.storage.sql import open_store
from tests.contract.storage.samples import (
    ANN,
    A,
    at,
    conversation,
    event,
    make_project,
    member,
    record,
    replayed,
    session,
    turn,
)

ROOT = Path(__file__).resolve().parents[3]


async def quiet(store: Store) -> None:
    """Waits until nothing is new: the commits before may still be noticed."""
    for _ in range(20):
        if not await store.wait_for_change(0.7):
            return
    raise AssertionError("it never became quiet")


async def hears(store: Store) -> bool:
    """Says whether a commit is told of; each wait is too short to end by itself with "look again"."""
    for _ in range(10):
        if await store.wait_for_change(0.9):
            return True
    return False


async def test_nothing_happens_without_a_commit(store: Store) -> None:
    await quiet(store)
    began = time.monotonic()
    assert not await store.wait_for_change(0.3)
    assert 0.25 < time.monotonic() - began < 5
    assert not await store.wait_for_change(0)


async def test_a_long_wait_ends_after_a_second_with_look_again(store: Store) -> None:
    """So that a commit just before the wait began is missed for a second at most."""
    await quiet(store)
    began = time.monotonic()
    assert await store.wait_for_change(60)
    assert time.monotonic() - began < 10


async def test_everybody_who_waits_hears_of_a_commit(store: Store) -> None:
    await quiet(store)
    waiting = [asyncio.create_task(hears(store)) for _ in range(3)]
    await asyncio.sleep(0.05)
    await store.write(A, lambda t: t.append(event()))
    assert await asyncio.gather(*waiting) == [True, True, True]


async def test_those_who_wait_are_left_alone_by_turns_and_by_looking(store: Store) -> None:
    """Else every turn would make the table of pointers look again, and that the outbox, and so on for ever."""
    await make_project(store)
    await store.write(A, lambda t: (t.insert_member(member()), t.insert_conversation(conversation())))
    await quiet(store)
    waiting = asyncio.create_task(store.wait_for_change(0.6))
    await asyncio.sleep(0.05)
    await store.read(A, lambda t: t.list_keys())
    await store.write(A, lambda t: t.list_keys())
    await store.system(lambda t: t.list_undelivered(10))
    await store.system(lambda t: t.list_key_principals())
    await store.system(lambda t: t.mark_delivered(A, 0))
    await store.system(lambda t: t.insert_session(session()))
    await store.write(A, lambda t: t.insert_turn(turn(0)))
    await store.write(A, lambda t: t.update_conversation(conversation(turns=1), 0))
    await store.write(A, lambda t: t.record_replay(ANN, "turn", "key", replayed(), at(1)))
    assert not await waiting


async def test_a_wait_that_is_cancelled_leaves_the_others(store: Store) -> None:
    await quiet(store)
    mine, other = (asyncio.create_task(hears(store)) for _ in range(2))
    await asyncio.sleep(0.05)
    mine.cancel()
    await store.write(A, lambda t: t.append(event()))
    assert await other


@pytest.mark.parametrize("announced", [True, False])
async def test_a_commit_through_another_store_is_heard_of(sql_store: Store, url: str, announced: bool) -> None:
    await make_project(sql_store)
    other = await open_store(url)
    await quiet(sql_store)
    waiting = asyncio.create_task(hears(sql_store) if announced else sql_store.wait_for_change(5))
    await asyncio.sleep(0.05)
    if announced:
        await other.write(A, lambda t: t.append(event()))
    else:
        await other.write(A, lambda t: t.insert_conversation(conversation()))
    assert await waiting
    await other.close()


@pytest.mark.parametrize("noun", sorted(ANNOUNCED))
async def test_a_record_that_traffic_depends_on_is_heard_of_at_once(sql_store: Store, url: str, noun: str) -> None:
    await make_project(sql_store)
    other = await open_store(url)
    made = record("+442079460000", noun, "env_live_1")
    doing = [
        lambda t: t.put_record(made),
        lambda t: t.delete_record(made.project, noun, made.key),
        lambda t: t.put_record(made, 0),
        lambda t: t.delete_records(made.project, noun, "env_live_1"),
    ]
    for work in doing:
        await quiet(sql_store)
        waiting = asyncio.create_task(hears(sql_store))
        await asyncio.sleep(0.05)
        await other.write(A, work)
        assert await waiting
    await other.close()


@pytest.mark.parametrize("noun, told", [("number", True), ("ticket", False)])
async def test_other_records_leave_those_who_wait_alone(store: Store, noun: str, told: bool) -> None:
    await make_project(store)
    await quiet(store)
    waiting = asyncio.create_task(store.wait_for_change(0.6))
    await asyncio.sleep(0.05)
    await store.write(A, lambda t: t.put_record(record("key", noun)))
    assert await waiting is told
    # What was told once is not told again by the next quiet write.
    await quiet(store)
    waiting = asyncio.create_task(store.wait_for_change(0.6))
    await asyncio.sleep(0.05)
    await store.write(A, lambda t: t.put_record(record("key", "ticket")))
    assert not await waiting


@pytest.fixture
async def neighbour(sql_store: Store, url: str) -> AsyncIterator[Process]:
    script = Path(__file__).with_name("other_process.py")
    command = [sys.executable, str(script), url]
    process = await asyncio.create_subprocess_exec(
        *command, stdin=PIPE, stdout=PIPE, cwd=ROOT, env={"PYTHONPATH": str(ROOT)}
    )
    assert await heard(process) == "ready"
    yield process
    assert process.stdin is not None
    process.stdin.close()
    await process.wait()


async def tell(process: Process, word: str) -> None:
    assert process.stdin is not None
    process.stdin.write(f"{word}\n".encode())
    await process.stdin.drain()


async def heard(process: Process) -> str:
    assert process.stdout is not None
    return (await asyncio.wait_for(process.stdout.readline(), 60)).decode().strip()


async def test_two_processes_hear_of_each_other(sql_store: Store, neighbour: Process) -> None:
    for n in range(3):
        await tell(neighbour, "wait")
        assert await heard(neighbour) == "waiting"
        await sql_store.write(A, lambda t: t.append(event()))
        assert await heard(neighbour) == f"heard {2 * n + 1}"
        waiting = asyncio.create_task(hears(sql_store))
        await tell(neighbour, "append")
        assert await heard(neighbour) == "appended"
        assert await waiting
        assert len(await sql_store.read(A, lambda t: t.list_audit(0, 100))) == 2 * n + 2
