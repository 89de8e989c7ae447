"""Stores to break: each test here runs on SQLite and on PostgreSQL."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from greenroom.storage.sql import migrate
from tests.fault.houses import new_sqlite
from tests.fault.profile import SEED, say_seed


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a fresh, migrated database."""
    if request.param == "sqlite":
        return new_sqlite(tmp_path)
    found: str = request.getfixturevalue("postgres_url")
    asyncio.run(migrate(found))
    return found


@pytest.fixture
def seed(request: pytest.FixtureRequest) -> int:
    """The seed of this run, printed where a test fails."""
    say_seed(request.node.name, SEED)
    return SEED
