"""The schema, its migrations, and what the databases themselves refuse."""

from __future__ import annotations

import asyncio
import re
import sqlite3
import sys
from asyncio.subprocess import PIPE
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, Engine, event, inspect, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from greenroom.domain.errors import GreenroomError, Unavailable
from greenroom.ports import Store
from greenroom.storage.sql import migrate, newest_revision, open_store, postgres, schema_revision, sqlite
from greenroom.storage.sql.opening import sqlite_path
from greenroom.storage.sql.revisions import scripts
from greenroom.storage.sql.tables import metadata
from tests.contract.storage.samples import FULL_WORKSPACE, A, fill, project
from tests.contract.storage.test_isolation import READING

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(params=["sqlite", "postgres"])
async def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """URL of a database with nothing in it, not even tables."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/deep/er/new.db"
    url = request.getfixturevalue("postgres_url")
    await on(url, lambda c: c.execute(text("DROP SCHEMA public CASCADE")))
    await on(url, lambda c: c.execute(text("CREATE SCHEMA public")))
    return url


async def on(url: str, work: Callable[[Connection], Any]) -> Any:
    """Runs work in a transaction beside every store."""
    if (path := sqlite_path(url)) is None:
        engine = postgres.create_engine(url, pool_size=1)
        try:
            async with engine.begin() as connection:
                return await connection.run_sync(work)
        finally:
            await engine.dispose()
    assert path is not None
    driver = sqlite.connect(path)
    with sqlite.open_core(driver) as connection:
        driver.execute("BEGIN IMMEDIATE")
        result = work(connection)
        driver.execute("COMMIT")
        return result


def test_the_migrations_form_one_row_of_numbers() -> None:
    assert len(scripts().get_heads()) == 1
    steps = [step.revision for step in scripts().walk_revisions()]
    assert steps == [f"{n:04}" for n in range(len(steps), 0, -1)]
    for step in scripts().walk_revisions():
        assert Path(step.path).name.startswith(f"{step.revision}_")


async def test_an_empty_database_is_brought_to_the_newest_schema_once(empty_url: str) -> None:
    assert await schema_revision(empty_url) is None
    store = await open_store(empty_url)
    with pytest.raises(Unavailable) as refused:
        await store.check()
    assert refused.value.code == "schema_mismatch"
    await store.close()
    await migrate(empty_url)
    assert await schema_revision(empty_url) == newest_revision()
    before = await on(empty_url, dump_schema)
    await migrate(empty_url)
    assert await on(empty_url, dump_schema) == before
    store = await open_store(empty_url)
    await store.check()
    await store.close()


async def test_migrated_tables_are_those_of_the_model(empty_url: str) -> None:
    await migrate(empty_url)

    def compare(connection: Connection) -> Any:
        return compare_metadata(MigrationContext.configure(connection, opts={"compare_type": True}), metadata)

    assert await on(empty_url, compare) == []
    migrated = await on(empty_url, dump_schema)

    def remake(connection: Connection) -> Any:
        for table in reversed(metadata.sorted_tables):
            connection.execute(text(f"DROP TABLE {table.name}"))
        metadata.create_all(connection)
        return dump_schema(connection)

    assert await on(empty_url, remake) == migrated


def dump_schema(connection: Connection) -> dict[str, Any]:
    """Returns all that can be asked about the tables, collations and conditions of indexes included."""
    look = inspect(connection)
    tables: dict[str, Any] = {}
    for name in sorted(set(look.get_table_names()) - {"alembic_version"}):
        tables[name] = {
            "columns": [
                (c["name"], str(c["type"]), getattr(c["type"], "collation", None), c["nullable"])
                for c in look.get_columns(name)
            ],
            "key": look.get_pk_constraint(name),
            "unique": sorted(look.get_unique_constraints(name), key=str),
            "foreign": sorted(look.get_foreign_keys(name), key=str),
            "indexes": sorted(
                (
                    i["name"],
                    i["column_names"],
                    i["unique"],
                    {k: str(v) for k, v in i.get("dialect_options", {}).items()},
                )
                for i in look.get_indexes(name)
            ),
            "options": look.get_table_options(name),
        }
    return tables


async def test_processes_that_start_at_once_migrate_once(empty_url: str) -> None:
    program = "import asyncio, sys; from greenroom.storage.sql import migrate; asyncio.run(migrate(sys.argv[1]))"
    started = [
        await asyncio.create_subprocess_exec(sys.executable, "-c", program, empty_url, stderr=PIPE, cwd=ROOT)
        for _ in range(4)
    ]
    for process in started:
        _, said = await process.communicate()
        assert process.returncode == 0, said.decode()
    assert await schema_revision(empty_url) == newest_revision()


async def test_a_migration_that_fails_leaves_the_schema_as_it_was(
    empty_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    last = scripts().get_revision(newest_revision())
    assert last is not None
    monkeypatch.setattr(last.module, "upgrade", lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        await migrate(empty_url)
    assert await schema_revision(empty_url) is None
    assert await on(empty_url, dump_schema) == {}
    monkeypatch.undo()
    await migrate(empty_url)
    assert await schema_revision(empty_url) == newest_revision()


async def test_a_database_of_a_newer_program_is_left_alone(url: str) -> None:
    await on(url, lambda c: c.execute(text("UPDATE alembic_version SET version_num = '9999'")))
    store = await open_store(url)
    for refused in (store.check(), migrate(url)):
        with pytest.raises(Unavailable) as heard:
            await refused
        assert "newer" in heard.value.detail
    await store.close()


def test_every_primary_key_begins_with_the_workspace() -> None:
    assert {
        name for name, table in metadata.tables.items() if next(iter(table.primary_key)).name != "workspace"
    } == set()


async def test_every_statement_names_the_workspace(sql_store: Store) -> None:
    said: list[str] = []

    def hear(_: Any, __: Any, statement: str, *___: Any) -> None:
        said.append(" ".join(statement.split()))

    event.listen(Engine, "before_cursor_execute", hear)
    try:
        await fill(sql_store)
        for find in READING.values():
            await sql_store.read(A, find)
        await sql_store.write(A, lambda t: t.delete_project(project().id))
    finally:
        event.remove(Engine, "before_cursor_execute", hear)
    said = [each for each in said if not each.startswith("NOTIFY")]
    assert len(said) > len(FULL_WORKSPACE) + len(READING)
    for statement in said:
        if statement.startswith("INSERT"):
            assert re.match(r"INSERT INTO \w+ \(workspace[,)]", statement), statement
        else:
            tables = re.findall(r"(?:FROM|UPDATE|JOIN) (\w+)", statement)
            scoped = re.findall(r"\bworkspace = ", statement)
            assert tables, statement
            assert len(scoped) >= len(tables), statement


FORBIDDEN = [
    "UPDATE audit SET payload = payload",
    "UPDATE audit SET seq = seq + 100",
    "DELETE FROM audit",
    "UPDATE releases SET reason = 'other'",
    "DELETE FROM releases",
    "UPDATE versions SET note = 'other'",
    "DELETE FROM versions",
    "UPDATE environment_aliases SET environment = 'env_sandbox_1'",
]


@pytest.mark.parametrize("statement", FORBIDDEN)
async def test_the_database_itself_refuses_to_change_history(sql_store: Store, url: str, statement: str) -> None:
    await fill(sql_store)
    with pytest.raises((DBAPIError, sqlite3.Error)) as refused:
        await on(url, lambda c: c.execute(text(statement)))
    assert "never changes" in str(refused.value)
    await on(url, lambda c: c.execute(text("UPDATE versions SET mark = 'bad'")))
    assert len(await sql_store.read(A, lambda t: t.list_audit(0, 9))) == 1


@pytest.mark.parametrize("table", ["audit", "releases", "versions"])
async def test_postgres_refuses_to_empty_history(postgres_url: str, table: str) -> None:
    with pytest.raises(DBAPIError, match="never changes"):
        await on(postgres_url, lambda c: c.execute(text(f"TRUNCATE {table} CASCADE")))


@pytest.mark.parametrize("url", ["mysql://host/db", "sqlite://", "sqlite:///", "", "/var/lib/greenroom.db"])
async def test_a_url_that_names_no_database_is_refused(url: str) -> None:
    for refused in (open_store(url), migrate(url), schema_revision(url)):
        with pytest.raises(GreenroomError) as heard:
            await refused
        assert heard.value.code == "invalid_database_url"


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+asyncpg"])
async def test_usual_spellings_of_a_servers_url_are_read(postgres_url: str, scheme: str) -> None:
    assert await schema_revision(postgres_url.replace("postgresql", scheme, 1)) == newest_revision()


async def test_a_broken_parent_is_refused_by_both_databases(url: str) -> None:
    orphan = "INSERT INTO outbox (workspace, delivered) VALUES ('nobody', 0)"
    with pytest.raises(IntegrityError):
        await on(url, lambda c: c.execute(text(orphan)))
