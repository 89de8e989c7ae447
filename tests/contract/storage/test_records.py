"""Records: kept whole, listed by key, changed by who has seen the last revision."""

from __future__ import annotations

from dataclasses import replace

import pytest

from greenroom.domain.canonical import canonical_json
from greenroom.domain.errors import Invalid, NotFound
from greenroom.domain.ids import ProjectId
from greenroom.domain.records import Record
from greenroom.ports import Store
from tests.contract.storage.samples import A, B, at, environments, make_project, project, record

P = project().id


async def put(store: Store, *records: Record) -> None:
    await store.write(A, lambda t: [t.put_record(each) for each in records])


async def find(store: Store, key: str, noun: str = "table_row") -> Record | None:
    return await store.read(A, lambda t: t.find_record(P, noun, key))


async def test_a_record_comes_back_as_it_went_in(store: Store) -> None:
    await make_project(store)
    await put(store, record(), record("bare", "ticket", "", body={}, data=b""))
    assert await find(store, "row-1") == record()
    assert await find(store, "bare", "ticket") == record("bare", "ticket", "", body={}, data=b"")
    assert await find(store, "bare") is None
    assert await find(store, "row\0") is None
    assert await store.read(A, lambda t: t.find_record(ProjectId("prj_2"), "table_row", "row-1")) is None


async def test_a_body_is_kept_as_canonical_json(store: Store) -> None:
    await make_project(store)
    body = {"z": 1.0, "a": [True, None, {"ü": "\0 “q” \u2028 \U0001f3e8"}], "deep": {"b": (1, 2.5), "a": -0.0}}
    await put(store, record(body=body))
    found = await find(store, "row-1")
    assert found is not None
    assert canonical_json(found.body) == canonical_json(body)
    assert list(found.body) == ["a", "deep", "z"]
    for bad in ({"n": float("nan")}, {"half": "\ud800"}, {"n": 2**60}):
        with pytest.raises(Invalid):
            await put(store, record(body=bad))
    for bad in (record("k\0"), record(owner="\ud800"), record(noun="\0")):
        with pytest.raises(Invalid):
            await put(store, bad)


async def test_what_is_read_is_not_what_is_kept(store: Store) -> None:
    await make_project(store)
    body = {"tags": ["a"]}
    await put(store, record(body=body))
    body["tags"].append("b")
    found = await find(store, "row-1")
    assert found is not None
    found.body["tags"].append("c")
    again = await find(store, "row-1")
    assert again is not None
    assert again.body == {"tags": ["a"]}


async def test_a_record_changes_by_its_revision(store: Store) -> None:
    await make_project(store)

    async def put_at(made: Record, expected: int | None) -> bool:
        return await store.write(A, lambda t: t.put_record(made, expected))

    assert not await put_at(record(revision=2), 1)
    assert await put_at(record(), 0)
    assert not await put_at(record(body={}), 0)
    second = record(revision=2, body={"n": 2}, owner="halls", data=b"2", changed_at=at(9))
    assert not await put_at(second, 2)
    assert await put_at(second, 1)
    assert await find(store, "row-1") == second
    third = replace(second, revision=9, body={})
    assert await put_at(third, None)
    assert await find(store, "row-1") == third
    with pytest.raises(NotFound):
        await put_at(record(project=ProjectId("prj_none")), None)
    with pytest.raises(NotFound):
        await store.write(B, lambda t: t.put_record(record()))


async def test_records_are_listed_by_key_in_portions_either_way(store: Store) -> None:
    await make_project(store)
    keys = ["b", "a-1", "a", "A", "z", "ü", "a_", "\U0001f3e8", "\uffff"]
    await put(store, *(record(key) for key in keys))
    await put(store, record("b", "ticket"), record("c", owner="halls"))
    other = project(2)
    await store.write(A, lambda t: t.insert_project(other, environments(other)))
    await put(store, record("b", project=other.id))

    async def names(**how) -> list[str]:
        found = await store.read(A, lambda t: t.list_records(P, "table_row", **how))
        return [each.key for each in found]

    assert await names(owner="rooms", limit=100) == sorted(keys)
    assert await names(limit=100) == sorted([*keys, "c"])
    assert await names(owner="rooms", limit=3, after="a") == sorted(keys)[2:5]
    assert await names(limit=2, newest_first=True) == sorted([*keys, "c"])[::-1][:2]
    assert await names(limit=100, newest_first=True, after="a-1", owner="rooms") == ["a", "A"]
    assert await names(limit=100, owner="none") == []
    assert await names(limit=0) == []
    assert await names(limit=-1) == []


async def test_records_are_counted_and_removed_singly_and_with_their_owner(store: Store) -> None:
    await make_project(store)
    await put(store, *(record(f"row-{n}", owner="rooms" if n < 3 else "halls") for n in range(5)))
    await put(store, record("row-0", "ticket", "rooms"))

    async def count(owner: str | None = None, noun: str = "table_row") -> int:
        return await store.read(A, lambda t: t.count_records(P, noun, owner))

    assert [await count(), await count("rooms"), await count("none"), await count(noun="x")] == [5, 3, 0, 0]
    assert await store.write(A, lambda t: t.delete_record(P, "table_row", "row-0"))
    assert not await store.write(A, lambda t: t.delete_record(P, "table_row", "row-0"))
    assert await store.write(A, lambda t: t.delete_records(P, "table_row", "rooms")) == 2
    assert await store.write(A, lambda t: t.delete_records(P, "table_row", "rooms")) == 0
    assert await count() == 2
    assert await count(noun="ticket") == 1


async def test_a_portion_of_many_records_is_one_query_by_an_index(store: Store) -> None:
    await make_project(store)
    await put(store, *(record(f"row-{n:04}", owner=f"table-{n % 7}") for n in range(700)))
    found = await store.read(A, lambda t: t.list_records(P, "table_row", owner="table-3", after="row-0100", limit=2))
    assert [each.key for each in found] == ["row-0101", "row-0108"]


async def test_a_key_is_found_in_all_projects_of_the_workspace_and_in_no_other(store: Store) -> None:
    await make_project(store)
    second, foreign = project(2), project(3)
    await store.write(A, lambda t: t.insert_project(second, environments(second)))
    await store.write(B, lambda t: t.insert_project(foreign, environments(foreign)))
    await put(store, record("+44", "number"), record("+44", "number", project=second.id), record("+44"))
    await put(store, record("+45", "number"))
    await store.write(B, lambda t: t.put_record(record("+44", "number", project=foreign.id)))

    async def owners(key: str) -> list[str]:
        found = await store.read(A, lambda t: t.find_records_anywhere("number", key))
        assert {each.key for each in found} <= {key}
        return [each.project for each in found]

    assert await owners("+44") == [P, second.id]
    assert await owners("+45") == [P]
    assert await owners("+46") == []
    assert await owners("+\0") == []
