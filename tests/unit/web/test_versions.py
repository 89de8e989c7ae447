"""Pages that say how things stand: the readiness of an environment, a version whole, the home of a project."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.unit.web.test_drafts import CHECKOUT, publish, save
from tests.unit.web.visitor import Visitor, furnished, visiting

BASE = "/projects/hotel"
SANDBOX = f"{BASE}/environments/sandbox"
LIVE = f"{BASE}/environments/live"
NOTE = "Late check-out is until two o'clock"


@pytest.fixture
async def owner() -> AsyncIterator[Visitor]:
    async with visiting(await furnished()) as found:
        yield found


async def test_an_environment_shows_its_readiness(owner: Visitor) -> None:
    panel = f"{LIVE}/readiness"
    assert f'hx-get="{panel}"' in (await owner.get(LIVE)).text
    page = (await owner.get(panel)).text
    assert "Readiness of Live for v1" in page
    assert "Live is ready" in page
    part = await owner.client.get(panel, headers={"hx-request": "true"})
    assert "<html" not in part.text
    await owner.send("/projects/new", {"name": "Inn", "slug": "inn"})
    empty = await owner.get("/projects/inn/environments/live/readiness")
    assert "serves nothing yet" in empty.text
    async with visiting(owner.stage, "viewer") as viewer:
        assert "/readiness" not in (await viewer.get(LIVE)).text
        assert (await viewer.get(panel)).status_code == 403


async def test_a_version_offers_all_that_is_done_with_it(owner: Visitor) -> None:
    await save(owner, CHECKOUT, "Until two.")
    await publish(owner, NOTE)
    page = (await owner.get(f"{BASE}/versions/1")).text
    for path in (
        f"{BASE}/chat?ref=v1",
        f"{SANDBOX}/load?ref=v1",
        f"{SANDBOX}/rollback?to=1",
        f"{BASE}/new-environment?from=v1",
        f"{BASE}/versions/1/export",
    ):
        assert f'href="{path}"' in page, path
    assert f'href="{LIVE}/rollback?to=1"' not in page, "Live serves it now"
    newest = (await owner.get(f"{BASE}/versions/2")).text
    assert f"{LIVE}/rollback?to=2" not in newest, "Live never served it"
    assert "No test has been run on exactly what v2 holds" in newest
    async with visiting(owner.stage, "viewer") as viewer:
        read = (await viewer.get(f"{BASE}/versions/1")).text
        for word in ("Edit this version", "Roll Sandbox back", "Clone to", "Run all its tests"):
            assert word not in read, word


async def test_a_version_lists_the_tests_of_exactly_what_it_holds(owner: Visitor) -> None:
    started = await owner.send(f"{BASE}/tests", {"ref": "v1"})
    assert started.status_code == 303
    assert started.headers["location"] in (await owner.get(f"{BASE}/versions/1")).text
    await save(owner, CHECKOUT, "Until two.")
    await publish(owner, NOTE)
    assert started.headers["location"] not in (await owner.get(f"{BASE}/versions/2")).text


async def test_the_home_of_a_project_says_how_the_last_release_is_doing(owner: Visitor) -> None:
    home = (await owner.get(BASE)).text
    assert "Health of v1" in home
    assert "1 conversation</strong>" in home
    assert "Too few to tell" in home or "still running" in home
    assert "Ms home_owner" not in home.split("Last releases")[0].split("Drafts")[1]
    assert f'href="{LIVE}/releases/1"' in home
    await save(owner, CHECKOUT, "Until two.")
    await publish(owner, NOTE)
    for alias, seq in (("pre-release", "1"), ("live", "1")):
        path = f"{BASE}/environments/{alias}/promote"
        assert (await owner.send(path, {"version": "2", "seq": seq, "confirm": "2"})).status_code == 303
    fresh = (await owner.get(BASE)).text
    assert "Health of v2" in fresh
    assert "Nobody has called Live since" in fresh
