"""Drafts and their changes."""

from __future__ import annotations

from typing import Any

import pytest

from greenroom.domain.errors import Conflict, NotFound
from greenroom.domain.ids import DraftId, EnvironmentId, PrincipalId, ProjectId
from greenroom.ports import Store
from tests.contract.storage.samples import ANN, BOB, A, at, change, draft, make_project, topic

SANDBOX = EnvironmentId("env_sandbox_1")
ONE = DraftId("drf_1")


async def test_an_owner_has_one_open_draft_in_an_environment(store: Store) -> None:
    await make_project(store)
    await store.write(A, lambda t: t.insert_draft(draft()))
    with pytest.raises(Conflict) as refused:
        await store.write(A, lambda t: t.insert_draft(draft("drf_2")))
    assert refused.value.code == "draft_exists"
    await store.write(A, lambda t: t.insert_draft(draft("drf_3", BOB)))
    await store.write(A, lambda t: t.insert_draft(draft("drf_4", environment=EnvironmentId("env_live_1"))))
    assert await store.read(A, lambda t: t.find_draft(SANDBOX, ANN)) == draft()
    assert await store.read(A, lambda t: t.find_draft_by_id(DraftId("drf_2"))) is None
    with pytest.raises(Conflict) as refused:
        await store.write(A, lambda t: t.insert_draft(draft(closed_at=at(1))))
    assert refused.value.code == "duplicate"


async def test_a_refused_draft_leaves_the_transaction_usable(store: Store) -> None:
    await make_project(store)
    await store.write(A, lambda t: t.insert_draft(draft()))

    def work(t):
        with pytest.raises(Conflict):
            t.insert_draft(draft("drf_2"))
        return t.find_draft(SANDBOX, ANN)

    assert await store.write(A, work) == draft()


async def test_a_closed_draft_makes_room_and_can_be_opened_again_only_while_there_is_room(store: Store) -> None:
    await make_project(store)
    await store.write(A, lambda t: t.insert_draft(draft()))
    closed = draft(revision=2, closed_at=at(5), closed_by="discarded", updated_at=at(5), base_version=3, base_seq=9)
    assert await store.write(A, lambda t: t.update_draft(closed, 1))
    assert await store.read(A, lambda t: t.find_draft(SANDBOX, ANN)) is None
    assert await store.read(A, lambda t: t.find_draft_by_id(ONE)) == closed
    await store.write(A, lambda t: t.insert_draft(draft("drf_2")))
    with pytest.raises(Conflict) as refused:
        await store.write(A, lambda t: t.update_draft(draft(revision=3), 2))
    assert refused.value.code == "draft_exists"
    assert await store.write(A, lambda t: t.update_draft(draft("drf_2", revision=2, closed_at=at(6)), 1))
    assert await store.write(A, lambda t: t.update_draft(draft(revision=3), 2))
    assert await store.read(A, lambda t: t.find_draft(SANDBOX, ANN)) == draft(revision=3)


async def test_a_stale_revision_changes_nothing(store: Store) -> None:
    await make_project(store)
    await store.write(A, lambda t: t.insert_draft(draft()))
    assert not await store.write(A, lambda t: t.update_draft(draft(revision=3, base_seq=5), 2))
    assert not await store.write(A, lambda t: t.update_draft(draft("drf_9", revision=2), 1))
    assert await store.read(A, lambda t: t.find_draft_by_id(ONE)) == draft()


async def test_open_drafts_are_listed_from_the_newest(store: Store) -> None:
    await make_project(store)
    await store.write(A, lambda t: t.insert_draft(draft()))
    await store.write(A, lambda t: t.insert_draft(draft("drf_2", BOB, started_at=at(7))))
    await store.write(A, lambda t: t.insert_draft(draft("drf_3", ANN, closed_at=at(8))))
    listed = await store.read(A, lambda t: t.list_open_drafts(SANDBOX))
    assert [each.id for each in listed] == ["drf_2", "drf_1"]
    assert await store.read(A, lambda t: t.list_open_drafts(EnvironmentId("env_live_1"))) == ()


async def test_closed_drafts_are_listed_from_the_last_closed_in_pages(store: Store) -> None:
    await make_project(store)
    rows = [
        draft("drf_1", closed_at=at(3), closed_by="discarded"),
        draft("drf_2", closed_at=at(9), closed_by="v1"),
        draft("drf_3", closed_at=at(6), closed_by="discarded"),
        draft("drf_4", closed_at=at(6), closed_by="discarded"),
        draft("drf_5", BOB, closed_at=at(8), closed_by="discarded"),
        draft("drf_6"),
        draft("drf_7", environment=EnvironmentId("env_live_1"), closed_at=at(7), closed_by="discarded"),
    ]
    for row in rows:
        await store.write(A, lambda t, row=row: t.insert_draft(row))

    async def listed(owner: PrincipalId | None = ANN, limit: int = 10, **more: Any) -> list[str]:
        found = await store.read(A, lambda t: t.list_closed_drafts(SANDBOX, owner, limit, **more))
        return [each.id for each in found]

    assert await listed() == ["drf_2", "drf_4", "drf_3", "drf_1"]
    assert await listed(owner=None) == ["drf_2", "drf_5", "drf_4", "drf_3", "drf_1"]
    assert await listed(closed_by=["discarded"]) == ["drf_4", "drf_3", "drf_1"]
    assert await listed(owner=None, closed_by=["v1", "v2"]) == ["drf_2"]
    assert await listed(closed_by=[]) == []
    assert await listed(since=at(6)) == ["drf_2", "drf_4", "drf_3"]
    assert await listed(since=at(6.5)) == ["drf_2"]
    pages, last = [], None
    while page := await listed(limit=1, before=last):
        pages, last = [*pages, *page], DraftId(page[-1])
    assert pages == ["drf_2", "drf_4", "drf_3", "drf_1"]
    assert await listed(limit=0) == []
    for stray in ("drf_6", "drf_7", "drf_none"):
        assert await listed(before=DraftId(stray)) == []
    found = await store.read(A, lambda t: t.list_closed_drafts(SANDBOX, ANN, 1))
    assert list(found) == [rows[1]]


async def test_the_last_revision_is_of_open_and_closed_drafts_of_an_owner(store: Store) -> None:
    await make_project(store)

    async def last(owner=ANN, where=SANDBOX):
        return await store.read(A, lambda t: t.find_last_revision(where, owner))

    assert await last() == 0
    await store.write(A, lambda t: t.insert_draft(draft(revision=5, closed_at=at(3))))
    await store.write(A, lambda t: t.insert_draft(draft("drf_2", revision=4, closed_at=at(4))))
    assert (await last(), await last(BOB), await last(where=EnvironmentId("env_live_1"))) == (5, 0, 0)
    await store.write(A, lambda t: t.insert_draft(draft("drf_3", revision=6)))
    assert await last() == 6


async def test_changes_are_put_replaced_and_dropped(store: Store) -> None:
    await make_project(store)
    await store.write(A, lambda t: t.insert_draft(draft()))
    await store.write(A, lambda t: t.put_draft_changes(ONE, [change("b", "b"), change("a", "a")]))
    await store.write(A, lambda t: t.put_draft_changes(ONE, [change("a", None, 2), change("c", "c", 2)]))
    found = await store.read(A, lambda t: t.load_draft_changes(ONE))
    assert list(found.items()) == [
        (topic("a"), change("a", None, 2)),
        (topic("b"), change("b", "b")),
        (topic("c"), change("c", "c", 2)),
    ]
    await store.write(A, lambda t: t.drop_draft_changes(ONE, [topic("a"), topic("b"), topic("none")]))
    assert list(await store.read(A, lambda t: t.load_draft_changes(ONE))) == [topic("c")]
    await store.write(A, lambda t: t.drop_draft_changes(ONE, []))
    await store.write(A, lambda t: t.put_draft_changes(DraftId("drf_none"), []))
    with pytest.raises(NotFound):
        await store.write(A, lambda t: t.put_draft_changes(DraftId("drf_none"), [change("a", "a")]))


async def test_a_draft_needs_an_environment_of_its_project(store: Store) -> None:
    await make_project(store)
    for stray in (draft(environment=EnvironmentId("env_none")), draft(project=ProjectId("prj_2"))):
        with pytest.raises(NotFound):
            await store.write(A, lambda t, stray=stray: t.insert_draft(stray))
