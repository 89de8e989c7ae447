"""The publish dialog: what is refused keeps what was typed; conflicts, findings and what is missing lead on."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Any

import pytest

from greenroom.domain.entities import Address
from greenroom.services.plans import RollbackRequest
from tests.unit.web.test_drafts import CHECKOUT, POOL, content_of, hidden, publish, save
from tests.unit.web.visitor import Visitor, furnished, visiting

BASE = "/projects/hotel"
SANDBOX = f"{BASE}/environments/sandbox"
LIVE = f"{BASE}/environments/live"
PUBLISH = f"{SANDBOX}/publish"
AGENT = Address("agent", "main")
NOTE = "Late check-out is until two o'clock"
BOOKING = {
    "name": "Booking system",
    "base_url": "https://booking.hotel.example",
    "auth": {"type": "bearer", "secret": "BOOKING_KEY"},
}
TEXT = {"name": "Link", "text": "Book here.", "senders": {"pre-release": "+447700900001"}}


@pytest.fixture
async def owner() -> AsyncIterator[Visitor]:
    async with visiting(await furnished()) as found:
        yield found


async def put(owner: Visitor, address: Address, body: dict[str, Any]) -> None:
    desk, call = owner.stage.desk, await owner.call()
    seen = (await desk.drafts.load(call, "hotel", "sandbox")).snapshot.get(address)
    await desk.drafts.save(call, "hotel", "sandbox", address, body, seen or "*")


async def served(owner: Visitor, alias: str) -> int | None:
    view = await owner.stage.desk.environments.load(await owner.call(), "hotel", alias)
    return view.release.version if view.release else None


async def meet(owner: Visitor) -> None:
    """Leaves a draft whose change of the check-out text meets one that somebody else published."""
    await save(owner, CHECKOUT, "Mine: until three.")
    async with visiting(owner.stage, "publisher") as other:
        await save(other, CHECKOUT, "Theirs: until two.")
        await publish(other, NOTE)


# Notes, tags and details.


async def test_a_vague_note_is_refused_with_one_that_fits_and_nothing_typed_is_lost(owner: Visitor) -> None:
    await save(owner, CHECKOUT, "Until two.")
    typed = {"note": "updates", "details": "Agreed with Ada", "tag": "SEASONAL", "release": "no"}
    refused = await owner.send(PUBLISH, typed)
    assert refused.status_code == 422
    assert 'value="updates"' in refused.text
    assert "Agreed with Ada" in refused.text
    assert re.search(r'name="tag" value="SEASONAL" checked', refused.text)
    assert re.search(r'name="release" value="no" checked', refused.text)
    assert "Use the suggested note" in refused.text
    suggested = await owner.send(PUBLISH, {**typed, "look": "suggested"})
    note = re.search(r'name="note" type="text" value="([^"]+)"', suggested.text)
    assert note
    assert "heck-out" in note[1]
    assert "Agreed with Ada" in suggested.text


async def test_a_vague_note_is_warned_of_when_one_looks_again(owner: Visitor) -> None:
    await save(owner, CHECKOUT, "Until two.")
    assert "too vague" not in (await owner.get(PUBLISH)).text
    looked = await owner.send(PUBLISH, {"note": "fixes", "look": "1"})
    assert looked.status_code == 200
    assert "This note is too vague to be published." in looked.text


async def test_a_note_that_is_too_long_stays_in_its_field(owner: Visitor) -> None:
    await save(owner, CHECKOUT, "Until two.")
    refused = await owner.send(PUBLISH, {"note": "late " * 41, "details": "Agreed"})
    assert refused.status_code == 422
    assert "at most 200 are allowed" in refused.text
    assert "late late late" in refused.text
    assert "What changes for" in refused.text, "the plan is still there"


async def test_ticked_tags_stand_at_the_head_of_the_note(owner: Visitor) -> None:
    await save(owner, CHECKOUT, "Until two.")
    reply = await owner.send(PUBLISH, {"note": f"[SUMMER] {NOTE}", "tag": "SEASONAL"})
    assert reply.status_code == 303
    view = await owner.stage.desk.versions.load(await owner.call(), "hotel", 2)
    assert view.version.tags == ("SEASONAL", "SUMMER")
    assert view.version.note == NOTE


# What was looked at.


async def test_a_draft_that_changed_since_it_was_looked_at_is_not_published(owner: Visitor) -> None:
    await save(owner, CHECKOUT, "Until two.")
    seen = hidden((await owner.get(PUBLISH)).text, "revision")
    await save(owner, POOL, "From seven.")
    refused = await owner.send(PUBLISH, {"note": NOTE, "revision": seen})
    assert refused.status_code == 422
    assert "topic/pool" in refused.text
    assert await served(owner, "sandbox") == 1
    again = {"note": NOTE, "revision": hidden(refused.text, "revision")}
    assert (await owner.send(PUBLISH, again)).status_code == 303


async def test_a_shared_draft_names_whose_changes_it_carries_and_is_published_as_it_was_seen(owner: Visitor) -> None:
    await owner.send("/projects/new", {"name": "Inn", "slug": "inn", "template": "parallel"})
    desk, call = owner.stage.desk, await owner.call()
    agent = {"name": "Desk", "greeting": "Hello", "languages": ["en-GB"]}
    await desk.drafts.save(call, "inn", "main", AGENT, agent, "*")
    async with visiting(owner.stage, "editor") as editor:
        await save(editor, POOL, "From eight.", "inn", "main")
    path = "/projects/inn/environments/main/publish"
    page = (await owner.get(path)).text
    assert "It carries changes by" in page
    assert "Ms home_editor (1)" in page
    unticked = {"note": "First words of the inn", "revision": hidden(page, "revision"), "seq": hidden(page, "seq")}
    refused = await owner.send(path, unticked)
    assert refused.status_code == 422
    box = re.search(r'name="confirm" value="([^"]+)"', refused.text)
    assert box
    assert (await owner.send(path, {**unticked, "confirm": box[1]})).status_code == 303
    version = await owner.get("/projects/inn/versions/1")
    assert "Ms home_editor (1)" in version.text


# Conflicts.


async def test_a_conflict_shows_all_sides_and_is_settled_before_it_is_published(owner: Visitor) -> None:
    await meet(owner)
    page = (await owner.get(PUBLISH)).text
    read = re.sub(r"<[^>]+>", "", page)
    for text in ("Sandbox moved on", "The draft", "What Sandbox serves", "Before both", "Theirs: until two."):
        assert text in read, text
    assert ">Publish</button>" not in page
    assert 'name="confirm"' not in page
    id_ = re.search(r'name="take:([0-9a-f]+)"', page)
    assert id_
    refused = await owner.send(PUBLISH, {"note": NOTE, "details": "Agreed"})
    assert refused.status_code == 422
    assert "Agreed" in refused.text
    settled = await owner.send(PUBLISH, {"note": NOTE, f"take:{id_[1]}": "theirs", "look": "1"})
    assert "there is nothing to publish" in settled.text or "says what is served already" in settled.text


async def test_a_conflict_may_be_settled_by_something_else(owner: Visitor) -> None:
    await meet(owner)
    page = (await owner.get(PUBLISH)).text
    ids = dict.fromkeys(re.findall(r'name="take:([0-9a-f]+)"', page))
    own: dict[str, str] = {}
    for id_ in ids:
        own |= {f"take:{id_}": "value", f"value:{id_}": "Ours: until half past two."}
    looked = await owner.send(PUBLISH, {"note": NOTE, **own, "look": "1"})
    assert looked.status_code == 200
    assert "Ours: until half past two." in looked.text
    assert re.search(r'name="take:[0-9a-f]+" value="value" [^>]*checked', looked.text), "the choice is still there"
    assert ">Publish</button>" in looked.text
    done = await owner.send(PUBLISH, {"note": NOTE, **own, "revision": hidden(looked.text, "revision")})
    assert done.status_code == 303
    assert await content_of(owner, CHECKOUT) == "Ours: until half past two."


async def test_a_value_that_cannot_be_read_stands_beside_its_message(owner: Visitor) -> None:
    voice = Address("voice", "reception")
    body: dict[str, Any] = {"name": "Reception", "provider": "elevenlabs", "voice_id": "ada", "stability": 0.5}
    await put(owner, voice, body)
    await publish(owner, "A voice for the reception desk")
    await put(owner, voice, {**body, "stability": 0.6})
    async with visiting(owner.stage, "publisher") as other:
        await put(other, voice, {**body, "stability": 0.7})
        await publish(other, "The voice is a little steadier")
    id_ = re.findall(r'name="take:([0-9a-f]+)"', (await owner.get(PUBLISH)).text)[0]
    typed = {f"take:{id_}": "value", f"value:{id_}": "a lot"}
    for more in ({}, {"look": "1"}):
        refused = await owner.send(PUBLISH, {"note": NOTE, **typed, **more})
        assert refused.status_code == 422
        assert ">\na lot</textarea>" in refused.text
        assert f'id="value-{id_}-wrong"' in refused.text


async def test_a_value_that_is_refused_stands_beside_its_message(owner: Visitor) -> None:
    await meet(owner)
    id_ = re.findall(r'name="take:([0-9a-f]+)"', (await owner.get(PUBLISH)).text)[0]
    typed = {f"take:{id_}": "value", f"value:{id_}": "See {{topic.nowhere}}."}
    for more in ({}, {"look": "1"}):
        refused = await owner.send(PUBLISH, {"note": NOTE, **typed, **more})
        assert refused.status_code == 422
        assert "See {{topic.nowhere}}." in refused.text
        assert 'class="field-wrong"' in refused.text


async def test_a_choice_about_a_conflict_that_is_no_more_does_not_stand_in_the_way(owner: Visitor) -> None:
    await save(owner, CHECKOUT, "Until two.")
    stale = await owner.send(PUBLISH, {"note": NOTE, "take:0123456789abcdef": "ours"})
    assert stale.status_code == 422
    assert "take:" not in stale.text
    assert (await owner.send(PUBLISH, {"note": NOTE})).status_code == 303


async def test_what_a_rollback_took_back_is_asked_about(owner: Visitor) -> None:
    await save(owner, CHECKOUT, "Until two.")
    await publish(owner, NOTE)
    await save(owner, POOL, "From seven.")
    await owner.stage.desk.releases.roll_back(
        await owner.call(), "hotel", "sandbox", RollbackRequest("Too many complaints", 1, 2)
    )
    page = (await owner.get(PUBLISH)).text
    assert "A rollback took back v2 beneath the draft" in page
    assert re.search(r'value="leave_out" checked', page)
    back = await owner.send(PUBLISH, {"note": NOTE, "taken_back": "bring_back", "look": "1"})
    assert re.search(r'value="bring_back" checked', back.text)
    assert "Late-Checkout" in back.text


# Findings and readiness.


async def test_a_finding_leads_to_its_field_and_what_was_typed_waits(owner: Visitor) -> None:
    body = {"name": "Late check-out", "content": "x", "sample_questions": ["A?", "B?"]}
    action = {"id": "send", "type": "sms", "target": "no-such-text"}
    await put(owner, CHECKOUT, {**body, "actions": [action]})
    page = await owner.get(PUBLISH)
    assert page.status_code == 422
    assert "This cannot be published yet." in page.text
    fix = re.search(r'href="(/projects/hotel/build/topic/late-checkout#f-actions[^"]*)"', page.text)
    assert fix, page.text
    assert "Check again" in page.text
    refused = await owner.send(PUBLISH, {"note": NOTE, "details": "Agreed with Ada"})
    assert refused.status_code == 422
    assert "Agreed with Ada" in refused.text
    editor = (await owner.get(fix[1].split("#")[0])).text
    anchor = fix[1].split("#")[1].rsplit("-", 1)[0]
    assert f'id="{anchor}' in editor, "the field is there, or the element around it"
    await put(owner, CHECKOUT, body)
    mended = await owner.send(PUBLISH, {"note": NOTE, "details": "Agreed with Ada", "look": "1"})
    assert mended.status_code == 200
    assert "Agreed with Ada" in mended.text
    assert ">Publish</button>" in mended.text


async def test_a_missing_secret_is_named_with_where_to_set_it_and_blocks(owner: Visitor) -> None:
    await put(owner, Address("integration", "booking"), BOOKING)
    page = (await owner.get(PUBLISH)).text
    assert "Sandbox is not ready" in page
    assert "BOOKING_KEY" in page
    assert re.search(rf'href="{BASE}/secrets"[^>]*>Set it', page)
    refused = await owner.send(PUBLISH, {"note": NOTE})
    assert refused.status_code == 422
    assert await served(owner, "sandbox") == 1
    await owner.stage.desk.secrets.set(await owner.call(), "hotel", "BOOKING_KEY", "sesame")
    again = await owner.send(PUBLISH, {"note": NOTE, "look": "1"})
    assert "Sandbox is ready" in again.text
    assert (await owner.send(PUBLISH, {"note": NOTE})).status_code == 303


async def test_a_version_alone_is_made_where_the_environment_is_not_ready(owner: Visitor) -> None:
    await put(owner, Address("integration", "booking"), BOOKING)
    assert (await owner.send(PUBLISH, {"note": NOTE, "release": "no"})).headers["location"] == f"{BASE}/versions/2"


async def test_the_promote_dialog_says_what_the_target_lacks_and_takes_ticks_for_it(owner: Visitor) -> None:
    await put(owner, Address("sms", "link"), TEXT)
    await publish(owner, "A link is sent by text message")
    pre = f"{BASE}/environments/pre-release"
    assert (await owner.send(f"{pre}/promote", {"version": "2", "seq": "1"})).status_code == 303
    page = (await owner.get(f"{LIVE}/promote?version=2")).text
    assert "Live is ready, with something to know" in page
    assert re.search(r'href="/projects/hotel/build/sms/link#f-[a-z]+"[^>]*>Fix', page)
    assert 'name="acknowledged" value="value_missing"' in page
    assert "Know this first" not in page, "it is said once"
    unticked = {"version": "2", "seq": "1", "confirm": "2", "note": "Typed before"}
    refused = await owner.send(f"{LIVE}/promote", unticked)
    assert refused.status_code == 422
    assert "Typed before" in refused.text
    assert "Tick each warning" in refused.text
    done = await owner.send(f"{LIVE}/promote", {**unticked, "acknowledged": "value_missing"})
    assert done.status_code == 303


async def test_a_promotion_that_is_blocked_offers_to_look_again_and_nothing_else(owner: Visitor) -> None:
    await put(owner, Address("integration", "booking"), BOOKING)
    desk, call = owner.stage.desk, await owner.call()
    await desk.secrets.set(call, "hotel", "BOOKING_KEY", "sesame", "sandbox", "live")
    await publish(owner, "The booking system is reached")
    pre = f"{BASE}/environments/pre-release/promote"
    page = (await owner.get(f"{pre}?version=2")).text
    assert "Pre-release is not ready" in page
    assert "Look again" in page
    assert "Promote v2 to Pre-release</button>" not in page
    assert (await owner.send(pre, {"version": "2", "seq": "1"})).status_code == 422
    await desk.secrets.set(call, "hotel", "BOOKING_KEY", "sesame")
    looked = await owner.send(pre, {"version": "2", "seq": "1", "note": "Kept", "look": "1"})
    assert looked.status_code == 200
    assert 'value="Kept"' in looked.text
    assert "Promote v2 to Pre-release</button>" in looked.text


async def test_a_stale_source_is_read_again_from_the_dialog(owner: Visitor) -> None:
    source = {"name": "Site", "source": {"type": "site", "site": {"url": "https://hotel.example/"}}}
    await put(owner, Address("knowledge", "site"), source)
    page = (await owner.get(PUBLISH)).text
    assert "was never read" in page
    assert re.search(r'name="sync" value="site"[^>]*>Sync now', page)
    told = await owner.send(PUBLISH, {"note": NOTE, "details": "Agreed", "sync": "site"})
    assert told.status_code == 200
    assert "site is being read now" in told.text
    assert "Agreed" in told.text
    assert await served(owner, "sandbox") == 1
    lost = await owner.send(PUBLISH, {"note": NOTE, "sync": "no-such-source"})
    assert lost.status_code in (404, 422)
