"""Data tables: columns and rows by people, rows by agents, CSV in and out."""

from __future__ import annotations

from typing import Any

import pytest

from greenroom.domain import tables as limits
from greenroom.domain.asks import Place
from greenroom.domain.canonical import Digest
from greenroom.domain.errors import Conflict, Invalid, LimitReached, NotAllowed, NotFound
from greenroom.domain.ids import EnvironmentId
from greenroom.domain.tables import Column, Table
from greenroom.services import table_rows
from greenroom.services.table_rows import TableAsks
from tests.unit.services.story import Story, begin

COLUMNS = (
    Column("number", "number"),
    Column("view", "text"),
    Column("free", "boolean"),
    Column("from_day", "date"),
    Column("beds", "list"),
    Column("facts", "object"),
)
ROOMS = Table("rooms", "Rooms", "What there is", COLUMNS, "number")
LOG = Table("log", "Log", "", (Column("text", "text", required=True), Column("n", "number")))
SEVEN = {"number": 7, "view": "sea", "free": True, "from_day": "2026-11-21", "beds": ["double"], "facts": {"m2": 30.5}}


async def make(story: Story, *tables: Table) -> None:
    await story.make_project()
    for table in tables or (ROOMS, LOG):
        await story.desk.tables.create(story.call("publisher"), "hotel", table)


def values(records: Any) -> list[Any]:
    return [record.body["values"] for record in records]


async def test_a_table_is_made_altered_listed_and_removed_with_its_rows() -> None:
    story = await begin()
    await make(story)
    verbs = story.desk.tables
    with pytest.raises(Conflict):
        await verbs.create(story.call(), "hotel", ROOMS)
    with pytest.raises(NotAllowed):
        await verbs.create(story.call("editor"), "hotel", LOG)
    await verbs.put_row(story.call("editor"), "hotel", "rooms", SEVEN)
    altered = await verbs.alter(story.call(), "hotel", "rooms", name="All rooms", columns=[Column("floor", "number")])
    assert (altered.table.name, altered.rows, len(altered.table.columns)) == ("All rooms", 1, 7)
    for wrong in ([Column("view")], [Column("x", required=True)], [Column("1x")]):
        with pytest.raises(Invalid):
            await verbs.alter(story.call(), "hotel", "rooms", columns=wrong)
    assert [view.table.slug for view in await verbs.list(story.call("viewer"), "hotel")] == ["log", "rooms"]
    gone = await verbs.delete(story.call(), "hotel", "rooms")
    assert gone.rows == 1
    with pytest.raises(NotFound, match="log"):
        await verbs.load(story.call(), "hotel", "rooms")
    await verbs.create(story.call(), "hotel", ROOMS)
    assert await verbs.find_rows(story.call(), "hotel", "rooms", {}, None, 9) == []


@pytest.mark.parametrize(
    "wrong",
    [
        Table("Rooms", "R", "", COLUMNS),
        Table("rooms", "R", "", ()),
        Table("rooms", "R", "", (Column("a"), Column("a"))),
        Table("rooms", "R", "", COLUMNS, "beds"),
        Table("rooms", "R", "", COLUMNS, "none"),
    ],
)
async def test_a_table_that_cannot_be_is_refused(wrong: Table) -> None:
    story = await begin()
    with pytest.raises(Invalid):
        await make(story, wrong)


async def test_values_take_the_form_of_their_columns_or_are_refused_with_each_place() -> None:
    story = await begin()
    await make(story)
    verbs = story.desk.tables
    texts = {
        "number": "7",
        "view": "sea",
        "free": "yes",
        "from_day": "2026-11-21T10:00",
        "beds": '["double"]',
        "facts": '{"m2":30.5}',
    }
    row = await verbs.put_row(story.call(), "hotel", "rooms", texts)
    assert (row.body["key"], row.body["values"]) == ("7", SEVEN)
    wrong = {"number": "seven", "free": "perhaps", "from_day": "soon", "beds": "{}", "facts": [], "colour": 1}
    with pytest.raises(Invalid) as refused:
        await verbs.put_row(story.call(), "hotel", "rooms", wrong)
    assert {fault.pointer for fault in refused.value.errors} == {f"/values/{name}" for name in wrong}
    with pytest.raises(Invalid):
        await verbs.put_row(story.call(), "hotel", "log", {"n": 1})
    with pytest.raises(LimitReached):
        await verbs.put_row(story.call(), "hotel", "log", {"text": "x" * limits.MAX_ROW_BYTES})


async def test_rows_are_written_by_key_and_by_the_revision_that_was_seen() -> None:
    story = await begin()
    await make(story)
    verbs, call = story.desk.tables, story.call("editor")
    first = await verbs.put_row(call, "hotel", "rooms", SEVEN, revision=0)
    with pytest.raises(Conflict):
        await verbs.put_row(call, "hotel", "rooms", SEVEN, revision=0)
    second = await verbs.put_row(call, "hotel", "rooms", {"number": 7}, revision=first.revision)
    assert (second.revision, second.body["values"]) == (2, {"number": 7})
    with pytest.raises(Conflict) as refused:
        await verbs.put_row(call, "hotel", "rooms", SEVEN, revision=1)
    assert refused.value.extra == {"revision": 2}
    with pytest.raises(Invalid):
        await verbs.put_row(call, "hotel", "rooms", {"number": 8}, key="9")
    own = await verbs.put_row(call, "hotel", "log", {"text": "a"})
    assert own.body["key"].startswith("row_")
    named = await verbs.put_row(call, "hotel", "log", {"text": "b"}, key="a/b ü")
    assert named.body["key"] == "a/b ü"
    await verbs.delete_row(call, "hotel", "log", "a/b ü")
    with pytest.raises(NotFound):
        await verbs.delete_row(call, "hotel", "log", "a/b ü")
    with pytest.raises(NotAllowed):
        await verbs.put_row(story.call("viewer"), "hotel", "log", {"text": "a"})


async def test_rows_are_found_by_equality_in_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table_rows, "PORTION", 3)
    story = await begin()
    await make(story)
    verbs, call = story.desk.tables, story.call()
    for n in range(10):
        await verbs.put_row(call, "hotel", "log", {"text": "Even" if n % 2 == 0 else "odd", "n": n}, key=f"k{n}")

    async def keys(where: dict[str, Any], after: str | None = None, limit: int = 99) -> list[str]:
        found = await verbs.find_rows(call, "hotel", "log", where, after, limit)
        return [record.body["key"] for record in found]

    assert await keys({}) == [f"k{n}" for n in range(10)]
    assert await keys({"text": "odd"}) == ["k1", "k3", "k5", "k7", "k9"]
    assert await keys({"text": "odd"}, "k3", 2) == ["k5", "k7"]
    assert await keys({"text": "ODD"}) == []
    assert await keys({"text": "Even", "n": "4"}) == ["k4"]
    assert await keys({"n": None}) == []
    assert await keys({"text": 'o"dd\\%_'}) == []
    with pytest.raises(Invalid):
        await keys({"colour": 1})
    await verbs.put_row(call, "hotel", "rooms", SEVEN)
    assert values(await verbs.find_rows(call, "hotel", "rooms", {"number": "7", "view": "sea"}, None, 9)) == [SEVEN]
    assert values(await verbs.find_rows(call, "hotel", "rooms", {"number": 7, "view": "hill"}, None, 9)) == []
    assert values(await verbs.find_rows(call, "hotel", "rooms", {"beds": ["double"]}, None, 9)) == [SEVEN]


async def test_a_csv_file_goes_in_whole_or_not_at_all_and_comes_out_the_same() -> None:
    story = await begin()
    await make(story)
    verbs, call = story.desk.tables, story.call()
    await verbs.put_row(call, "hotel", "rooms", SEVEN)
    text = '\ufeffview,number,beds\r\n"sea, wide",7,"[""a""]"\r\n\r\n"two\nlines",8,\r\n'
    done = await verbs.import_csv(call, "hotel", "rooms", text.encode())
    assert (done.rows, done.added) == (2, 1)
    rows = values(await verbs.find_rows(call, "hotel", "rooms", {}, None, 9))
    assert rows == [{"number": 7, "view": "sea, wide", "beds": ["a"]}, {"number": 8, "view": "two\nlines"}]
    exported = await verbs.export_csv(call, "hotel", "rooms")
    await verbs.delete(call, "hotel", "rooms")
    await verbs.create(call, "hotel", ROOMS)
    assert (await verbs.import_csv(call, "hotel", "rooms", exported)).added == 2
    assert values(await verbs.find_rows(call, "hotel", "rooms", {}, None, 9)) == rows
    assert await verbs.export_csv(call, "hotel", "rooms") == exported


@pytest.mark.parametrize(
    "text, where",
    [
        (b"", "line:1"),
        (b"number,colour\n1,red\n", "line:1"),
        (b"number,number\n1,1\n", "line:1"),
        (b"number,view\n1,sea\n2\n", "line:3"),
        (b"number,view\nsix,sea\n", "line:2/number"),
        (b"view\nsea\n", "line:2/number"),
        (b'number\n"1', "line:2"),
        (b"number\n1\n1\n", ""),
        (b"number\n\xff\n", None),
    ],
)
async def test_a_csv_file_with_a_wrong_line_writes_nothing(text: bytes, where: str | None) -> None:
    story = await begin()
    await make(story)
    with pytest.raises(Invalid) as refused:
        await story.desk.tables.import_csv(story.call(), "hotel", "rooms", text)
    assert refused.value.code == "invalid_csv"
    if where is not None:
        assert refused.value.errors[0].pointer == where
    assert (await story.desk.tables.load(story.call(), "hotel", "rooms")).rows == 0


async def test_a_table_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    story = await begin()
    await make(story)
    monkeypatch.setattr(table_rows, "MAX_ROWS", 2)
    monkeypatch.setattr("greenroom.services.tables.MAX_ROWS", 2)
    for key in ("a", "b", "a"):
        await story.desk.tables.put_row(story.call(), "hotel", "log", {"text": key}, key=key)
    with pytest.raises(LimitReached):
        await story.desk.tables.put_row(story.call(), "hotel", "log", {"text": "c"})
    with pytest.raises(LimitReached):
        await story.desk.tables.import_csv(story.call(), "hotel", "log", b"text\nx\n")
    with pytest.raises(LimitReached):
        await story.desk.tables.import_csv(story.call(), "hotel", "rooms", b"number\n1\n2\n3\n")


async def test_an_agent_finds_writes_and_removes_rows_and_hears_what_is_wrong() -> None:
    story = await begin()
    await make(story)
    project = (await story.desk.projects.load(story.call(), "hotel")).project
    place = Place(story.owner.workspace, project.id, EnvironmentId("env"), "live", "live", Digest("d"))
    asks = TableAsks(story.desk.store, story.desk.clock)

    async def ask(op: str, table: str = "rooms", **facts: Any) -> Any:
        return await asks.answer({"op": op, "table": table, **facts}, place)

    put = await ask("put", values={"number": "7", "view": "sea"})
    assert put == {"rows": [{"key": "7", "values": {"number": 7, "view": "sea"}}], "count": 1}
    merged = await ask("put", key="7", values={"free": True})
    assert merged["rows"][0]["values"] == {"number": 7, "view": "sea", "free": True}
    assert (await ask("find", where={"free": "true"}))["count"] == 1
    assert (await ask("find", key=7))["count"] == 1
    assert (await ask("find", where={"view": "hill"}, limit=0)) == {"rows": [], "count": 0}
    assert (await ask("put", "log", values={"text": "x"}))["rows"][0]["key"].startswith("row_")
    for wrong in (
        await ask("find", "none"),
        await ask("put", values={"number": "x"}),
        await ask("put", "log", values="text"),
        await ask("delete"),
        await ask("drop"),
        await ask("find", where={"colour": 1}),
    ):
        assert wrong["error"]["code"]
        assert wrong["error"]["message"]
    assert (await ask("delete", where={"view": "sea"}))["count"] == 1
    assert (await ask("delete", key="7"))["count"] == 0
