"""What a careless or hostile caller tries with merges, clones and deletions, and what was once possible."""

from __future__ import annotations

import json
from typing import Any

import pytest

from greenroom.domain.records import Record
from tests.contract.parallel.house import PETS, House, P, open_house
from tests.support.api import BREAKFAST, HOME, PREFIX, TOPIC, good, problem


async def settle(house: House, source: str, target: str, take: str) -> list[dict[str, Any]]:
    """Returns a resolution for every conflict that a preview lists, a broken reference being mended from any side."""
    found = (await house.preview(source, target))["conflicts"]

    def choose(conflict: Any) -> str:
        if conflict["kind"] != "broken_reference":
            return take
        return next(side for side in ("ours", "theirs", "base") if side not in conflict["absent"])

    return [{"conflict_id": c["id"], "take": choose(c)} for c in found]


@pytest.mark.parametrize("take", ["ours", "theirs"])
async def test_what_a_preview_lists_can_be_settled_in_one_go(take: str) -> None:
    async with open_house() as house:
        # In the base, late check-out names pets. One side takes pets out, both write late check-out anew.
        await house.edit("main", "topic/late-checkout", {**TOPIC, "content": "See {{topic.pets}}."})
        await house.publish("main", "Late check-out mentions pets")
        await house.clone("main", "B")
        await house.edit("main", "topic/late-checkout", {**TOPIC, "content": "Until noon."})
        await house.remove("main", "topic/pets")
        await house.publish("main", "Pets are not mentioned any more")
        await house.edit("b", "topic/late-checkout", {**TOPIC, "content": "Until one."})
        await house.publish("b", "Late check-out has words of its own")
        found = (await house.preview("b", "main"))["conflicts"]
        assert [(c["address"], c["kind"]) for c in found] == [("topic/late-checkout", "both_changed")]
        good(await house.merge("b", "main", resolutions=await settle(house, "b", "main", take)))


async def test_an_entity_that_both_sides_added_is_asked_about_once() -> None:
    async with open_house() as house:
        await house.clone("main", "B")
        for alias in ("main", "b"):
            await house.edit(alias, "topic/pool", {**PETS, "name": "Pool", "content": f"The pool of {alias}."})
            await house.publish(alias, f"The pool as {alias} has it")
        await house.edit("b", "topic/breakfast", {**BREAKFAST, "content": "By the pool: {{topic.pool}}"})
        await house.publish("b", "Breakfast is by the pool")
        found = (await house.preview("b", "main"))["conflicts"]
        assert {(c["address"], c["kind"]) for c in found} == {("topic/pool", "add_add")}
        good(await house.merge("b", "main", resolutions=await settle(house, "b", "main", "theirs")))


async def test_a_merge_that_hands_the_public_over_is_confirmed_whatever_the_target_was() -> None:
    async with open_house() as house:
        await house.clone("main", "B")
        await house.edit("main", "topic/pets", {**PETS, "content": "All."})
        await house.publish("main", "All pets are welcome")
        wanted = {"source": "main", "target": "b", "note": "B takes over from main", "delete_source": True}
        plan = good(await house.client.post(f"{P}/merges?dry_run=true", json=wanted))
        assert plan["confirmation"] == "digest"
        place = f"{P}/merges"
        problem(await house.client.post(place, json=wanted), 428, "expected_seq_required", "missing")
        wanted["expected_seq"] = plan["expected_seq"]
        problem(await house.client.post(place, json=wanted), 428, "confirmation_required", "missing")
        wanted["confirm"] = {"digest": "sha256:" + "0" * 64}
        problem(await house.client.post(place, json=wanted), 412, "stale_confirmation", "stale")
        done = good(await house.client.post(place, json={**wanted, "confirm": {"digest": plan["digest"]}}))
        assert done["deletion"]["moved_to"] == "b"
        assert good(await house.client.get(f"{PREFIX}/projects/hotel"))["default_environment"] == "b"
        _, turn = await house.talk("Can I bring my dog?")
        assert turn["reply"] == "All."


async def test_the_public_goes_to_what_a_merge_gives_its_first_version() -> None:
    async with open_house() as house:
        good(await house.client.post(f"{P}/environments", json={"name": "New home"}))
        done = good(await house.merge("main", "new-home", note="Everything moves house", delete_source=True))
        assert done["version"]["parents"] == [1]
        begun, turn = await house.talk("Can I bring my dog?")
        assert (begun["environment"], turn["reply"]) == ("new-home", PETS["content"])


async def test_a_clone_of_somebodys_draft_is_of_theirs_and_needs_permission() -> None:
    async with open_house() as house:
        await give_everybody_a_draft(house)
        async with house.stage.client("publisher") as other:
            colleague = House(house.stage, other)
            await colleague.edit("main", "topic/pets", {**PETS, "content": "Theirs."})
            mine = f"draft:main@{house_key('owner')}"
            manager = house.stage.client("release_manager")
            refused = await manager.post(f"{P}/environments", json={"name": "No", "clone_from": mine})
            problem(refused, 403, "not_allowed")
            await manager.aclose()
        await house.edit("main", "topic/pets", {**PETS, "content": "Mine."})
        await house.clone(f"draft:main@{house_key('publisher')}", "Of theirs")
        assert (await house.entity("topic/pets", "draft:of-theirs"))["content"] == "Theirs."
        nobody = {"name": "X", "clone_from": "draft:main@mem_nobody"}
        problem(await house.client.post(f"{P}/environments", json=nobody), 404, "draft_not_found", "not_found")


async def give_everybody_a_draft(house: House) -> None:
    """Lets each editor of `main` have a draft of their own, instead of one that they share."""
    tag = (await house.client.get(f"{P}/environments/main")).headers["etag"]
    good(await house.client.patch(f"{P}/environments/main", json={"draft_mode": "private"}, headers={"If-Match": tag}))


def house_key(role: str) -> str:
    """Returns the id of the API key that the stage gives a role at home."""
    return f"key_home_{role}"


async def test_a_deletion_makes_no_circle_of_promotions() -> None:
    async with open_house("pipeline") as house:
        seq = (await house.environment("sandbox"))["seq"]
        place = f"{P}/environments/sandbox?move_to=live&expected_seq={seq}&in_flight=finish"
        told = problem(await house.client.delete(place), 409, "circular_promotion", "refused")
        assert "pre-release" in told["detail"]
        # The environment that came right after it has no step before it any more.
        seq = (await house.environment("pre-release"))["seq"]
        good(await house.client.delete(f"{P}/environments/pre-release?move_to=live&expected_seq={seq}"))
        assert (await house.environment("live"))["promotes_from"] is None


async def test_the_audit_says_how_many_went_along_and_not_who() -> None:
    async with open_house() as house:
        await house.clone("main", "B")
        store, now = house.stage.store, house.stage.desk.clock.now()
        project = await store.read(HOME, lambda tx: tx.find_project("hotel"))
        assert project is not None
        b = await store.read(HOME, lambda tx: tx.find_environment(project.id, "b"))
        assert b is not None
        for n, label in enumerate(("Ada Lovelace", "+44 20 7946 0000")):
            record = Record(project.id, "tester", f"tester-{n}", now, now, {"label": label}, b.id)
            await store.write(HOME, lambda tx, r=record: tx.put_record(r))
        plan = good(await house.client.delete(f"{P}/environments/b?move_to=main&dry_run=true"))
        assert plan["moved"][0]["name"] == "Ada Lovelace, +44 20 7946 0000"  # to whoever decides
        good(await house.client.delete(f"{P}/environments/b?move_to=main&expected_seq=1"))
        (event,) = good(await house.client.get(f"{P}/history?action=environment.deleted"))["items"]
        assert event["data"]["moved"] == {"tester": 2}
        assert not any(
            "Lovelace" in r.payload.decode() for r in await store.read(HOME, lambda tx: tx.list_audit(0, 99))
        )


HOSTILE = [
    None,
    7,
    -0.0,
    1e308,
    2**60,
    "",
    "\ud800",
    "{{topic.nowhere}}",
    "x" * 600_000,
    [],
    {},
    ["a", "a"],
    [[[[[]]]]],
    {"content": {"content": 7}},
    {"schema": 99, "name": "Later"},
    {"schema": "one", "name": [], "content": 7},
    {"name": "Pets", "content": "ok", "actions": [7]},
    {"name": "Pets", "sample_questions": {"a": 1}},
]


async def test_no_value_given_for_a_conflict_is_more_than_refused() -> None:
    async with open_house() as house:
        await house.clone("main", "B")
        # A field, an entity that one side edited and the other removed, one that both added, and a broken reference.
        await house.edit("main", "topic/pets", {**PETS, "content": "Main."})
        await house.edit("main", "topic/late-checkout", {**TOPIC, "content": "Noon."})
        await house.edit("main", "topic/pool", {**PETS, "name": "Pool", "content": "Main's pool."})
        await house.edit("main", "topic/bar", {**PETS, "name": "Bar", "content": "See {{topic.breakfast}}."})
        await house.publish("main", "Main has its own words")
        await house.edit("b", "topic/pets", {**PETS, "content": "B."})
        await house.remove("b", "topic/late-checkout")
        await house.edit("b", "topic/pool", {**PETS, "name": "Pool", "content": "B's pool."})
        await house.remove("b", "topic/breakfast")
        await house.publish("b", "B has its own words too")
        found = (await house.preview("b", "main"))["conflicts"]
        assert {c["kind"] for c in found} == {"both_changed", "edit_delete", "add_add", "broken_reference"}
        before = (await house.environment("main"))["seq"]
        place, wanted = f"{P}/merges?dry_run=true", {"source": "b", "target": "main", "note": "?"}
        for value in HOSTILE:
            for hit in found:
                takes = [
                    {"conflict_id": c["id"], "take": "value", "value": value}
                    if c is hit
                    else {"conflict_id": c["id"], "take": "ours"}
                    for c in found
                ]
                answer = await post_anything(house, place, {**wanted, "resolutions": takes})
                assert answer.status_code in {200, 400, 413, 422}, (hit["kind"], value, answer.text[:400])
        assert (await house.environment("main"))["seq"] == before


async def post_anything(house: House, place: str, body: Any) -> Any:
    return await house.client.post(place, content=json.dumps(body), headers={"Content-Type": "application/json"})


async def test_nor_is_one_that_settles_a_conflict_of_a_draft() -> None:
    async with open_house() as house:
        await give_everybody_a_draft(house)
        await house.edit("main", "topic/pets", {**PETS, "sample_questions": ["May my cat come?"]})
        async with house.stage.client("publisher") as other:
            colleague = House(house.stage, other)
            await colleague.remove("main", "topic/pets")
            await colleague.publish("main", "A colleague was faster")
        place = f"{P}/environments/main/draft/rebase"
        (found,) = good(await house.client.post(place, json={}))["conflicts"]
        for value in HOSTILE:
            taken = {"conflict_id": found["id"], "take": "value", "value": value}
            answer = await post_anything(house, place, {"resolutions": [taken]})
            assert answer.status_code in {200, 400, 413, 422}, (value, answer.text[:400])
