"""Secrets through the API: set, overridden, listed, removed, sealed anew; and never read."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

from greenroom.domain.asks import Place, Side
from greenroom.domain.canonical import Digest
from greenroom.domain.errors import Invalid
from greenroom.domain.ids import EnvironmentId, ProjectId
from greenroom.kinds import KINDS
from greenroom.ports import Reachable
from greenroom.providers.clock import SystemClock
from greenroom.providers.crypto import EnvelopeCipher
from greenroom.services.desk import Desk
from tests.support.api import HOME, PREFIX, Stage, good, make_stage, nothing_written, problem

P = f"{PREFIX}/projects/hotel"
KEY = f"{P}/secrets/BOOKING_KEY"


async def begin(client: httpx2.AsyncClient) -> dict[str, str]:
    """Makes a project; returns the ids of its environments."""
    made = good(await client.post(f"{PREFIX}/projects", json={"name": "Hotel", "slug": "hotel"}))
    listed = good(await client.get(f"{P}/environments"))["items"]
    return {"project": made["id"], **{each["alias"]: each["id"] for each in listed}}


def place_of(ids: dict[str, str], alias: str, side: Side) -> Place:
    nothing = Digest("sha256:" + "0" * 64)
    return Place(HOME, ProjectId(ids["project"]), EnvironmentId(ids[alias]), alias, side, nothing)


async def values(stage: Stage | Desk, ids: dict[str, str], name: str = "BOOKING_KEY") -> dict[str, str]:
    """Returns what a secret is on each side of each environment."""
    desk = stage.desk if isinstance(stage, Stage) else stage
    found: dict[str, str] = {}
    for alias in ("sandbox", "pre-release", "live"):
        for side in ("live", "draft"):
            values = await desk.secrets.find_values(place_of(ids, alias, side), [name, "UNKNOWN"])
            found[f"{alias} {side}"] = values.get(name, "none")
    return found


async def test_the_nearest_value_holds_and_no_other() -> None:
    stage = await make_stage()
    async with stage.client() as client:
        ids = await begin(client)
        assert set((await values(stage, ids)).values()) == {"none"}
        good(await client.put(f"{KEY}/overrides/live/live", json={"value": "of live"}))
        assert {k: v for k, v in (await values(stage, ids)).items() if v != "none"} == {"live live": "of live"}
        good(await client.put(KEY, json={"value": "of all"}))
        good(await client.put(f"{KEY}/overrides/sandbox/draft", json={"value": "of tests"}))
        assert await values(stage, ids) == {
            "sandbox live": "of all",
            "sandbox draft": "of tests",
            "pre-release live": "of all",
            "pre-release draft": "of all",
            "live live": "of live",
            "live draft": "of all",
        }
        assert (await client.delete(f"{KEY}/overrides/live/live")).status_code == 204
        assert (await values(stage, ids))["live live"] == "of all"
        problem(await client.delete(f"{KEY}/overrides/live/live"), 404, "secret_not_found")
        assert (await client.delete(KEY)).status_code == 204
        assert set((await values(stage, ids)).values()) == {"none"}


async def test_a_list_says_where_since_when_and_by_whom_and_nothing_of_the_value() -> None:
    stage = await make_stage()
    async with stage.client() as client, stage.client("editor") as editor:
        await begin(client)
        shown = good(await client.put(KEY, json={"value": "a value of 23 letters.."}))
        good(await client.put(f"{KEY}/overrides/live/live", json={"value": "another"}))
        good(await client.put(f"{P}/secrets/A", json={"value": "x" * 16_384}))
        listed = good(await editor.get(f"{P}/secrets"))["items"]
        assert [each["name"] for each in listed] == ["A", "BOOKING_KEY"]
        assert listed[1].keys() == {"name", "set_at", "set_by", "overrides"}
        assert listed[1]["set_by"] == "key_home_owner"
        assert [(each["environment"], each["side"]) for each in listed[1]["overrides"]] == [("live", "live")]
        assert shown.keys() == listed[1].keys()
        events = good(await client.get(f"{P}/history"))["items"]
        said = [event["summary"] for event in events if event["action"] == "secret.set"]
        assert said == [f"home_owner set the secret {name}" for name in ("A", "BOOKING_KEY", "BOOKING_KEY")]
        assert "value of" not in str(events)


@pytest.mark.parametrize("name", ["lower", "1A", "A-B", "A" * 65, "Ä", "_A"])
async def test_names_are_capitals(name: str) -> None:
    stage = await make_stage()
    async with stage.client() as client:
        await begin(client)
        async with nothing_written(stage):
            problem(await client.put(f"{P}/secrets/{name}", json={"value": "k3y"}), 422, "invalid_secret_name")


@pytest.mark.parametrize("value", ["", "x" * 16_385, "ü" * 8_193, 7, None])
async def test_values_are_texts_of_bounded_size(value: Any) -> None:
    stage = await make_stage()
    async with stage.client() as client:
        await begin(client)
        async with nothing_written(stage):
            reply = await client.put(KEY, json={"value": value})
        assert reply.status_code == 422
        assert "xxxx" not in reply.text


async def test_sides_and_environments_must_exist() -> None:
    stage = await make_stage()
    async with stage.client() as client:
        await begin(client)
        problem(await client.put(f"{KEY}/overrides/nowhere/live", json={"value": "v"}), 404, "environment_not_found")
        problem(await client.put(f"{KEY}/overrides/live/both", json={"value": "v"}), 422, "unknown_side")


async def test_a_repeated_request_is_one_and_its_hash_fits_no_guess() -> None:
    stage = await make_stage()
    async with stage.client() as client:
        await begin(client)
        for _ in range(2):
            good(await client.put(KEY, json={"value": "1234"}, headers={"Idempotency-Key": "k"}))
        other = await client.put(KEY, json={"value": "1235"}, headers={"Idempotency-Key": "k"})
        problem(other, 409, "idempotency_key_reused")
        good(await client.put(f"{P}/secrets/SAME", json={"value": "1234"}, headers={"Idempotency-Key": "l"}))
        async with stage.client("admin") as admin:
            good(await admin.put(KEY, json={"value": "1234"}, headers={"Idempotency-Key": "k"}))
    answers = stage.contents()[HOME]["replays"]
    hashes = {answer.body_hash for key, (answer, *_) in answers.items() if "secrets.set" in str(key)}
    assert len(hashes) == 2, "one for each credential, since the same value hashed alike would show who shares it"


async def test_a_new_key_of_the_server_opens_the_old_values_and_seals_them_anew() -> None:
    stage = await make_stage()

    def desk(*keys: str) -> Desk:
        cipher = EnvelopeCipher(keys[0], keys[1:])
        return Desk(stage.store, SystemClock(), KINDS, {}, Reachable(cipher=cipher))

    async with stage.client() as client:
        ids = await begin(client)
        good(await client.put(KEY, json={"value": "k3y"}))
        good(await client.put(f"{KEY}/overrides/live/live", json={"value": "k4y"}))
        await desk("the key of tests").secrets.check_sealed()
        with pytest.raises(Invalid, match="BOOKING_KEY of the project hotel was sealed with another key"):
            await desk("new").secrets.check_sealed()
        both = desk("new", "the key of tests")
        await both.secrets.check_sealed()
        assert (await values(both, ids))["live live"] == "k4y"
        stage.desk.secrets._cipher = both.secrets._cipher
        assert good(await client.post(f"{P}/secrets/rotate"))["rotated"] == 2
        await desk("new").secrets.check_sealed()
        assert (await values(desk("new"), ids))["sandbox live"] == "k3y"


async def test_a_value_copied_to_another_place_does_not_open_there() -> None:
    stage = await make_stage()
    async with stage.client() as client:
        ids = await begin(client)
        good(await client.put(KEY, json={"value": "k3y"}))

        def copy(tx: Any) -> None:
            from dataclasses import replace

            found = tx.find_record(ids["project"], "secret", "BOOKING_KEY")
            tx.put_record(replace(found, key="OTHER", owner="OTHER"))

        await stage.store.write(HOME, copy)
        with pytest.raises(Invalid):
            await values(stage, ids, "OTHER")
