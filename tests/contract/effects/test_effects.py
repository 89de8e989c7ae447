"""No kind is only stored: a change of any is heard where its version is served, and nowhere else."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from greenroom.kinds import KINDS
from greenroom.storage.sql import migrate
from tests.contract.effects.house import ALIASES, House, open_house
from tests.contract.effects.rows import AGENT, ROWS, Row, find_gaps


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty, migrated database."""
    file = tmp_path_factory.mktemp("effects") / "greenroom.db"
    with ThreadPoolExecutor(1) as pool:
        pool.submit(asyncio.run, migrate(f"sqlite:///{file}")).result()
    return file


@pytest.fixture
async def house(template: Path, tmp_path: Path) -> AsyncIterator[House]:
    shutil.copyfile(template, tmp_path / "greenroom.db")
    async with open_house(f"sqlite:///{tmp_path / 'greenroom.db'}") as opened:
        yield opened


async def seen(house: House, row: Row) -> dict[str, Any]:
    return {alias: await row.look(house, alias) for alias in ALIASES}


async def follow(house: House, row: Row) -> None:
    """Takes the row's change through its whole life, looking into every environment after every step."""
    old, new = row.shows
    assert old != new
    for address, body in {"agent/main": AGENT, **row.beside, row.address: row.before}.items():
        await house.save(address, body)
    first = await house.publish("The agent as it begins")
    for alias in ("pre-release", "live"):
        await house.promote(first, alias)
    assert await seen(house, row) == {"sandbox": old, "pre-release": old, "live": old}
    await house.save(row.address, row.after)
    second = await house.publish("The one change that this is about")
    assert await seen(house, row) == {"sandbox": new, "pre-release": old, "live": old}
    await house.promote(second, "pre-release")
    assert await seen(house, row) == {"sandbox": new, "pre-release": new, "live": old}
    await house.promote(second, "live")
    assert await seen(house, row) == {"sandbox": new, "pre-release": new, "live": new}
    await house.roll_back("live")
    assert await seen(house, row) == {"sandbox": new, "pre-release": new, "live": old}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.kind)
async def test_a_change_is_heard_exactly_where_its_version_is_served(house: House, row: Row) -> None:
    await follow(house, row)


def test_there_is_one_row_for_every_kind() -> None:
    assert find_gaps(ROWS, KINDS) == []


def test_a_kind_without_an_effect_is_found() -> None:
    assert find_gaps(ROWS, [*KINDS, "mood"]) == ["no row shows what a change of 'mood' does"]
    assert find_gaps([*ROWS, ROWS[0]], KINDS) == ["'agent' has 2 rows"]
    assert find_gaps(ROWS, list(KINDS)[1:]) == ["there is no kind 'agent'"]


async def test_a_change_that_nobody_hears_is_found(house: House) -> None:
    row = next(row for row in ROWS if row.kind == "topic")
    silent = replace(row, after={**row.before, "instructions": "Only a model would read this."})
    with pytest.raises(AssertionError, match="until two"):
        await follow(house, silent)
