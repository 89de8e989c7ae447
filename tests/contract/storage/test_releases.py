"""Releases: inserted, never changed."""

from __future__ import annotations

from datetime import timedelta

import pytest

from greenroom.domain.environments import Arm
from greenroom.domain.errors import Conflict, NotFound
from greenroom.domain.ids import EnvironmentId
from greenroom.domain.releases import InFlight
from greenroom.ports import Store
from tests.contract.storage.samples import A, at, make_project, release

LIVE = EnvironmentId("env_live_1")


async def test_releases_come_back_as_they_went_in(store: Store) -> None:
    await make_project(store)
    first = release(1, 1, beneath=None)
    second = release(
        2,
        2,
        operation="rollback",
        to_arms=(Arm(1, ((0, 4), (6, 9999))), Arm(2, ((5, 5),))),
        in_flight=InFlight("drain", at(0) + timedelta(days=30)),
        reason="Preise „falsch“",
        takes_back=(4, 3),
        caused_by="rel_x",
    )
    for made in (first, second):
        await store.write(A, lambda t, made=made: t.insert_release(made))
    assert await store.read(A, lambda t: t.find_release(LIVE, 1)) == first
    assert await store.read(A, lambda t: t.find_release(LIVE, 2)) == second
    assert await store.read(A, lambda t: t.find_release(LIVE, 3)) is None
    with pytest.raises(Conflict):
        await store.write(A, lambda t: t.insert_release(release(2, 3, id=release(3, 3).id)))
    with pytest.raises(Conflict):
        await store.write(A, lambda t: t.insert_release(release(3, 3, id=first.id)))
    with pytest.raises(NotFound):
        await store.write(A, lambda t: t.insert_release(release(1, 1, "env_none")))


async def test_releases_are_listed_both_ways(store: Store) -> None:
    await make_project(store)
    for seq in (3, 1, 2, 4):
        await store.write(A, lambda t, seq=seq: t.insert_release(release(seq, seq)))
    await store.write(A, lambda t: t.insert_release(release(9, 9, "env_sandbox_1")))

    async def seqs(method: str, *arguments) -> list[int]:
        return [r.seq for r in await store.read(A, lambda t: getattr(t, method)(LIVE, *arguments))]

    assert await seqs("list_releases", None, 10) == [4, 3, 2, 1]
    assert await seqs("list_releases", 4, 2) == [3, 2]
    assert await seqs("list_releases_after", 0) == [1, 2, 3, 4]
    assert await seqs("list_releases_after", 3) == [4]
    assert await seqs("list_releases_after", 4) == []
