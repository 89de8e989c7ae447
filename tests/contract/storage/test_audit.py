"""The audit chain, and the outbox that follows it."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Callable
from dataclasses import replace

import pytest

from greenroom.domain.canonical import digest_of_bytes
from greenroom.domain.events import GENESIS, AuditRecord, verify_chain
from greenroom.ports import Store
from greenroom.storage.sql import open_store
from greenroom.storage.sql.opening import sqlite_path
from tests.contract.storage.samples import A, B, event, make_workspaces

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


def edited(record: AuditRecord, old: bytes, new: bytes) -> AuditRecord:
    """Returns a record with other content and the digest that fits it."""
    payload = record.payload.replace(old, new)
    assert payload != record.payload
    return replace(record, payload=payload, digest=digest_of_bytes(payload))


def rechained(records: list[AuditRecord], changed: AuditRecord) -> list[AuditRecord]:
    """Returns a chain that was written anew from a changed record on, sound in itself."""
    out = [*records[: changed.seq - 1], changed]
    for record in records[changed.seq :]:
        forged = edited(record, f'"previous":"{record.previous}"'.encode(), f'"previous":"{out[-1].digest}"'.encode())
        out.append(replace(forged, previous=out[-1].digest))
    return out


TAMPERINGS: dict[str, tuple[int, Callable[[list[AuditRecord]], list[AuditRecord]]]] = {
    "content edited": (5, lambda c: [*c[:4], replace(c[4], payload=c[4].payload.replace(b"v5", b"v6")), *c[5:]]),
    "content and digest edited": (6, lambda c: [*c[:4], edited(c[4], b"v5", b"v6"), *c[5:]]),
    "seq edited": (5, lambda c: [*c[:4], replace(c[4], seq=50), *c[5:]]),
    "first deleted": (1, lambda c: c[1:]),
    "deleted": (5, lambda c: [*c[:4], *c[5:]]),
    "inserted": (5, lambda c: [*c[:4], c[7], *c[4:]]),
    "inserted with a fitting digest": (6, lambda c: [*c[:4], edited(c[4], b"v5", b"v6"), *c[4:]]),
    "repeated": (6, lambda c: [*c[:5], *c[4:]]),
    "swapped": (5, lambda c: [*c[:4], c[5], c[4], *c[6:]]),
    "swapped and renumbered": (5, lambda c: [*c[:4], replace(c[5], seq=5), replace(c[4], seq=6), *c[6:]]),
    "tail cut": (9, lambda c: c[:8]),
    "all cut": (1, lambda c: []),
    "suffix written anew": (12, lambda c: rechained(c, edited(c[4], b"v5", b"v6"))),
    "old copy with new events": (12, lambda c: rechained(c, edited(c[11], b"v12", b"v99"))),
    "grown by a stranger": (13, lambda c: [*c, edited(replace(c[11], seq=13), b"v12", b"v13")]),
}


@pytest.mark.parametrize("name", list(TAMPERINGS))
async def test_a_chain_that_was_tampered_with_is_found_out_at_the_right_place(store: Store, name: str) -> None:
    for n in range(1, 13):
        await store.write(A, lambda t, n=n: t.append(event(subject=f"v{n}")))
    chain = list(await store.read(A, lambda t: t.list_audit(0, 100)))
    head = {12: chain[-1].digest}
    assert verify_chain(chain, head) is None
    place, tamper = TAMPERINGS[name]
    assert verify_chain(tamper(chain), head) == place
    # More digests kept elsewhere find the place more closely; in portions it is the same.
    kept = {record.seq: record.digest for record in chain if record.seq % 4 == 0}
    found = verify_chain(tamper(chain), kept)
    assert found is not None
    assert found <= place
    assert verify_chain(chain[6:], head, after=(6, chain[5].digest)) is None


@pytest.mark.parametrize(
    "statement, place",
    [
        ("UPDATE audit SET payload = CAST(replace(CAST(payload AS text), 'v3', 'v4') AS blob) WHERE seq = 3", 3),
        ("DELETE FROM audit WHERE seq = 3", 3),
        ("DELETE FROM audit WHERE seq > 4", 5),
    ],
)
async def test_changes_behind_the_databases_back_are_found_out(sqlite_url: str, statement: str, place: int) -> None:
    store = await open_store(sqlite_url)
    await make_workspaces(store)
    for n in range(1, 7):
        await store.write(A, lambda t, n=n: t.append(event(subject=f"v{n}")))
    head = (await store.read(A, lambda t: t.list_audit(5, 1)))[0]
    await store.close()
    path = sqlite_path(sqlite_url)
    assert path is not None
    with sqlite3.connect(path) as driver:
        driver.execute("DROP TRIGGER audit_no_update")
        driver.execute("DROP TRIGGER audit_no_delete")
        driver.execute(statement)
    driver.close()
    store = await open_store(sqlite_url)
    chain = await store.read(A, lambda t: t.list_audit(0, 100))
    await store.close()
    assert verify_chain(chain, {6: head.digest}) == place
