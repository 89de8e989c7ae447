"""Verbs of project-wide data on both databases, where others do the same at the same moment."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from greenroom.domain.errors import Conflict
from greenroom.domain.tables import Column, Table
from greenroom.providers.crypto import EnvelopeCipher
from greenroom.services.sealing import Retention, open_turns, seal_turn
from greenroom.storage.sql import open_store
from tests.contract.storage.samples import A, make_project, project, record
from tests.unit.services.data import load, make_hotel, talk
from tests.unit.services.story import Story, begin

CIPHER = EnvelopeCipher("a key of this test, long enough to be one")
ROOMS = Table("rooms", "Rooms", "", (Column("number", "number"), Column("view"), Column("note")), "number")


@pytest.fixture
async def story(url: str) -> AsyncIterator[Story]:
    store = await open_store(url)
    made = await begin(store)
    await make_hotel(made)
    yield made
    await store.close()


async def test_a_tag_used_by_many_at_once_is_counted_right(story: Story) -> None:
    talks = [await talk(story) for _ in range(6)]
    verbs, call = story.desk.transcripts, story.call()
    await asyncio.gather(*(verbs.add_tag(call, each.id, tag) for each in talks for tag in ("vip", "call back")))
    counts = {tag.key: tag.body["count"] for tag in await verbs.list_tags(call, "hotel", None, 9)}
    assert counts == {"vip": 6, "call back": 6}
    for each in talks:
        assert set((await load(story, each.id)).tags) == {"vip", "call back"}
    await asyncio.gather(*(verbs.remove_tag(call, each.id, "vip") for each in talks))
    assert [tag.key for tag in await verbs.list_tags(call, "hotel", None, 9)] == ["call back"]
    assert await story.desk.conversations.list(call, "hotel", None, 9, tag="vip") == []
    assert len(await story.desk.conversations.list(call, "hotel", None, 9, tag="call back")) == 6


async def test_of_writers_who_saw_the_same_row_one_wins(story: Story) -> None:
    verbs, call = story.desk.tables, story.call()
    await verbs.create(call, "hotel", ROOMS)
    await verbs.put_row(call, "hotel", "rooms", {"number": 7})

    async def write(view: str) -> Any:
        values = {"number": 7, "view": view, "note": 'quote " and % and _ and \\ and ü'}
        return await verbs.put_row(call, "hotel", "rooms", values, revision=1)

    done = await asyncio.gather(*(write(str(n)) for n in range(5)), return_exceptions=True)
    assert sorted(type(each).__name__ for each in done) == ["Conflict"] * 4 + ["Record"]
    assert all(each.code == "row_changed" for each in done if isinstance(each, Conflict))
    found = await verbs.find_rows(call, "hotel", "rooms", {"note": 'quote " and % and _ and \\ and ü'}, None, 9)
    assert [each.body["key"] for each in found] == ["7"]
    exported = await verbs.export_csv(call, "hotel", "rooms")
    assert (await verbs.import_csv(call, "hotel", "rooms", exported)).added == 0


async def test_erasure_removes_what_was_sealed_and_retention_what_is_old(story: Story) -> None:
    one, two = await talk(story, "I am Zanzibar"), await talk(story, "I am Zanzibar")
    store, workspace = story.desk.store, story.owner.workspace
    for each in (one, two):
        old = seal_turn(CIPHER, each, 1, {"heard": "x", "answers": [], "now": "2020-01-01T00:00:00Z"})
        await store.write(workspace, lambda tx, raw=old: tx.put_record(raw))
    assert len(await store.read(workspace, lambda tx: open_turns(CIPHER, tx, one))) >= 1
    await story.desk.erasures.erase(story.call(), one.id)
    assert await store.read(workspace, lambda tx: tx.count_records(one.project, "raw", one.id)) == 0
    assert await story.desk.conversations.list(story.call(), "hotel", None, 9, text="zanzibar") != []
    await story.desk.erasures.erase_person(story.call(), "hotel", user_id=two.sticky_key)
    assert await story.desk.conversations.list(story.call(), "hotel", None, 9, text="zanzibar") == []
    assert await Retention(store, story.desk.clock, 30).forget_raw() == 0


async def test_records_are_narrowed_by_what_their_body_holds(store: Any) -> None:
    await make_project(store)
    bodies = {"a": {"city": "Rome"}, "b": {"city": "Romeo"}, "c": {"city": 'R%_\\"'}, "d": {"n": 1}}
    await store.write(A, lambda t: [t.put_record(record(key, body=body)) for key, body in bodies.items()])

    async def keys(*texts: str) -> str:
        found = await store.read(A, lambda t: t.list_records(project().id, "table_row", limit=9, containing=texts))
        return "".join(each.key for each in found)

    assert await keys() == "abcd"
    assert await keys('"city":"Rome"') == "a"
    assert await keys('"city":', "Rome") == "ab"
    assert await keys('"R%_\\\\\\""') == "c"
    assert await keys("nowhere") == ""
