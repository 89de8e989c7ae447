"""No mixed release (check 7): readers in two processes never see parts of two versions, whatever is released."""

from __future__ import annotations

import asyncio
import itertools
from typing import Any

from greenroom.services.plans import PromoteRequest
from greenroom.storage.sql import open_store
from tests.fault.children import Child, children
from tests.fault.consistency import find_inconsistencies
from tests.fault.profile import LONG, say_seed
from tests.fault.staging import SLUG, Stage, build, new_desk

VERSIONS = 6 if LONG else 3
ENTITIES = 40
CHANGES = 500 if LONG else 20
COMPARED = 100_000 if LONG else 500
READERS = 2


async def set_the_stage(url: str) -> tuple[Stage, dict[int, str]]:
    store = await open_store(url)
    try:
        desk = new_desk(store)
        stage = await build(desk, url, VERSIONS, ENTITIES)
        await desk.releases.promote(stage.call(), SLUG, "live", PromoteRequest(1, 0, 1))
        views = await desk.versions.list(stage.call(), SLUG, None, 100)
        return stage, {view.version.number: view.version.digest for view in views}
    finally:
        await store.close()


async def where(desk: Any, stage: Stage) -> tuple[int, int]:
    view = await desk.environments.load(stage.call(), SLUG, "live")
    return view.environment.seq, view.release.version


async def change(url: str, stage: Stage, version: int) -> bool:
    """Puts a version on Live, forwards or back; returns whether that changed anything."""
    store = await open_store(url)
    try:
        desk = new_desk(store)
        seq, served = await where(desk, stage)
        if served == version:
            return False
        await desk.releases.promote(stage.call(), SLUG, "live", PromoteRequest(version, seq, version))
        return True
    finally:
        await store.close()


def read_and_release(
    url: str, seed: int, *, mix: bool = False, changes: int = CHANGES, compared: int = COMPARED
) -> list[Any]:
    """Makes that many releases here (and some in a process that is killed now and then) while others read.

    What would put the served version on Live again is no release and does not count: a seed that draws little else
    would show readers nothing.
    """
    stage, digests = asyncio.run(set_the_stage(url))
    dice = say_seed("releases", seed)
    config = {"stage": stage.to_json(), "entities": ENTITIES, "digests": digests, "mix": mix}
    readers = [Child("reader", config | {"seed": seed + n}) for n in range(READERS)]
    made = killed = 0
    with children(*readers, Child("victim", {"stage": stage.to_json()})) as (*_, victim):
        assert [reader.hear() for reader in readers] == ["ready"] * READERS
        for number in itertools.count():
            if made >= changes:
                break
            version = dice.randint(1, VERSIONS)
            if dice.random() < 0.15:
                killed += crash(victim, url, stage, version, number, dice.randint(1, 4))
            else:
                made += asyncio.run(change(url, stage, version))
        for reader in readers:
            reader.say("stop")
        found = [reader.hear() for reader in readers]
    asyncio.run(check_sound(url, stage))
    print(f"seed {seed}: {made} releases, {killed} killed half way, {found}")
    assert sum(one["compared"] for one in found) >= compared
    assert [one["errors"] for one in found] == [[]] * READERS
    return found


def crash(victim: Child, url: str, stage: Stage, version: int, number: int, at: int) -> int:
    async def seq_of() -> tuple[int, int]:
        store = await open_store(url)
        try:
            return await where(new_desk(store), stage)
        finally:
            await store.close()

    seq, served = asyncio.run(seq_of())
    if served == version:
        return 0
    order = {"what": "promote", "key": f"k{number}", "place": "live", "version": version, "expected": seq}
    victim.say({"change": order, "kill_at": at})
    while "signal" not in (heard := victim.hear()):
        continue
    return int(heard["signal"] == 9)


async def check_sound(url: str, stage: Stage) -> None:
    store = await open_store(url)
    try:
        assert await find_inconsistencies(store, stage) == []
    finally:
        await store.close()


def test_readers_never_see_parts_of_two_versions(url: str, seed: int) -> None:
    found = read_and_release(url, seed)
    assert [one["mixed"] for one in found] == [[]] * READERS


def test_a_build_that_mixes_bodies_is_caught(url: str, seed: int) -> None:
    found = read_and_release(url, seed, mix=True, changes=6, compared=1)
    assert any(one["mixed"] for one in found)
