"""Results and evaluations through the API and the SDK."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx2

from greenroom.domain.access import Principal
from greenroom.domain.ids import PrincipalId
from greenroom.sdk import AsyncClient
from greenroom.services.work import Call
from tests.support.api import HOME, PREFIX, fill, good, key_of, make_stage, problem

P = f"{PREFIX}/projects/hotel"
OWNER = Principal(PrincipalId("key_home_owner"), HOME, "home_owner", "owner")


async def wait(client: httpx2.AsyncClient, name: str) -> Any:
    for _ in range(500):
        found = good(await client.get(f"{P}/evaluations/{name}"))
        if found["run"] and found["run"]["state"] != "running":
            return found
        await asyncio.sleep(0.01)
    raise AssertionError("the run did not come to its end")


async def test_results_follow_what_happened_in_conversations() -> None:
    stage = await make_stage()
    async with stage.client() as client:
        await fill(client, "hotel")
        begun = good(await client.post(f"{P}/conversations", json={"user_id": "ada"}))
        talk = f"{PREFIX}/conversations/{begun['id']}"
        good(await client.post(f"{talk}/turns", json={"text": "Can I check out late?"}))
        good(await client.post(f"{talk}/end"))
        good(await client.post(f"{talk}/feedback", json={"score": 4, "scale": "stars"}))
        tested = good(await client.post(f"{P}/conversations", json={"ref": "v1"}))
        good(await client.post(f"{PREFIX}/conversations/{tested['id']}/end"))
        found = good(await client.get(f"{P}/analytics"))
        assert (found["by"], found["interval"], found["next_cursor"]) == (["environment", "version"], None, None)
        (row,) = found["items"]
        assert (row["environment"], row["version"], row["channel"]) == ("live", 1, None)
        assert (row["conversations"], row["running"], row["outcomes"]["contained"]) == (2, 1, 1)
        assert row["metrics"]["containment"] == {"value": 1.0, "n": 1}
        assert row["metrics"]["feedback"] == {"value": 0.75, "n": 1}
        assert row["latency"]["turns"] == 2
        assert row["latency"]["p50_ms"] > 0
        only = good(await client.get(f"{P}/analytics?by=&metric=error,turns&interval=hour"))
        assert set(only["items"][0]["metrics"]) == {"error", "turns"}
        compared = good(await client.get(f"{P}/analytics/compare?arms=live,sandbox&weights=90,10"))
        assert (
            compared["verdict"]
            == "not enough data: live has 1 of at least 100 callers; sandbox has 0 of at least 100 callers"
        )
        assert (compared["unit"], compared["better"], compared["ratio"]["p"]) == ("share", "higher", None)
        assert compared["arms"][1] == {
            "name": "sandbox",
            "conversations": 0,
            "keys": 0,
            "moved": 0,
            "n": 0,
            "value": None,
            "interval": None,
            "difference": None,
            "verdict": compared["verdict"],
            "sampled": False,
        }


async def test_what_cannot_be_asked_is_said_with_its_place() -> None:
    stage = await make_stage()
    async with stage.client() as client:
        await fill(client, "hotel")
        for query, code in (
            ("analytics?by=colour", "invalid_dimension"),
            ("analytics?metric=joy", "unknown_metric"),
            ("analytics?from=2026-09-02T00:00:00Z&to=2026-09-01T00:00:00Z", "invalid_period"),
            ("analytics?to=0001-01-01T00:00:00Z", "invalid_period"),
            ("analytics?from=2020-01-01T00:00:00Z&interval=hour", "too_many_buckets"),
            ("analytics/compare?arms=live", "invalid_arms"),
            ("analytics/compare?arms=live,live@v1", "arms_overlap"),
            ("analytics/compare?arms=live,Sandbox", "invalid_arm"),
            ("analytics/compare?arms=live,sandbox&weights=1", "invalid_weights"),
            ("analytics/compare?arms=live,sandbox&weights=1,nan", "invalid_weights"),
            ("analytics/compare?arms=live,sandbox&metric=joy", "unknown_metric"),
        ):
            found = problem(await client.get(f"{P}/{query}"), 422, code)
            assert found["errors"], query


async def test_an_evaluation_is_written_run_and_read() -> None:
    stage = await make_stage()
    async with stage.client() as client, stage.client("viewer") as viewer:
        ids = await fill(client, "hotel")
        good(await client.post(f"{PREFIX}/conversations/{ids['conversation']}/end"))
        body = {"judge": "rules", "rules": "heard.exists(text, text.contains('hello'))", "description": "Greets"}
        place = f"{P}/evaluations/greets"
        made = await client.put(place, json=body, headers={"If-Match": "*"})
        assert (good(made)["metric"], made.headers["etag"]) == ("evaluation:greets", '"1"')
        problem(await client.put(place, json=body), 428, "precondition_required")
        problem(await client.put(place, json=body, headers={"If-Match": '"7"'}), 412, "stale_revision")
        problem(await viewer.post(f"{place}/run", json={}), 403, "not_allowed")
        once = {"Idempotency-Key": "once"}
        begun = await client.post(f"{place}/run", json={"environment": "live", "version": "v1"}, headers=once)
        assert (begun.status_code, begun.json()["run"]["state"]) == (202, "running")
        again = await client.post(f"{place}/run", json={"environment": "live", "version": "v1"}, headers=once)
        assert (again.status_code, again.json()) == (202, begun.json())
        found = await wait(client, "greets")
        assert (found["run"]["state"], found["run"]["mean"], found["results"]) == ("finished", 1.0, 1)
        (one,) = good(await viewer.get(f"{place}/results?environment=live&version=1"))["items"]
        assert (one["conversation"], one["score"], one["environment"]) == (ids["conversation"], 1.0, "live")
        assert good(await viewer.get(f"{place}/results?environment=sandbox"))["items"] == []
        row = good(await viewer.get(f"{P}/analytics?metric=evaluation:greets"))["items"][0]
        assert row["metrics"] == {"evaluation:greets": {"value": 1.0, "n": 1}}
        assert (await client.delete(place, headers={"If-Match": '"1"'})).status_code == 204
        problem(await client.get(place), 404, "evaluation_not_found")


async def test_a_client_in_python_has_all_of_it() -> None:
    stage = await make_stage()
    async with stage.client() as filling:
        ids = await fill(filling, "hotel")
        good(await filling.post(f"{PREFIX}/conversations/{ids['conversation']}/end"))
    transport = httpx2.ASGITransport(app=stage.app)
    async with AsyncClient("http://greenroom.test", key_of(HOME, "owner"), transport=transport) as client:
        saved = await client.evaluations.save("hotel", "quick", judge="rules", rules="turns <= 4")
        now = stage.desk.clock.now()
        await client.evaluations.run("hotel", "quick", until=now, environment="live", limit=5)
        project = (await stage.desk.projects.load(Call(OWNER, "req"), "hotel")).project
        await stage.desk.evaluations.wait(project.id, "quick")
        found = await client.evaluations.load("hotel", "quick")
        assert found.run is not None
        assert found.run.judged == 1
        assert [each.score async for each in client.evaluations.list_results("hotel", "quick", version=1)] == [1.0]
        table = await client.results.load("hotel", by=["channel"], metrics=["evaluation:quick"], until=now)
        assert [(row.channel, row.metrics["evaluation:quick"].value) for row in table.items] == [("api", 1.0)]
        compared = await client.results.compare("hotel", ["live", "sandbox"], weights=[90, 10], metric="turns")
        assert compared.verdict.startswith("not enough data")
        assert (await client.evaluations.cancel("hotel", "quick")).run == found.run
        await client.evaluations.remove("hotel", "quick", revision=saved.revision)
        assert [each.name async for each in client.evaluations.list("hotel")] == []
