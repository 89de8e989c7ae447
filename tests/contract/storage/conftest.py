"""The stores that the one suite runs on, each empty but for two workspaces."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from greenroom.ports import Store
from greenroom.storage.memory import MemoryStore
from greenroom.storage.sql import migrate, open_store
from tests.contract.storage.samples import make_workspaces


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("template") / "greenroom.db"
    with ThreadPoolExecutor(1) as pool:
        pool.submit(asyncio.run, migrate(f"sqlite:///{file}")).result()
    return file


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    """sqlite:/// URL of a migrated file of this test's own."""
    file = tmp_path / "greenroom.db"
    shutil.copyfile(sqlite_template, file)
    return f"sqlite:///{file}"


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest) -> str:
    """URL of a migrated, empty database, on each kind of server in turn."""
    return request.getfixturevalue(f"{request.param}_url")


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def place(request: pytest.FixtureRequest) -> str | None:
    return None if request.param == "memory" else request.getfixturevalue(f"{request.param}_url")


@pytest.fixture
async def store(place: str | None) -> AsyncIterator[Store]:
    """An open store with the workspaces A and B, both empty."""
    opened: Store = MemoryStore() if place is None else await open_store(place)
    await make_workspaces(opened)
    yield opened
    await opened.close()


@pytest.fixture
async def sql_store(url: str) -> AsyncIterator[Store]:
    """The same in SQL only."""
    opened = await open_store(url)
    await make_workspaces(opened)
    yield opened
    await opened.close()
