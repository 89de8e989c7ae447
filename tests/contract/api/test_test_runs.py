"""Test runs over HTTP: started, followed, paged, read as XML, cancelled; and what is wrong said with its place."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest
from lxml import etree  # pyright: ignore[reportAttributeAccessIssue]  it has no stubs

from greenroom.domain.ids import TestRunId
from greenroom.sdk import Client
from greenroom.wire.test_runs import TestRunReport
from tests.support.api import PREFIX, Stage, fill, good, make_stage, problem, run_tests, save

P = f"{PREFIX}/projects/hotel"
LATE = {"say": "Can I check out late?", "expect": {"topic": "late-checkout", "contains": "noon"}}
CASES: list[dict[str, Any]] = [
    {"id": "late", "tags": ["smoke"], "turns": [LATE]},
    {"id": "wrong", "turns": [{**LATE, "expect": {"contains": "<midnight> & later"}}]},
    {"id": "blank", "turns": [{"say": "hello"}]},
    {"id": "later", "turns": [LATE], "skip": "not yet"},
]


async def furnish(client: httpx2.AsyncClient) -> None:
    await fill(client, "hotel")
    good(await save(client, "hotel", "test_set/checks", {"name": "Checks", "cases": CASES}))


async def test_a_run_is_started_followed_and_read_whole() -> None:
    stage = await make_stage()
    async with stage.client() as client:
        await furnish(client)
        started = await client.post(f"{P}/test-runs", json={"ref": "draft:sandbox"})
        assert started.status_code == 202
        assert started.json().items() >= {"state": "running", "outcome": None, "total": 3, "done": 0}.items()
        run = await run_tests(client, "hotel", ref="draft:sandbox")
        TestRunReport.model_validate(run)
        assert (run["state"], run["outcome"], run["done"]) == ("finished", "failed", 3)
        counts = {"cases": 4, "passed": 1, "failed": 1, "errors": 1, "skipped": 1, "flaky_rate": 0.0}
        assert run["summary"].items() >= counts.items()
        assert [(case["case"], case["status"]) for case in run["cases"]] == [
            ("late", "passed"),
            ("wrong", "failed"),
            ("blank", "error"),
            ("later", "skipped"),
        ]
        unmet = run["cases"][1]["attempts"][0]["results"][0]
        assert (unmet["pointer"], unmet["wanted"]) == ("/cases/1/turns/0/expect/contains", "<midnight> & later")
        assert unmet["got"] == "You can stay until noon."
        assert run["cases"][2]["attempts"][0]["problems"][0]["code"] == "no_expectation"
        assert run["environment"] == "sandbox"


async def test_cases_come_in_pages_and_runs_are_listed_latest_first() -> None:
    stage = await make_stage()
    async with stage.client() as client:
        await furnish(client)
        first = await run_tests(client, "hotel", ref="draft:sandbox", tags=["smoke"])
        second = await run_tests(client, "hotel", ref="draft:sandbox", test_sets=["checks"], repeat=2)
        assert second["cases"][0]["repeats"] == 2
        seen: list[str] = []
        cursor: str | None = None
        while True:
            query = f"?limit=3{f'&cursor={cursor}' if cursor else ''}"
            page = good(await client.get(f"{P}/test-runs/{second['id']}{query}"))
            seen += [case["case"] for case in page["cases"]]
            if (cursor := page["next_cursor"]) is None:
                break
        assert seen == ["late", "wrong", "blank", "later"]
        page = good(await client.get(f"{P}/test-runs?limit=1"))
        assert [run["id"] for run in page["items"]] == [second["id"]]
        page = good(await client.get(f"{P}/test-runs?limit=1&cursor={page['next_cursor']}"))
        assert ([run["id"] for run in page["items"]], page["next_cursor"]) == ([first["id"]], None)
        assert len(good(await client.get(f"{P}/test-runs?digest={first['digest']}"))["items"]) == 2
        assert good(await client.get(f"{P}/test-runs?digest=sha256:0"))["items"] == []
        problem(await client.get(f"{P}/test-runs?cursor=x"), 422, "invalid_cursor")


@pytest.mark.parametrize(
    "query, accept, xml",
    [
        ("", "application/xml", True),
        ("?format=junit", "application/json", True),
        ("?format=junit", "*/*", True),
        ("?format=json", "application/xml", False),
        ("", "*/*", False),
        ("", "application/json, text/xml", False),
    ],
)
async def test_the_reader_says_how_a_run_is_written(query: str, accept: str, xml: bool) -> None:
    stage = await make_stage()
    async with stage.client() as client:
        await furnish(client)
        run = await run_tests(client, "hotel", ref="draft:sandbox")
        reply = await client.get(f"{P}/test-runs/{run['id']}{query}", headers={"Accept": accept})
        assert reply.headers["content-type"] == ("application/xml" if xml else "application/json")
        if xml:
            document = etree.fromstring(reply.content)
            assert (document.attrib["tests"], document.attrib["failures"], document.attrib["errors"]) == ("4", "1", "1")
            assert "<midnight> & later" in document.find(".//failure").attrib["message"]


async def test_without_a_ref_the_default_entry_is_tested() -> None:
    stage = await make_stage()
    async with stage.client() as client:
        await furnish(client)
        run = await run_tests(client, "hotel")
        assert (run["ref"], run["version"], run["outcome"]) == ("live", 1, "error")
        assert run["summary"]["reason"].startswith("no case was chosen")
        other = await run_tests(client, "hotel", sets_from="draft:sandbox", tags=["smoke"])
        assert (other["digest"], other["outcome"]) == (run["digest"], "passed")


@pytest.mark.parametrize(
    "body, status, code, pointer",
    [
        ({"ref": "v9"}, 404, "version_not_found", None),
        ({"ref": "no such"}, 422, "invalid_ref", "/ref"),
        ({"ref": "live", "sets_from": "no such"}, 422, "invalid_ref", "/sets_from"),
        ({"ref": "draft:sandbox", "test_sets": ["checks", "chex"]}, 404, "test_set_not_found", "/test_sets/1"),
        ({"ref": "live", "repeat": 0}, 422, "invalid_request", "/repeat"),
        ({"ref": "live", "surprise": 1}, 422, "invalid_request", "/surprise"),
    ],
)
async def test_what_cannot_be_run_is_refused_with_its_place(
    body: dict[str, Any], status: int, code: str, pointer: str | None
) -> None:
    stage = await make_stage()
    async with stage.client() as client:
        await furnish(client)
        found = problem(await client.post(f"{P}/test-runs", json=body), status, code)
        assert pointer is None or found["errors"][0]["pointer"] == pointer
        assert good(await client.get(f"{P}/test-runs"))["items"] == []


async def test_a_repeated_start_is_one_run_and_a_run_that_is_over_stays_as_it_is() -> None:
    stage = await make_stage()
    async with stage.client() as client:
        await furnish(client)
        asked: dict[str, Any] = {"json": {"ref": "draft:sandbox"}, "headers": {"Idempotency-Key": "once"}}
        first = good(await client.post(f"{P}/test-runs", **asked))
        again = good(await client.post(f"{P}/test-runs", **asked))
        assert first["id"] == again["id"]
        assert len(good(await client.get(f"{P}/test-runs"))["items"]) == 1
        run = await _over(stage, client, first["id"])
        ended = good(await client.post(f"{P}/test-runs/{run['id']}/cancel"))
        assert (ended["state"], ended["outcome"]) == ("finished", "failed")
        problem(await client.get(f"{P}/test-runs/run_never"), 404, "test_run_not_found")


async def _over(stage: Stage, client: httpx2.AsyncClient, id_: str) -> Any:
    await stage.desk.test_runs.wait(TestRunId(id_))
    return good(await client.get(f"{P}/test-runs/{id_}"))


def test_the_sdk_has_the_same_verbs() -> None:
    client = Client("http://desk.test", "gr_key")
    assert all(callable(getattr(client.test_runs, verb)) for verb in ("start", "load", "load_junit", "list", "cancel"))
