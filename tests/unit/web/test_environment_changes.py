"""Environments are made, cloned, changed and deleted by people who see first what that does."""

from __future__ import annotations

import re

from tests.contract.parallel.house import PETS, P
from tests.support.api import good, in_days
from tests.unit.web.parallel import BASE, fields_of, in_the_house

NEW = f"{BASE}/new-environment"
ALL = f"{BASE}/environments"
HX = {"hx-request": "true"}


async def test_a_clone_begins_where_the_menu_was_and_serves_the_same_at_once() -> None:
    async with in_the_house() as (house, visitor):
        lanes = await visitor.get(ALL)
        assert f'href="{NEW}?from=main"' in lanes.text
        assert f'href="{NEW}?from=v1"' in lanes.text
        page = await visitor.get(f"{NEW}?from=main")
        typed = fields_of(page.text, NEW)
        assert (typed["origin"], typed["editable"], typed["draft_mode"]) == ("main", "1", "shared")
        assert "internal" not in typed
        done = await visitor.send(NEW, {**typed, "name": "Summer menu"})
        assert done.headers["location"] == f"{ALL}/summer-menu"
        assert "Summer menu is made. It serves v1." in (await visitor.get(f"{ALL}/summer-menu")).text
        made = await house.environment("summer-menu")
        assert (made["serves"]["version"], made["internal"], made["public"]) == (1, False, False)


async def test_a_clone_takes_the_draft_along_where_that_was_chosen() -> None:
    async with in_the_house() as (house, visitor):
        await house.edit("main", "topic/pets", {**PETS, "content": "All pets."})
        page = await visitor.get(f"{NEW}?from=draft:main")
        assert "Main, v1, with 1 change not published" in page.text
        typed = {**fields_of(page.text, NEW), "name": "B", "alias": "bee", "internal": "1"}
        assert (await visitor.send(NEW, typed)).headers["location"] == f"{ALL}/bee"
        assert "1 draft change came along" in (await visitor.get(f"{ALL}/bee")).text
        made = await house.environment("bee")
        assert (made["draft_changes"], made["internal"]) == (1, True)


async def test_an_environment_may_begin_empty_and_come_after_another_one() -> None:
    async with in_the_house() as (house, visitor):
        typed = {"name": "Check", "origin": "", "promotes_from": "main", "draft_mode": "private"}
        assert (await visitor.send(NEW, typed)).status_code == 303
        made = await house.environment("check")
        assert (made["serves"], made["editable"], made["promotes_from"]) == (None, False, "main")
        assert "Nothing yet" in (await visitor.get(f"{ALL}/check")).text


async def test_a_refused_environment_keeps_what_was_typed_beside_what_is_wrong() -> None:
    async with in_the_house() as (house, visitor):
        before = house.stage.contents()
        for typed, field, said in (
            ({"name": "main"}, "f-name", "is called &#39;Main&#39; already"),
            ({"name": "B", "alias": "V 7"}, "f-alias", "cannot be an alias"),
            ({"name": "B", "alias": "main"}, "f-alias", "is free"),
            ({"name": "B", "origin": "what?"}, "f-origin", "not a ref"),
        ):
            refused = await visitor.send(NEW, {"origin": "main", "draft_mode": "private", **typed})
            assert refused.status_code == 422, typed
            wrong = re.search(rf'<p class="field-wrong" id="{field}-wrong">(.*?)</p>', refused.text, re.DOTALL)
            assert wrong, (typed, field)
            assert said in wrong[1]
            kept = fields_of(refused.text, NEW)
            assert kept["name"] == typed["name"]
            assert kept["alias"] == typed.get("alias", "")
            assert kept["draft_mode"] == "private"
        gone = await visitor.send(NEW, {"name": "B", "origin": "nowhere"})
        assert gone.status_code == 422
        assert "has no environment &#39;nowhere&#39;" in gone.text
        assert house.stage.contents() == before


async def test_near_the_limit_there_is_advice_and_at_it_no_form() -> None:
    async with in_the_house() as (house, visitor):
        for number in range(2, 8):
            await house.clone("main", f"Branch {number}")
        assert "merge and delete those" not in (await visitor.get(ALL)).text
        await house.clone("main", "Branch 8")
        for path in (ALL, NEW):
            assert "8 of at most 10 environments: merge and delete those" in (await visitor.get(path)).text
        for number in (9, 10):
            await house.clone("main", f"Branch {number}")
        full = await visitor.get(NEW)
        assert "has 10 environments, and 10 is the most" in full.text
        assert f'href="{ALL}/branch-3/delete"' in full.text
        assert f'href="{ALL}/main/delete"' not in full.text
        assert f'action="{NEW}"' not in full.text
        refused = await visitor.send(NEW, {"name": "One more"})
        assert refused.status_code == 422


async def test_a_renamed_environment_is_reached_by_all_its_aliases() -> None:
    async with in_the_house() as (house, visitor):
        await house.clone("main", "B")
        at = f"{ALL}/b/change"
        page = await visitor.get(at)
        assert "It answers as well as b." in page.text
        typed = {**fields_of(page.text, at), "name": "Winter", "alias": "winter"}
        done = await visitor.send(at, typed)
        assert done.headers["location"] == f"{ALL}/b"
        for alias in ("b", "winter"):
            shown = await visitor.get(f"{ALL}/{alias}")
            assert "<h1>Winter</h1>" in shown.text
        assert "It answers as well as b, winter." in (await visitor.get(at)).text
        listed = await visitor.get(f"{BASE}/aliases")
        assert 'data-copy-text="winter"' in listed.text
        assert "further alias" in listed.text
        stale = await visitor.send(at, {**typed, "name": "Spring", "alias": ""})
        assert stale.status_code == 422
        assert "It is now:</strong> Winter, not internal" in stale.text
        assert fields_of(stale.text, at)["name"] == "Spring"
        assert (await house.environment("b"))["name"] == "Winter"


async def test_changes_that_would_hurt_are_refused_beside_their_field() -> None:
    async with in_the_house() as (house, visitor):
        await house.clone("main", "B", promotes_from="main")
        at = f"{ALL}/main/change"
        now = fields_of((await visitor.get(at)).text, at)
        internal = await visitor.send(at, {**now, "internal": "1"})
        assert internal.status_code == 422
        assert "main is public" in re.findall(r'id="f-internal-wrong">(.*?)</p>', internal.text, re.DOTALL)[0]
        circle = await visitor.send(at, {**now, "promotes_from": "b"})
        assert "would be a circle" in re.findall(r'id="f-promotes_from-wrong">(.*?)</p>', circle.text, re.DOTALL)[0]
        await house.edit("main", "topic/pets", {**PETS, "content": "All pets."})
        drafts = await visitor.send(at, {**now, "draft_mode": "private"})
        assert "Drafts with changes: all editors." in drafts.text
        kept = await house.environment("main")
        assert (kept["internal"], kept["promotes_from"], kept["draft_mode"]) == (False, None, "shared")


async def test_the_table_says_how_traffic_comes_in() -> None:
    async with in_the_house() as (house, visitor):
        await house.clone("main", "B")
        shares = [{"environment": "main", "weight": 90}, {"environment": "b", "weight": 10}]
        put = await house.client.put(f"{P}/split", json={"shares": shares}, headers={"If-Match": "*"})
        good(put)
        number = {"number": "+442079460001", "environment": "b", "label": "Reception"}
        good(await house.client.post(f"{P}/numbers", json=number))
        good(await house.client.post(f"{P}/numbers", json={"number": "+442079460002", "default_entry": True}))
        await house.clone("main", "Lab", internal=True)
        table = await visitor.get(f"{ALL}?show=table")
        rows = re.findall(r"<tr>\s*<td class=\"env-cell\">.*?</tr>", table.text, re.DOTALL)
        assert len(rows) == 3
        main, b, lab = rows
        assert "default entry" in main
        assert "90 % of traffic" in main
        assert "10 % of traffic" in b
        assert "1 number" in main
        assert "1 number" in b
        assert "public" in b
        assert "internal" in lab
        assert "of traffic" not in lab
        assert 'data-copy-text="b"' in b
        for what in ("/b/change", "/b/delete", f"{BASE}/merge?source=b", f"{NEW}?from=b"):
            assert what in b


async def test_two_public_environments_are_told_apart() -> None:
    async with in_the_house() as (house, visitor):
        await house.clone("main", "B")
        shares = [{"environment": "main", "weight": 90}, {"environment": "b", "weight": 10}]
        good(await house.client.put(f"{P}/split", json={"shares": shares}, headers={"If-Match": "*"}))
        page = (await visitor.get(ALL)).text
        assert 'class="lane tone-live"' in page
        assert page.count('class="lane tone-live"') == 1


async def test_a_deletion_lists_what_depends_and_says_where_it_goes() -> None:
    async with in_the_house() as (house, visitor):
        await house.clone("main", "B")
        shares = [{"environment": "main", "weight": 90}, {"environment": "b", "weight": 10}]
        good(await house.client.put(f"{P}/split", json={"shares": shares}, headers={"If-Match": "*"}))
        number = {"number": "+442079460001", "environment": "b", "label": "Reception"}
        good(await house.client.post(f"{P}/numbers", json=number))
        at = f"{ALL}/b/delete"
        page = await visitor.get(at)
        for word in ("Split share", "10 %", "Number", "Reception", "not decided", "cannot be undone"):
            assert word in page.text, word
        assert ">Delete B</button>" not in page.text
        typed = fields_of(page.text, at)
        refused = await visitor.send(at, typed)
        assert refused.status_code == 422
        assert "while these depend on it" in refused.text
        look = await visitor.send(at, {**typed, "move_to": "main", "look": "1"})
        assert look.status_code == 200
        assert "hears Main instead: v1" in look.text
        assert ">Delete B</button>" in look.text
        seen = fields_of(look.text, at)
        assert seen["move_to"] == "main"
        assert "confirm" not in seen
        assert (await visitor.send(at, seen)).status_code == 422
        assert (await house.environment("b"))["alias"] == "b"
        done = await visitor.send(at, {**seen, "confirm": "1"})
        assert done.headers["location"] == ALL
        said = (await visitor.get(ALL)).text
        assert "B is deleted. Went to Main:" in said
        assert (await visitor.get(f"{ALL}/b")).status_code == 404
        split = good(await house.client.get(f"{P}/split"))
        assert [(s["environment"], s["weight"]) for s in split["shares"]] == [("main", 100.0)]


async def test_drafts_go_with_an_environment_only_when_that_is_known() -> None:
    async with in_the_house() as (house, visitor):
        await house.clone("main", "B")
        await house.edit("b", "topic/pets", {**PETS, "content": "All pets."})
        at = f"{ALL}/b/delete"
        page = await visitor.get(at)
        assert "Nothing depends on it" in page.text
        assert "1 draft of b with 1 unpublished change goes with it" in page.text
        typed = fields_of(page.text, at)
        refused = await visitor.send(at, typed)
        assert refused.status_code == 422
        assert "Tick each warning" in refused.text
        assert (await visitor.send(at, {**typed, "acknowledged": "drafts_discarded"})).status_code == 303


async def test_conversations_of_a_deleted_environment_end_as_was_chosen() -> None:
    async with in_the_house() as (house, visitor):
        await house.clone("main", "B")
        begun, _ = await house.talk("Can I bring my dog?", environment="b")
        at = f"{ALL}/b/delete"
        page = await visitor.get(at)
        assert "Running conversations: 1" in page.text
        typed = fields_of(page.text, at)
        assert typed["in_flight"] == "finish"
        late = await visitor.send(at, {**typed, "in_flight": "drain", "drain_until": "2001-01-01T10:00"})
        assert late.status_code == 422
        assert "next 30 days" in re.findall(r'id="f-drain_until-wrong">(.*?)</p>', late.text, re.DOTALL)[0]
        assert fields_of(late.text, at)["drain_until"] == "2001-01-01T10:00"
        assert (await visitor.send(at, {**typed, "in_flight": "switch"})).status_code == 303
        turn = await house.client.post(f"/api/v1/conversations/{begun['id']}/turns", json={"text": "hello"})
        assert turn.status_code == 409


async def test_a_deletion_that_was_looked_at_too_long_ago_is_looked_at_again() -> None:
    async with in_the_house() as (house, visitor):
        await house.clone("main", "B")
        at = f"{ALL}/b/delete"
        typed = fields_of((await visitor.get(at)).text, at)
        await house.edit("b", "topic/pets", {**PETS, "content": "All pets."})
        await house.publish("b", "All pets are welcome here")
        stale = await visitor.send(at, typed)
        assert stale.status_code == 422
        assert "look again" in stale.text
        assert fields_of(stale.text, at)["seq"] == "2"


async def test_the_public_is_never_sent_to_an_internal_or_empty_environment() -> None:
    async with in_the_house() as (house, visitor):
        await house.clone("main", "Lab", internal=True)
        good(await house.client.post(f"{P}/environments", json={"name": "Empty"}))
        at = f"{ALL}/main/delete"
        page = await visitor.get(at)
        assert "internal, so the public cannot go there" in page.text
        assert "so nobody can be sent there" in page.text
        refused = await visitor.send(at, {**fields_of(page.text, at), "move_to": "lab", "look": "1"})
        assert refused.status_code == 422
        assert "takes no public traffic" in refused.text


async def test_an_open_page_gets_the_dialog_alone() -> None:
    async with in_the_house() as (house, visitor):
        await house.clone("main", "B")
        for path in (NEW, f"{ALL}/b/change", f"{ALL}/b/delete"):
            part = await visitor.client.get(path, headers=HX)
            assert part.status_code == 200
            assert "<html" not in part.text
            assert f'hx-post="{path}"' in part.text


async def test_testers_and_links_are_named_before_they_move() -> None:
    async with in_the_house("pipeline") as (house, visitor):
        await house.clone("sandbox", "B")
        tester = {"environment": "b", "user_id": "tester", "label": "QA desk"}
        link = {"environment": "b", "expires_at": in_days(7), "label": "Board view"}
        good(await house.client.post(f"{P}/testers", json=tester))
        good(await house.client.post(f"{P}/share-links", json=link))
        page = await visitor.get(f"{ALL}/b/delete")
        for word in ("QA desk", "Board view"):
            assert word in page.text


async def test_who_may_not_is_offered_nothing_and_changes_nothing() -> None:
    async with in_the_house(role="editor") as (house, visitor):
        await house.clone("main", "B")
        before = house.stage.contents()
        for path in (ALL, f"{ALL}?show=table", f"{ALL}/b"):
            page = await visitor.get(path)
            assert page.status_code == 200
            for word in ("New environment", "Clone to", "Delete…", "Rename or", "Merge…", "Options for B"):
                assert word not in page.text, (path, word)
        for path in (NEW, f"{ALL}/b/change", f"{ALL}/b/delete", f"{BASE}/migrate", f"{BASE}/merge"):
            assert (await visitor.get(path)).status_code == 403, path
            assert (await visitor.send(path, {"name": "Mine", "seq": "1"})).status_code == 403, path
        assert house.stage.contents() == before
