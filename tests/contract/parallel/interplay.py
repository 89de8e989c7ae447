"""What two people do at once in a project of parallel environments, and what must be true of it afterwards."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

import httpx2

from greenroom.domain.canonical import parse_json
from greenroom.ports import Reading
from tests.contract.parallel.house import PETS, House, P
from tests.support.api import BREAKFAST, HOME, TOPIC, good

Act = Callable[[], Awaitable[httpx2.Response]]


async def insist(act: Act) -> httpx2.Response:
    """Sends again what waited too long for its turn, as callers do; on a busy machine a crowd is worth seconds."""
    for _ in range(20):
        answer = await act()
        if answer.status_code != 503 or answer.json()["code"] != "store_unavailable":
            return answer
    raise AssertionError("the database did not answer twenty times")


class GatedStore:
    """A store on which something else happens just before the next write begins: after all that it was decided on."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self._meanwhile: Callable[[], Awaitable[Any]] | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def do_before_next_write(self, doing: Callable[[], Awaitable[Any]]) -> None:
        self._meanwhile = doing

    async def write(self, workspace: Any, work: Callable[[Any], Any]) -> Any:
        doing, self._meanwhile = self._meanwhile, None
        if doing is not None:
            await doing()
        return await self._inner.write(workspace, work)


async def set_the_scene(house: House) -> None:
    """Main and B have both moved on since v1, each with a draft begun again; Stage comes after main."""
    await house.clone("main", "B")
    good(await house.client.post(f"{P}/environments", json={"name": "Stage", "promotes_from": "main"}))
    await house.edit("main", "topic/late-checkout", {**TOPIC, "content": "Until noon, says Main."})
    await house.publish("main", "Main has its own words")
    await house.edit("b", "topic/pets", {**PETS, "content": "B says: all pets."})
    await house.publish("b", "B has its own words too")
    await house.edit("main", "topic/breakfast", {**BREAKFAST, "content": "From six."})
    await house.edit("b", "topic/breakfast", {**BREAKFAST, "content": "From five."})


class Hands:
    """Everything that somebody may do next, made up of what stands now and sent later."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._client = house.client

    async def ready(self, name: str) -> Act:
        """Returns what is to be sent, with all that must be restated."""
        act = await getattr(self, name)()
        return lambda: insist(act)

    async def _merge(self, source: str, target: str, **more: Any) -> Act:
        place = f"{P}/merges"
        sent: dict[str, Any] = {"source": source, "target": target, "note": f"Bring {source} into {target}", **more}
        plan = good(await self._client.post(f"{place}?dry_run=true", json=sent))
        sent |= {"expected_seq": plan["expected_seq"], "confirm": {"digest": plan["digest"]}}
        return lambda: self._client.post(place, json=sent)

    async def merge(self) -> Act:
        return await self._merge("b", "main")

    async def merge_back(self) -> Act:
        return await self._merge("main", "b")

    async def merge_and_delete(self) -> Act:
        return await self._merge("b", "main", delete_source=True, acknowledged=["drafts_discarded"])

    async def merge_and_delete_quietly(self) -> Act:
        """Acknowledges no lost draft: there is none when it is decided."""
        revision = good(await self._client.get(f"{P}/environments/b/draft"))["revision"]
        good(await self._client.post(f"{P}/environments/b/draft/discard", json={"revision": revision}))
        return await self._merge("b", "main", delete_source=True)

    async def _publish(self, alias: str) -> Act:
        place, sent = f"{P}/environments/{alias}/publish", {"note": f"Breakfast is earlier in {alias}"}
        plan = good(await self._client.post(f"{place}?dry_run=true", json=sent))
        sent |= {"expected_seq": plan["expected_seq"], "confirm": {"digest": plan["digest"]}}
        return lambda: self._client.post(place, json=sent)

    async def publish_main(self) -> Act:
        return await self._publish("main")

    async def publish_b(self) -> Act:
        return await self._publish("b")

    async def edit_b(self) -> Act:
        place = f"{P}/environments/b/draft/topic/pool"
        return lambda: self._client.put(place, json={**PETS, "name": "Pool"}, headers={"If-Match": "*"})

    async def _delete(self, alias: str, more: str = "") -> Act:
        seq = (await self._house.environment(alias))["seq"]
        place = f"{P}/environments/{alias}?expected_seq={seq}&acknowledged=drafts_discarded{more}"
        return lambda: self._client.delete(place)

    async def delete_b(self) -> Act:
        return await self._delete("b")

    async def delete_stage(self) -> Act:
        return await self._delete("stage")

    async def delete_main(self) -> Act:
        version = (await self._house.environment("b"))["serves"]["version"]
        return await self._delete("main", f"&move_to=b&confirm={version}")

    async def clone_b(self) -> Act:
        sent = {"name": "Copy of B", "clone_from": "b", "include_draft": True}
        return lambda: self._client.post(f"{P}/environments", json=sent)

    async def promote(self) -> Act:
        sent = {"version": 2, "expected_seq": (await self._house.environment("stage"))["seq"]}
        return lambda: self._client.post(f"{P}/environments/stage/promote", json=sent)

    async def roll_b_back(self) -> Act:
        sent = {"expected_seq": (await self._house.environment("b"))["seq"], "reason": "B went too far"}
        return lambda: self._client.post(f"{P}/environments/b/rollback", json=sent)

    async def rename_b(self) -> Act:
        tag = f'"{(await self._house.environment("b"))["revision"]}"'
        return lambda: self._client.patch(f"{P}/environments/b", json={"name": "Beta"}, headers={"If-Match": tag})

    async def rename_project(self) -> Act:
        return lambda: self._client.patch(P, json={"name": "Grand Hotel"})


async def check_sound(house: House) -> Counter[str]:
    """Checks that the project is whole, whatever won; returns how often each action is in the audit."""
    store = house.stage.store

    def look(tx: Reading) -> Any:
        project = tx.find_project("hotel")
        assert project is not None
        environments = tx.list_environments(project.id, ever=True)
        return (
            project,
            environments,
            {e.id: tx.list_releases_after(e.id, 0) for e in environments},
            tx.list_versions(project.id, None, 1000),
            {e.id: tx.list_open_drafts(e.id) for e in environments},
            tx.list_audit(0, 10_000),
        )

    project, environments, releases, versions, drafts, audit = await store.read(HOME, look)
    alive = {e.id for e in environments if e.deleted_at is None}
    known = {v.number: v for v in versions}
    events = [parse_json(record.payload)["event"] for record in audit]
    assert sorted(known) == list(range(1, len(known) + 1))
    for version in versions:
        assert all(parent < version.number and parent in known for parent in version.parents), version
        assert version.published_in in {e.id for e in environments}
        assert version.number in {r.version for r in releases[version.published_in]}, f"{version} was never released"
    for environment in environments:
        found = releases[environment.id]
        assert [r.seq for r in found] == list(range(1, environment.seq + 1)), environment.alias
        assert environment.arms == (found[-1].to_arms if found else ()), environment.alias
        assert all(r.version in known for r in found)
        gone = environment.deleted_at is not None
        told = [e["action"] for e in events if e["environment"] == environment.id]
        assert told.count("environment.deleted") == gone, environment.alias
        assert sum(action.startswith("release.") for action in told) == len(found), environment.alias
        assert not gone or not drafts[environment.id], f"a draft is left in {environment.alias}"
        assert gone or environment.promotes_from is None or environment.promotes_from in alive
        # The events of an environment end with its deletion, but for what a merge that deletes it says of itself.
        assert not gone or told[-1] == "environment.deleted", f"{environment.alias}: {told}"
    assert project.default_environment in alive
    assert good(await house.client.get("/api/v1/audit/verify"))["sound"] is True
    actions = Counter(e["action"] for e in events)
    assert actions["version.published"] + actions["version.merged"] == len(versions)
    assert actions["release.merged"] == actions["version.merged"]
    return actions
