"""The audit chain, and the outbox that follows it."""

from __future__ import annotations

import asyncio
import json

import pytest

from greenroom.domain.events import GENESIS, verify_chain
from greenroom.ports import Store
from tests.contract.storage.samples import A, B, event

WRITERS = 16
EACH = 25


async def test_events_are_chained_from_the_first_on(store: Store) -> None:
    one = await store.write(A, lambda t: t.append(event("project.created")))
    two, three = await store.write(A, lambda t: (t.append(event()), t.append(event(of=""))))
    other = await store.write(B, lambda t: t.append(event()))
    assert [one.seq, two.seq, three.seq, other.seq] == [1, 2, 3, 1]
    assert [one.previous, two.previous, three.previous] == [GENESIS, one.digest, two.digest]
    assert await store.read(A, lambda t: t.list_audit(0, 10)) == (one, two, three)
    assert await store.read(A, lambda t: t.list_audit(1, 1)) == (two,)
    assert json.loads(three.payload)["event"]["project"] == ""


async def test_a_failed_transaction_leaves_no_gap(store: Store) -> None:
    await store.write(A, lambda t: t.append(event()))
    with pytest.raises(ZeroDivisionError):
        await store.write(A, lambda t: t.append(event()).seq / 0)
    assert (await store.write(A, lambda t: t.append(event()))).seq == 2


async def test_events_are_listed_from_the_newest_and_narrowed(store: Store) -> None:
    for action, of in (("a.b", "p1"), ("a.c", "p1"), ("a.b", "p2"), ("a.b", "")):
        await store.write(A, lambda t, action=action, of=of: t.append(event(action, of)))

    async def seqs(*arguments, **where) -> list[int]:
        return [found.seq for found in await store.read(A, lambda t: t.list_events(*arguments, **where))]

    assert await seqs(None, None, 10) == [4, 3, 2, 1]
    assert await seqs(None, 4, 2) == [3, 2]
    assert await seqs("p1", None, 10) == [2, 1]
    assert await seqs("p1", 2, 10) == [1]
    assert await seqs(None, None, 10, action="a.b") == [4, 3, 1]
    assert await seqs("p1", None, 10, action="a.b") == [1]
    assert await seqs("p3", None, 10) == []


async def test_concurrent_writers_make_one_chain_without_forks_or_gaps(store: Store) -> None:
    async def write(writer: int) -> None:
        for n in range(EACH):
            await store.write(A, lambda t, n=n: t.append(event(f"writer.{writer}", subject=str(n))))

    await asyncio.gather(*map(write, range(WRITERS)))
    chain = await store.read(A, lambda t: t.list_audit(0, 10_000))
    assert len(chain) == WRITERS * EACH
    assert verify_chain(chain, {len(chain): chain[-1].digest}) is None
    for writer in range(WRITERS):
        events = [json.loads(record.payload)["event"] for record in chain]
        mine = [e["subject"] for e in events if e["action"] == f"writer.{writer}"]
        assert mine == [str(n) for n in range(EACH)]


async def test_the_outbox_gives_events_in_the_order_of_the_chain_until_delivered(store: Store) -> None:
    await asyncio.gather(*(store.write(w, lambda t: t.append(event())) for w in [A, B] * 10))

    async def waiting(limit: int = 100) -> list[tuple[str, int]]:
        found = await store.system(lambda t: t.list_undelivered(limit))
        return [(workspace, record.seq) for workspace, record in found]

    assert await waiting() == [(A, n) for n in range(1, 11)] + [(B, n) for n in range(1, 11)]
    assert await waiting(3) == [(A, 1), (A, 2), (A, 3)]
    await store.system(lambda t: t.mark_delivered(A, 10))
    await store.system(lambda t: t.mark_delivered(B, 4))
    assert await waiting() == [(B, n) for n in range(5, 11)]
    await store.system(lambda t: t.mark_delivered(B, 2))
    assert len(await waiting()) == 6
    await store.system(lambda t: t.mark_delivered(A, 99))
    await store.write(A, lambda t: t.append(event()))
    assert (A, 11) in await waiting()
    await store.system(lambda t: t.mark_delivered(type(A)("wsp_none"), 1))
    delivered, record = (await store.system(lambda t: t.list_undelivered(1)))[0]
    assert (await store.read(delivered, lambda t: t.list_audit(10, 1)))[0] == record
