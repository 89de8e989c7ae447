"""The hot doors answer what the routes answer, byte for byte, and know of every change at once."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from greenroom.domain.errors import Unavailable
from tests.support.api import HOME, OTHER, PREFIX, Stage, fill, good, key_of, make_stage, promote, save

P = f"{PREFIX}/projects/hotel"
OWNER = {"Authorization": f"Bearer {key_of(HOME, 'owner')}"}
ZEROS = f"sha256:{'0' * 64}"

HOT = "answered in front"
COLD = "left to the routes"

CASES: list[tuple[str, dict[str, str], str]] = [
    (f"{P}/resolve?key=ada", OWNER, HOT),
    (f"{P}/resolve?key=ada&environment=live", OWNER, HOT),
    (f"{P}/resolve?environment=sandbox&key=ada", OWNER, HOT),
    (f"{P}/resolve?key=%2B49%20151%2F23", OWNER, HOT),
    (f"{P}/resolve?key=a+b", OWNER, HOT),
    (f"{P}/resolve?key=%C3%A4%F0%9F%98%80", OWNER, HOT),
    (f"{P}/resolve?key=%FF%FE", OWNER, HOT),
    (f"{P}/resolve?key=a%26environment%3Dsandbox", OWNER, HOT),
    (f"{PREFIX}/projects/{{project_id}}/resolve?key=ada", OWNER, HOT),
    (f"{P}/resolve?key=ada&environment={{environment_id}}", OWNER, HOT),
    (f"{P}/resolve?key=ada", {"Authorization": f"Bearer {key_of(HOME, 'viewer')}"}, HOT),
    (f"{P}/resolve?key=ada", {**OWNER, "Cookie": "gr_session=x"}, HOT),
    (f"{P}/resolve?key=ada&key=bob", OWNER, COLD),
    (f"{P}/resolve?key=ada&other=1", OWNER, COLD),
    (f"{P}/resolve?key=", OWNER, COLD),
    (f"{P}/resolve?key", OWNER, COLD),
    (f"{P}/resolve", OWNER, COLD),
    (f"{P}/resolve?key=a%00b", OWNER, COLD),
    (f"{P}/resolve?key={'x' * 401}", OWNER, COLD),
    (f"{P}/resolve?key=ada&environment=", OWNER, COLD),
    (f"{P}/resolve?key=ada&environment=nowhere", OWNER, COLD),
    (f"{P}/resolve?key=ada&environment=empty", OWNER, COLD),
    (f"{PREFIX}/projects/nowhere/resolve?key=ada", OWNER, COLD),
    (f"{PREFIX}/projects//resolve?key=ada", OWNER, COLD),
    (f"{PREFIX}/projects/a/hotel/resolve?key=ada", OWNER, COLD),
    (f"{P}/resolve?key=ada", {}, COLD),
    (f"{P}/resolve?key=ada", {"Authorization": "bearer " + key_of(HOME, "owner")}, COLD),
    (f"{P}/resolve?key=ada", {"Authorization": "Bearer  " + key_of(HOME, "owner")}, COLD),
    (f"{P}/resolve?key=ada", {"Authorization": "Bearer gr_wrong_00000000"}, COLD),
    (f"{P}/resolve?key=ada", {"Authorization": f"Bearer {key_of(OTHER, 'owner')}"}, COLD),
    (f"{P}/bundles/{{digest}}", OWNER, HOT),
    (f"{P}/bundles/{{digest}}", {**OWNER, "If-None-Match": '"{digest}"'}, HOT),
    (f"{P}/bundles/{{digest}}", {**OWNER, "If-None-Match": 'W/"{digest}"'}, COLD),
    (f"{P}/bundles/{{digest}}", {**OWNER, "If-None-Match": '"x", "{digest}"'}, COLD),
    (f"{P}/bundles/{{digest}}", {**OWNER, "If-None-Match": "*"}, COLD),
    (f"{P}/bundles/{{digest}}", {**OWNER, "If-None-Match": '"x"'}, COLD),
    (f"{P}/bundles/{{digest}}?x=1", OWNER, COLD),
    (f"{P}/bundles/{ZEROS}", OWNER, COLD),
    (f"{P}/bundles/banana", OWNER, COLD),
    (f"{PREFIX}/projects/nowhere/bundles/{{digest}}", OWNER, COLD),
    (f"{P}/bundles/{{digest}}", {"Authorization": f"Bearer {key_of(OTHER, 'owner')}"}, COLD),
    (f"{P}/bundles/{{digest}}", {}, COLD),
    ("/healthz", {}, HOT),
    ("/healthz", OWNER, HOT),
]


async def set_up() -> tuple[Stage, dict[str, str]]:
    stage = await make_stage()
    async with stage.client() as client:
        ids = await fill(client, "hotel")
        environments = good(await client.get(f"{P}/environments"))["items"]
        good(await client.get(f"{P}/bundles/{ids['digest']}"))
    return stage, {**ids, "environment_id": environments[0]["id"]}


def watch_routes(stage: Stage) -> list[str]:
    """Returns the list that fills with the paths that reached the routes."""
    reached: list[str] = []
    inner = stage.app._app

    async def watched(scope: Any, receive: Any, send: Any) -> None:
        reached.append(scope["path"])
        await inner(scope, receive, send)

    stage.app._app = watched
    return reached


def of(reply: httpx2.Response) -> tuple[int, bytes, dict[str, str]]:
    return reply.status_code, reply.content, dict(reply.headers)


@pytest.mark.parametrize("path, headers, door", CASES, ids=[f"{c[0][-40:]} {n}" for n, c in enumerate(CASES)])
async def test_both_doors_say_the_same(path: str, headers: dict[str, str], door: str) -> None:
    stage, ids = await set_up()
    reached = watch_routes(stage)
    sent = {name: value.format(**ids) for name, value in headers.items()} | {"X-Request-Id": "same"}
    url = path.format(**ids)
    async with stage.client(None) as hot, stage.client(None, hot=False) as routes:
        first = await hot.get(url, headers=sent)
        assert of(first) == of(await routes.get(url, headers=sent))
        assert bool(reached) == (door == COLD)


@given(key=st.text(st.characters(exclude_categories=["Cs"]), max_size=30))
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_key_goes_to_the_same_slot_through_both(key: str) -> None:
    async def both() -> None:
        stage, _ = await set_up()
        async with stage.client() as hot, stage.client(hot=False) as routes:
            params = {"key": key, "environment": "live"}
            one = await hot.get(f"{P}/resolve", params=params, headers={"X-Request-Id": "same"})
            assert of(one) == of(await routes.get(f"{P}/resolve", params=params, headers={"X-Request-Id": "same"}))

    asyncio.run(both())


async def test_what_was_promoted_is_resolved_by_the_next_request() -> None:
    stage, _ = await set_up()
    reached = watch_routes(stage)
    async with stage.client() as client:
        for version in range(2, 6):
            body = {"name": "Breakfast", "content": f"From {version}."}
            tag = (await client.get(f"{P}/environments/sandbox/draft")).json()["changes"]
            match = (
                f'"{tag[0]["revision"]}"'
                if tag
                else (await client.get(f"{P}/content/topic/breakfast?ref=sandbox")).headers["etag"]
            )
            good(await save(client, "hotel", "topic/breakfast", body, match))
            good(
                await client.post(f"{P}/environments/sandbox/publish", json={"note": f"Breakfast is at {version} now"})
            )
            await promote(client, "hotel", "pre-release", version)
            await promote(client, "hotel", "live", version)
            reached.clear()
            assert good(await client.get(f"{P}/resolve?key=ada"))["version"] == version
            assert reached == []
        good(await client.post(f"{P}/environments/live/rollback", json={"to": 1, "reason": "too late"}))
        assert good(await client.get(f"{P}/resolve?key=ada"))["version"] == 1


async def test_a_lost_store_leaves_the_hot_doors_open(monkeypatch: pytest.MonkeyPatch) -> None:
    stage, ids = await set_up()
    async with stage.client() as client:
        await stage.store.close()
        assert good(await client.get(f"{P}/resolve?key=ada"))["version"] == 1
        assert (await client.get(f"{P}/bundles/{ids['digest']}")).status_code == 200
        assert good(await client.get("/healthz")) == {"status": "ok"}
        for path in (f"{P}/environments", "/readyz"):
            reply = await client.get(path)
            assert (reply.status_code, reply.json()["code"]) == (503, "store_unavailable")
            assert reply.headers["retry-after"]


async def test_a_write_whose_table_cannot_be_refreshed_has_happened_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stage, _ = await set_up()

    async def fail() -> None:
        raise Unavailable("store_unavailable", "gone")

    monkeypatch.setattr(stage.desk.traffic, "refresh", fail)
    async with stage.client() as client:
        assert good(await client.patch(P, json={"name": "Renamed"}))["name"] == "Renamed"


async def test_nothing_is_ready_before_the_table_was_read() -> None:
    from greenroom.api.asking import Door
    from greenroom.services.desk import Desk

    stage, _ = await set_up()
    fresh = Desk(stage.store, stage.desk.clock, stage.desk.kinds, {})
    door = stage.api.state.door
    stage.api.state.door = Door(fresh, door.metrics, door.bundles)
    async with stage.client(None) as client:
        assert (await client.get("/readyz")).json()["code"] == "not_ready"
        await fresh.traffic.refresh()
        assert (await client.get("/readyz")).status_code == 200


async def test_requests_are_counted_by_route_without_a_word_of_any_tenant() -> None:
    stage, ids = await set_up()
    async with stage.client() as client:
        await client.get(f"{P}/resolve?key=secretkey")
        await client.get(f"{PREFIX}/unheard/of/path")
        figures = (await client.get("/metrics")).text
    assert 'route="/api/v1/projects/{project}/resolve",status="200"' in figures
    assert 'route="elsewhere",status="404"' in figures
    assert "greenroom_releases_total" in figures
    assert "greenroom_turns_total" in figures
    assert "greenroom_compiled_programs_total" in figures
    for word in ("hotel", "secretkey", "unheard", ids["conversation"], ids["digest"], "wsp_"):
        assert word not in figures
