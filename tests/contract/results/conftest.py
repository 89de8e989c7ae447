"""A desk on each store."""

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
from tests.unit.services.story import Story, begin


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("results") / "greenroom.db"
    with ThreadPoolExecutor(1) as pool:
        pool.submit(asyncio.run, migrate(f"sqlite:///{file}")).result()
    return file


@pytest.fixture
async def story(empty_database: Path, tmp_path: Path) -> AsyncIterator[Story]:
    file = tmp_path / "greenroom.db"
    shutil.copyfile(empty_database, file)
    store: Store = await open_store(f"sqlite:///{file}")
    made = await begin(store)
    yield made
    await made.desk.evaluations.close()
    await store.close()


@pytest.fixture
async def light_story() -> Story:
    """The same in memory, where the store is not what is looked at."""
    return await begin(MemoryStore())
