"""The pointer table behind the hot doors: shared readings, a last good version, and a loop that nothing ends."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from greenroom.services.programs import Programs
from greenroom.services.traffic import Traffic
from tests.support.api import HOME, PREFIX, Stage, fill, good, key_of, make_stage

P = f"{PREFIX}/projects/hotel"


async def set_up() -> Stage:
    stage = await make_stage()
    async with stage.client() as client:
        await fill(client, "hotel")
    return stage


def traffic_over(stage: Stage) -> tuple[Traffic, Programs]:
    """Returns the table of another process over the same store."""
    programs = Programs(stage.store, stage.desk.kinds)
    return Traffic(stage.store, programs, stage.desk.clock), programs


async def test_readings_asked_for_at_once_are_shared() -> None:
    traffic, _ = traffic_over(await set_up())
    await asyncio.gather(*(traffic.refresh() for _ in range(20)))
    assert traffic.refreshed <= 2
    await traffic.refresh()
    assert traffic.refreshed <= 3


async def test_whoever_asks_while_one_reads_gets_a_reading_that_began_later() -> None:
    stage = await set_up()
    traffic, programs = traffic_over(stage)
    held, load = asyncio.Event(), programs.load

    async def slow(*given: Any) -> Any:
        await held.wait()
        return await load(*given)

    programs.load = slow  # type: ignore[method-assign]
    first = asyncio.create_task(traffic.refresh())
    await asyncio.sleep(0)
    # The first reading has looked already; what is committed now must still be seen by the second one.
    async with stage.client() as client:
        good(await client.post(f"{PREFIX}/projects", json={"name": "Late"}))
    second = asyncio.create_task(traffic.refresh())
    held.set()
    await asyncio.gather(first, second)
    assert traffic.has_project(HOME, "late")


async def test_a_version_that_does_not_compile_leaves_its_project_where_it_was(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stage = await set_up()
    traffic, programs = traffic_over(stage)
    await traffic.refresh()
    load = programs.load

    async def poisoned(workspace: Any, digest: Any) -> Any:
        if digest != before.digest:
            raise RuntimeError("a poisoned version")
        return await load(workspace, digest)

    before = traffic.decide(HOME, "hotel", "ada", "sandbox")
    monkeypatch.setattr(programs, "load", poisoned)
    async with stage.client() as client:
        good(await client.post(f"{P}/environments/sandbox/publish", json={"note": "Breakfast was added"}))
        good(await client.post(f"{PREFIX}/projects", json={"name": "Second"}))
        await traffic.refresh()
        assert traffic.decide(HOME, "hotel", "ada", "sandbox") == before
        assert [str(wrong) for wrong in traffic.failed.values()] == ["a poisoned version"]
        assert traffic.has_project(HOME, "second"), "others do not wait for it"
        assert (await client.delete(f"{PREFIX}/api-keys/key_home_viewer")).status_code == 204
        await traffic.refresh()
        from greenroom.services.keys import hash_token

        assert traffic.find_principal(hash_token(key_of(HOME, "viewer"))) is None
    monkeypatch.undo()
    await traffic.refresh()
    assert traffic.decide(HOME, "hotel", "ada", "sandbox").version == 2
    assert traffic.failed == {}


async def test_the_loop_outlives_whatever_goes_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = await set_up()
    traffic, _ = traffic_over(stage)
    seen: list[Exception] = []
    stop, refresh = asyncio.Event(), traffic.refresh
    answers = iter([ValueError("odd"), OSError("gone")])

    async def shaky() -> None:
        wrong = next(answers, None)
        if wrong is not None:
            raise wrong
        await refresh()
        stop.set()

    async def at_once(*_: Any) -> bool:
        await asyncio.sleep(0)
        return True

    monkeypatch.setattr(traffic, "refresh", shaky)
    monkeypatch.setattr(stage.store, "wait_for_change", at_once)
    await asyncio.wait_for(traffic.follow(stop, seen.append), 10)
    assert [type(wrong) for wrong in seen] == [ValueError, OSError]
    assert traffic.ready
