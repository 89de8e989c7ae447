"""Conversations and turns."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from greenroom.domain.errors import Conflict, Invalid, NotFound
from greenroom.domain.ids import ConversationId, EnvironmentId, ProjectId
from greenroom.ports import ConversationFilter, RunningGroup, Store
from tests.contract.storage.samples import A, B, at, conversation, make_project, project, turn

P = project().id
LIVE = EnvironmentId("env_live_1")


async def start(store: Store, *some: Any) -> None:
    for made in some:
        await store.write(A, lambda t, made=made: t.insert_conversation(made))


async def test_a_conversation_comes_back_as_it_went_in(store: Store) -> None:
    await make_project(store)
    other = conversation("cnv_2", ref="draft:sandbox", started_version=None, ended_at=at(1), ended_by="hang-up")
    await start(store, conversation(), other)
    assert await store.read(A, lambda t: t.find_conversation(ConversationId("cnv_1"))) == conversation()
    assert await store.read(A, lambda t: t.find_conversation(ConversationId("cnv_2"))) == other
    assert await store.read(A, lambda t: t.find_conversation(ConversationId("cnv_3"))) is None
    with pytest.raises(Conflict):
        await start(store, conversation())
    for stray in (conversation("x", environment=EnvironmentId("e")), conversation("x", project=ProjectId("p"))):
        with pytest.raises(NotFound):
            await start(store, stray)


async def test_what_was_stored_does_not_change_with_what_was_given_or_returned(store: Store) -> None:
    await make_project(store)
    mine: dict[str, Any] = {"list": [1], "pair": (1, 2)}
    await start(store, conversation(state=mine))
    mine["list"].append(2)
    found = await store.read(A, lambda t: t.find_conversation(ConversationId("cnv_1")))
    assert found is not None
    assert found.state == {"list": [1], "pair": [1, 2]}
    found.state["list"].append(3)
    listed = await store.read(A, lambda t: t.list_conversations(P, ConversationFilter(), None, 1))
    assert listed[0].state["list"] == [1]


async def test_an_update_needs_the_number_of_turns_and_an_open_conversation(store: Store) -> None:
    await make_project(store)
    await start(store, conversation())
    moved = conversation(turns=1, last_at=at(9), state={"step": "ask"})
    assert await store.write(A, lambda t: t.update_conversation(moved, 0))
    assert not await store.write(A, lambda t: t.update_conversation(conversation(turns=1), 0))
    assert await store.read(A, lambda t: t.find_conversation(moved.id)) == moved
    ended = replace(moved, ended_at=at(10), ended_by="caller")
    assert await store.write(A, lambda t: t.update_conversation(ended, 1))
    assert not await store.write(A, lambda t: t.update_conversation(moved, 1))
    assert await store.read(A, lambda t: t.find_conversation(moved.id)) == ended
    assert not await store.write(A, lambda t: t.update_conversation(conversation("cnv_none"), 0))


async def test_an_update_cannot_change_how_a_conversation_began(store: Store) -> None:
    await make_project(store)
    await start(store, conversation())
    moved = conversation(turns=1, started_version=9, started_seq=9, slot=9, origin="test", channel="voice")
    assert await store.write(A, lambda t: t.update_conversation(moved, 0))
    assert await store.read(A, lambda t: t.find_conversation(moved.id)) == conversation(turns=1)


async def test_conversations_are_listed_from_the_latest_and_narrowed(store: Store) -> None:
    await make_project(store)
    sandbox = EnvironmentId("env_sandbox_1")
    await start(
        store,
        conversation("cnv_1", started_at=at(1)),
        conversation("cnv_2", started_at=at(2), channel="voice"),
        conversation("cnv_3", started_at=at(2), started_version=2),
        conversation("cnv_4", started_at=at(0), origin="test", environment=sandbox),
        conversation("cnv_5", started_at=at(2) + timedelta(microseconds=1), started_version=None),
    )

    async def names(before: str | None = None, limit: int = 10, **where: Any) -> str:
        shape = ConversationFilter(**where)
        found = await store.read(A, lambda t: t.list_conversations(P, shape, before, limit))
        return "".join(each.id[-1] for each in found)

    assert await names() == "53214"
    assert await names("cnv_3", 2) == "21"
    assert await names("cnv_4") == ""
    assert await names("cnv_none") == ""
    assert await names(version=1) == "214"
    assert await names(channel="voice") == "2"
    assert await names(origin="public", before="cnv_2") == "1"
    assert await names(environment=sandbox) == "4"
    assert await names(environment=LIVE, channel="chat", version=2, origin="public") == "3"
    assert await store.read(A, lambda t: t.list_conversations(ProjectId("p"), ConversationFilter(), None, 9)) == ()


async def test_a_list_may_be_narrowed_to_what_was_said(store: Store) -> None:
    await make_project(store)
    await start(store, conversation("cnv_1"), conversation("cnv_2"), conversation("cnv_3"))
    await store.write(A, lambda t: t.insert_turn(turn(0, "cnv_1", "Is the SPA open?", "Yes, 100%_sure")))
    await store.write(A, lambda t: t.insert_turn(turn(0, "cnv_2", "ÄRGER mit der Straße", "Oh")))
    await store.write(A, lambda t: t.insert_turn(turn(1, "cnv_2", "back\\slash", "spa\0day")))

    async def names(text: str) -> str:
        where = ConversationFilter(text=text)
        found = await store.read(A, lambda t: t.list_conversations(P, where, None, 10))
        return "".join(sorted(each.id[-1] for each in found))

    assert await names("spa") == "12"
    assert await names("Spa open") == "1"
    assert await names("100%_") == "1"
    assert await names("100_") == ""
    assert await names("%") == "1"
    assert await names("back\\") == "2"
    assert await names("ärger mit der STRASSE") == "2"
    assert await names("spaday") == "2"
    assert await names("none of it") == ""


async def test_turns_come_back_in_order_with_everything_in_them(store: Store) -> None:
    await make_project(store)
    await start(store, conversation())
    turns = [
        turn(0),
        turn(1, heard="zero\0 and ünïcode \U0001f3e8", said="", version=None),
        turn(2, heard="x" * 100_000, events=(), trace={"deep": [{"a": None}]}),
    ]
    for made in reversed(turns):
        await store.write(A, lambda t, made=made: t.insert_turn(made))
    mine = ConversationId("cnv_1")
    assert await store.read(A, lambda t: t.list_turns(mine, -1, 10)) == tuple(turns)
    assert await store.read(A, lambda t: t.list_turns(mine, 0, 1)) == (turns[1],)
    assert await store.read(A, lambda t: t.list_turns(mine, 2, 10)) == ()
    with pytest.raises(Conflict):
        await store.write(A, lambda t: t.insert_turn(turn(1)))
    with pytest.raises(NotFound):
        await store.write(A, lambda t: t.insert_turn(turn(0, "cnv_none")))
    with pytest.raises(Invalid):
        await store.write(A, lambda t: t.insert_turn(turn(3, heard="half \ud800")))


async def test_running_conversations_are_counted_by_where_they_began(store: Store) -> None:
    await make_project(store)
    await start(
        store,
        conversation("cnv_1", last_at=at(100)),
        conversation("cnv_2", last_at=at(101)),
        conversation("cnv_3", last_at=at(101), slot=78),
        conversation("cnv_4", last_at=at(101), started_seq=2, started_version=2),
        conversation("cnv_idle", last_at=at(99)),
        conversation("cnv_voice", last_at=at(99), channel="voice"),
        conversation("cnv_sms", last_at=at(500), channel="sms"),
        conversation("cnv_ended", last_at=at(101), ended_at=at(102)),
        conversation("cnv_pinned", last_at=at(101), ref="v1"),
        conversation("cnv_bare", last_at=at(101), started_version=None),
        conversation("cnv_else", last_at=at(101), environment=EnvironmentId("env_sandbox_1")),
    )
    since = {"chat": at(100), "voice": at(99)}
    found = await store.read(A, lambda t: t.count_running(LIVE, since))
    assert found == (RunningGroup(1, 1, 77, 3), RunningGroup(1, 1, 78, 1), RunningGroup(2, 2, 77, 1))
    assert await store.read(A, lambda t: t.count_running(LIVE, {})) == ()
    assert await store.read(B, lambda t: t.count_running(LIVE, since)) == ()


async def test_tags_change_by_what_was_seen_and_turns_leave_them(store: Store) -> None:
    await make_project(store)
    await start(store, conversation())
    id_ = conversation().id
    assert await store.write(A, lambda t: t.set_tags(id_, (), ("vip", "call back")))
    assert not await store.write(A, lambda t: t.set_tags(id_, (), ("other",)))
    assert not await store.write(A, lambda t: t.set_tags(ConversationId("cnv_none"), (), ("other",)))
    assert await store.write(A, lambda t: t.update_conversation(conversation(turns=1, outcome="contained"), 0))
    found = await store.read(A, lambda t: t.find_conversation(id_))
    assert found is not None
    assert (found.tags, found.outcome, found.turns) == (("vip", "call back"), "contained", 1)
    assert await store.write(A, lambda t: t.set_tags(id_, ("vip", "call back"), ()))


async def test_a_state_is_swapped_while_it_is_the_expected_one_ended_or_not(store: Store) -> None:
    await make_project(store)
    before, after = {"sealed": "b2xk", "n": [1, 2.5, None]}, {"sealed": "bmV3"}
    await start(store, conversation(state=before), conversation("cnv_2", state=before, ended_at=at(3)))
    for id_ in (conversation().id, ConversationId("cnv_2")):
        assert not await store.write(A, lambda t, i=id_: t.swap_state(i, after, {"x": 1}))
        assert await store.write(A, lambda t, i=id_: t.swap_state(i, before, after))
        assert not await store.write(A, lambda t, i=id_: t.swap_state(i, before, after))
        found = await store.read(A, lambda t, i=id_: t.find_conversation(i))
        assert found is not None
        assert (found.state, found.turns) == (after, conversation().turns)
    assert not await store.write(A, lambda t: t.swap_state(ConversationId("cnv_none"), before, after))


async def test_only_a_conversation_that_has_ended_is_erased(store: Store) -> None:
    await make_project(store)
    await start(store, conversation(), conversation("cnv_2", ended_at=at(3)))
    assert not await store.write(A, lambda t: t.erase_conversation(conversation().id, at(9)))
    id_ = ConversationId("cnv_2")
    assert await store.write(A, lambda t: t.erase_conversation(id_, at(9)))
    found = await store.read(A, lambda t: t.find_conversation(id_))
    assert found == conversation("cnv_2", ended_at=at(3), state={}, sticky_key="", erased_at=at(9))
    await store.write(A, lambda t: t.insert_turn(turn(0, "cnv_2", "my secret", "hello")))
    erased = turn(0, "cnv_2", "•••", "•••", events=(), trace={})
    assert await store.write(A, lambda t: t.replace_turn(erased))
    assert not await store.write(A, lambda t: t.replace_turn(turn(7, "cnv_2")))
    assert await store.read(A, lambda t: t.list_turns(id_, -1, 9)) == (erased,)
    where = ConversationFilter(text="secret")
    assert await store.read(A, lambda t: t.list_conversations(P, where, None, 9)) == ()


async def test_a_list_is_narrowed_by_outcome_topic_tag_time_and_person(store: Store) -> None:
    await make_project(store)
    await start(
        store,
        conversation("cnv_1", started_at=at(1), topics=("spa", "late-checkout"), outcome="contained"),
        conversation("cnv_2", started_at=at(2), topics=("spa-2",), tags=("vip", "100%"), outcome="handed_off"),
        conversation("cnv_3", started_at=at(3), tags=("vi", "call back"), sticky_key="bob"),
    )

    async def names(**where: Any) -> str:
        shape = ConversationFilter(**where)
        found = await store.read(A, lambda t: t.list_conversations(P, shape, None, 9))
        return "".join(each.id[-1] for each in found)

    assert await names(outcome="handed_off") == "2"
    assert await names(topic="spa") == "1"
    assert await names(topic="late-checkout", outcome="contained") == "1"
    assert await names(tag="vi") == "3"
    assert await names(tag="vip") == "2"
    assert await names(tag="%") == ""
    assert await names(tag="100%") == "2"
    assert await names(since=at(2)) == "32"
    assert await names(until=at(2)) == "1"
    assert await names(since=at(1), until=at(3)) == "21"
    assert await names(sticky_key="bob") == "3"
    assert await names(sticky_key="") == ""
