"""Work is merged by people who see what it gives, settle what meets, and confirm what the public will hear."""

from __future__ import annotations

import re
from typing import Any

from tests.contract.parallel.house import PETS, House, P
from tests.support.api import BREAKFAST, TOPIC, good
from tests.unit.web.parallel import BASE, fields_of, in_the_house
from tests.unit.web.visitor import Visitor

AT = f"{BASE}/merge"
B_TO_MAIN = f"{AT}?source=b&target=main"


async def two_branches(house: House) -> str:
    """Main and its clone b each publish a change of their own, and one of the same text; returns the conflict's id."""
    await house.clone("main", "B")
    await house.edit("main", "topic/pets", {**PETS, "content": "Main says: small pets."})
    await house.edit("main", "topic/late-checkout", {**TOPIC, "content": "Until noon, says Main."})
    await house.publish("main", "Main has its own words")
    await house.edit("b", "topic/pets", {**PETS, "content": "B says: all pets."})
    await house.edit("b", "topic/breakfast", {**BREAKFAST, "content": "Breakfast from six."})
    await house.publish("b", "B has its own words too")
    return str((await house.preview("b", "main"))["conflicts"][0]["id"])


async def clean_branch(house: House) -> None:
    """A clone b of main publishes a change that meets nothing."""
    await house.clone("main", "B")
    await house.edit("b", "topic/breakfast", {**BREAKFAST, "content": "Breakfast from six."})
    await house.publish("b", "Breakfast starts at six now")


async def look(visitor: Visitor, path: str = B_TO_MAIN, **typed: str) -> dict[str, str]:
    """Returns the form of a preview, with what is typed into it and looked at again."""
    page = await visitor.get(path)
    assert page.status_code == 200, page.text
    if typed:
        page = await visitor.send(AT, {**fields_of(page.text, AT), "look": "1", **typed})
        assert page.status_code == 200, page.text
    return fields_of(page.text, AT)


def wrong_at(html: str, id_: str) -> str:
    found = re.search(rf'<p class="field-wrong" id="{id_}-wrong">(.*?)</p>', html, re.DOTALL)
    return re.sub(r"<.*?>", "", found[1]) if found else ""


async def test_the_page_offers_what_is_most_often_merged() -> None:
    async with in_the_house() as (house, visitor):
        assert "Nothing to merge yet" in (await visitor.get(AT)).text
        await clean_branch(house)
        page = (await visitor.get(AT)).text
        assert '<option value="b" selected>B, v2</option>' in page
        assert '<option value="main" selected>Main, v1</option>' in page
        assert "without a question" not in page
        # From a menu, one of the two is said.
        into_b = (await visitor.get(f"{AT}?target=b")).text
        assert '<option value="main" selected>Main, v1</option>' in into_b
        assert '<option value="b" selected>B, v2</option>' in into_b


async def test_a_preview_shows_what_changes_and_both_sides_of_a_conflict() -> None:
    async with in_the_house() as (house, visitor):
        id_ = await two_branches(house)
        before = house.stage.contents()
        page = (await visitor.get(B_TO_MAIN)).text
        for word in ("<h1>Merge B into Main</h1>", "1 conflict to settle", "both come from v1", "Pets"):
            assert word in page, word
        sides = dict(re.findall(r'<span class="side-text" data-side="(\w+)">(.*?)</span></label>', page, re.DOTALL))
        plain = {side: re.sub(r"<.*?>", "", text) for side, text in sides.items()}
        assert plain["ours"] == "Main says: small pets."
        assert plain["theirs"] == "B says: all pets."
        assert plain["base"] == "Small pets are welcome."
        assert f'name="take:{id_}"' in page
        # What does not meet is in the diff already; nothing can be confirmed yet.
        assert "Breakfast from six." in re.sub(r"<.*?>", "", page)
        assert 'name="make"' not in page
        assert 'name="confirm"' not in page
        assert house.stage.contents() == before


async def test_a_conflict_is_settled_by_a_value_of_ones_own_and_the_merge_confirmed() -> None:
    async with in_the_house() as (house, visitor):
        id_ = await two_branches(house)
        own = {f"take:{id_}": "value", f"value:{id_}": "Ask us about pets."}
        typed = await look(visitor, **own)
        assert typed[f"take:{id_}"] == "value"
        assert typed[f"value:{id_}"] == "Ask us about pets."
        assert typed["seq"] == "2"
        assert typed["source_seq"] == "2"
        note = {**typed, "make": "1", "note": "Bring the words of B in"}
        unticked = await visitor.send(AT, note)
        assert unticked.status_code == 422
        assert "restating the digest" in unticked.text or "restate the digest" in unticked.text
        assert fields_of(unticked.text, AT)["note"] == "Bring the words of B in"
        assert (await house.environment("main"))["serves"]["version"] == 2
        done = await visitor.send(AT, {**note, "confirm": typed["digest"]})
        assert done.headers["location"] == f"{BASE}/environments/main/releases/3?done=1"
        after = (await visitor.get(done.headers["location"])).text
        assert "Merged v4" in after
        assert "which brings back v2" in after
        assert (await house.entity("topic/pets", "main"))["content"] == "Ask us about pets."
        assert (await house.entity("topic/breakfast", "main"))["content"] == "Breakfast from six."
        assert (await house.entity("topic/late-checkout", "main"))["content"] == "Until noon, says Main."
        assert good(await house.client.get(f"{P}/versions/4"))["parents"] == [2, 3]


async def test_part_settled_choices_are_remembered_from_look_to_look() -> None:
    async with in_the_house() as (house, visitor):
        await two_branches(house)
        await house.edit("main", "topic/breakfast", {**BREAKFAST, "content": "Breakfast from eight."})
        await house.publish("main", "Breakfast starts at eight")
        pets, breakfast = sorted(
            (await house.preview("b", "main"))["conflicts"], key=lambda c: str(c["address"]), reverse=True
        )
        assert pets["address"] == "topic/pets"
        page = await visitor.get(B_TO_MAIN)
        typed = {**fields_of(page.text, AT), f"take:{pets['id']}": "theirs", "look": "1"}
        once = await visitor.send(AT, typed)
        assert "1 conflict to settle" in once.text
        assert "1 of 2 settled" in once.text
        kept = fields_of(once.text, AT)
        assert kept[f"take:{pets['id']}"] == "theirs"
        assert f"take:{breakfast['id']}" not in kept
        rest = await visitor.send(AT, {**kept, "rest": "ours"})
        assert "All conflicts are settled" in rest.text
        both = fields_of(rest.text, AT)
        assert both[f"take:{pets['id']}"] == "theirs"
        assert both[f"take:{breakfast['id']}"] == "ours"
        confirmed = {**both, "make": "1", "note": "Both words of both sides", "confirm": both["digest"]}
        assert (await visitor.send(AT, confirmed)).status_code == 303
        assert (await house.entity("topic/pets", "main"))["content"] == "B says: all pets."
        assert (await house.entity("topic/breakfast", "main"))["content"] == "Breakfast from eight."


async def test_a_choice_changed_after_the_look_is_looked_at_again() -> None:
    async with in_the_house() as (house, visitor):
        id_ = await two_branches(house)
        typed = await look(visitor, **{f"take:{id_}": "ours"})
        changed = {**typed, f"take:{id_}": "theirs", "make": "1", "note": "Bring the words of B in"}
        refused = await visitor.send(AT, {**changed, "confirm": typed["digest"]})
        assert refused.status_code == 422
        assert "something else than what you looked at" in refused.text
        now = fields_of(refused.text, AT)
        assert now["digest"] != typed["digest"]
        assert "confirm" not in now
        assert (await house.environment("main"))["serves"]["version"] == 2


async def test_a_merge_with_something_open_is_refused_with_the_count() -> None:
    async with in_the_house() as (house, visitor):
        await two_branches(house)
        typed = await look(visitor)
        refused = await visitor.send(AT, {**typed, "make": "1", "note": "Bring the words of B in"})
        assert refused.status_code == 422
        assert "1 conflict is not settled yet" in refused.text
        assert (await house.environment("main"))["serves"]["version"] == 2


async def test_a_value_that_is_refused_keeps_what_was_typed_and_says_why_beside_it() -> None:
    async with in_the_house() as (house, visitor):
        await house.clone("main", "B")
        await house.edit("main", "topic/pets", {**PETS, "name": "Dogs", "content": "Main's words."})
        await house.publish("main", "Main calls pets dogs")
        await house.edit("b", "topic/pets", {**PETS, "name": "Cats", "content": "B's words."})
        await house.publish("b", "B calls pets cats")
        found = {c["pointer"]: c["id"] for c in (await house.preview("b", "main"))["conflicts"]}
        name, content = found["/name"], found["/content"]
        typed = {**await look(visitor), "note": "Kept all along", "look": "1"}
        own = {f"take:{name}": "value", f"value:{name}": "y" * 3_000}
        refused = await visitor.send(AT, {**typed, **own, f"take:{content}": "theirs"})
        assert refused.status_code == 422
        assert wrong_at(refused.text, f"value-{name}")
        assert not wrong_at(refused.text, f"value-{content}")
        kept = fields_of(refused.text, AT)
        assert (kept[f"take:{name}"], kept[f"value:{name}"]) == ("value", "y" * 3_000)
        assert kept[f"take:{content}"] == "theirs"
        assert kept["note"] == "Kept all along"
        assert "1 conflict to settle" in refused.text
        assert 'name="make"' not in refused.text


async def test_an_entity_of_ones_own_is_json_and_bad_json_is_said_beside_it() -> None:
    async with in_the_house() as (house, visitor):
        await house.clone("main", "B")
        await house.edit("main", "topic/late-checkout", {**TOPIC, "content": "See {{topic.pets}}."})
        await house.publish("main", "Late check-out mentions pets")
        await house.remove("b", "topic/pets")
        await house.publish("b", "No word about pets any more")
        page = (await visitor.get(B_TO_MAIN)).text
        (id_,) = re.findall(r'id="own-(\w+)"', page)
        assert "Topic/late-checkout still names it" in page
        assert re.search(rf'name="take:{id_}" value="theirs" disabled', page)
        for text, said in (
            ("{not json", "is not JSON"),
            ('"words"', "must be the fields of an entity"),
            ('{"name": 7}', "must be text"),
        ):
            typed = {**fields_of(page, AT), "look": "1", f"take:{id_}": "value", f"value:{id_}": text}
            refused = await visitor.send(AT, typed)
            assert refused.status_code == 422, text
            assert said in wrong_at(refused.text, f"value-{id_}"), (text, wrong_at(refused.text, f"value-{id_}"))
            assert fields_of(refused.text, AT)[f"value:{id_}"] == text
        # The absent side would break the reference again, whoever sends it; also by taking the rest from there.
        for sent in ({f"take:{id_}": "theirs"}, {"rest": "theirs"}):
            barred = await visitor.send(AT, {**fields_of(page, AT), "look": "1", **sent})
            assert "to settle" in barred.text
        own = '{"name": "Pets", "content": "Ask at the desk.", "sample_questions": ["Can I bring my dog?"]}'
        seen = await look(visitor, **{f"take:{id_}": "value", f"value:{id_}": own})
        done = await visitor.send(
            AT, {**seen, "make": "1", "note": "Pets are asked about at the desk", "confirm": seen["digest"]}
        )
        assert done.status_code == 303, done.text
        assert (await house.entity("topic/pets", "main"))["content"] == "Ask at the desk."


async def test_an_order_of_ones_own_is_written_one_to_a_line() -> None:
    async with in_the_house() as (house, visitor):
        actions = [
            {"id": name, "type": "sms", "target": "link", "message": f"When {name}"} for name in ("one", "two", "three")
        ]

        def ordered(*names: str) -> dict[str, Any]:
            return {**PETS, "actions": [next(a for a in actions if a["id"] == name) for name in names]}

        sms = {"name": "Link", "text": "https://hotel.example"}
        await house.edit("main", "sms/link", sms)
        await house.edit("main", "topic/pets", ordered("one", "two", "three"))
        await house.publish("main", "Three actions about pets")
        await house.clone("main", "B")
        await house.edit("main", "topic/pets", ordered("two", "one", "three"))
        await house.publish("main", "Main begins with the second")
        await house.edit("b", "topic/pets", ordered("one", "three", "two"))
        await house.publish("b", "B has the third before the second")
        conflicts = (await house.preview("b", "main"))["conflicts"]
        assert [c["kind"] for c in conflicts] == ["order"]
        id_ = conflicts[0]["id"]
        page = (await visitor.get(B_TO_MAIN)).text
        assert fields_of(page, AT)[f"value:{id_}"] == "two\none\nthree"
        typed = {**fields_of(page, AT), "look": "1", f"take:{id_}": "value"}
        refused = await visitor.send(AT, {**typed, f"value:{id_}": "two\none"})
        assert "must hold each of these once" in wrong_at(refused.text, f"value-{id_}")
        seen = await look(visitor, **{f"take:{id_}": "value", f"value:{id_}": "three\ntwo\none"})
        done = {**seen, "make": "1", "note": "The actions the other way round", "confirm": seen["digest"]}
        assert (await visitor.send(AT, done)).status_code == 303
        assert [a["id"] for a in (await house.entity("topic/pets", "main"))["actions"]] == ["three", "two", "one"]


async def test_replacing_is_a_verb_of_its_own_that_says_what_is_lost() -> None:
    async with in_the_house() as (house, visitor):
        await two_branches(house)
        page = (await visitor.get(f"{B_TO_MAIN}&strategy=replace")).text
        assert "<h1>Replace Main with B</h1>" in page
        assert "Whatever only Main has is gone from it" in page
        assert "to settle" not in page
        typed = fields_of(page, AT)
        done = {**typed, "make": "1", "note": "Main is what B is from now on", "confirm": typed["digest"]}
        assert (await visitor.send(AT, done)).status_code == 303
        assert (await house.entity("topic/late-checkout", "main"))["content"] == TOPIC["content"]


async def test_the_source_goes_with_the_merge_and_the_page_says_what_moves() -> None:
    async with in_the_house() as (house, visitor):
        await clean_branch(house)
        shares = [{"environment": "main", "weight": 90}, {"environment": "b", "weight": 10}]
        good(await house.client.put(f"{P}/split", json={"shares": shares}, headers={"If-Match": "*"}))
        await house.edit("b", "topic/pets", {**PETS, "content": "Unpublished."})
        page = (await visitor.get(f"{B_TO_MAIN}&delete_source=1")).text
        for word in ("Then B is deleted", "Split share", "10 %", "cannot be undone", "not merged", "goes with it"):
            assert word in page, word
        typed = fields_of(page, AT)
        assert typed["delete_source"] == "1"
        done = {**typed, "make": "1", "note": "Breakfast from six, for all", "confirm": typed["digest"]}
        refused = await visitor.send(AT, done)
        assert refused.status_code == 422
        assert "Tick each warning" in refused.text
        assert (await visitor.send(AT, {**done, "acknowledged": "drafts_discarded"})).status_code == 303
        assert (await visitor.get(f"{BASE}/environments/b")).status_code == 404
        assert (await house.entity("topic/breakfast", "main"))["content"] == "Breakfast from six."
        split = good(await house.client.get(f"{P}/split"))
        assert [(s["environment"], s["weight"]) for s in split["shares"]] == [("main", 100.0)]


async def test_a_version_has_no_environment_to_delete() -> None:
    async with in_the_house() as (house, visitor):
        await clean_branch(house)
        page = await visitor.get(f"{AT}?source=v2&target=main&delete_source=1")
        assert page.status_code == 422
        assert "is no environment" in wrong_at(page.text, "f-delete_source")
        # Without the tick a version is merged like an environment.
        assert "<h1>Merge v2 into Main</h1>" in (await visitor.get(f"{AT}?source=v2&target=main")).text


async def test_nothing_to_merge_is_said_with_the_choice_still_there() -> None:
    async with in_the_house() as (house, visitor):
        await house.clone("main", "B")
        page = await visitor.get(B_TO_MAIN)
        assert page.status_code == 422
        assert "there is nothing to merge" in page.text
        assert '<option value="b" selected>' in page.text
        drafts = await visitor.get(f"{AT}?source=draft:b&target=main")
        assert "is no version yet" in wrong_at(drafts.text, "f-source")


async def test_who_looked_before_a_side_moved_looks_again() -> None:
    async with in_the_house() as (house, visitor):
        await clean_branch(house)
        for alias, field in (("main", "seq"), ("b", "source_seq")):
            typed = await look(visitor)
            await house.edit(alias, "topic/late-checkout", {**TOPIC, "content": f"{alias} {field}"})
            await house.publish(alias, f"{alias} moves on meanwhile")
            done = {**typed, "make": "1", "note": "Breakfast from six, for all", "confirm": typed["digest"]}
            stale = await visitor.send(AT, done)
            assert stale.status_code == 422
            if alias == "main":
                assert fields_of(stale.text, AT)["seq"] != typed["seq"]
        assert (await house.environment("main"))["serves"]["version"] == 3


async def test_a_missing_secret_blocks_and_leads_to_where_it_is_set() -> None:
    async with in_the_house() as (house, visitor):
        await house.clone("main", "B")
        tool = {"name": "Find rooms", "url": "https://rooms.example/{{secret.ROOM_KEY}}", "method": "GET"}
        for side in ("draft", "live"):
            place = f"{P}/secrets/ROOM_KEY/overrides/b/{side}"
            good(await house.client.put(place, json={"value": "sesame"}))
        await house.edit("b", "tool/rooms", {**tool, "description": "Finds rooms"})
        await house.publish("b", "Rooms are looked up in a system")
        page = (await visitor.get(B_TO_MAIN)).text
        assert "The secret ROOM_KEY, needed by tool/rooms, has no value in main" in page
        assert f'href="{BASE}/secrets"' in page
        assert re.search(r'name="make" value="1" disabled', page)
        typed = fields_of(page, AT)
        sent = {**typed, "make": "1", "note": "Rooms are looked up in a system", "confirm": typed["digest"]}
        refused = await visitor.send(AT, sent)
        assert refused.status_code == 422
        assert "main is not ready" in refused.text
        assert (await house.environment("main"))["serves"]["version"] == 1
        good(await house.client.put(f"{P}/secrets/ROOM_KEY", json={"value": "sesame"}))
        assert (await visitor.send(AT, sent)).status_code == 303


async def test_a_vague_note_is_refused_with_a_better_one() -> None:
    async with in_the_house() as (house, visitor):
        await clean_branch(house)
        typed = await look(visitor)
        assert typed["note"]
        vague = await visitor.send(AT, {**typed, "make": "1", "note": "updates", "confirm": typed["digest"]})
        assert vague.status_code == 422
        assert wrong_at(vague.text, "f-note")
        assert "For example: <strong>" in vague.text
        assert fields_of(vague.text, AT)["note"] == "updates"
        assert re.search(r'<input type="checkbox" name="confirm"[^>]* checked', vague.text)


async def test_a_merge_nobody_outside_hears_needs_no_tick() -> None:
    async with in_the_house() as (house, visitor):
        await clean_branch(house)
        await house.edit("main", "topic/late-checkout", {**TOPIC, "content": "Until noon, says Main."})
        await house.publish("main", "Main has its own words")
        page = (await visitor.get(f"{AT}?source=main&target=b")).text
        assert "The public hears no difference" in page
        assert 'name="confirm"' not in page
        typed = fields_of(page, AT)
        done = await visitor.send(AT, {**typed, "make": "1", "note": "Main's words come to B as well"})
        assert done.headers["location"] == f"{BASE}/environments/b/releases/3?done=1"


async def test_only_what_is_edited_can_be_merged_into() -> None:
    async with in_the_house("pipeline") as (house, visitor):
        await house.clone("sandbox", "B")
        page = await visitor.get(f"{AT}?source=b&target=live")
        assert page.status_code == 422
        assert "has no drafts" in page.text
        assert (await visitor.get(f"{AT}?source=b&target=nowhere")).status_code == 404
