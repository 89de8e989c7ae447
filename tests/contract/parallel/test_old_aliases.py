"""Every answer by an old alias says so, whatever was asked for and wherever the alias stood (RFC 9745)."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest

from greenroom.api.deprecations import ENTITIES, FIELDS, MERGE_FIELDS, QUERIES
from greenroom.sdk import AsyncClient, DeprecatedAliasWarning
from greenroom.services.migrations import NOTED_EVERY, USE
from tests.contract.parallel.house import House, P, open_house, open_migrated_house
from tests.support.api import HOME, PREFIX, good, key_of
from tests.support.in_thread import StageInThread, run_words

NAMES = {"project": "hotel", "kind": "topic", "slug": "pets", "name": "KEY", "side": "live", "number": "1"}
LINK = re.compile(r'<(/api/v1/[^<>]*)>; rel="successor-version"; title="use main instead of production"')


def operations(document: Any) -> Iterator[tuple[str, str, str, Any]]:
    """Yields id, method, path and description of everything that the API does."""
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield operation["operationId"], method.upper(), path, operation


def fill(path: str, alias: str) -> str:
    """Returns a path with names in it."""
    return re.sub(r"\{(\w+)\}", lambda found: {**NAMES, "alias": alias}.get(found.group(1), "x-1"), path)


def queries(operation: Any) -> set[str]:
    return {each["name"] for each in operation.get("parameters", []) if each["in"] == "query"}


def fields(document: Any, operation: Any) -> set[str]:
    """Returns the names of the fields of an operation's JSON body."""
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
    shape = document["components"]["schemas"].get(body.get("$ref", "").rpartition("/")[2], {})
    return set(shape.get("properties", {}))


def successor(response: httpx2.Response) -> str:
    """Returns where the header leads, after looking at both."""
    since = re.fullmatch(r"@([0-9]+)", response.headers["deprecation"])
    assert since is not None
    assert abs(datetime.fromtimestamp(int(since.group(1)), UTC) - datetime.now(UTC)) < timedelta(minutes=5)
    found = LINK.fullmatch(response.headers["link"])
    assert found is not None, response.headers["link"]
    return found.group(1)


def is_silent(response: httpx2.Response) -> bool:
    return "deprecation" not in response.headers and "link" not in response.headers


async def document_of(house: House) -> Any:
    return good(await house.client.get(f"{PREFIX}/openapi.json"))


async def test_every_path_with_an_alias_says_that_it_is_old_and_where_the_new_one_is() -> None:
    async with open_migrated_house() as house:
        paths = [one for one in operations(await document_of(house)) if "{alias}" in one[2]]
        assert len(paths) > 20
        for _, method, path, _ in paths:
            sent = None if method in ("GET", "DELETE") else {}
            for alias in ("production", "main"):
                answer = await house.client.request(method, fill(path, alias), json=sent)
                if alias == "main":
                    assert is_silent(answer), path
                else:
                    assert successor(answer) == fill(path, "main"), path


async def test_every_query_with_an_alias_says_so() -> None:
    async with open_migrated_house() as house:
        asked = 0
        for _, method, path, operation in operations(await document_of(house)):
            for name in queries(operation) & QUERIES:
                place = fill(path, "main")
                if not place.startswith(P):
                    continue
                asked += 1
                for alias, new in (("production", "main"), ("draft:production@x", "draft:main@x"), ("main", None)):
                    answer = await house.client.request(method, f"{place}?limit=5&{name}={alias}")
                    if new is None:
                        assert is_silent(answer), place
                    else:
                        wanted = httpx2.QueryParams({"limit": "5", name: new})
                        assert successor(answer) == f"{place}?{wanted}"
        assert asked > 12


async def test_every_body_with_an_alias_says_so_and_leads_to_the_environment() -> None:
    async with open_migrated_house() as house:
        document = await document_of(house)
        asked = 0
        for id_, method, path, operation in operations(document):
            merges = set(MERGE_FIELDS) if id_.startswith("merges.") else set()
            for name in fields(document, operation) & {*FIELDS, *merges}:
                asked += 1
                place = fill(path, "main")
                answer = await house.client.request(method, place, json={name: "production"})
                assert successor(answer) == f"{P}/environments/main", (id_, name)
                assert is_silent(await house.client.request(method, place, json={name: "main"}))
        assert asked > 8
        shares = {"shares": [{"environment": "production", "weight": 100}]}
        successor(await house.client.put(f"{P}/split", json=shares, headers={"If-Match": "*"}))


async def test_no_field_that_names_an_environment_is_overlooked() -> None:
    async with open_house() as house:
        document = await document_of(house)
        for id_, _, _, operation in operations(document):
            asked = queries(operation)
            assert {name for name in asked if re.search("env|alias|ref|move_to", name)} <= QUERIES, id_
            sent = fields(document, operation)
            if id_ in ENTITIES or not sent:
                continue
            named = {name for name in sent if re.search("env|^alias|^ref$|_from$|^move_to", name)}
            # A new environment's own alias, and one that is added, name nothing yet.
            assert named <= {*FIELDS, "alias"}, id_


async def test_the_way_that_is_told_leads_to_the_same_thing() -> None:
    async with open_migrated_house() as house:
        for path in (
            "environments/production",
            "environments/production/releases",
            "environments/production/draft",
            "environments/production/readiness?version=1",
            "content?ref=production&limit=3",
            "content/topic/pets?ref=production",
            "compare?base=production&head=v1",
            "conversations?environment=production",
            "resolve?key=ada&environment=production",
        ):
            old = await house.client.get(f"{P}/{path}")
            new = await house.client.get(successor(old))
            assert is_silent(new)
            told = json.loads(new.text.replace("asked for main", "asked for production"))
            ref = {"ref": "production"} if told.get("ref") == "main" else {}
            assert {**told, **ref}.keys() == good(old).keys()
            assert new.status_code == old.status_code == 200


async def test_a_conversation_that_begins_by_an_old_alias_goes_on_without_another_word() -> None:
    async with open_migrated_house() as house:
        begun = await house.client.post(f"{P}/conversations", json={"environment": "production", "user_id": "ada"})
        assert successor(begun) == f"{P}/environments/main"
        assert good(begun)["environment"] == "main"
        talk = f"{PREFIX}/conversations/{good(begun)['id']}"
        assert is_silent(await house.client.post(f"{talk}/turns", json={"text": "Can I bring my dog?"}))
        assert is_silent(await house.client.post(f"{P}/conversations", json={"user_id": "ada"}))


async def test_refusals_say_so_too_and_strangers_hear_nothing() -> None:
    async with open_migrated_house() as house:
        refused = await house.client.post(f"{P}/environments/production/promote", json={"version": 9})
        assert (refused.status_code >= 400, bool(successor(refused))) == (True, True)
        unread = await house.client.post(f"{P}/environments/production/publish", content=b"{")
        assert (unread.status_code >= 400, bool(successor(unread))) == (True, True)
        async with house.stage.client("owner", "wsp_other") as stranger, house.stage.client(None) as nobody:
            for one in (stranger, nobody):
                answer = await one.get(f"{P}/environments/production")
                assert answer.status_code in (401, 404)
                assert is_silent(answer)


async def test_one_more_alias_is_no_old_one_nor_is_an_id() -> None:
    async with open_migrated_house() as house:
        main = await house.environment("main")
        sent = {"add_alias": "front"}
        good(
            await house.client.patch(f"{P}/environments/main", json=sent, headers={"If-Match": f'"{main["revision"]}"'})
        )
        for name in ("front", main["id"]):
            assert is_silent(await house.client.get(f"{P}/environments/{name}"))
            assert is_silent(await house.client.get(f"{P}/resolve?key=ada&environment={name}"))


async def test_both_doors_say_the_same_of_an_old_alias() -> None:
    async with open_migrated_house() as house, house.stage.client(hot=False) as routes:
        path = f"{P}/resolve?environment=production&key=a%20b%2Fc"
        for _ in range(3):
            seen = [await one.get(path, headers={"X-Request-Id": "same"}) for one in (house.client, routes)]
            first, second = ((one.status_code, one.content, dict(one.headers)) for one in seen)
            assert first == second
            assert successor(seen[0]) == f"{P}/resolve?environment=main&key=a+b%2Fc"


async def uses(house: House, alias: str = "production") -> list[Any]:
    listed = good(await house.client.get(f"{P}/aliases"))["items"]
    return next(each["uses"] for each in listed if each["alias"] == alias)


async def test_a_use_is_noted_once_an_hour_for_each_who_uses_it(monkeypatch: pytest.MonkeyPatch) -> None:
    async with open_migrated_house() as house:
        assert await uses(house) == []
        written = count_writes(house, monkeypatch)
        for path in ("environments/production", "resolve?key=a&environment=production", "content?ref=production") * 3:
            good(await house.client.get(f"{P}/{path}"))
        assert len(written) == 1, "one write, however often it is used"
        (first,) = await uses(house)
        assert first["name"] == "home_owner"
        async with house.stage.client("viewer") as viewer:
            await asyncio.gather(*(viewer.get(f"{P}/environments/production") for _ in range(8)))
        assert {each["name"] for each in await uses(house)} == {"home_owner", "home_viewer"}
        assert len(written) == 2
        # Another process, or this one started anew, does not write it down again within the hour.
        house.stage.desk.migrations._noted_ms.clear()
        good(await house.client.get(f"{P}/environments/production"))
        assert first in await uses(house)
        await let_an_hour_pass(house)
        good(await house.client.get(f"{P}/resolve?key=a&environment=production"))
        assert len(written) == 4
        (again,) = [each for each in await uses(house) if each["name"] == "home_owner"]
        assert again["last_at"] >= first["last_at"]
        assert await uses(house, "staging") == []


def count_writes(house: House, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Returns the list that fills with the workspaces that something was written in."""
    written: list[str] = []
    write = house.stage.store.write

    async def counted(workspace: Any, work: Any) -> Any:
        written.append(workspace)
        return await write(workspace, work)

    monkeypatch.setattr(house.stage.store, "write", counted)
    return written


async def let_an_hour_pass(house: House) -> None:
    """Makes every use an hour older."""
    house.stage.desk.migrations._noted_ms.clear()
    from dataclasses import replace

    def age(tx: Any) -> None:
        project = tx.find_project("hotel")
        for use in tx.list_records(project.id, USE, limit=10):
            tx.put_record(replace(use, changed_at=use.changed_at - NOTED_EVERY))

    store: Any = house.stage.store
    await type(store).write(store, HOME, age)


async def test_a_use_that_cannot_be_written_down_stops_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    async with open_migrated_house() as house:

        async def broken(*_: Any) -> None:
            raise OSError("the disk is full")

        monkeypatch.setattr(house.stage.store, "write", broken)
        for path in ("environments/production", "resolve?key=a&environment=production"):
            answer = await house.client.get(f"{P}/{path}")
            assert answer.status_code == 200
            successor(answer)


async def test_a_program_is_warned_once() -> None:
    async with open_migrated_house() as house:
        transport = httpx2.ASGITransport(app=house.stage.app)
        told: list[str] = []
        async with AsyncClient("http://greenroom.test", key_of(HOME, "owner"), transport=transport) as client:
            with pytest.warns(DeprecatedAliasWarning, match="use main instead of production") as warned:
                await client.environments.load("hotel", "production")
            # A second warning would be an error here.
            await client.environments.load("hotel", "production")
            assert len(warned) == 1
        async with AsyncClient(
            "http://greenroom.test", key_of(HOME, "owner"), transport=transport, tell=told.append
        ) as client:
            await client.traffic.resolve("hotel", "ada", environment="production")
            await client.environments.load("hotel", "production")
            await client.environments.load("hotel", "staging")
            await client.environments.load("hotel", "main")
        assert [text.partition(": ")[2] for text in told] == [
            "use main instead of production",
            "use main instead of staging",
        ]


def test_a_person_is_warned_once_on_standard_error() -> None:
    server = StageInThread()
    env = {
        "GREENROOM_URL": "http://greenroom.test",
        "GREENROOM_API_KEY": key_of(HOME, "owner"),
        "GREENROOM_PROJECT": "old",
    }

    def run(*words: str) -> Any:
        return run_words(server, words, {**env, "GREENROOM_CONFIG": "/nonexistent/login.json"})

    try:
        assert run("projects", "create", "Old", "--template", "legacy").exit_code == 0
        assert run("projects", "migrate", "old").exit_code == 0
        shown = run("env", "show", "production", "--json")
        assert json.loads(shown.stdout)["alias"] == "main"
        today = f"{datetime.now(UTC):%Y-%m-%d}"
        assert shown.stderr == f"warning: deprecated since {today}: use main instead of production\n"
        failed = run("promote", "v1", "--to", "production", "--json")
        assert failed.exit_code != 0
        assert json.loads(failed.stderr)["notices"] == [f"deprecated since {today}: use main instead of production"]
        assert run("env", "show", "main").stderr == ""
    finally:
        server.stop()
