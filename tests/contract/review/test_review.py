"""What a review found and had mended: each test failed before its repair."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import httpx2
import pytest

from greenroom.domain.entities import Address
from greenroom.domain.errors import Conflict, NotAllowed, NotFound, Refused, Stale, Unauthenticated
from greenroom.runtime.turn import Heard
from greenroom.sdk import Client
from greenroom.services.conversations import Beginning
from greenroom.services.plans import PromoteRequest, PublishRequest, RollbackRequest
from greenroom.storage.sql import open_store
from greenroom.web.app import build_web
from tests.support.api import PREFIX, TOPIC, fill, good, make_stage, problem, promote, save
from tests.unit.services.story import CHECKOUT, Story, begin, topic

P = f"{PREFIX}/projects/hotel"


async def publish(story: Story, content: str) -> int:
    await story.save(CHECKOUT, topic(content))
    done = await story.desk.publishing.publish(story.call(), "hotel", "sandbox", PublishRequest(f"Says {content}"))
    return done.version.version.number


async def hotel(*contents: str) -> Story:
    story = await begin()
    await story.make_project()
    for content in contents:
        await publish(story, content)
    return story


async def test_who_loses_a_race_to_the_same_promotion_hears_that_things_moved_on() -> None:
    """R15: one wins, the other gets 412, and not that repeating will not help."""
    story = await hotel("until noon")
    request = PromoteRequest(1, expected_seq=0)
    await story.desk.releases.promote(story.call(), "hotel", "pre-release", request)
    with pytest.raises(Stale):
        await story.desk.releases.promote(story.call(), "hotel", "pre-release", request)


async def test_a_rollback_says_that_its_target_is_known_to_be_bad_and_goes_on() -> None:
    """R13: marks are seen, and no gate can block a rollback."""
    story = await hotel("until noon", "until one")
    await story.desk.versions.mark(story.call(), "hotel", 1, "bad")
    request = RollbackRequest("wrong hours", expected_seq=2)
    plan = await story.desk.releases.plan_rollback(story.call(), "hotel", "sandbox", request)
    assert [(c.code, c.must_acknowledge) for c in plan.cautions] == [("version_marked_bad", False)]
    done = await story.desk.releases.roll_back(story.call(), "hotel", "sandbox", request)
    assert done.release.version == 1


async def test_a_draft_that_was_never_begun_names_who_changed_what_it_holds() -> None:
    """R17: a comparison says who changed each entity last."""
    story = await hotel("until noon", "until one")
    compared = await story.desk.comparisons.compare(story.call(), "hotel", "v1", "draft:sandbox")
    assert compared.authors == {CHECKOUT: story.owner.id}


async def test_an_environment_without_drafts_has_no_draft_to_name() -> None:
    story = await hotel("until noon")
    await story.desk.releases.promote(story.call(), "hotel", "pre-release", PromoteRequest(1, expected_seq=0))
    with pytest.raises(NotFound, match="has no drafts"):
        await story.desk.comparisons.compare(story.call(), "hotel", "v1", "draft:pre-release")


@pytest.mark.parametrize("channel, ends", [("whatsapp", True), ("sms", True), ("api", False)])
async def test_a_message_after_a_day_begins_a_new_conversation(
    monkeypatch: pytest.MonkeyPatch, channel: str, ends: bool
) -> None:
    """R14: a messaging conversation ends after an idle time, so that every channel reaches the new version."""
    story = await hotel("until noon")
    desk, call = story.desk, story.call()
    view, _ = await desk.conversations.start(call, "hotel", Beginning(environment="sandbox", channel=channel))
    now = desk.work.clock.now()
    monkeypatch.setattr(desk.work.clock, "now", lambda: now + timedelta(hours=25), raising=False)
    taking = desk.conversations.take_turn(call, view.conversation.id, Heard("can i check out late?"))
    if not ends:
        assert (await taking).turn.version == 1
        return
    with pytest.raises(Refused, match="idle time"):
        await taking


async def test_an_admin_cannot_lock_the_owner_out() -> None:
    story = await begin()
    owners = await story.new_key("owner")
    with pytest.raises(NotAllowed):
        await story.desk.keys.revoke(story.call("admin"), owners.record.id)
    mine = await story.new_key("editor")
    assert (await story.desk.keys.revoke(story.call("admin"), mine.record.id)).revoked_at is not None


async def test_saves_of_different_entities_do_not_refuse_each_other(postgres_url: str) -> None:
    """R5: the lock is on the entity. In PostgreSQL two transactions do see the same draft."""
    store = await open_store(postgres_url)
    story = await begin(store)
    await story.make_project()

    async def one(number: int, if_match: str = "*") -> Any:
        address, body = Address("topic", f"t{number}"), topic(f"answer {number}")
        try:
            return await story.desk.drafts.save(story.call(), "hotel", "sandbox", address, body, if_match)
        except (Conflict, Stale) as wrong:
            return type(wrong)

    saved = await asyncio.gather(*map(one, range(12)))
    assert not [found for found in saved if isinstance(found, type)]
    again = await asyncio.gather(*(one(99) for _ in range(6)))
    assert again.count(Stale) == 5
    assert len((await story.desk.drafts.load(story.call(), "hotel", "sandbox")).changes) == 13
    await store.close()


async def test_a_save_that_raced_with_another_process_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    story = await hotel("until noon")
    write, races = story.desk.work.store.write, [Conflict("draft_race", "first"), Conflict("draft_exists", "second")]

    async def race(workspace: Any, work: Any) -> Any:
        if races:
            raise races.pop()
        return await write(workspace, work)

    monkeypatch.setattr(story.desk.work.store, "write", race)
    await story.save(CHECKOUT, topic("until two"))
    assert not races


async def test_conflicts_come_with_what_a_rollback_took_back() -> None:
    """R7: the changes that a rollback took back are never silent."""
    story = await hotel("until noon", "until one")
    await story.save(CHECKOUT, topic("until one or later"))
    await story.desk.releases.roll_back(story.call(), "hotel", "sandbox", RollbackRequest("wrong", expected_seq=2))
    with pytest.raises(Conflict) as refused:
        await story.desk.publishing.publish(story.call(), "hotel", "sandbox", PublishRequest("Says until later"))
    assert refused.value.extra["taken_back"] == {"versions": [2], "choice": "leave_out"}


@pytest.mark.parametrize("before", ["²", "9" * 30, "-1", "x", "٣"])
async def test_a_page_is_shown_whatever_its_address_asks_for(before: str) -> None:
    story = await hotel("until noon")
    async with httpx2.AsyncClient(
        transport=httpx2.ASGITransport(app=build_web(story.desk)), base_url="http://desk.test"
    ) as browser:
        await browser.post(f"/sign-in/{await story.desk.access.make_link(story.owner)}")
        reply = await browser.get("/projects/hotel", params={"before": before})
    assert reply.status_code == 200
    assert "v1" in reply.text


@pytest.mark.parametrize("key", ["ключ", "two\nlines", "tab\there"])
def test_what_cannot_be_a_key_is_said_before_anything_is_sent(key: str) -> None:
    with pytest.raises(Unauthenticated):
        Client("http://127.0.0.1:1", key)


async def test_reasons_are_words_and_numbers_are_numbers() -> None:
    stage = await make_stage()
    async with stage.client() as client:
        await fill(client, "hotel")
        entity = await client.get(f"{P}/content/topic/late-checkout?ref=live")
        good(await save(client, "hotel", "topic/late-checkout", {**TOPIC, "content": "Two."}, entity.headers["etag"]))
        good(await client.post(f"{P}/environments/sandbox/publish", json={"note": "Late check-out until two"}))
        await promote(client, "hotel", "pre-release", 2)
        live = f"{P}/environments/live"
        for body in (
            {"to": 1, "reason": "   \n "},
            {"to": True, "reason": "wrong hours"},
            {"expected_seq": True, "reason": "wrong hours"},
            {"expected_seq": "1", "reason": "wrong hours"},
        ):
            problem(await client.post(f"{live}/rollback", json=body), 422, "invalid_request")
        said = {"version": 2, "expected_seq": 1, "confirm": {"version": 2}}
        for body in (
            {**said, "version": True},
            {**said, "confirm": {"version": True}},
            {**said, "expected_seq": True},
            {**said, "hotfix": {"reason": " " * 12}},
        ):
            problem(await client.post(f"{live}/promote", json=body), 422, "invalid_request")
        assert good(await client.post(f"{live}/promote", json={**said, "version": "v2"}))["version"] == 2
