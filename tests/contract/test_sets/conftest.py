"""A desk with a project to test, over every store."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from greenroom.ports import Store
from greenroom.storage.memory import MemoryStore
from greenroom.storage.sql import migrate, open_store
from tests.unit.services.story import Story, begin


async def open_place(place: str, request: pytest.FixtureRequest, folder: Path) -> Store:
    """Returns an empty store of a kind."""
    if place == "memory":
        return MemoryStore()
    url = f"sqlite:///{folder / 'greenroom.db'}" if place == "sqlite" else request.getfixturevalue("postgres_url")
    await migrate(url)
    return await open_store(url)


@pytest.fixture(params=["memory", "sqlite", "postgres"])
async def story(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Story]:
    """A desk with an owner and the project `hotel`."""
    if request.param == "postgres":
        request.getfixturevalue("postgres_url")
    store = await open_place(request.param, request, tmp_path)
    told = await begin(store)
    await told.make_project()
    yield told
    await told.desk.test_runs.close()
    await store.close()
