"""The test database itself: fresh, private, gone afterwards."""

import asyncpg
import pytest

from tests.support import postgres


async def tables(url: str) -> set[str]:
    connection = await asyncpg.connect(url)
    try:
        rows = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        return {row["tablename"] for row in rows}
    finally:
        await connection.close()


@pytest.mark.parametrize("turn", [1, 2, 3])
async def test_each_test_has_a_database_that_nobody_wrote_to(postgres_url: str, turn: int) -> None:
    assert "scribble" not in await tables(postgres_url)
    connection = await asyncpg.connect(postgres_url)
    await connection.execute("CREATE TABLE scribble (turn int)")
    await connection.close()
    assert "scribble" in await tables(postgres_url)


async def test_a_database_goes_away_even_while_a_client_is_connected(
    postgres_server: postgres.Server,
) -> None:
    with postgres.fresh_database() as url:
        connection = await asyncpg.connect(url)
    with pytest.raises(asyncpg.PostgresError):
        await connection.fetchval("SELECT 1")
    with pytest.raises(asyncpg.InvalidCatalogNameError):
        await asyncpg.connect(url)
