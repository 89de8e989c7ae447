"""Readiness through the API: what an environment lacks is said before a release, and a missing secret stops it."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

from tests.support.api import AGENT, PREFIX, TOPIC, good, make_stage, nothing_written, problem, save

P = f"{PREFIX}/projects/hotel"
BOOKING = {
    "name": "Booking system",
    "base_url": "https://booking.hotel.example",
    "auth": {"type": "bearer", "secret": "BOOKING_KEY"},
}
FIND = {
    "name": "Find a room",
    "description": "Finds a free room.",
    "url": "/rooms",
    "integration": "booking",
    "headers": [{"name": "X-Partner", "value": "{{secret.PARTNER}}"}],
}
TEXT = {"name": "Link", "text": "Book here.", "senders": {"pre-release": "+447700900001"}}
ASK = "def ask(conv):\n    return conv.utils.get_secret('ASK_KEY')\n"


async def begin(client: httpx2.AsyncClient, entities: dict[str, Any] | None = None, template: str = "pipeline") -> None:
    """Makes a project with an agent, a topic and some more in its draft."""
    good(await client.post(f"{PREFIX}/projects", json={"name": "Hotel", "slug": "hotel", "template": template}))
    first = "sandbox" if template == "pipeline" else "production"
    found = {"agent/main": AGENT, "topic/late-checkout": TOPIC, **(entities or {})}
    for address, body in found.items():
        place = f"{P}/environments/{first}/draft/{address}"
        good(await client.put(place, json=body, headers={"If-Match": "*"}))


async def publish(client: httpx2.AsyncClient, alias: str = "sandbox", **more: Any) -> httpx2.Response:
    body = {"note": "First version of the desk", **more}
    return await client.post(f"{P}/environments/{alias}/publish", json=body)


async def promote(
    client: httpx2.AsyncClient, alias: str, version: int = 1, *, dry_run: bool = False, **more: Any
) -> httpx2.Response:
    seq = good(await client.get(f"{P}/environments/{alias}"))["seq"]
    body = {"version": version, "expected_seq": seq, "confirm": {"version": version}, **more}
    return await client.post(f"{P}/environments/{alias}/promote{'?dry_run=true' if dry_run else ''}", json=body)


async def set_secret(client: httpx2.AsyncClient, name: str, where: str = "") -> None:
    good(await client.put(f"{P}/secrets/{name}{where}", json={"value": "a value"}))


async def readiness(client: httpx2.AsyncClient, alias: str, version: int | None = None) -> Any:
    asked = f"?version={version}" if version else ""
    return good(await client.get(f"{P}/environments/{alias}/readiness{asked}"))


def of_level(items: list[dict[str, Any]], level: str) -> list[str]:
    return [item["code"] for item in items if item["level"] == level]


async def test_a_secret_that_live_lacks_and_sandbox_has_blocks_the_promotion_and_names_who_needs_it() -> None:
    stage = await make_stage()
    async with stage.client() as client:
        await begin(client, {"integration/booking": BOOKING, "tool/find-room": FIND})
        for name in ("BOOKING_KEY", "PARTNER"):
            await set_secret(client, name, "/overrides/sandbox/live")
        good(await publish(client))
        await set_secret(client, "BOOKING_KEY", "/overrides/pre-release/live")
        # Only the drafts' tests have this one.
        await set_secret(client, "PARTNER", "/overrides/pre-release/draft")
        async with nothing_written(stage):
            refused = problem(await promote(client, "pre-release"), 409, "not_ready", "refused")
        (fault,) = refused["errors"]
        assert (fault["code"], fault["pointer"]) == ("secret_missing", "/tool/find-room/headers/0/value")
        assert "PARTNER" in fault["message"]
        assert "tool/find-room" in fault["message"]
        assert "pre-release" in fault["message"]
        assert "--env pre-release --side live" in fault["hint"]
        plan = good(await promote(client, "pre-release", dry_run=True))
        assert of_level(plan["readiness"], "blocked") == ["secret_missing"]
        found = await readiness(client, "pre-release")
        assert (found["ready"], found["version"], found["environment"]) == (False, 1, "pre-release")
        assert found["items"][0]["address"] == "tool/find-room"
        await set_secret(client, "PARTNER")
        good(await promote(client, "pre-release"))
        refused = problem(await promote(client, "live"), 409, "not_ready")
        assert [fault["pointer"] for fault in refused["errors"]] == ["/integration/booking/auth/secret"]
        await set_secret(client, "BOOKING_KEY", "/overrides/live/live")
        good(await promote(client, "live"))
        found = await readiness(client, "live", 1)
        assert (found["ready"], [item["code"] for item in found["items"]]) == (True, ["secrets_set"])


@pytest.mark.parametrize(
    "address, body, pointer, name",
    [
        ("topic/rates", {**TOPIC, "name": "Rates", "instructions": "Use {{secret.RATES}}."}, "/instructions", "RATES"),
        ("function/ask", {"name": "Ask", "description": "Asks.", "code": ASK}, "/code", "ASK_KEY"),
        (
            "mcp/house",
            {"name": "House", "url": "https://x.example", "auth": {"type": "bearer", "secret": "HOUSE"}},
            "/auth/secret",
            "HOUSE",
        ),
    ],
)
async def test_publishing_says_each_secret_that_is_missing_and_where_it_is_needed(
    address: str, body: dict[str, Any], pointer: str, name: str
) -> None:
    stage = await make_stage()
    async with stage.client() as client:
        await begin(client, {address: body})
        async with nothing_written(stage):
            refused = problem(await publish(client), 409, "not_ready")
            (fault,) = refused["errors"]
            assert fault["pointer"] == f"/{address}{pointer}"
            assert name in fault["message"]
            plan = good(await client.post(f"{P}/environments/sandbox/publish?dry_run=true", json={"note": "?"}))
            assert of_level(plan["readiness"], "blocked") == ["secret_missing"]
        # Without a release nothing is released anywhere.
        only = good(await publish(client, release=False))
        assert only["release"] is None
        problem(await promote(client, "sandbox"), 409, "not_ready")
        await set_secret(client, name)
        good(await promote(client, "sandbox"))


async def test_no_secret_stops_the_way_back() -> None:
    stage = await make_stage()
    async with stage.client() as client:
        await begin(client, {"integration/booking": BOOKING})
        await set_secret(client, "BOOKING_KEY")
        good(await publish(client))
        for alias in ("pre-release", "live"):
            good(await promote(client, alias))
        good(await save(client, "hotel", "topic/spa", {**TOPIC, "name": "Spa"}))
        good(await publish(client))
        for alias in ("pre-release", "live"):
            good(await promote(client, alias, 2))
        assert (await client.delete(f"{P}/secrets/BOOKING_KEY")).status_code == 204
        assert (await readiness(client, "live", 1))["ready"] is False
        back = f"{P}/environments/live/rollback"
        assert good(await client.post(back, json={"to": 1, "reason": "wrong text"}))["operation"] == "rollback"
        again = good(await promote(client, "live", 2))
        assert again["operation"] == "rollback"


async def test_a_hotfix_is_held_up_as_any_release_is() -> None:
    stage = await make_stage()
    async with stage.client() as client:
        await begin(client, {"integration/booking": BOOKING})
        await set_secret(client, "BOOKING_KEY", "/overrides/sandbox/live")
        good(await publish(client))
        reason: Any = {"hotfix": {"reason": "the phones are on fire"}}
        problem(await promote(client, "live", **reason), 409, "not_ready")
        await set_secret(client, "BOOKING_KEY", "/overrides/live/live")
        assert good(await promote(client, "live", **reason))["operation"] == "hotfix"


async def test_what_is_odd_is_told_inside_and_must_be_acknowledged_where_the_public_comes_in() -> None:
    stage = await make_stage()
    async with stage.client() as client:
        await begin(client, {"sms/link": TEXT})
        published = good(await publish(client))
        told = {warning["code"]: warning["must_acknowledge"] for warning in published["warnings"]}
        assert told == {"value_missing": False}
        plan = good(await promote(client, "pre-release", dry_run=True))
        assert plan["warnings"] == []
        assert of_level(plan["readiness"], "ok") == ["values_set"]
        good(await promote(client, "pre-release"))
        async with nothing_written(stage):
            refused = problem(await promote(client, "live"), 409, "warnings_unacknowledged")
            assert [fault["code"] for fault in refused["errors"]] == ["value_missing"]
            assert "sms/link has no sender for live" in refused["detail"]
            problem(await promote(client, "live", acknowledged=["other"]), 409, "warnings_unacknowledged")
        good(await promote(client, "live", acknowledged=["value_missing"]))


async def test_publishing_straight_to_the_public_asks_the_same() -> None:
    stage = await make_stage()
    async with stage.client() as client:
        await begin(client, {"sms/link": TEXT, "integration/booking": BOOKING}, "simple")
        place = f"{P}/environments/production/publish"
        plan = good(await client.post(f"{place}?dry_run=true", json={"note": "?"}))
        assert of_level(plan["readiness"], "blocked") == ["secret_missing"]
        said = {"expected_seq": 0, "confirm": {"digest": plan["digest"]}}
        problem(await publish(client, "production", **said), 409, "not_ready")
        await set_secret(client, "BOOKING_KEY")
        problem(await publish(client, "production", **said), 409, "warnings_unacknowledged")
        done = good(await publish(client, "production", **said, acknowledged=["value_missing"]))
        assert done["release"]["version"] == 1


async def test_documents_that_changed_or_went_since_publishing_are_told() -> None:
    stage = await make_stage()
    async with stage.client() as client:
        listed = [{"document": "sauna"}, {"document": "pool"}]
        faq = {"name": "Questions", "documents": listed}
        documents = f"{P}/knowledge/documents"
        await begin(client)
        for name in ("sauna", "pool"):
            good(await client.post(documents, json={"id": name, "text": f"The {name} is open."}))
        good(await save(client, "hotel", "knowledge/faq", faq))
        good(await publish(client))
        assert of_level((await readiness(client, "pre-release"))["items"], "ok") == ["knowledge_current"]
        good(await promote(client, "pre-release"))
        seen = {"If-Match": (await client.get(f"{documents}/sauna")).headers["etag"]}
        good(await client.post(documents, json={"id": "sauna", "text": "The sauna is shut."}, headers=seen))
        seen = {"If-Match": (await client.get(f"{documents}/pool")).headers["etag"]}
        good(await client.delete(f"{documents}/pool", headers=seen))
        found = await readiness(client, "live")
        assert found["ready"] is True
        assert {item["code"]: item["message"] for item in found["items"]} == {
            "document_missing": "knowledge/faq lists documents that are not there: pool",
            "documents_changed": "documents changed since it was published: sauna",
        }
        problem(await promote(client, "live"), 409, "warnings_unacknowledged")
        good(await promote(client, "live", acknowledged=["document_missing", "documents_changed"]))


async def test_a_source_that_was_never_read_and_a_connection_that_is_not_there_are_told() -> None:
    stage = await make_stage()
    async with stage.client() as client:
        source = {"name": "Help", "source": {"type": "connection", "connection": "help-centre"}}
        model = {**AGENT, "model": {"provider": "openai:gpt-4.1"}}
        await begin(client, {"knowledge/help": source, "agent/second": model})
        told = [warning["code"] for warning in good(await publish(client))["warnings"]]
        assert sorted(told) == ["connection_missing", "connection_missing", "no_documents", "source_unsynced"]
        connection = {"kind": "model", "provider": "openai", "secret": "MODEL_KEY"}
        good(await client.put(f"{P}/connections/openai", json=connection, headers={"If-Match": "*"}))
        items = (await readiness(client, "live", 1))["items"]
        (blocked,) = [item for item in items if item["level"] == "blocked"]
        assert (blocked["address"], blocked["code"]) == ("agent/second", "secret_missing")
        assert "MODEL_KEY" in blocked["message"]


async def test_numbers_of_sites_are_the_projects_once_it_keeps_any() -> None:
    stage = await make_stage()
    async with stage.client() as client:
        row = {"id": "quay", "name": "Quay", "default": True, "numbers": ["+44 20 7946 0000"], "values": {}}
        sites = {"name": "Hotels", "attributes": ["desk"], "rows": [row]}
        desk = {"name": "Desk", "destination": {"value": "{{variant.desk}}"}}
        await begin(client, {"variant/default": sites, "handoff/desk": desk})
        good(await publish(client))
        assert of_level((await readiness(client, "live", 1))["items"], "warning") == ["destination_missing"]
        good(await client.post(f"{P}/numbers", json={"number": "+442079460001", "default_entry": True}))
        told = of_level((await readiness(client, "live", 1))["items"], "warning")
        assert told == ["destination_missing", "number_missing"]
        good(await client.post(f"{P}/numbers", json={"number": "+442079460000", "default_entry": True}))
        found = (await readiness(client, "live", 1))["items"]
        assert (of_level(found, "warning"), of_level(found, "ok")) == (["destination_missing"], ["numbers_known"])


async def test_without_a_version_the_step_before_is_meant() -> None:
    stage = await make_stage()
    async with stage.client() as client, stage.client("viewer") as viewer:
        await begin(client)
        problem(await client.get(f"{P}/environments/pre-release/readiness"), 409, "nothing_to_check")
        good(await publish(client))
        assert (await readiness(client, "pre-release"))["version"] == 1
        assert await readiness(client, "sandbox") == {
            "environment": "sandbox",
            "version": 1,
            "ready": True,
            "items": [],
        }
        problem(await client.get(f"{P}/environments/live/readiness"), 409, "nothing_to_check")
        problem(await client.get(f"{P}/environments/live/readiness?version=9"), 404, "version_not_found")
        problem(await viewer.get(f"{P}/environments/live/readiness?version=1"), 403, "not_allowed")
