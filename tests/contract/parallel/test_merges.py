"""Merging environments: three-way, previewed, with every conflict and broken reference a choice."""

from __future__ import annotations

from typing import Any

from tests.contract.parallel.house import PETS, House, P, open_house
from tests.support.api import BREAKFAST, PREFIX, TOPIC, good, problem


async def two_branches(house: House) -> None:
    """Main and its clone b each publish a change of their own, and one of the same text."""
    await house.clone("main", "B")
    await house.edit("main", "topic/pets", {**PETS, "content": "Main says: small pets."})
    await house.edit("main", "topic/late-checkout", {**TOPIC, "content": "Until noon, says Main."})
    await house.publish("main", "Main has its own words")
    await house.edit("b", "topic/pets", {**PETS, "content": "B says: all pets."})
    await house.edit("b", "topic/breakfast", {**BREAKFAST, "content": "Breakfast from six."})
    await house.publish("b", "B has its own words too")


async def test_a_merge_takes_what_does_not_meet_and_asks_about_what_does() -> None:
    async with open_house() as house:
        await two_branches(house)
        plan = await house.preview("b", "main")
        assert (plan["dry_run"], plan["operation"], plan["base"], plan["source_version"]) == (True, "merge", 1, 3)
        (conflict,) = plan["conflicts"]
        assert (conflict["address"], conflict["pointer"], conflict["kind"]) == (
            "topic/pets",
            "/content",
            "both_changed",
        )
        assert (conflict["ours"], conflict["theirs"]) == ("Main says: small pets.", "B says: all pets.")
        assert conflict["base"] == "Small pets are welcome."
        before = (await house.environment("main"))["seq"]
        told = problem(await house.merge("b", "main"), 409, "merge_conflicts", "conflict")
        assert [c["id"] for c in told["conflicts"]] == [conflict["id"]]
        assert (await house.environment("main"))["seq"] == before
        for take, expected in (
            ({"take": "ours"}, "Main says: small pets."),
            ({"take": "theirs"}, "B says: all pets."),
            ({"take": "base"}, "Small pets are welcome."),
            ({"take": "value", "value": "Ask us."}, "Ask us."),
        ):
            settled = await house.preview("b", "main", resolutions=[{"conflict_id": conflict["id"], **take}])
            assert settled["conflicts"] == []
            shown = [f for c in settled["comparison"]["changes"] if c["address"] == "topic/pets" for f in c["fields"]]
            assert [f["after"] for f in shown] == ([] if take == {"take": "ours"} else [expected])
        done = good(await house.merge("b", "main", resolutions=[{"conflict_id": conflict["id"], "take": "theirs"}]))
        assert (done["version"]["number"], done["version"]["parents"], done["base"]) == (4, [2, 3], 1)
        assert (done["release"]["operation"], done["release"]["environment"]) == ("merge", "main")
        assert (await house.entity("topic/pets", "main"))["content"] == "B says: all pets."
        assert (await house.entity("topic/breakfast", "main"))["content"] == "Breakfast from six."
        assert (await house.entity("topic/late-checkout", "main"))["content"] == "Until noon, says Main."
        # The source is as it was, and has nothing more to give.
        assert (await house.environment("b"))["serves"]["version"] == 3
        nothing = {"source": "b", "target": "main", "note": "Once more, with feeling"}
        problem(await house.client.post(f"{P}/merges?dry_run=true", json=nothing), 409, "nothing_to_merge", "refused")


async def test_a_public_target_needs_the_sequence_and_the_reviewed_digest() -> None:
    async with open_house() as house:
        await house.clone("main", "B")
        await house.edit("b", "topic/pets", {**PETS, "content": "All."})
        await house.publish("b", "All pets are welcome")
        wanted: dict[str, Any] = {"source": "b", "target": "main", "note": "Bring the pets in"}
        place = f"{P}/merges"
        problem(await house.client.post(place, json=wanted), 428, "expected_seq_required", "missing")
        wanted["expected_seq"] = 1
        told = problem(await house.client.post(place, json=wanted), 428, "confirmation_required", "missing")
        other = "sha256:" + "0" * 64
        stale = await house.client.post(place, json={**wanted, "confirm": {"digest": other}})
        problem(stale, 412, "stale_confirmation", "stale")
        good(await house.client.post(place, json={**wanted, "confirm": {"digest": told["digest"]}}))
        again = await house.client.post(place, json={**wanted, "confirm": {"digest": told["digest"]}})
        problem(again, 412, "stale_sequence", "stale")


async def test_a_reference_that_breaks_between_two_clean_sides_is_a_conflict() -> None:
    async with open_house() as house:
        await house.clone("main", "B")
        await house.edit("main", "topic/late-checkout", {**TOPIC, "content": "See {{topic.pets}}."})
        await house.publish("main", "Late check-out mentions pets")
        await house.remove("b", "topic/pets")
        await house.publish("b", "No word about pets any more")
        plan = await house.preview("b", "main")
        (conflict,) = plan["conflicts"]
        assert (conflict["kind"], conflict["address"], conflict["absent"]) == (
            "broken_reference",
            "topic/pets",
            ["theirs"],
        )
        assert "topic/late-checkout" in conflict["label"]
        problem(await house.merge("b", "main"), 409, "merge_conflicts", "conflict")
        place = f"{P}/merges?dry_run=true"
        for take in ({"take": "theirs"}, {"take": "value", "value": 7}):
            wanted = {"source": "b", "target": "main", "note": "?"}
            sent = {**wanted, "resolutions": [{"conflict_id": conflict["id"], **take}]}
            problem(await house.client.post(place, json=sent), 422, "invalid_resolution", "invalid")
        for take, text in (
            ({"take": "ours"}, PETS["content"]),
            ({"take": "value", "value": {**PETS, "content": "Ask at the desk."}}, "Ask at the desk."),
        ):
            settled = await house.preview("b", "main", resolutions=[{"conflict_id": conflict["id"], **take}])
            assert settled["conflicts"] == []
            assert text
        done = await house.merge(
            "b",
            "main",
            resolutions=[
                {"conflict_id": conflict["id"], "take": "value", "value": {**PETS, "content": "Ask at the desk."}}
            ],
        )
        assert good(done)["version"]["parents"] == [2, 3]
        assert (await house.entity("topic/pets", "main"))["content"] == "Ask at the desk."


async def test_replace_takes_the_source_whole_and_is_asked_for_by_name() -> None:
    async with open_house() as house:
        await two_branches(house)
        plan = await house.preview("b", "main", strategy="replace")
        source = await house.environment("b")
        assert plan["digest"] == source["serves"]["digest"]
        done = good(await house.merge("b", "main", strategy="replace"))
        assert done["version"]["parents"] == [2, 3]
        assert (await house.entity("topic/late-checkout", "main"))["content"] == TOPIC["content"]
        settled = {"source": "b", "target": "main", "note": "?", "strategy": "replace"}
        sent = {**settled, "resolutions": [{"conflict_id": "x", "take": "ours"}]}
        problem(await house.client.post(f"{P}/merges?dry_run=true", json=sent), 422, "unknown_conflict", "invalid")


async def test_the_source_is_deleted_in_the_same_operation() -> None:
    async with open_house() as house:
        await house.clone("main", "B")
        await house.edit("b", "topic/pets", {**PETS, "content": "All."})
        await house.publish("b", "All pets are welcome")
        await house.edit("b", "topic/breakfast", {**BREAKFAST, "content": "Unpublished."})
        begun, _ = await house.talk("Can I bring my dog?", environment="b")
        plan = await house.preview("b", "main", delete_source=True, in_flight="switch")
        assert plan["deletion"]["environment"] == "b"
        assert {w["code"] for w in plan["warnings"]} >= {"drafts_discarded", "unpublished_changes"}
        more: dict[str, Any] = {"delete_source": True, "in_flight": "switch"}
        problem(await house.merge("b", "main", **more), 409, "warnings_unacknowledged", "refused")
        done = good(await house.merge("b", "main", **more, acknowledged=["drafts_discarded"]))
        assert done["deletion"]["environment"] == "b"
        problem(await house.client.get(f"{P}/environments/b"), 404, "environment_deleted", "not_found")
        asked = f"{PREFIX}/conversations/{begun['id']}/turns"
        problem(await house.client.post(asked, json={"text": "hello"}), 409, "conversation_ended", "refused")
        assert good(await house.client.get(f"{P}/versions/2"))["published_in"] == "b"
        history = good(await house.client.get(f"{P}/history?limit=20"))["items"]
        assert {"environment.deleted", "version.merged", "release.merged"} <= {e["action"] for e in history}
        assert good(await house.client.get(f"{PREFIX}/audit/verify"))["sound"] is True


async def test_what_a_rollback_took_back_comes_in_again_only_when_acknowledged() -> None:
    async with open_house() as house:
        await house.edit("main", "topic/pets", {**PETS, "content": "A bad idea."})
        await house.publish("main", "Something that went wrong")
        await house.clone("main", "B")
        good(
            await house.client.post(
                f"{P}/environments/main/rollback", json={"expected_seq": 2, "reason": "it was a bad idea"}
            )
        )
        await house.edit("b", "topic/breakfast", {**BREAKFAST, "content": "From six."})
        await house.publish("b", "Breakfast starts earlier")
        plan = await house.preview("b", "main")
        (warning,) = [w for w in plan["warnings"] if w["must_acknowledge"]]
        assert warning["code"] == "brings_back_rolled_back"
        assert "v2" in warning["message"]
        problem(await house.merge("b", "main"), 409, "warnings_unacknowledged", "refused")
        good(await house.merge("b", "main", acknowledged=["brings_back_rolled_back"]))


async def test_a_merge_again_and_again_asks_only_about_what_is_new() -> None:
    async with open_house() as house:
        await two_branches(house)
        conflict = (await house.preview("b", "main"))["conflicts"][0]["id"]
        good(await house.merge("b", "main", resolutions=[{"conflict_id": conflict, "take": "ours"}]))
        await house.edit("b", "topic/breakfast", {**BREAKFAST, "content": "From five."})
        await house.publish("b", "Breakfast starts at five")
        plan = await house.preview("b", "main")
        assert (plan["conflicts"], plan["base"]) == ([], 3)
        good(await house.merge("b", "main"))
        assert (await house.entity("topic/pets", "main"))["content"] == "Main says: small pets."
        # And the other way round, without a conflict.
        plan = await house.preview("main", "b")
        assert plan["conflicts"] == []
        done = good(await house.merge("main", "b"))
        assert done["version"]["digest"] == (await house.environment("main"))["serves"]["digest"]


async def test_only_versions_are_merged_and_only_into_what_can_be_edited() -> None:
    async with open_house("pipeline") as house:
        sent = {"source": "sandbox", "target": "live", "note": "?"}
        problem(await house.client.post(f"{P}/merges?dry_run=true", json=sent), 409, "not_editable", "refused")
        await house.edit("sandbox", "topic/pets", {**PETS, "content": "All."})
        sent = {"source": "draft:sandbox", "target": "sandbox", "note": "?"}
        problem(await house.client.post(f"{P}/merges?dry_run=true", json=sent), 409, "not_a_version", "refused")
        await house.clone("sandbox", "B")
        sent = {"source": "v1", "target": "b", "note": "?", "delete_source": True}
        refused = await house.client.post(f"{P}/merges?dry_run=true", json=sent)
        assert refused.status_code in (409, 422)


async def test_a_merge_is_made_once_for_each_idempotency_key() -> None:
    async with open_house() as house:
        await house.clone("main", "B")
        await house.edit("b", "topic/pets", {**PETS, "content": "All."})
        await house.publish("b", "All pets are welcome")
        plan = await house.preview("b", "main")
        sent = {
            "source": "b",
            "target": "main",
            "note": "Bring the pets in",
            "expected_seq": plan["expected_seq"],
            "confirm": {"digest": plan["digest"]},
        }
        key = {"Idempotency-Key": "merge-1"}
        first = good(await house.client.post(f"{P}/merges", json=sent, headers=key))
        again = await house.client.post(f"{P}/merges", json=sent, headers=key)
        assert good(again) == first
        assert again.headers["idempotency-replayed"] == "true"
        assert (await house.environment("main"))["seq"] == 2


async def test_the_share_of_a_deleted_source_goes_to_the_target_and_only_its_keys_move() -> None:
    async with open_house() as house:
        for name in ("B", "C"):
            await house.clone("main", name)
            await house.edit(name.lower(), "topic/pets", {**PETS, "content": f"{name} says: all."})
            await house.publish(name.lower(), f"All pets are welcome in {name}")
        shares = [{"environment": e, "weight": w} for e, w in (("main", 70), ("b", 20), ("c", 10))]
        split = f"{P}/split"
        good(await house.client.put(split, json={"shares": shares, "note": "Three ways"}, headers={"If-Match": "*"}))
        keys = [f"guest-{n}" for n in range(300)]

        async def where() -> dict[str, str]:
            return {k: good(await house.client.get(f"{P}/resolve?key={k}"))["environment"] for k in keys}

        before = await where()
        assert {*before.values()} == {"main", "b", "c"}
        refused = await house.client.delete(f"{P}/environments/b?expected_seq=2")
        told = problem(refused, 409, "environment_in_use", "refused")
        assert [(d["what"], d["name"]) for d in told["dependants"]] == [("split share", "20 %")]
        assert (await house.environment("b"))["public"] is True
        merge = {"delete_source": True, "expected_source_seq": 2}
        done = good(await house.merge("b", "main", **merge))
        assert [(d["what"], d["name"]) for d in done["deletion"]["moved"]] == [("split share", "20 %")]
        after = await where()
        assert {k: "main" if e == "b" else e for k, e in before.items()} == after
        now = good(await house.client.get(split))
        assert {s["environment"]: float(s["weight"]) for s in now["shares"]} == {"main": 90.0, "c": 10.0}
