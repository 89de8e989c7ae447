"""Pages of long lists cost what a page costs: the databases walk an index in its order, and sort nothing."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Connection, Engine, event, text

from greenroom.ports import ConversationFilter, Store
from tests.contract.storage.samples import A, at, conversation, make_project, project, record
from tests.contract.storage.test_schema import on

P = project().id
MANY = 3_000
BY_START = "ix_conversations_workspace_project_started_at_id"
BY_OWNER = "ix_records_workspace_project_noun_owner_key"


@pytest.fixture
async def full(sql_store: Store, url: str) -> Store:
    await make_project(sql_store)

    def work(t: Any) -> None:
        for n in range(MANY):
            tags = ("vip",) if n % 10 == 0 else ()
            t.insert_conversation(conversation(f"cnv_{n:05}", started_at=at(n), tags=tags, topics=("spa",)))
            t.put_record(record(f"row-{n:05}", owner=f"table-{n % 3}"))

    await sql_store.write(A, work)
    await on(url, lambda c: c.execute(text("ANALYZE")))
    return sql_store


async def plan_of(store: Store, url: str, work: Any) -> tuple[str, list[Any]]:
    """Returns how the database carries out the last query of some reading, and what was read."""
    said: list[tuple[str, Any]] = []

    def hear(_: Any, __: Any, statement: str, parameters: Any, *___: Any) -> None:
        said.append((statement, parameters))

    event.listen(Engine, "before_cursor_execute", hear)
    try:
        found = await store.read(A, work)
    finally:
        event.remove(Engine, "before_cursor_execute", hear)
    statement, parameters = said[-1]

    def explain(connection: Connection) -> str:
        word = "EXPLAIN QUERY PLAN" if url.startswith("sqlite") else "EXPLAIN"
        rows = connection.exec_driver_sql(f"{word} {statement}", parameters)
        return "\n".join(str(row[-1]) for row in rows)

    return await on(url, explain), found


@pytest.mark.parametrize(
    "where, before",
    [
        ({}, None),
        ({}, "cnv_01500"),
        ({"channel": "chat", "outcome": "running", "version": 1}, "cnv_01500"),
        ({"tag": "vip", "topic": "spa"}, "cnv_01500"),
        ({"since": at(100), "until": at(2_000)}, None),
    ],
)
async def test_a_page_of_conversations_is_read_in_the_order_of_an_index(
    full: Store, url: str, where: dict[str, Any], before: str | None
) -> None:
    shape = ConversationFilter(**where)
    plan, found = await plan_of(full, url, lambda t: t.list_conversations(P, shape, before, 20))
    assert len(found) == 20
    assert BY_START in plan, plan
    assert "TEMP B-TREE" not in plan, plan
    assert "Sort" not in plan, plan


async def test_a_page_of_an_owners_records_is_read_in_the_order_of_an_index(full: Store, url: str) -> None:
    plan, found = await plan_of(
        full, url, lambda t: t.list_records(P, "table_row", owner="table-1", after="row-01000", limit=20)
    )
    assert [each.key for each in found][:2] == ["row-01003", "row-01006"]
    assert BY_OWNER in plan, plan
    assert "TEMP B-TREE" not in plan, plan
    assert "Sort" not in plan, plan
