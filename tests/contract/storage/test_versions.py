"""Bodies, who mentions whom, snapshots and the versions that publish them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from greenroom.domain.canonical import Digest
from greenroom.domain.environments import Arm
from greenroom.domain.errors import Conflict, Invalid, NotFound
from greenroom.domain.ids import EnvironmentId, PrincipalId, ProjectId
from greenroom.domain.versions import EMPTY_SNAPSHOT, mark_at, shard_of, snapshot_of
from greenroom.ports import Referrer, Store
from greenroom.storage.sql import open_store
from tests.contract.storage.samples import (
    ANN,
    BOB,
    NOWHERE,
    SNAPSHOT,
    A,
    B,
    body,
    make_project,
    project,
    release,
    topic,
    version,
)

P = project().id


async def test_bodies_come_back_byte_for_byte_and_only_those_that_exist(store: Store) -> None:
    await make_project(store)
    some = {topic(f"t{n}"): body(f"text {n}") for n in range(1203)}
    await store.write(A, lambda t: t.put_bodies(P, some, {}))
    await store.write(A, lambda t: t.put_bodies(P, some, {}))
    wanted = [found.digest for found in some.values()]
    found = await store.read(A, lambda t: t.load_bodies([*wanted, NOWHERE, wanted[0]]))
    assert found == {each.digest: each.data for each in some.values()}
    assert await store.read(A, lambda t: t.load_bodies([])) == {}


async def test_referrers_name_every_body_that_ever_mentioned_a_target(store: Store) -> None:
    await make_project(store)
    old, new, other = body("old"), body("new"), body("other")
    pool, bar = topic("pool"), topic("bar")
    await store.write(A, lambda t: t.put_bodies(P, {topic("a"): old}, {topic("a"): [pool, bar, pool]}))
    await store.write(A, lambda t: t.put_bodies(P, {topic("a"): new}, {topic("a"): [pool]}))
    await store.write(A, lambda t: t.put_bodies(P, {topic("a"): new}, {topic("a"): [pool]}))
    await store.write(A, lambda t: t.put_bodies(P, {topic("b"): other}, {topic("b"): [bar]}))
    found = await store.read(A, lambda t: t.list_referrers(P, [pool]))
    assert set(found) == {Referrer(topic("a"), old.digest, pool), Referrer(topic("a"), new.digest, pool)}
    assert len(found) == 2
    assert len(await store.read(A, lambda t: t.list_referrers(P, [pool, bar]))) == 4
    assert await store.read(A, lambda t: t.list_referrers(P, [topic("a")])) == ()
    assert await store.read(A, lambda t: t.list_referrers(P, [])) == ()
    assert await store.read(A, lambda t: t.list_referrers(ProjectId("prj_2"), [pool])) == ()
    with pytest.raises(NotFound):
        await store.write(A, lambda t: t.put_bodies(ProjectId("prj_2"), {topic("a"): old}, {}))


@pytest.mark.parametrize("size", [0, 1, 3000])
async def test_a_snapshot_comes_back_equal(store: Store, size: int) -> None:
    snapshot = snapshot_of({topic(f"t{n}"): body(f"{n}").digest for n in range(size)})
    assert await store.read(A, lambda t: t.find_snapshot(snapshot.digest)) is None
    await store.write(A, lambda t: t.put_snapshot(snapshot))
    await store.write(A, lambda t: t.put_snapshot(snapshot))
    found = await store.read(A, lambda t: t.find_snapshot(snapshot.digest))
    assert found == snapshot
    assert found is not None
    assert dict(found) == dict(snapshot)
    assert found.shard_digests == snapshot.shard_digests


async def test_marks_say_which_parts_of_snapshots_are_the_same(store: Store, place: str | None) -> None:
    first = snapshot_of({topic(f"t{n}"): body(f"text {n}").digest for n in range(900)})
    other = first.with_changes({topic("t7"): body("other").digest})
    for each in (first, other):
        await store.write(A, lambda t, kept=each: t.put_snapshot(kept))
    cold = store if place is None else await open_store(place)
    for reader in (store, cold):
        marks = await reader.read(A, lambda t: t.load_marks([first.digest, other.digest, NOWHERE, first.digest]))
        assert marks.keys() == {first.digest, other.digest}
        differ = {
            topic(f"t{n}")
            for n in range(900)
            if mark_at(marks[first.digest], topic(f"t{n}")) != mark_at(marks[other.digest], topic(f"t{n}"))
        }
        assert topic("t7") in differ
        assert differ == {address for address in first if shard_of(address) == shard_of(topic("t7"))}
    if cold is not store:
        await cold.close()


async def test_a_snapshot_that_was_not_committed_is_not_found_later(store: Store) -> None:
    def work(t):
        t.put_snapshot(SNAPSHOT)
        assert t.find_snapshot(SNAPSHOT.digest) == SNAPSHOT
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await store.write(A, work)
    assert await store.read(A, lambda t: t.find_snapshot(SNAPSHOT.digest)) is None
    grown = SNAPSHOT.with_changes({topic("bar"): body("Bar").digest})
    await store.write(A, lambda t: t.put_snapshot(grown))
    assert await store.read(A, lambda t: t.find_snapshot(grown.digest)) == grown
    assert await store.read(A, lambda t: t.find_snapshot(NOWHERE)) is None


async def test_versions_come_back_as_they_went_in(store: Store) -> None:
    await make_project(store)
    two = version(2, SNAPSHOT, tags=("HOTFIX", "SEASONAL"), details="Zimmer\nund “Frühstück”", parents=(1,))
    await store.write(A, lambda t: t.insert_version(P, version(1)))
    await store.write(A, lambda t: t.insert_version(P, two))
    assert await store.read(A, lambda t: t.find_version(P, 2)) == two
    assert await store.read(A, lambda t: t.find_version(P, 3)) is None
    assert await store.read(A, lambda t: t.find_version(ProjectId("prj_2"), 1)) is None
    assert await store.read(A, lambda t: t.load_parents(P)) == {1: (), 2: (1,)}
    with pytest.raises(Conflict):
        await store.write(A, lambda t: t.insert_version(P, version(2)))
    with pytest.raises(NotFound):
        await store.write(A, lambda t: t.insert_version(ProjectId("prj_2"), version(1)))
    with pytest.raises(Invalid):
        await store.write(A, lambda t: t.insert_version(P, version(3, note="a\0")))


async def test_versions_are_listed_from_the_newest_and_narrowed(store: Store) -> None:
    await make_project(store)
    live, sandbox = EnvironmentId("env_live_1"), EnvironmentId("env_sandbox_1")
    tags = {1: ("A",), 2: ("A", "B"), 3: (), 4: ("B",), 5: ("A", "A")}
    for number, its in tags.items():
        made = version(number, tags=its, author=PrincipalId(ANN if number % 2 else BOB))
        await store.write(A, lambda t, made=made: t.insert_version(P, made))
    for seq, served in enumerate((2, 4, 2), start=1):
        await store.write(A, lambda t, seq=seq, served=served: t.insert_release(release(seq, served)))
    rollout = replace(release(4, 5), to_arms=(Arm(2, ((0, 4999),)), Arm(5, ((5000, 9999),))))
    await store.write(A, lambda t: t.insert_release(rollout))

    async def numbers(before: int | None = None, limit: int = 10, **where) -> list[int]:
        found = await store.read(A, lambda t: t.list_versions(P, before, limit, **where))
        return [each.number for each in found]

    assert await numbers() == [5, 4, 3, 2, 1]
    assert await numbers(4, 2) == [3, 2]
    assert await numbers(limit=0) == []
    assert await numbers(tag="A") == [5, 2, 1]
    assert await numbers(tag="A", before=5, limit=1) == [2]
    assert await numbers(tag="a") == []
    assert await numbers(author=BOB) == [4, 2]
    assert await numbers(environment=live) == [4, 2]
    assert await numbers(environment=live, tag="B", author=BOB, before=4) == [2]
    assert await numbers(environment=sandbox) == []
    assert await store.read(A, lambda t: t.was_full_arm(live, 4))
    assert not await store.read(A, lambda t: t.was_full_arm(live, 5))
    assert not await store.read(A, lambda t: t.was_full_arm(sandbox, 4))


async def test_only_the_mark_of_a_version_changes(store: Store) -> None:
    await make_project(store)
    await store.write(A, lambda t: t.insert_version(P, version(1)))
    await store.write(A, lambda t: t.update_mark(P, 1, "bad"))
    assert await store.read(A, lambda t: t.find_version(P, 1)) == version(1, mark="bad")
    with pytest.raises(NotFound):
        await store.write(A, lambda t: t.update_mark(P, 2, "bad"))
    with pytest.raises(NotFound):
        await store.write(B, lambda t: t.update_mark(P, 1, "good"))


async def test_the_empty_snapshot_can_be_kept(store: Store) -> None:
    await store.write(A, lambda t: t.put_snapshot(EMPTY_SNAPSHOT))
    assert await store.read(A, lambda t: t.find_snapshot(EMPTY_SNAPSHOT.digest)) == EMPTY_SNAPSHOT
    assert await store.read(A, lambda t: t.find_snapshot(Digest("sha256:\0"))) is None
