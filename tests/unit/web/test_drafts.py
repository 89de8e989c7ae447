"""Drafts in the browser: who is here, checkpoints, discarded drafts, and loading any state; nothing is lost unseen."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Any

import pytest

from greenroom.domain.drafts import LARGE_DRAFT
from greenroom.domain.entities import Address
from greenroom.domain.ids import PrincipalId
from greenroom.services.drafts import DraftView
from greenroom.services.plans import PublishRequest
from greenroom.services.work import Call
from tests.support.api import HOME
from tests.unit.web.visitor import Visitor, furnished, visiting

BASE = "/projects/hotel"
SANDBOX = f"{BASE}/environments/sandbox"
CHECKOUT, BREAKFAST, POOL = (Address("topic", slug) for slug in ("late-checkout", "breakfast", "pool"))
HX = {"hx-request": "true"}


@pytest.fixture
async def owner() -> AsyncIterator[Visitor]:
    """Somebody whose draft adds breakfast; what the furnished project holds besides is an API key's draft."""
    async with visiting(await furnished()) as found:
        await save(found, BREAKFAST, "Breakfast is from seven.")
        yield found


async def draft_of(visitor: Visitor, slug: str = "hotel", alias: str = "sandbox") -> DraftView:
    return await visitor.stage.desk.drafts.load(await visitor.call(), slug, alias)


async def save(visitor: Visitor, address: Address, content: str, slug: str = "hotel", alias: str = "sandbox") -> None:
    """Saves a topic in a draft."""
    call, desk = await visitor.call(), visitor.stage.desk
    seen = (await desk.drafts.load(call, slug, alias)).snapshot.get(address)
    body = {"name": address.slug.title(), "content": content, "sample_questions": ["What of it?", "And how?"]}
    await desk.drafts.save(call, slug, alias, address, body, seen or "*")


async def content_of(visitor: Visitor, address: Address, slug: str = "hotel", alias: str = "sandbox") -> Any:
    view = await visitor.stage.desk.content.load(await visitor.call(), slug, address, f"draft:{alias}")
    return view.body["content"]


async def publish(visitor: Visitor, note: str, slug: str = "hotel", alias: str = "sandbox") -> None:
    await visitor.stage.desk.publishing.publish(await visitor.call(), slug, alias, PublishRequest(note))


def hidden(text: str, name: str) -> str:
    found = re.search(rf'type="hidden" name="{name}" value="([^"]*)"', text)
    assert found, name
    return found[1]


async def shared(owner: Visitor) -> None:
    """Makes the project `inn`, whose editors share one draft."""
    await owner.send("/projects/new", {"name": "Inn", "slug": "inn", "template": "parallel"})


# The banner.


async def test_the_banner_names_what_ends_a_draft_and_the_rest_is_in_its_menu(owner: Visitor) -> None:
    page = (await owner.get(f"{BASE}/build")).text
    for path in ("discard", "publish", "checkpoints/new", "load", "checkpoints", "discarded"):
        assert f'href="{SANDBOX}/{path}"' in page, path
    assert f'href="{BASE}/new-environment?from=sandbox"' in page
    assert "Your draft of Sandbox: <span" in page
    assert f'data-checkpoint="{SANDBOX}/checkpoints/new"' in page


async def test_a_draft_without_changes_offers_only_what_it_can_do(owner: Visitor) -> None:
    async with visiting(owner.stage, "publisher") as fresh:
        page = (await fresh.get(f"{BASE}/build")).text
    assert "no-changes" in page
    assert f'href="{SANDBOX}/discarded"' in page
    assert "new-environment?from" not in page, "a publisher makes no environments"


async def test_who_reads_only_is_offered_no_end_of_a_draft(owner: Visitor) -> None:
    async with visiting(owner.stage, "viewer") as viewer:
        page = (await viewer.get(f"{BASE}/build")).text
        assert "Discard…" not in page
        assert "data-presence" not in page
        assert "data-checkpoint" not in page
        assert (await viewer.send(f"{SANDBOX}/presence", {"entity": ""})).status_code == 403


async def test_a_large_draft_is_nudged(owner: Visitor) -> None:
    for number in range(LARGE_DRAFT - 1):
        await save(owner, Address("topic", f"room-{number}"), "A room with a view.")
    assert 'class="nudge"' not in (await owner.get(f"{BASE}/build")).text
    await save(owner, POOL, "The pool opens at seven.")
    assert f"This draft has {LARGE_DRAFT + 1} changes" in (await owner.get(f"{BASE}/build")).text


async def test_who_is_here_is_told_and_who_has_the_same_thing_open_stands_out(owner: Visitor) -> None:
    async with visiting(owner.stage, "editor") as editor:
        told = await editor.send(f"{SANDBOX}/presence", {"entity": "topic/breakfast"}, HX)
        assert told.status_code == 200
        assert "is here" not in told.text, "oneself is no news"
    beside = (await owner.send(f"{SANDBOX}/presence", {"entity": "topic/pool"}, HX)).text
    assert "Ms home_editor is in topic/breakfast" in beside
    same = (await owner.send(f"{SANDBOX}/presence", {"entity": "topic/breakfast"}, HX)).text
    assert "Ms home_editor has this open, too" in same
    assert (await owner.send(f"{SANDBOX}/presence", {"entity": "<b>"}, HX)).status_code == 422


async def test_in_a_shared_draft_everybodys_changes_are_named(owner: Visitor) -> None:
    await shared(owner)
    await save(owner, POOL, "From seven.", "inn", "main")
    async with visiting(owner.stage, "editor") as editor:
        await save(editor, BREAKFAST, "From eight.", "inn", "main")
    page = (await owner.get("/projects/inn/build")).text
    assert "The shared draft of Main" in page
    assert re.search(r"<strong>You</strong>: topic/pool", page)
    assert re.search(r"<strong>Ms home_editor</strong>: topic/breakfast", page)
    asked = (await owner.get("/projects/inn/environments/main/discard")).text
    assert "1 change of others goes with it" in asked
    home = (await owner.get("/projects/inn")).text
    assert "2 changes not published" in home


async def test_in_private_drafts_others_are_named_with_how_much_they_change(owner: Visitor) -> None:
    async with visiting(owner.stage, "editor") as editor:
        await save(editor, POOL, "From eight.")
        page = (await owner.get(f"{BASE}/build")).text
        assert "Ms home_editor has a draft here, too: 1 change" in page
        assert "Ms home_editor: 1 change" in (await owner.get(BASE)).text


# Checkpoints.


async def test_a_checkpoint_is_kept_compared_restored_and_removed(owner: Visitor) -> None:
    await save(owner, POOL, "From seven.")
    saved = await owner.send(f"{SANDBOX}/checkpoints/new", {"name": " Before lunch "})
    assert saved.headers["location"] == f"{SANDBOX}/checkpoints"
    await save(owner, POOL, "From nine.")
    listed = (await owner.get(f"{SANDBOX}/checkpoints")).text
    assert "<strong>Before lunch</strong>" in listed
    compare = re.search(r'href="(/projects/hotel/compare\?base=sha256:[^"]+)"', listed)
    assert compare
    compared = (await owner.get(compare[1].replace("&amp;", "&"))).text
    assert "<del>seven</del>" in compared
    assert "<ins>nine</ins>" in compared

    restore = re.search(r'href="([^"]+/restore)"', listed)
    assert restore
    asked = (await owner.get(restore[1])).text
    assert "The draft has 2 changes now." in asked
    assert "goes to Discarded drafts" in asked
    done = await owner.send(restore[1], {"revision": hidden(asked, "revision")})
    assert done.status_code == 303
    assert await content_of(owner, POOL) == "From seven."
    assert "2 changes" in (await owner.get(f"{SANDBOX}/discarded")).text

    remove = restore[1].replace("/restore", "/remove")
    assert "cannot be brought back" in (await owner.get(remove)).text
    assert (await owner.send(remove)).status_code == 303
    assert "No checkpoints yet" in (await owner.get(f"{SANDBOX}/checkpoints")).text
    assert (await owner.get(restore[1])).status_code == 404


async def test_a_checkpoint_needs_a_name_and_something_to_keep(owner: Visitor) -> None:
    refused = await owner.send(f"{SANDBOX}/checkpoints/new", {"name": "x" * 121})
    assert refused.status_code == 422
    assert "x" * 121 in refused.text, "what was typed stays"
    assert 'aria-invalid="true"' in refused.text
    async with visiting(owner.stage, "editor") as empty:
        assert "there is nothing to keep" in (await empty.get(f"{SANDBOX}/checkpoints/new")).text
        assert (await empty.send(f"{SANDBOX}/checkpoints/new", {"name": "Nothing"})).status_code == 422


async def test_a_checkpoint_is_restored_only_over_the_draft_that_was_seen(owner: Visitor) -> None:
    await owner.send(f"{SANDBOX}/checkpoints/new", {"name": "Lunch"})
    listed = (await owner.get(f"{SANDBOX}/checkpoints")).text
    restore = re.search(r'href="([^"]+/restore)"', listed)
    assert restore
    assert "there is nothing to restore" in (await owner.get(restore[1])).text
    await save(owner, POOL, "From seven.")
    stale = await owner.send(restore[1], {"revision": "1"})
    assert stale.status_code == 412
    assert "nothing was done" in stale.text
    assert await content_of(owner, POOL) == "From seven."


async def test_a_checkpoint_of_a_private_draft_is_nobody_elses(owner: Visitor) -> None:
    await owner.send(f"{SANDBOX}/checkpoints/new", {"name": "Mine"})
    restore = re.search(r'href="([^"]+/restore)"', (await owner.get(f"{SANDBOX}/checkpoints")).text)
    assert restore
    async with visiting(owner.stage, "admin") as other:
        assert "Mine" not in (await other.get(f"{SANDBOX}/checkpoints")).text
        assert (await other.get(restore[1])).status_code == 404
        assert (await other.send(restore[1].replace("restore", "remove"))).status_code == 404


# Discarded drafts.


async def test_a_discarded_draft_is_listed_with_its_time_and_restored(owner: Visitor) -> None:
    asked = (await owner.get(f"{SANDBOX}/discard")).text
    assert "restore it under Discarded drafts, for 30 days" in asked
    gone = await owner.send(f"{SANDBOX}/discard", {"revision": hidden(asked, "revision")})
    assert gone.headers["location"] == f"{SANDBOX}/discarded"
    listed = (await owner.get(f"{SANDBOX}/discarded")).text
    assert "topic/breakfast" in listed
    assert re.search(r"for (29|30) more days", listed)
    restore = re.search(r'href="([^"]+/restore)"', listed)
    assert restore
    dialog = (await owner.get(restore[1])).text
    done = await owner.send(restore[1], {"revision": hidden(dialog, "revision")})
    assert done.headers["location"] == f"{BASE}/build?environment=sandbox"
    assert BREAKFAST in (await draft_of(owner)).snapshot
    assert "Nothing was discarded" in (await owner.get(f"{SANDBOX}/discarded")).text
    assert (await owner.send(restore[1], {"revision": "0"})).status_code == 404


async def test_what_is_in_the_way_of_a_restore_is_named_and_nothing_is_overwritten(owner: Visitor) -> None:
    asked = (await owner.get(f"{SANDBOX}/discard")).text
    await owner.send(f"{SANDBOX}/discard", {"revision": hidden(asked, "revision")})
    await save(owner, BREAKFAST, "Served in bed.")
    restore = re.search(r'href="([^"]+/restore)"', (await owner.get(f"{SANDBOX}/discarded")).text)
    assert restore
    dialog = (await owner.get(restore[1])).text
    assert "The draft changes topic/breakfast too" in dialog
    assert "<button" not in dialog.split("<h1>Restore")[1].split("</main>")[0]
    seen = (await draft_of(owner)).revision
    refused = await owner.send(restore[1], {"revision": str(seen)})
    assert refused.status_code == 422
    assert await content_of(owner, BREAKFAST) == "Served in bed."


# Loads.


async def test_an_older_version_is_loaded_whole_and_what_it_overwrites_is_said(owner: Visitor) -> None:
    await save(owner, CHECKOUT, "Until two.")
    await publish(owner, "Late check-out until two o'clock")
    await save(owner, POOL, "From seven.")
    start = (await owner.get(f"{SANDBOX}/load")).text
    assert "Nothing is loaded until you have seen" in start
    page = (await owner.get(f"{SANDBOX}/load?ref=v1")).text
    assert "The draft has 1 change; as it is, it goes to Discarded drafts" in page
    assert "3 things become different" in page
    assert "overwrites a change in the draft" in page
    data = {"ref": "v1", "what": "all", "revision": hidden(page, "revision")}
    assert (await owner.send(f"{SANDBOX}/load", data)).status_code == 303
    assert await content_of(owner, CHECKOUT) == "You can stay until noon."
    draft = await draft_of(owner)
    assert POOL not in draft.snapshot
    assert "topic/pool" in (await owner.get(f"{SANDBOX}/discarded")).text


async def test_one_entity_is_rolled_back_and_the_rest_of_the_draft_stays(owner: Visitor) -> None:
    await save(owner, CHECKOUT, "Until two.")
    await publish(owner, "Late check-out until two o'clock")
    await save(owner, POOL, "From seven.")
    read = (await owner.get(f"{BASE}/build/topic/late-checkout?ref=v1")).text
    assert "Take it into the draft…" in read
    page = (await owner.get(f"{SANDBOX}/load?ref=v1&only=topic/late-checkout")).text
    box = re.search(r'<input type="checkbox" name="only" value="topic/late-checkout"[^>]*>', page)
    assert box
    assert "checked" in box[0]
    data = {"ref": "v1", "what": "some", "only": "topic/late-checkout", "revision": hidden(page, "revision")}
    assert (await owner.send(f"{SANDBOX}/load", data)).status_code == 303
    assert await content_of(owner, CHECKOUT) == "You can stay until noon."
    assert await content_of(owner, POOL) == "From seven."
    again = (await owner.get(f"{SANDBOX}/load?ref=v1&only=topic/late-checkout")).text
    assert "topic/late-checkout is in the draft as v1 has it" in again


async def test_what_is_loaded_is_the_version_that_was_seen(owner: Visitor) -> None:
    page = (await owner.get(f"{SANDBOX}/load?ref=live")).text
    assert hidden(page, "ref") == "v1", "live may serve another version when the form comes back"


async def test_a_load_over_an_unseen_draft_is_refused_and_what_was_chosen_stays(owner: Visitor) -> None:
    data = {"ref": "v1", "what": "some", "only": "topic/breakfast", "revision": "0"}
    stale = await owner.send(f"{SANDBOX}/load", data)
    assert stale.status_code == 422
    assert "nothing was done" in stale.text
    assert re.search(r'value="topic/breakfast" checked', stale.text)
    assert re.search(r'name="what" value="some" checked', stale.text)
    assert BREAKFAST in (await draft_of(owner)).snapshot


async def test_a_load_needs_a_state_that_is_there_and_something_ticked(owner: Visitor) -> None:
    for ref in ("v9", "what is this?"):
        page = await owner.client.get(f"{SANDBOX}/load", params={"ref": ref})
        assert page.status_code == 422, ref
        assert "Load into the draft</button>" not in page.text
    seen = str((await draft_of(owner)).revision)
    none = await owner.send(f"{SANDBOX}/load", {"ref": "v1", "what": "some", "revision": seen})
    assert none.status_code == 422
    assert "tick what is to be loaded" in none.text
    odd = await owner.send(f"{SANDBOX}/load", {"ref": "v1", "what": "some", "only": "<b>", "revision": seen})
    assert odd.status_code == 422


async def test_in_a_shared_draft_a_load_names_whose_change_it_overwrites(owner: Visitor) -> None:
    await shared(owner)
    await save(owner, CHECKOUT, "Until noon.", "inn", "main")
    call, desk = await owner.call(), owner.stage.desk
    agent = {"name": "Desk", "greeting": "Hello", "languages": ["en-GB"]}
    await desk.drafts.save(call, "inn", "main", Address("agent", "main"), agent, "*")
    plan = await desk.publishing.plan(call, "inn", "main", PublishRequest(""))
    said = PublishRequest("First words of the inn", expected_seq=plan.environment.seq, confirm_digest=plan.digest)
    await desk.publishing.publish(call, "inn", "main", said)
    async with visiting(owner.stage, "editor") as editor:
        await save(editor, CHECKOUT, "Until ten.", "inn", "main")
    page = (await owner.get("/projects/inn/environments/main/load?ref=v1")).text
    assert "overwrites a change in the draft by Ms home_editor" in page


async def test_no_dialog_of_a_draft_is_there_for_an_environment_without_drafts(owner: Visitor) -> None:
    for path in ("checkpoints", "checkpoints/new", "discarded", "load", "discard"):
        assert (await owner.get(f"{BASE}/environments/live/{path}")).status_code in (404, 409), path


async def test_a_viewer_writes_no_draft_by_any_of_these_ways(owner: Visitor) -> None:
    await owner.send(f"{SANDBOX}/checkpoints/new", {"name": "Mine"})
    before = owner.stage.contents()
    async with visiting(owner.stage, "viewer") as viewer:
        for path, data in (
            ("checkpoints/new", {"name": "Mine"}),
            ("checkpoints/ckp_1/restore", {"revision": "0"}),
            ("checkpoints/ckp_1/remove", {}),
            ("discarded/drf_1/restore", {"revision": "0"}),
            ("load", {"ref": "v1", "what": "all", "revision": "0"}),
        ):
            assert (await viewer.send(f"{SANDBOX}/{path}", data)).status_code in (403, 404), path
    assert owner.stage.contents() == before


async def test_a_person_of_no_name_is_still_somebody(owner: Visitor) -> None:
    # A change that a member made who is no longer known: the page says so instead of failing.
    await shared(owner)
    call = await owner.call()
    gone = Call(type(call.principal)(PrincipalId("mem_gone"), HOME, "Gone", "editor"), "req_gone")
    body = {"name": "Pool", "content": "Cold.", "sample_questions": ["What of it?", "And how?"]}
    await owner.stage.desk.drafts.save(gone, "inn", "main", POOL, body, "*")
    assert "<strong>mem_gone</strong>" in (await owner.get("/projects/inn/build")).text
