"""Environments come, change and go: clones by reference, aliases for ever, deletions that list who depends."""

from __future__ import annotations

from tests.contract.parallel.house import PETS, P, open_house
from tests.support.api import PREFIX, TOPIC, good, problem


async def test_a_clone_serves_the_same_version_at_once_and_has_its_own_draft_history_and_aliases() -> None:
    async with open_house() as house:
        made = await house.clone("main", "Summer Test")
        found = made["environment"]
        assert (found["alias"], found["name"], found["serves"]["version"]) == ("summer-test", "Summer Test", 1)
        assert (found["editable"], found["public"], found["internal"], found["seq"]) == (True, False, False, 1)
        releases = good(await house.client.get(f"{P}/environments/summer-test/releases"))["items"]
        assert [r["operation"] for r in releases] == ["clone"]
        main = await house.environment("main")
        assert found["salt"] != main["salt"]
        await house.edit("summer-test", "topic/pets", {**PETS, "content": "All pets are welcome."})
        assert await house.publish("summer-test", "All pets are welcome now") == 2
        assert (await house.environment("main"))["serves"]["version"] == 1
        _, turn = await house.talk("Can I bring my dog?", environment="summer-test")
        assert (turn["reply"], turn["version"]) == ("All pets are welcome.", 2)
        _, turn = await house.talk("Can I bring my dog?")
        assert (turn["reply"], turn["version"]) == ("Small pets are welcome.", 1)
        # No body was copied: both serve the same digest until one publishes.
        assert found["serves"]["digest"] == main["serves"]["digest"]


async def test_a_clone_takes_the_draft_along_only_when_asked() -> None:
    async with open_house() as house:
        await house.edit("main", "topic/pets", {**PETS, "content": "No pets."})
        bare = await house.clone("main", "Bare")
        assert bare["copied_changes"] == 0
        full = await house.clone("main", "Full", include_draft=True)
        assert full["copied_changes"] == 1
        assert (await house.entity("topic/pets", "draft:bare"))["content"] == "Small pets are welcome."
        assert (await house.entity("topic/pets", "draft:full"))["content"] == "No pets."
        # The copy is its own: editing it leaves the original alone, and it publishes without a rebase.
        await house.edit("full", "topic/pets", {**PETS, "content": "Cats only."})
        assert (await house.entity("topic/pets", "draft:main"))["content"] == "No pets."
        assert await house.publish("full", "Cats only from now on") == 2
        of_draft = await house.clone("draft:main", "Of the draft")
        assert of_draft["copied_changes"] == 1


async def test_any_version_can_be_cloned_and_what_is_no_version_cannot() -> None:
    async with open_house() as house:
        await house.edit("main", "topic/pets", {**PETS, "content": "No pets."})
        await house.publish("main", "No pets any more here")
        old = await house.clone("v1", "Old")
        assert old["environment"]["serves"]["version"] == 1
        beneath = await house.clone("main~1", "Beneath")
        assert beneath["environment"]["serves"]["version"] == 1
        begun, _ = await house.talk("Can I bring my dog?", ref="draft:main")
        sent = {"name": "X", "clone_from": f"conversation:{begun['id']}"}
        problem(await house.client.post(f"{P}/environments", json=sent), 409, "not_a_version", "refused")
        sent = {"name": "X", "clone_from": "nowhere"}
        problem(await house.client.post(f"{P}/environments", json=sent), 404, "environment_not_found", "not_found")
        sent = {"name": "X", "clone_from": "v1", "include_draft": True}
        problem(await house.client.post(f"{P}/environments", json=sent), 422, "no_draft_to_include", "invalid")
        empty = good(await house.client.post(f"{P}/environments", json={"name": "Empty"}))
        assert empty["environment"]["serves"] is None
        copy = await house.clone("empty", "Copy of nothing")
        assert copy["environment"]["serves"] is None


async def test_secret_overrides_go_with_a_clone_and_stay_apart() -> None:
    async with open_house() as house:
        secret = f"{P}/secrets/BOOKING_KEY"
        good(await house.client.put(secret, json={"value": "everywhere"}))
        for side in ("live", "draft"):
            good(await house.client.put(f"{secret}/overrides/main/{side}", json={"value": f"main {side}"}))
        made = await house.clone("main", "B")
        assert made["copied_secrets"] == 2
        listed = good(await house.client.get(f"{P}/secrets"))["items"][0]["overrides"]
        assert {(o["environment"], o["side"]) for o in listed} == {
            (e, s) for e in ("main", "b") for s in ("live", "draft")
        }
        good(await house.client.put(f"{secret}/overrides/main/live", json={"value": "changed in main"}))
        from greenroom.domain.asks import Place

        found = await house.environment("b")
        stage = house.stage
        project = await stage.store.read("wsp_home", lambda tx: tx.find_project("hotel"))  # type: ignore[arg-type]
        place = Place("wsp_home", project.id, found["id"], "b", "live", "", "", "api", "public", "")  # type: ignore[arg-type,union-attr]
        assert await stage.desk.secrets.find_values(place, ["BOOKING_KEY"]) == {"BOOKING_KEY": "main live"}


async def test_ten_is_the_most_and_advice_comes_before() -> None:
    async with open_house() as house:
        advice = [(await house.clone("main", f"Clone {n}"))["advice"] for n in range(2, 11)]
        assert [bool(text) for text in advice] == [False] * 6 + [True] * 3
        refused = await house.client.post(f"{P}/environments", json={"name": "One more", "clone_from": "main"})
        told = problem(refused, 409, "too_many_environments", "refused")
        assert "clone-10" in told["detail"]


async def test_names_and_aliases_are_unique_and_an_alias_never_means_another_place() -> None:
    async with open_house() as house:
        await house.clone("main", "Beta")
        taken = await house.client.post(f"{P}/environments", json={"name": " bETA ", "clone_from": "main"})
        problem(taken, 409, "name_taken", "conflict")
        for alias in ("v12", "draft", "UPPER", "", "a" * 41):
            bad = await house.client.post(f"{P}/environments", json={"name": f"N{alias}", "alias": alias})
            problem(bad, 422, "invalid_alias", "invalid")
        seen = await house.environment("beta")
        away = f"{P}/environments/beta"
        good(await house.client.delete(f"{away}?expected_seq={seen['seq']}"))
        problem(await house.client.get(away), 404, "environment_deleted", "not_found")
        again = await house.client.post(f"{P}/environments", json={"name": "Beta", "alias": "beta"})
        told = problem(again, 409, "alias_taken", "conflict")
        assert told["free"] == "beta-2"
        made = good(await house.client.post(f"{P}/environments", json={"name": "Beta"}))
        assert made["environment"]["alias"] == "beta-2"
        # What happened there is still told.
        assert good(await house.client.get(f"{away}/releases"))["items"][0]["operation"] == "clone"


async def test_settings_change_with_if_match_and_aliases_are_added_never_taken() -> None:
    async with open_house() as house:
        made = (await house.clone("main", "B"))["environment"]
        place = f"{P}/environments/b"
        problem(await house.client.patch(place, json={"name": "C"}), 428, "precondition_required", "missing")
        tag = {"If-Match": f'"{made["revision"]}"'}
        changed = await house.client.patch(place, json={"name": "C", "add_alias": "c"}, headers=tag)
        out = good(changed)
        assert (out["name"], out["alias"]) == ("C", "b")
        assert changed.headers["etag"] == f'"{out["revision"]}"' != tag["If-Match"]
        assert good(await house.client.get(f"{P}/environments/c"))["alias"] == "b"
        stale = await house.client.patch(place, json={"name": "D"}, headers=tag)
        problem(stale, 412, "stale_revision", "stale")
        tag = {"If-Match": f'"{out["revision"]}"'}
        theirs = await house.client.patch(place, json={"add_alias": "main"}, headers=tag)
        problem(theirs, 409, "alias_taken", "conflict")
        main = await house.environment("main")
        hidden = await house.client.patch(
            f"{P}/environments/main", json={"internal": True}, headers={"If-Match": f'"{main["revision"]}"'}
        )
        problem(hidden, 409, "is_public", "refused")
        aliases = good(await house.client.get(f"{P}/aliases"))["items"]
        assert [(a["alias"], a["environment"], a["primary"]) for a in aliases] == [
            ("b", "b", True),
            ("c", "b", False),
            ("main", "main", True),
        ]


async def test_a_circle_of_promotions_is_refused() -> None:
    async with open_house("pipeline") as house:
        sandbox = await house.environment("sandbox")
        tag = {"If-Match": f'"{sandbox["revision"]}"'}
        circle = await house.client.patch(f"{P}/environments/sandbox", json={"promotes_from": "live"}, headers=tag)
        problem(circle, 422, "circular_promotion", "invalid")


async def test_a_deletion_lists_what_depends_and_moves_it_where_it_is_told() -> None:
    async with open_house("pipeline") as house:
        begun, _ = await house.talk("Can I bring my dog?", environment="sandbox")
        place = f"{P}/environments/pre-release"
        seen = await house.environment("pre-release")
        refused = await house.client.delete(f"{place}?expected_seq={seen['seq']}")
        told = problem(refused, 409, "environment_in_use", "refused")
        assert [(d["what"], d["name"]) for d in told["dependants"]] == [("promotion to", "live")]
        problem(await house.client.delete(place), 428, "expected_seq_required", "missing")
        problem(await house.client.delete(f"{place}?expected_seq=9"), 412, "stale_sequence", "stale")
        plan = good(await house.client.delete(f"{place}?move_to=sandbox&dry_run=true"))
        assert (plan["dry_run"], plan["in_the_way"], plan["moved"][0]["name"]) == (True, [], "live")
        done = good(await house.client.delete(f"{place}?move_to=sandbox&expected_seq={seen['seq']}"))
        assert done["moved_to"] == "sandbox"
        assert (await house.environment("live"))["promotes_from"] == "sandbox"
        # Running conversations must be settled first.
        box = await house.environment("sandbox")
        refused = await house.client.delete(f"{P}/environments/sandbox?expected_seq={box['seq']}")
        told = problem(refused, 409, "environment_in_use", "refused")
        assert {d["what"] for d in told["dependants"]} == {"promotion to", "running conversations"}
        assert begun["id"]


async def test_conversations_of_a_deleted_environment_finish_end_or_drain() -> None:
    async with open_house() as house:
        for policy, after in (("finish", 200), ("switch", 409), ("drain", 200)):
            alias = (await house.clone("main", f"For {policy}"))["environment"]["alias"]
            begun, _ = await house.talk("Can I bring my dog?", environment=alias)
            until = "&drain_until=2099-01-01T00:00:00Z" if policy == "drain" else ""
            if policy == "drain":
                far = await house.client.delete(f"{P}/environments/{alias}?expected_seq=1&in_flight=drain{until}")
                problem(far, 422, "invalid_in_flight", "invalid")
                soon = house.stage.desk.clock.now().replace(microsecond=0).isoformat()[:10]
                until = f"&drain_until={soon[:4]}-{soon[5:7]}-{soon[8:10]}T23:59:59.999999Z"
            done = await house.client.delete(f"{P}/environments/{alias}?expected_seq=1&in_flight={policy}{until}")
            assert done.status_code == 200, done.text
            asked = f"{PREFIX}/conversations/{begun['id']}/turns"
            turn = await house.client.post(asked, json={"text": "When is breakfast?"})
            assert turn.status_code == after, (policy, turn.text)
            kept = good(await house.client.get(f"{PREFIX}/conversations/{begun['id']}"))
            assert kept["environment"] == alias


async def test_nobody_is_editing_any_more_where_an_environment_is_gone() -> None:
    async with open_house() as house:
        for alias in ("main", (await house.clone("main", "B"))["environment"]["alias"]):
            good(await house.client.post(f"{P}/environments/{alias}/draft/presence", json={"entity": "topic/pets"}))
        good(await house.client.delete(f"{P}/environments/b?expected_seq=1"))
        left = [r for r in house.stage.contents()["wsp_home"]["records"].values() if r.noun == "presence"]
        assert [record.owner for record in left] == [(await house.environment("main"))["id"]]


async def test_a_draft_in_the_way_is_acknowledged_and_the_default_entry_is_confirmed() -> None:
    async with open_house() as house:
        await house.clone("main", "Next")
        await house.edit("main", "topic/late-checkout", {**TOPIC, "content": "Never."})
        main = await house.environment("main")
        place = f"{P}/environments/main?expected_seq={main['seq']}&move_to=next"
        refused = await house.client.delete(place)
        told = problem(refused, 409, "warnings_unacknowledged", "refused")
        assert told["errors"][0]["code"] == "drafts_discarded"
        place += "&acknowledged=drafts_discarded"
        problem(await house.client.delete(place), 428, "confirmation_required", "missing")
        problem(await house.client.delete(f"{place}&confirm=7"), 412, "stale_confirmation", "stale")
        good(await house.client.delete(f"{place}&confirm=1"))
        assert good(await house.client.get(PREFIX + "/projects/hotel"))["default_environment"] == "next"
        begun, turn = await house.talk("Can I bring my dog?")
        assert (begun["environment"], turn["version"]) == ("next", 1)
        assert good(await house.client.get(f"{P}/resolve?key=ada"))["environment"] == "next"


async def test_an_internal_environment_takes_over_no_public_traffic() -> None:
    async with open_house() as house:
        good(await house.client.post(f"{P}/environments", json={"name": "Lab", "clone_from": "main", "internal": True}))
        main = await house.environment("main")
        refused = await house.client.delete(f"{P}/environments/main?expected_seq={main['seq']}&move_to=lab&confirm=1")
        problem(refused, 409, "target_is_internal", "refused")


async def test_a_legacy_project_becomes_parallel_and_its_old_aliases_go_on_answering() -> None:
    async with open_house("legacy") as house:
        for alias in ("staging", "production"):
            seen = await house.environment(alias)
            sent = {"version": 1, "expected_seq": seen["seq"], "confirm": {"version": 1}}
            good(await house.client.post(f"{P}/environments/{alias}/promote", json=sent))
        begun, _ = await house.talk("Can I bring my dog?")
        seq = (await house.environment("production"))["seq"]
        plan = good(await house.client.post(f"{P}/migrate?dry_run=true", json={}))
        assert plan["deprecated"] == {"development": "main", "production": "main", "staging": "main"}
        problem(await house.client.post(f"{P}/migrate", json={}), 428, "expected_seq_required", "missing")
        done = good(await house.client.post(f"{P}/migrate", json={"expected_seq": seq}))
        assert (done["template"], done["main"]) == ("parallel", "main")
        for alias, serves in (("development", 1), ("staging", 1), ("production", 1), ("main", 1)):
            assert (await house.environment(alias))["serves"]["version"] == serves
        assert (await house.environment("production"))["alias"] == "main"
        main = await house.environment("main")
        assert (main["name"], main["editable"], main["default_entry"], main["seq"]) == ("Main", True, True, seq)
        # The conversation goes on, traffic by the old alias is answered, and Main is edited and published.
        asked = f"{PREFIX}/conversations/{begun['id']}/turns"
        assert good(await house.client.post(asked, json={"text": "When is breakfast?"}))["version"] == 1
        await house.edit("main", "topic/pets", {**PETS, "content": "All pets."})
        assert await house.publish("main", "All pets are welcome") == 2
        _, turn = await house.talk("Can I bring my dog?", environment="production")
        assert (turn["version"], turn["reply"]) == (2, "All pets.")
        problem(await house.client.post(f"{P}/migrate", json={"expected_seq": 9}), 409, "not_legacy", "refused")


async def test_a_race_for_the_last_place_leaves_ten() -> None:
    import asyncio

    async with open_house() as house:
        for n in range(2, 10):
            await house.clone("main", f"Clone {n}")
        tries = [house.client.post(f"{P}/environments", json={"name": f"Racer {n}"}) for n in range(4)]
        statuses = sorted(r.status_code for r in await asyncio.gather(*tries))
        assert statuses == [201, 409, 409, 409]
