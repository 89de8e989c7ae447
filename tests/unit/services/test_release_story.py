"""The main job on a memory store: draft, publish, promote, converse, roll back."""

from __future__ import annotations

import pytest

from greenroom.domain.environments import choose_stable
from greenroom.domain.errors import Conflict, Invalid, Missing, Refused, Stale
from greenroom.runtime.turn import Heard
from greenroom.services.conversations import Beginning
from greenroom.services.plans import PolicyChoice, PromoteRequest, PublishRequest, RollbackRequest
from tests.unit.services.story import CHECKOUT, Story, begin, topic

NOTE = "Late check-out is now until two"


async def publish(story: Story, note: str = NOTE, **more: object) -> int:
    done = await story.desk.publishing.publish(story.call(), "hotel", "sandbox", PublishRequest(note, **more))  # type: ignore[arg-type]
    return done.version.version.number


async def seq(story: Story, alias: str) -> int:
    return (await story.desk.environments.load(story.call(), "hotel", alias)).environment.seq


async def promote(story: Story, version: int, alias: str, **more: object) -> None:
    request = PromoteRequest(version, await seq(story, alias), confirm_version=version, **more)  # type: ignore[arg-type]
    await story.desk.releases.promote(story.call(), "hotel", alias, request)


async def serve(story: Story, content: str) -> int:
    await story.save(CHECKOUT, topic(content))
    version = await publish(story)
    await promote(story, version, "pre-release")
    await promote(story, version, "live")
    return version


async def served(story: Story, alias: str) -> int | None:
    return choose_stable((await story.desk.environments.load(story.call(), "hotel", alias)).environment.arms)


async def ask(story: Story, id_: str, text: str = "Can I check out late?") -> tuple[str, int | None]:
    turn = (await story.desk.conversations.take_turn(story.call(), id_, Heard(text))).turn
    return turn.said, turn.version


async def test_a_version_goes_through_every_step_and_answers() -> None:
    story = await begin()
    await story.make_project()
    one = await serve(story, "Until noon.")
    view, greeting = await story.desk.conversations.start(story.call(), "hotel", Beginning())
    assert view.conversation.started_version == one
    assert greeting.turn.said
    said, version = await ask(story, view.conversation.id)
    assert "Until noon." in said
    assert version == one


async def test_a_rollback_with_switch_moves_new_conversations_only() -> None:
    story = await begin()
    await story.make_project()
    one = await serve(story, "Until noon.")
    old, _ = await story.desk.conversations.start(story.call(), "hotel", Beginning())
    two = await serve(story, "Until two.")
    new, _ = await story.desk.conversations.start(story.call(), "hotel", Beginning())
    assert await ask(story, old.conversation.id) == ("Until noon.", one)
    assert await ask(story, new.conversation.id) == ("Until two.", two)
    live = await story.desk.environments.load(story.call(), "hotel", "live")
    assert live.running == {one: 1, two: 1}
    assert live.rollback_to == one
    back = await story.desk.releases.roll_back(
        story.call(), "hotel", "live", RollbackRequest("wrong hours", expected_seq=await seq(story, "live"))
    )
    assert back.release.version == one
    assert back.release.takes_back == (two,)
    assert await ask(story, old.conversation.id) == ("Until noon.", one)
    assert await ask(story, new.conversation.id) == ("Until noon.", one)
    assert (await story.desk.versions.load(story.call(), "hotel", two)).version.number == two


async def test_finish_leaves_running_conversations_alone_on_rollback_too() -> None:
    story = await begin()
    await story.make_project()
    await serve(story, "Until noon.")
    two = await serve(story, "Until two.")
    new, _ = await story.desk.conversations.start(story.call(), "hotel", Beginning())
    request = RollbackRequest("wrong hours", to=1, in_flight=PolicyChoice("finish"))
    await story.desk.releases.roll_back(story.call(), "hotel", "live", request)
    assert await ask(story, new.conversation.id) == ("Until two.", two)


async def test_rolling_back_twice_never_brings_the_bad_version_back() -> None:
    story = await begin()
    await story.make_project()
    for content in ("Until ten.", "Until noon.", "Until two."):
        await serve(story, content)
    for expected in (2, 1):
        await story.desk.releases.roll_back(
            story.call(), "hotel", "live", RollbackRequest("bad hours", expected_seq=await seq(story, "live"))
        )
        assert await served(story, "live") == expected
    with pytest.raises(Refused) as refused:
        await story.desk.releases.roll_back(
            story.call(), "hotel", "live", RollbackRequest("bad hours", expected_seq=await seq(story, "live"))
        )
    assert refused.value.code == "nothing_beneath"
    await story.desk.releases.roll_back(story.call(), "hotel", "live", RollbackRequest("undo", to=3))
    assert await served(story, "live") == 3
    live = await story.desk.environments.load(story.call(), "hotel", "live")
    assert live.rollback_to == 1


@pytest.mark.parametrize(
    "request_, error, code",
    [
        (PromoteRequest(1, 0, 1), Refused, "skips_a_step"),
        (PromoteRequest(1, None, 1, hotfix="the phone is down"), Missing, "expected_seq_required"),
        (PromoteRequest(1, 7, 1, hotfix="the phone is down"), Stale, "stale_sequence"),
        (PromoteRequest(1, 0, None, hotfix="the phone is down"), Missing, "confirmation_required"),
        (PromoteRequest(1, 0, 9, hotfix="the phone is down"), Stale, "stale_confirmation"),
    ],
)
async def test_live_is_guarded(request_: PromoteRequest, error: type[Exception], code: str) -> None:
    story = await begin()
    await story.make_project()
    await story.save(CHECKOUT, topic("Until noon."))
    await publish(story)
    with pytest.raises(error) as refused:
        await story.desk.releases.promote(story.call(), "hotel", "live", request_)
    assert refused.value.code == code  # type: ignore[attr-defined]
    assert await served(story, "live") is None


async def test_a_hotfix_skips_a_step_loudly() -> None:
    story = await begin()
    await story.make_project()
    await story.save(CHECKOUT, topic("Until noon."))
    await publish(story)
    await promote(story, 1, "live", hotfix="the phone is down")
    history = await story.desk.history.list(story.call(), "hotel", None, 10)
    assert history[0].event["action"] == "release.hotfixed"
    assert history[0].event["data"]["reason"] == "the phone is down"


async def test_a_vague_note_is_refused_with_a_suggestion() -> None:
    story = await begin()
    await story.make_project()
    await story.save(CHECKOUT, topic("Until noon."))
    with pytest.raises(Refused) as refused:
        await publish(story, "updates")
    assert refused.value.code == "vague_note"
    assert len(refused.value.extra["suggestion"]) >= 10
    assert await served(story, "sandbox") is None


async def test_a_stale_save_is_refused_with_both_sides() -> None:
    story = await begin()
    await story.make_project()
    first = await story.save(CHECKOUT, topic("Until noon."))
    await story.save(CHECKOUT, topic("Until one."))
    with pytest.raises(Stale) as stale:
        await story.desk.drafts.save(story.call(), "hotel", "sandbox", CHECKOUT, topic("Until two."), first.revision)
    assert stale.value.extra["theirs"]["content"] == "Until one."
    assert stale.value.extra["yours"]["content"] == "Until two."


async def test_two_drafts_merge_at_publish_and_conflicts_are_listed() -> None:
    story = await begin()
    await story.make_project()
    await serve(story, "Until noon.")
    other = story.call("owner", "2")
    revision = (await story.desk.drafts.load(other, "hotel", "sandbox")).snapshot[CHECKOUT]
    await story.desk.drafts.save(
        other, "hotel", "sandbox", CHECKOUT, topic("Until noon.", instructions="Be kind."), revision
    )
    await story.save(CHECKOUT, topic("Until two."))
    await publish(story)
    done = await story.desk.publishing.publish(other, "hotel", "sandbox", PublishRequest("Kindness in late check-out"))
    assert done.rebased
    entity = await story.desk.content.load(story.call(), "hotel", CHECKOUT, "sandbox")
    assert entity.body["content"] == "Until two."
    assert entity.body["instructions"] == "Be kind."


async def test_a_conflict_is_settled_by_a_resolution() -> None:
    story = await begin()
    await story.make_project()
    await serve(story, "Until noon.")
    other = story.call("owner", "2")
    revision = (await story.desk.drafts.load(other, "hotel", "sandbox")).snapshot[CHECKOUT]
    await story.desk.drafts.save(other, "hotel", "sandbox", CHECKOUT, topic("Until three."), revision)
    await story.save(CHECKOUT, topic("Until two."))
    await publish(story)
    request = PublishRequest("Late check-out until three")
    with pytest.raises(Conflict) as conflict:
        await story.desk.publishing.publish(other, "hotel", "sandbox", request)
    (found,) = conflict.value.extra["conflicts"]
    assert (found["ours"], found["theirs"], found["base"]) == ("Until three.", "Until two.", "Until noon.")
    settled = PublishRequest(request.note, resolutions=[{"conflict_id": found["id"], "take": "ours"}])
    await story.desk.publishing.publish(other, "hotel", "sandbox", settled)
    entity = await story.desk.content.load(story.call(), "hotel", CHECKOUT, "sandbox")
    assert entity.body["content"] == "Until three."


@pytest.mark.parametrize("choice, content", [(None, "Until noon."), ("bring_back", "Until two.")])
async def test_what_a_rollback_took_back_is_a_choice(choice: str | None, content: str) -> None:
    story = await begin()
    await story.make_project()
    await serve(story, "Until noon.")
    await serve(story, "Until two.")
    parking = CHECKOUT.__class__("topic", "parking")
    await story.save(parking, {"name": "Parking", "sample_questions": ["Where can I park?"], "content": "Behind."})
    await story.desk.releases.roll_back(story.call(), "hotel", "sandbox", RollbackRequest("bad hours", to=1))
    plan = await story.desk.publishing.plan(story.call(), "hotel", "sandbox", PublishRequest(NOTE))
    assert plan.taken_back is not None
    assert plan.taken_back.versions == [2]
    assert plan.taken_back.addresses == ["topic/late-checkout"]
    await publish(story, "Parking is explained", taken_back=choice)
    entity = await story.desk.content.load(story.call(), "hotel", CHECKOUT, "sandbox")
    assert entity.body["content"] == content
    assert await story.desk.content.load(story.call(), "hotel", parking, "sandbox")


async def test_a_dangling_reference_stops_a_publish() -> None:
    story = await begin()
    await story.make_project()
    await story.save(CHECKOUT, topic("See {{topic.parking}}."))
    with pytest.raises(Exception, match="topic/parking") as refused:
        await publish(story)
    assert refused.value.code == "not_publishable"  # type: ignore[attr-defined]
    assert refused.value.errors[0].pointer == "/topic/late-checkout/content"  # type: ignore[attr-defined]


async def test_a_version_marked_bad_needs_acknowledging() -> None:
    story = await begin()
    await story.make_project()
    await story.save(CHECKOUT, topic("Until noon."))
    await publish(story)
    await story.desk.versions.mark(story.call(), "hotel", 1, "bad")
    with pytest.raises(Refused) as refused:
        await promote(story, 1, "pre-release")
    assert refused.value.code == "warnings_unacknowledged"
    await promote(story, 1, "pre-release", acknowledged=["version_marked_bad"])


async def test_a_test_chat_pins_the_drafts_digest() -> None:
    story = await begin()
    await story.make_project()
    await story.save(CHECKOUT, topic("Until noon."))
    view, _ = await story.desk.conversations.start(story.call(), "hotel", Beginning(ref="draft:sandbox"))
    assert view.conversation.origin == "test"
    await story.save(CHECKOUT, topic("Until two."))
    turn = await story.desk.conversations.take_turn(story.call(), view.conversation.id, Heard("Can I check out late?"))
    assert turn.turn.said == "Until noon."
    assert turn.draft_changed


async def test_promoting_back_what_was_taken_back_asks_and_rolling_back_does_not() -> None:
    story = await begin()
    await story.make_project()
    await serve(story, "Until noon.")
    two = await serve(story, "Until two.")
    await story.desk.releases.roll_back(story.call(), "hotel", "live", RollbackRequest("bad hours", to=1))
    with pytest.raises(Missing) as missing:
        await story.desk.releases.promote(story.call(), "hotel", "live", PromoteRequest(two, await seq(story, "live")))
    assert missing.value.code == "confirmation_required"
    await promote(story, two, "live")
    last = (await story.desk.environments.list_releases(story.call(), "hotel", "live", None, 1))[0].release
    assert (last.operation, last.version, last.takes_back) == ("rollback", two, ())


async def test_what_others_use_cannot_be_taken_away_from_under_them() -> None:
    story = await begin()
    await story.make_project()
    part = CHECKOUT.__class__("component", "until")
    await story.save(part, {"name": "Until", "text": "until {{hour}}", "parameters": ["hour"]})
    await story.save(CHECKOUT, topic('Stay {{component.until hour="noon"}}.'))
    await publish(story)
    await story.save(part, {"name": "Until", "text": "until eleven"})
    with pytest.raises(Invalid) as refused:
        await publish(story, "The hour is fixed for everybody")
    assert refused.value.code == "not_publishable"
    assert refused.value.errors[0].pointer.startswith("/topic/late-checkout")
    entity = await story.desk.content.load(story.call(), "hotel", part, "sandbox")
    assert entity.where_used == [CHECKOUT]
