"""Where a new conversation comes in, what a resolver is told of the same key, and why it was so, for ever."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, timedelta, timezone
from typing import Any

import pytest

from greenroom.domain.conversations import Conversation
from greenroom.domain.environments import Arm, choose_arm, choose_slot
from greenroom.domain.errors import Invalid, NotAllowed, NotFound, Refused
from greenroom.domain.ids import ConversationId
from greenroom.domain.splits import StickyPolicy
from greenroom.ports import Writing
from greenroom.providers.clock import SystemClock
from greenroom.runtime.turn import Heard
from greenroom.services.conversations import Beginning
from greenroom.services.entries import Explained
from greenroom.services.splits import ShareRequest, SplitRequest
from greenroom.services.states import load_project
from greenroom.storage.memory import MemoryStore
from tests.support.splits import delete_place, open_place, release
from tests.unit.services.story import Story, begin
from tests.unit.services.test_release_story import serve

SOON = timedelta(days=7)


async def set_up(**weights: Any) -> Story:
    """Returns a desk with a hotel: live serves v2, b and c v1, and a split where weights are given."""
    story = await begin()
    await story.make_project()
    await serve(story, "Until noon.")
    await serve(story, "Until two.")
    for alias in ("b", "c"):
        await open_place(story.desk.store, story.owner.workspace, "hotel", alias, 1)
    if weights:
        await split(story, "*", **weights)
    return story


async def split(story: Story, seen: str, sticky_key: StickyPolicy | None = None, **weights: Any) -> None:
    shares = [ShareRequest(alias, weight) for alias, weight in weights.items()]
    await story.desk.splits.set(story.call(), "hotel", SplitRequest(shares, sticky_key), seen)


async def start(story: Story, **more: Any) -> tuple[str, Conversation]:
    view, _ = await story.desk.conversations.start(story.call("viewer"), "hotel", Beginning(**more))
    return view.alias, view.conversation


async def resolve(story: Story, key: str, **more: Any) -> Any:
    return await story.desk.traffic.resolve(story.call("viewer"), "hotel", key, more.pop("environment", None), **more)


def kept_of(story: Story, noun: str) -> str:
    """Returns all that is stored of a noun, and of everything that was told."""
    assert isinstance(story.desk.store, MemoryStore)
    rows = story.desk.store._state.workspaces[story.owner.workspace]
    records = [record for _, record in rows.records.items() if record.noun == noun]
    return repr(records) + repr([record.payload for _, (record, _) in rows.audit.items()])


async def why(story: Story, conversation: Conversation) -> Explained:
    return await story.desk.entries.explain(story.call("viewer"), conversation.id)


async def test_a_conversation_and_a_resolver_are_led_alike_by_the_split() -> None:
    story = await set_up(live=40, b=30, c=30)
    seen: Counter[str] = Counter()
    for number in range(60):
        alias, conversation = await start(story, user_id=f"user-{number}")
        decided = await resolve(story, f"user-{number}")
        assert (decided.environment, decided.version) == (alias, conversation.started_version)
        assert conversation.entry == {"by": "split", "split": 1, "slot": decided.slot, "key": "user_id"}
        share = {"live": "40", "b": "30", "c": "30"}[alias]
        assert decided.reason.startswith(f"split 1 of hotel: {alias} has {share} %; {alias} serves v")
        seen[alias] += 1
    assert seen.keys() == {"live", "b", "c"}


async def test_one_user_sticks_to_one_place_and_an_alias_goes_past_it() -> None:
    story = await set_up(live=50, b=50)
    first, _ = await start(story, user_id="ada", caller="+49 151 1")
    assert {(await start(story, user_id="ada", caller=f"+49 151 {n}"))[0] for n in range(5)} == {first}
    alias, conversation = await start(story, user_id="ada", environment="c")
    assert (alias, conversation.entry) == ("c", {"by": "alias"})
    assert (await resolve(story, "ada", environment="c")).reason.startswith("asked for c; ")


@pytest.mark.parametrize(
    "policy, key, varied", [("user", "user_id", "caller"), ("caller", "caller", "user_id"), ("conversation", "", "")]
)
async def test_what_a_conversation_sticks_by_is_the_splits_choice(policy: Any, key: str, varied: str) -> None:
    story = await set_up()
    await split(story, "*", policy, live=50, b=50)
    started = [
        await start(story, **{"user_id": "ada", "caller": "+49 1"} | ({varied: f"other {n}"} if varied else {}))
        for n in range(20)
    ]
    assert {conversation.entry["key"] for _, conversation in started} == {key or "conversation"}
    places = {alias for alias, _ in started}
    assert len(places) == (1 if key else 2)


async def test_without_a_split_the_default_environment_answers() -> None:
    story = await set_up()
    alias, conversation = await start(story, user_id="ada")
    assert (alias, conversation.entry) == ("live", {"by": "default"})
    assert (await resolve(story, "ada")).reason.startswith("default entry of hotel; live serves v2")
    assert (await why(story, conversation)).sentences == [
        "It came by the default entry while no split was set, and all of that went to live.",
        "live answered it with v2 from the start (release 2).",
    ]


async def test_a_changed_split_leads_new_conversations_only() -> None:
    story = await set_up()
    _, old = await start(story, user_id="ada")
    await split(story, "*", live=0, b=100)
    alias, new = await start(story, user_id="ada")
    assert (alias, new.started_version) == ("b", 1)
    await split(story, "1", live=100)
    versions = []
    for conversation in (old, new):
        taken = await story.desk.conversations.take_turn(
            story.call("viewer"), conversation.id, Heard("Can I check out late?")
        )
        versions.append((taken.turn.version, taken.turn.said))
    assert versions == [(2, "Until two."), (1, "Until noon.")]


async def test_why_is_answered_after_the_split_has_changed_and_its_environment_is_gone() -> None:
    story = await set_up(live=0, b=100)
    _, conversation = await start(story, user_id="ada")
    slot = conversation.entry["slot"]
    on = f"set on {story.desk.clock.now():%Y-%m-%d} at "
    told = await why(story, conversation)
    assert (told.alias, told.shares, told.changes_since) == ("b", {"live": 0, "b": 10000}, 0)
    assert told.sentences[0] == "It came by the default entry, which followed the split."
    assert told.sentences[1].startswith(f"Split 1, {on}")
    assert told.sentences[1].endswith(", was live 0 %, b 100 %.")
    owned = f"Its traffic key, the user id, is at slot {slot:,} of 10,000. b owned that slot and 100 % of all slots."
    assert told.sentences[2:] == [owned, "b answered it with v1 from the start (release 1)."]
    await split(story, "1", live=90, c=10)
    await split(story, "2", live=100, b=0)
    await split(story, "3", live=100)
    await delete_place(story.desk.store, story.owner.workspace, "hotel", "b")
    later = await why(story, conversation)
    assert (later.alias, later.shares, later.changes_since) == ("b", told.shares, 3)
    assert later.sentences[2] == owned
    assert later.sentences[3] == "The split has changed 3 times since, and that slot is live's now; conversations stay."
    assert (await story.desk.conversations.load(story.call("viewer"), conversation.id, -1, 5))[0].alias == "b"


async def test_why_is_answered_for_tests_and_for_what_began_before_it_was_recorded() -> None:
    story = await set_up()
    view, _ = await story.desk.conversations.start(story.call(), "hotel", Beginning(ref="v1"))
    assert (await why(story, view.conversation)).sentences == [
        "It was opened on v1, which asks no rule of traffic; its context is sandbox."
    ]
    old = replace(view.conversation, id=ConversationId("cnv_old"), ref=None, entry={})
    await story.desk.store.write(story.owner.workspace, lambda tx: tx.insert_conversation(old))
    assert (await why(story, old)).sentences[0] == (
        "It came in to sandbox before it was recorded how conversations come in."
    )
    with pytest.raises(NotFound):
        await story.desk.entries.explain(story.call(), "cnv_nobody")


async def test_a_share_of_a_deleted_environment_goes_to_the_default_one() -> None:
    story = await set_up(live=0, b=100)
    await delete_place(story.desk.store, story.owner.workspace, "hotel", "b")
    alias, conversation = await start(story, user_id="ada")
    assert (alias, conversation.entry) == ("live", {"by": "default"})
    assert (await resolve(story, "ada")).environment == "live"


async def test_a_rollout_inside_a_share_has_its_own_salt() -> None:
    story = await set_up(live=0, b=100)
    b = (await story.desk.environments.load(story.call(), "hotel", "b")).environment
    arms = (Arm(1, ((0, 4999),)), Arm(2, ((5000, 9999),)))
    await story.desk.store.write(story.owner.workspace, lambda tx: release(tx, SystemClock(), b.id, 1, arms))
    seen: set[tuple[bool, int | None]] = set()
    for number in range(40):
        _, conversation = await start(story, user_id=f"user-{number}")
        decided = await resolve(story, f"user-{number}")
        own = choose_slot(b.salt, f"user-{number}")
        arm = choose_arm(arms, own)
        assert arm is not None
        assert arm.version == decided.version == conversation.started_version
        assert conversation.slot == own, "whether a release moves it is asked of its environment's slot (R14)"
        assert decided.slot == conversation.entry["slot"] != own
        seen.add((decided.slot < 5000, arm.version))
    assert len(seen) == 4, "the split's slot says nothing about the rollout's arm"


async def test_testers_are_led_to_one_place_and_kept_as_hashes() -> None:
    story = await set_up(live=100)
    added = await story.desk.testers.add(
        story.call(), "hotel", "b", user_id=" ada@example.com ", caller=None, label="QA"
    )
    await story.desk.testers.add(story.call(), "hotel", "pre-release", user_id=None, caller="+49151234123")
    assert (added.alias, added.tester.shown, added.tester.kind, added.tester.label) == (
        "b",
        "ada…com",
        "user_id",
        "QA",
    )
    for given, place, key in (
        ({"user_id": "ada@example.com"}, "b", "user_id"),
        ({"user_id": "ada@example.com", "caller": "+49151234123"}, "b", "user_id"),
        ({"user_id": "bob", "caller": "+49151234123"}, "pre-release", "caller"),
    ):
        alias, conversation = await start(story, **given)
        assert (alias, conversation.entry) == (place, {"by": "tester", "key": key})
        assert (
            (await why(story, conversation)).sentences[0].endswith(f"testers of {place} were led there past the split.")
        )
    # A caller's number is no user id, and nothing but the whole of it counts.
    for other in ({"user_id": "+49151234123"}, {"user_id": "Ada@example.com"}, {"caller": "ada@example.com"}):
        assert (await start(story, **other))[0] == "live"
    decided = await resolve(story, "+49151234123")
    assert (decided.environment, decided.reason[:34]) == ("pre-release", "a tester, led past the split; pre-")
    assert (await resolve(story, "ada@example.com", environment="live")).environment == "live"
    kept = kept_of(story, "tester")
    assert "label" in kept
    assert not any(text in kept for text in ("ada@", "example", "151234"))


async def test_somebody_who_is_a_tester_already_is_led_to_the_new_place() -> None:
    story = await set_up()
    for alias in ("b", "c"):
        await story.desk.testers.add(story.call(), "hotel", alias, user_id="ada", caller=None)
    (only,) = await story.desk.testers.list(story.call("viewer"), "hotel", None, 10)
    assert (only.alias, only.tester.shown) == ("c", "a…")
    assert await story.desk.testers.list(story.call(), "hotel", None, 10, "b") == []
    await story.desk.testers.remove(story.call(), "hotel", only.tester.id)
    assert (await start(story, user_id="ada"))[0] == "live"
    with pytest.raises(NotFound):
        await story.desk.testers.remove(story.call(), "hotel", only.tester.id)
    told = [line.summary.split(" ", 1)[1] for line in await story.desk.history.list(story.call(), "hotel", None, 3)]
    assert told[0].endswith("took a user off the testers of c")
    assert told[1].endswith("made a user a tester of c")


async def test_erasing_somebody_takes_them_off_the_testers() -> None:
    story = await set_up()
    await story.desk.testers.add(story.call(), "hotel", "b", user_id="ada", caller=None)
    await story.desk.erasures.erase_person(story.call(), "hotel", caller="ada")
    assert len(await story.desk.testers.list(story.call(), "hotel", None, 10)) == 1
    await story.desk.erasures.erase_person(story.call(), "hotel", user_id="ada")
    assert await story.desk.testers.list(story.call(), "hotel", None, 10) == []


@pytest.mark.parametrize(
    "given, code",
    [
        ({"user_id": None, "caller": None}, "user_or_caller"),
        ({"user_id": "a", "caller": "b"}, "user_or_caller"),
        ({"user_id": " ", "caller": None}, "invalid_person"),
        ({"user_id": None, "caller": "1" * 201}, "invalid_person"),
        ({"user_id": "a\0", "caller": None}, "invalid_person"),
        ({"user_id": "a", "caller": None, "label": "x" * 121}, "invalid_text"),
    ],
)
async def test_what_names_nobody_is_no_tester(given: dict[str, Any], code: str) -> None:
    story = await set_up()
    with pytest.raises(Invalid) as refused:
        await story.desk.testers.add(story.call(), "hotel", "b", **given)
    assert refused.value.code == code


async def test_testers_and_links_of_a_deleted_environment_lead_nowhere() -> None:
    story = await set_up()
    await story.desk.testers.add(story.call(), "hotel", "b", user_id="ada", caller=None)
    made = await story.desk.share_links.create(story.call(), "hotel", "b", story.desk.clock.now() + SOON)
    await delete_place(story.desk.store, story.owner.workspace, "hotel", "b")
    assert (await start(story, user_id="ada"))[0] == "live"
    assert (await resolve(story, "ada")).environment == "live"
    for attempt in (start(story, share_link=made.token), resolve(story, "ada", share_link=made.token)):
        with pytest.raises(NotFound):
            await attempt


async def test_a_share_link_leads_to_its_environment_until_it_is_revoked() -> None:
    story = await set_up(live=100)
    await story.desk.testers.add(story.call(), "hotel", "c", user_id="ada", caller=None)
    made = await story.desk.share_links.create(
        story.call(), "hotel", "pre-release", story.desk.clock.now() + SOON, "Board"
    )
    alias, conversation = await start(story, user_id="ada", share_link=made.token)
    assert (alias, conversation.entry) == ("pre-release", {"by": "share_link", "link": made.link.id})
    decided = await resolve(story, "ada", share_link=made.token)
    assert decided.environment == "pre-release"
    assert decided.reason.startswith(f"share link {made.link.id}, led past the split; ")
    told = (await why(story, conversation)).sentences[0]
    assert told == f"It came by the share link {made.link.id}, which leads to pre-release past the split."
    secret = made.token.partition(".")[2]
    kept = kept_of(story, "share_link")
    assert made.link.id in kept
    assert secret not in kept
    for wrong in (
        made.link.id,
        f"{made.link.id}.",
        f"{made.link.id}.{secret[:-1]}",
        f"lnk_other.{secret}",
        "",
        "x" * 300,
    ):
        for attempt in (start(story, share_link=wrong), resolve(story, "ada", share_link=wrong)):
            with pytest.raises(NotFound) as refused:
                await attempt
            assert refused.value.code == "share_link_not_found"
    for _ in range(2):
        revoked = await story.desk.share_links.revoke(story.call(), "hotel", made.link.id)
        assert revoked.link.revoked_at is not None
    for attempt in (start(story, share_link=made.token), resolve(story, "ada", share_link=made.token)):
        with pytest.raises(Refused, match="was revoked on"):
            await attempt
    assert len(await story.desk.history.list(story.call(), "hotel", None, 9, "share_link.revoked")) == 1
    with pytest.raises(NotFound):
        await story.desk.share_links.revoke(story.call(), "hotel", "lnk_nobody")


async def test_a_share_link_expires(monkeypatch: pytest.MonkeyPatch) -> None:
    story = await set_up()
    now = story.desk.clock.now()
    until = (now + SOON).astimezone(timezone(timedelta(hours=9)))
    made = await story.desk.share_links.create(story.call(), "hotel", "b", until)
    assert made.link.expires_at == until
    assert made.link.expires_at.tzinfo is UTC
    assert (await start(story, share_link=made.token))[0] == "b"
    monkeypatch.setattr(type(story.desk.clock), "now", lambda _: now + SOON)
    for attempt in (start(story, share_link=made.token), resolve(story, "ada", share_link=made.token)):
        with pytest.raises(Refused, match="expired on"):
            await attempt
    (listed,) = await story.desk.share_links.list(story.call("viewer"), "hotel", None, 10)
    assert not listed.link.is_open(story.desk.clock.now())


@pytest.mark.parametrize(
    "span", [timedelta(0), timedelta(seconds=-1), timedelta(days=90, seconds=5), timedelta(days=3000)]
)
async def test_a_link_that_is_over_or_too_long_is_refused(span: timedelta) -> None:
    story = await set_up()
    with pytest.raises(Invalid) as refused:
        await story.desk.share_links.create(story.call(), "hotel", "b", story.desk.clock.now() + span)
    assert (refused.value.code, refused.value.errors[0].pointer) == ("invalid_expiry", "/expires_at")


@pytest.mark.parametrize("beside", [{"environment": "b"}, {"ref": "v1"}])
async def test_a_link_goes_with_no_other_place(beside: dict[str, Any]) -> None:
    story = await set_up()
    with pytest.raises(Invalid, match="share link leads to its own environment"):
        await story.desk.conversations.start(story.call(), "hotel", Beginning(share_link="x", **beside))


async def test_full_lists_make_room_only_for_what_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    from greenroom.services import share_links, testers

    story = await set_up()
    monkeypatch.setattr(share_links, "MOST", 2)
    monkeypatch.setattr(testers, "MOST", 1)
    await story.desk.testers.add(story.call(), "hotel", "b", user_id="ada", caller=None)
    await story.desk.testers.add(story.call(), "hotel", "c", user_id="ada", caller=None)
    with pytest.raises(Refused, match="at most 1 testers"):
        await story.desk.testers.add(story.call(), "hotel", "b", user_id="bob", caller=None)
    first = await story.desk.share_links.create(story.call(), "hotel", "b", story.desk.clock.now() + SOON)
    await story.desk.share_links.create(story.call(), "hotel", "b", story.desk.clock.now() + SOON)
    with pytest.raises(Refused, match="at most 2 share links"):
        await story.desk.share_links.create(story.call(), "hotel", "b", story.desk.clock.now() + SOON)

    def age(tx: Writing) -> None:
        project = load_project(tx, "hotel")
        found = tx.find_record(project.id, "share_link", first.link.id)
        assert found is not None
        tx.put_record(replace(found, body={**found.body, "expires_at": "2026-01-01T00:00:00.000000Z"}))

    await story.desk.store.write(story.owner.workspace, age)
    third = await story.desk.share_links.create(story.call(), "hotel", "b", story.desk.clock.now() + SOON)
    kept = await story.desk.share_links.list(story.call(), "hotel", None, 10)
    assert third.link.id in {view.link.id for view in kept}
    assert first.link.id not in {view.link.id for view in kept}


async def test_editors_neither_name_testers_nor_make_links() -> None:
    story = await set_up()
    call, at = story.call("editor"), story.desk.clock.now() + SOON
    for attempt in (
        story.desk.testers.add(call, "hotel", "b", user_id="ada", caller=None),
        story.desk.testers.remove(call, "hotel", "x"),
        story.desk.share_links.create(call, "hotel", "b", at),
        story.desk.share_links.revoke(call, "hotel", "x"),
    ):
        with pytest.raises(NotAllowed):
            await attempt
