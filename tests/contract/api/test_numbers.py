"""Numbers through the API: pool, assignment, SIP rules, resolve by number, and who is let in where."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx2
import pytest

from greenroom.domain.access import Principal
from greenroom.domain.errors import GreenroomError
from greenroom.domain.ids import PrincipalId
from greenroom.kinds import KINDS
from greenroom.ports import Store
from greenroom.providers.clock import SystemClock
from greenroom.services.desk import Desk
from greenroom.services.splits import ShareRequest, SplitRequest
from greenroom.services.work import Call
from greenroom.storage.sql import migrate, open_store
from tests.support.api import HOME, PREFIX, Stage, fill, good, make_stage, nothing_written, problem

P = f"{PREFIX}/projects/hotel"
DESK, LAB = "+442079460000", "+442079460001"
TO_LAB = {"header": "X-Test", "matches": {"exact": "yes"}, "then": {"environment": "sandbox"}}
TO_V1 = {"header": "X-Version", "matches": {"prefix": "one"}, "then": {"version": "v1"}}


async def add(client: httpx2.AsyncClient, number: str = DESK, **body: Any) -> Any:
    return good(await client.post(f"{P}/numbers", json={"number": number, **body}))


async def change(client: httpx2.AsyncClient, number: str, revision: int, **body: Any) -> httpx2.Response:
    return await client.patch(f"{P}/numbers/{number}", json=body, headers={"If-Match": f'"{revision}"'})


async def ring(client: httpx2.AsyncClient, called: str = DESK, **more: Any) -> httpx2.Response:
    body = {"channel": "voice", "called": called, "caller": "+447700900123", **more}
    return await client.post(f"{P}/conversations", json=body)


async def test_a_number_is_added_assigned_ruled_and_removed() -> None:
    stage = await make_stage()
    async with stage.client("release_manager") as client, stage.client() as owner:
        await fill(owner, "hotel")
        added = await client.post(
            f"{P}/numbers", json={"number": "+44 (0)20 7946-0000", "environment": "live", "label": " Front desk "}
        )
        assert added.status_code == 201
        assert added.headers["etag"] == '"1"'
        made = good(added)
        assert (made["number"], made["label"], made["environment"]) == (DESK, "Front desk", "live")
        assert (made["public"], made["default_entry"], made["sip_rules"], made["revision"]) == (True, False, [], 1)
        ruled = good(await change(client, DESK, 1, sip_rules=[TO_LAB, TO_V1]))
        assert [rule["header"] for rule in ruled["sip_rules"]] == ["X-Test", "X-Version"]
        assert ruled["sip_rules"][0]["then"] == {"environment": "sandbox", "version": None}
        assert ruled["sip_rules"][1]["matches"] == {"exact": None, "prefix": "one", "one_of": None}
        moved = good(await change(client, DESK, 2, default_entry=True, label=""))
        assert (moved["environment"], moved["default_entry"], len(moved["sip_rules"])) == (None, True, 2)
        await add(client, LAB, environment="sandbox")
        shown = await client.get(f"{P}/numbers/0044 20 7946 0000")
        assert (good(shown)["number"], shown.headers["etag"]) == (DESK, '"3"')
        page = good(await client.get(f"{P}/numbers?limit=1"))
        assert [each["number"] for each in page["items"]] == [DESK]
        rest = good(await client.get(f"{P}/numbers?limit=1&cursor={page['next_cursor']}"))
        assert [(each["number"], each["public"]) for each in rest["items"]] == [(LAB, False)]
        assert rest["next_cursor"] is None
        gone = await client.delete(f"{P}/numbers/{DESK}", headers={"If-Match": '"3"'})
        assert gone.status_code == 204
        problem(await client.get(f"{P}/numbers/{DESK}"), 404, "number_not_found")
        history = good(await owner.get(f"{P}/history"))["items"]
        told = [line["summary"] for line in history if line["action"].startswith("number.")]
        assert [summary.partition(" ")[2] for summary in told] == [
            f"removed the number {DESK}",
            f"added the number {LAB}, which leads to sandbox",
            f"changed the number {DESK}, which leads to the default entry",
            f"changed the number {DESK}, which leads to live",
            f"added the number {DESK}, which leads to live",
        ]


async def test_what_was_not_seen_is_not_changed() -> None:
    stage = await make_stage()
    async with stage.client() as client:
        await fill(client, "hotel")
        await add(client, environment="live")
        place = f"{P}/numbers/{DESK}"
        async with nothing_written(stage):
            missing = problem(await client.patch(place, json={"label": "x"}), 428, "precondition_required")
            assert missing["errors"][0]["pointer"] == "/If-Match"
            stale = problem(await change(client, DESK, 7, label="x"), 412, "stale_revision")
            assert stale["revision"] == 1
            problem(await client.delete(place), 428, "precondition_required")
            problem(await client.delete(place, headers={"If-Match": '"2"'}), 412, "stale_revision")
            problem(await change(client, LAB, 1, label="x"), 404, "number_not_found")


@pytest.mark.parametrize(
    "body, pointer",
    [
        ({"number": "020 7946 0000", "environment": "live"}, "/number"),
        ({"number": DESK}, ""),
        ({"number": DESK, "environment": "live", "default_entry": True}, ""),
        ({"number": DESK, "environment": "live", "label": "two\nlines"}, "/label"),
        ({"number": DESK, "environment": "live", "sip_rules": [{**TO_LAB, "header": "a b"}]}, "/sip_rules/0/header"),
        ({"number": DESK, "environment": "live", "sip_rules": [{**TO_LAB, "matches": {}}]}, "/sip_rules/0/matches"),
        (
            {"number": DESK, "environment": "live", "sip_rules": [{**TO_LAB, "matches": {"prefix": ""}}]},
            "/sip_rules/0/matches",
        ),
        (
            {"number": DESK, "environment": "live", "sip_rules": [TO_LAB, {**TO_LAB, "then": {"environment": "moon"}}]},
            "/sip_rules/1/then/environment",
        ),
        (
            {"number": DESK, "environment": "live", "sip_rules": [{**TO_LAB, "then": {"version": 99}}]},
            "/sip_rules/0/then/version",
        ),
        (
            {"number": DESK, "environment": "sandbox", "sip_rules": [{**TO_LAB, "then": {"environment": "live"}}]},
            "/sip_rules/0/then/environment",
        ),
    ],
)
async def test_a_number_that_is_wrong_is_refused_where_it_is_wrong(body: dict[str, Any], pointer: str) -> None:
    stage = await make_stage()
    async with stage.client() as client:
        await fill(client, "hotel")
        async with nothing_written(stage):
            refused = await client.post(f"{P}/numbers", json=body)
        assert refused.status_code == 422, refused.text
        assert pointer in [fault["pointer"] for fault in refused.json()["errors"]], refused.text


async def test_a_number_belongs_to_one_project_of_the_workspace() -> None:
    stage = await make_stage()
    async with stage.client() as client, stage.client(workspace="wsp_other") as stranger:
        await fill(client, "hotel")
        await fill(client, "spa")
        await fill(stranger, "theirs")
        await add(client, environment="live")
        async with nothing_written(stage):
            for project in ("hotel", "spa"):
                taken = await client.post(
                    f"{PREFIX}/projects/{project}/numbers", json={"number": "0044 2079460000", "default_entry": True}
                )
                assert "project hotel" in problem(taken, 409, "number_taken")["detail"]
        good(await stranger.post(f"{PREFIX}/projects/theirs/numbers", json={"number": DESK, "default_entry": True}))
        assert (await client.delete(f"{P}/numbers/{DESK}", headers={"If-Match": '"1"'})).status_code == 204
        good(await client.post(f"{PREFIX}/projects/spa/numbers", json={"number": DESK, "default_entry": True}))


async def test_an_internal_number_cannot_be_led_out_by_moving_it_or_its_rules() -> None:
    stage = await make_stage()
    async with stage.client() as client:
        await fill(client, "hotel")
        to_live = {**TO_LAB, "then": {"environment": "live"}}
        await add(client, environment="live", sip_rules=[to_live])
        refused = problem(await change(client, DESK, 1, environment="sandbox"), 422, "invalid_number")
        (fault,) = refused["errors"]
        assert (fault["pointer"], fault["code"]) == ("/sip_rules/0/then/environment", "internal_number")
        assert "sandbox" in fault["message"]
        await add(client, LAB, environment="sandbox")
        problem(await change(client, LAB, 1, sip_rules=[to_live]), 422, "invalid_number")
        good(await change(client, LAB, 1, sip_rules=[{**TO_LAB, "then": {"environment": "pre-release"}}]))


async def test_a_call_goes_where_its_number_and_its_headers_lead() -> None:
    stage = await make_stage()
    async with stage.client() as client, stage.client("viewer") as channel:
        await fill(client, "hotel")
        await add(client, environment="live", sip_rules=[TO_LAB, TO_V1])
        plain = good(await ring(channel, "+44 20 7946 0000"))
        assert (plain["environment"], plain["origin"], plain["version"]) == ("live", "public", 1)
        assert plain["entry"] == {"by": "number", "number": DESK, "rule": None}
        inside = good(await ring(channel, sip_headers={"x-test": "yes"}))
        assert (inside["environment"], inside["entry"]["rule"]) == ("sandbox", 0)
        tested = good(await ring(channel, sip_headers={"X-Version": "one-two"}))
        assert (tested["environment"], tested["origin"], tested["ref"]) == ("sandbox", "test", "v1")
        assert tested["entry"] == {"by": "number", "number": DESK, "rule": 1}
        turn = await channel.post(f"{PREFIX}/conversations/{tested['id']}/turns", json={"text": "hello"})
        assert good(turn)["version"] == 1
        # Who names an environment or a ref has said where.
        assert good(await ring(channel, environment="pre-release"))["environment"] == "pre-release"
        assert good(await ring(client, ref="v1"))["entry"] == {}
        for unknown in (LAB, "1234", "front-desk"):
            refused = problem(await ring(channel, unknown), 409, "number_unknown")
            assert refused["errors"][0]["pointer"] == "/called"
        assert good(await ring(channel, ""))["environment"] == "live"


async def test_how_a_call_came_in_holds_nothing_of_the_caller() -> None:
    stage = await make_stage()
    async with stage.client() as client:
        await fill(client, "hotel")
        await add(client, environment="live", sip_rules=[TO_LAB])
        begun = good(await ring(client, sip_headers={"X-Test": "yes", "From": "+447700900123"}, user_id="Ada"))
        told = good(await client.get(f"{PREFIX}/conversations/{begun['id']}"))
        assert told["entry"] == {"by": "number", "number": DESK, "rule": 0}
        listed = good(await client.get(f"{P}/conversations"))["items"]
        assert "900123" not in json.dumps(listed)


@pytest.mark.parametrize("hot", [True, False], ids=["hot", "routes"])
async def test_resolve_says_where_a_number_leads_and_why(hot: bool) -> None:
    stage = await make_stage()
    async with stage.client() as client:
        await fill(client, "hotel")
        await add(client, environment="live", sip_rules=[TO_LAB])
        await add(client, LAB, environment="sandbox")
        await add(client, "+442079460002", default_entry=True)
    async with stage.client(hot=hot) as client:
        found = {}
        for number in (DESK, LAB, "+442079460002"):
            reply = good(await client.get(f"{P}/resolve", params={"key": "ada", "number": number}))
            found[number] = (reply["environment"], reply["reason"])
        assert found[DESK] == ("live", f"{DESK} leads to live; live serves v1 to everybody (release 1)")
        assert found[LAB] == ("sandbox", f"{LAB} leads to sandbox; sandbox serves v1 to everybody (release 1)")
        where, why = found["+442079460002"]
        assert (where, why.startswith("+442079460002 follows the default entry; default entry of hotel; ")) == (
            "live",
            True,
        )
        # A plus that nobody quoted arrives as a space.
        assert good(await client.get(f"{P}/resolve?key=ada&number={DESK}"))["environment"] == "live"
        problem(await client.get(f"{P}/resolve?key=ada&number=%2B441"), 409, "number_unknown")
        problem(await client.get(f"{P}/resolve?key=a&number=%2B441&environment=live"), 422, "environment_or_number")


async def test_both_doors_say_the_same_of_a_number() -> None:
    stage = await make_stage()
    async with stage.client() as client:
        await fill(client, "hotel")
        await add(client, environment="live")
    async with stage.client() as hot, stage.client(hot=False) as routes:
        for key in ("ada", "bob"):
            query = f"{P}/resolve?number=%2B442079460000&key={key}"
            assert (await hot.get(query)).content == (await routes.get(query)).content


async def test_an_environment_with_a_number_of_its_own_is_public_and_asks_for_confirmation() -> None:
    stage = await make_stage()
    async with stage.client() as client:
        await fill(client, "hotel")

        async def public() -> dict[str, bool]:
            found = good(await client.get(f"{P}/environments"))["items"]
            return {each["alias"]: each["public"] for each in found}

        assert await public() == {"sandbox": False, "pre-release": False, "live": True}
        await add(client, environment="sandbox")
        assert await public() == {"sandbox": False, "pre-release": False, "live": True}
        await _open_to_all(stage, "pre-release")
        assert (await public())["pre-release"] is False
        await add(client, LAB, environment="pre-release")
        assert (await public())["pre-release"] is True
        good(await client.post(f"{P}/environments/sandbox/publish", json={"note": "Breakfast was added"}))
        asked = {"version": 2, "expected_seq": 1}
        promote = f"{P}/environments/pre-release/promote"
        problem(await client.post(promote, json=asked), 428, "confirmation_required")
        good(await client.post(promote, json={**asked, "confirm": {"version": 2}}))
        assert (await client.delete(f"{P}/numbers/{LAB}", headers={"If-Match": '"1"'})).status_code == 204
        assert (await public())["pre-release"] is False


async def test_an_environment_that_a_public_numbers_rule_leads_to_is_public() -> None:
    stage = await make_stage()
    async with stage.client() as client:
        await fill(client, "hotel")
        await _open_to_all(stage, "pre-release")
        await add(client, environment="live", sip_rules=[{**TO_LAB, "then": {"environment": "pre-release"}}])
        found = good(await client.get(f"{P}/environments/pre-release"))
        assert found["public"] is True


async def test_a_number_of_the_default_entry_follows_the_split_and_says_so() -> None:
    stage = await make_stage()
    async with stage.client() as client:
        await fill(client, "hotel")
        await _open_to_all(stage, "pre-release")
        await add(client, default_entry=True, sip_rules=[TO_LAB])
        before = good(await ring(client))
        assert before["entry"] == {"by": "default", "number": DESK, "rule": None}
        call = Call(Principal(PrincipalId("key_home_owner"), HOME, "owner", "owner"), "req")
        wanted = SplitRequest([ShareRequest("pre-release", 100), ShareRequest("live", 0)], note="All to pre-release")
        await stage.desk.splits.set(call, "hotel", wanted, "*")
        await stage.desk.traffic.refresh()
        after = good(await ring(client))
        assert (after["environment"], after["entry"]["by"], after["entry"]["number"]) == ("pre-release", "split", DESK)
        found = good(await client.get(f"{P}/resolve", params={"key": "ada", "number": DESK}))
        assert found["environment"] == "pre-release"
        told = (await stage.desk.entries.explain(call, after["id"])).sentences
        assert told[0] == f"It called {DESK}, which follows the default entry."
        inside = good(await ring(client, sip_headers={"X-Test": "yes"}))
        told = (await stage.desk.entries.explain(call, inside["id"])).sentences
        assert told[0] == f"It called {DESK}, which leads to sandbox, by its SIP rule 1."


async def test_no_tester_is_led_out_of_sandbox_by_calling_its_number() -> None:
    stage = await make_stage()
    async with stage.client() as client:
        await fill(client, "hotel")
        await add(client, LAB, environment="sandbox")
        await add(client, default_entry=True)
        call = Call(Principal(PrincipalId("key_home_owner"), HOME, "owner", "owner"), "req")
        await stage.desk.testers.add(call, "hotel", "pre-release", user_id=None, caller="+447700900123")
        assert good(await ring(client))["environment"] == "pre-release"
        await stage.desk.testers.add(call, "hotel", "live", user_id=None, caller="+447700900123")
        assert good(await ring(client))["environment"] == "live"
        assert good(await ring(client, LAB))["environment"] == "sandbox"


async def test_a_deleted_environments_numbers_go_where_it_is_said_but_no_test_number_to_the_public() -> None:
    stage = await make_stage()
    async with stage.client() as client:
        await fill(client, "hotel")
        for name, internal in (("Lab", True), ("Partners", False)):
            made = {"name": name, "clone_from": "live", "internal": internal}
            good(await client.post(f"{P}/environments", json=made))
        await add(client, LAB, environment="lab")
        to_lab = {**TO_LAB, "then": {"environment": "lab"}}
        await add(client, environment="partners", sip_rules=[to_lab])
        lab = f"{P}/environments/lab?expected_seq=1"
        async with nothing_written(stage):
            told = problem(await client.delete(lab), 409, "environment_in_use")["dependants"]
            assert {each["what"] for each in told} == {"number", "rules of numbers"}
            refused = problem(await client.delete(f"{lab}&move_to=live"), 409, "internal_number")
            assert LAB in refused["detail"]
        good(await client.delete(f"{lab}&move_to=sandbox"))
        assert good(await client.get(f"{P}/numbers/{LAB}"))["environment"] == "sandbox"
        ruled = good(await client.get(f"{P}/numbers/{DESK}"))
        assert (ruled["sip_rules"][0]["then"]["environment"], ruled["revision"]) == ("sandbox", 2)
        partners = f"{P}/environments/partners?expected_seq=1&move_to=live&confirm=1"
        good(await client.delete(partners))
        assert good(await client.get(f"{P}/numbers/{DESK}"))["environment"] == "live"
        assert good(await ring(client))["environment"] == "live"


async def _open_to_all(stage: Stage, alias: str) -> None:
    """Makes an environment one that the public may come into."""

    def work(tx: Any) -> None:
        found = tx.find_environment(tx.find_project("hotel").id, alias)
        tx.update_environment(replace(found, internal=False))

    await stage.store.write(HOME, work)


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'greenroom.db'}"


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest) -> str:
    return request.getfixturevalue(f"{request.param}_url")


@pytest.fixture
async def stores(url: str) -> AsyncIterator[tuple[Store, Store]]:
    """Two stores over one database, as two processes have them."""
    await migrate(url)
    mine, theirs = await open_store(url), await open_store(url)
    yield mine, theirs
    await mine.close()
    await theirs.close()


async def test_another_process_hears_of_a_number_at_once(stores: tuple[Store, Store]) -> None:
    mine, theirs = stores
    stage = await make_stage(mine)
    other = Desk(theirs, SystemClock(), KINDS, {})
    stop = asyncio.Event()
    following = asyncio.create_task(other.traffic.follow(stop, lambda wrong: None))
    try:
        async with stage.client() as client:
            await fill(client, "hotel")
            await add(client, environment="live")
            assert await _leads(other, DESK) == "live"
            good(await change(client, DESK, 1, environment="sandbox"))
            assert await _leads(other, DESK, "sandbox") == "sandbox"
    finally:
        stop.set()
        await following


async def _leads(desk: Desk, number: str, wanted: str = "live") -> str:
    found = ""
    for _ in range(100):
        try:
            found = desk.traffic.decide(HOME, "hotel", "ada", None, number=number).environment
        except GreenroomError:  # not known there yet
            found = ""
        if found == wanted:
            break
        await asyncio.sleep(0.05)
    return found


async def test_two_projects_that_add_one_number_at_once_do_not_both_get_it(postgres_url: str) -> None:
    store: Store = await open_store(postgres_url)
    stage = await make_stage(store)
    async with stage.client() as client:
        for slug in ("one", "two"):
            good(await client.post(f"{PREFIX}/projects", json={"name": slug, "slug": slug}))
        for round_ in range(5):
            body = {"number": f"+44207946000{round_}", "environment": "sandbox"}
            adding = [client.post(f"{PREFIX}/projects/{slug}/numbers", json=body) for slug in ("one", "two")]
            assert sorted(reply.status_code for reply in await asyncio.gather(*adding)) == [201, 409]
    await store.close()
