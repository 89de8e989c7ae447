"""The dialogs that change what the public hears: nothing happens that was not seen and confirmed."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import pytest

from greenroom.services.work import Call
from tests.unit.web.visitor import Visitor, furnished, visiting

BASE = "/projects/hotel"
LIVE = f"{BASE}/environments/live"
SANDBOX = f"{BASE}/environments/sandbox"
PRE = f"{BASE}/environments/pre-release"
HX = {"hx-request": "true"}


@pytest.fixture
async def owner() -> AsyncIterator[Visitor]:
    async with visiting(await furnished()) as found:
        yield found


async def served(owner: Visitor, alias: str) -> int | None:
    who = await owner.stage.desk.access.find_session(owner.token)
    assert who is not None
    view = await owner.stage.desk.environments.load(Call(who, "req_test"), "hotel", alias)
    return view.release.version if view.release else None


async def publish_second(owner: Visitor) -> None:
    """Publishes another text; the draft is the session's owner's."""
    entity = await owner.get(f"{BASE}/build/topic/late-checkout")
    seen = re.search(r'name="if_match" value="([^"]+)"', entity.text)
    assert seen
    data = {"f:/name": "Late check-out", "f:/content": "Until two.", "if_match": seen[1]}
    assert (await owner.send(f"{BASE}/build/topic/late-checkout", data)).status_code == 303
    reply = await owner.send(f"{SANDBOX}/publish", {"note": "Late check-out until two o'clock"})
    assert reply.headers["location"] == f"{SANDBOX}/releases/2?done=1"
    reply = await owner.send(f"{PRE}/promote", {"version": "2", "seq": "1"})
    assert reply.status_code == 303


async def test_a_public_promotion_needs_the_ticked_box(owner: Visitor) -> None:
    await publish_second(owner)
    refused = await owner.send(f"{LIVE}/promote", {"version": "2", "seq": "1", "note": "Typed before"})
    assert refused.status_code == 422
    assert "Typed before" in refused.text
    assert await served(owner, "live") == 1
    wrong = await owner.send(f"{LIVE}/promote", {"version": "2", "seq": "1", "confirm": "1"})
    assert wrong.status_code == 422
    assert await served(owner, "live") == 1
    assert (await owner.send(f"{LIVE}/promote", {"version": "2", "seq": "1", "confirm": "2"})).status_code == 303
    assert await served(owner, "live") == 2


async def test_who_looked_at_something_older_looks_again(owner: Visitor) -> None:
    await publish_second(owner)
    await owner.send(f"{LIVE}/promote", {"version": "2", "seq": "1", "confirm": "2"})
    late = await owner.send(f"{LIVE}/rollback", {"reason": "because", "to": "1", "seq": "1"})
    assert late.status_code == 422
    assert "look again" in late.text
    assert 'name="seq" value="2"' in late.text
    assert await served(owner, "live") == 2
    assert (await owner.send(f"{LIVE}/rollback", {"reason": "because", "to": "1", "seq": "2"})).status_code == 303
    assert await served(owner, "live") == 1


async def test_a_stale_dialog_takes_the_tick_away(owner: Visitor) -> None:
    await publish_second(owner)
    stale = await owner.send(f"{LIVE}/promote", {"version": "2", "seq": "7", "confirm": "2"})
    assert stale.status_code == 422
    box = re.search(r'<input type="checkbox" name="confirm"[^>]*>', stale.text)
    assert box
    assert "checked" not in box[0]


async def test_a_rollback_needs_a_reason(owner: Visitor) -> None:
    await publish_second(owner)
    reply = await owner.send(f"{PRE}/rollback", {"reason": " ", "to": "1", "seq": "2"})
    assert reply.status_code == 422
    assert "say why" in reply.text
    assert await served(owner, "pre-release") == 2


async def test_an_open_page_gets_the_dialog_alone_and_is_sent_on(owner: Visitor) -> None:
    await publish_second(owner)
    part = await owner.client.get(f"{LIVE}/promote?version=2", headers=HX)
    assert "<html" not in part.text
    assert "What changes for the public" in part.text
    done = await owner.send(f"{LIVE}/promote", {"version": "2", "seq": "1", "confirm": "2"}, HX)
    assert done.headers["hx-redirect"] == f"{LIVE}/releases/2?done=1"


async def test_a_version_may_be_made_without_releasing_it(owner: Visitor) -> None:
    entity = await owner.get(f"{BASE}/build/topic/late-checkout")
    seen = re.search(r'name="if_match" value="([^"]+)"', entity.text)
    assert seen
    await owner.send(f"{BASE}/build/topic/late-checkout", {"f:/name": "Late", "if_match": seen[1]})
    reply = await owner.send(f"{SANDBOX}/publish", {"note": "Late check-out has no text", "release": "no"})
    assert reply.headers["location"] == f"{BASE}/versions/2"
    assert await served(owner, "sandbox") == 1


async def test_nothing_to_publish_is_said(owner: Visitor) -> None:
    page = await owner.get(f"{SANDBOX}/publish")
    assert page.status_code == 422
    assert "there is nothing to publish" in page.text


async def test_a_discarded_draft_is_gone_only_at_the_revision_that_was_seen(owner: Visitor) -> None:
    await owner.send(f"{BASE}/build/new", {"kind": "topic", "name": "Parking"})
    page = await owner.get(f"{SANDBOX}/discard")
    assert "topic/parking" in page.text
    assert (await owner.send(f"{SANDBOX}/discard", {"revision": "9"})).status_code == 412
    seen = re.search(r'name="revision" value="(\d+)"', page.text)
    assert seen
    assert (await owner.send(f"{SANDBOX}/discard", {"revision": seen[1]})).status_code == 303
    assert "nothing to discard" in (await owner.get(f"{SANDBOX}/discard")).text


async def test_a_version_is_marked_and_warned_of(owner: Visitor) -> None:
    await publish_second(owner)
    await owner.send(f"{BASE}/versions/2/mark", {"mark": "bad"})
    page = await owner.get(f"{LIVE}/promote?version=2")
    assert "marked as known bad" in page.text
    refused = await owner.send(f"{LIVE}/promote", {"version": "2", "seq": "1", "confirm": "2"})
    assert refused.status_code == 422
    known = {"version": "2", "seq": "1", "confirm": "2", "acknowledged": "version_marked_bad"}
    assert (await owner.send(f"{LIVE}/promote", known)).status_code == 303
