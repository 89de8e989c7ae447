"""Raw inputs, states and users' variables: sealed, opened by the same key only, forgotten in time."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from greenroom.domain.errors import Invalid, Refused
from greenroom.domain.events import format_time
from greenroom.providers.crypto import EnvelopeCipher
from greenroom.services.sealing import (
    RAW,
    Retention,
    caller_of,
    list_of_caller,
    load_user,
    open_state,
    open_turns,
    save_user,
    seal_state,
    seal_turn,
)
from greenroom.storage.memory import MemoryStore
from tests.unit.services.data import NOW, load, make_hotel, talk
from tests.unit.services.story import Story, begin

CIPHER = EnvelopeCipher("a key of this test, long enough to be one")
OTHER = EnvelopeCipher("another key of this test, as long as that")


class Later:
    """A clock that stands at a time."""

    def __init__(self, now) -> None:
        self.now = lambda: now


async def keep(story: Story, *records) -> None:
    await story.desk.store.write(story.owner.workspace, lambda tx: [tx.put_record(each) for each in records])


async def test_turns_come_back_as_they_were_said_in_their_order() -> None:
    story = await begin()
    await make_hotel(story)
    conversation = await talk(story, "Ada here", "4111 1111 1111 1111")
    raw = [
        {"heard": f"heard {n}", "answers": [{"result": 2**60, "ms": 1.5}], "now": format_time(NOW)} for n in range(1, 3)
    ]
    await keep(story, *(seal_turn(CIPHER, conversation, n + 1, each) for n, each in enumerate(raw)))
    opened = await story.desk.store.read(story.owner.workspace, lambda tx: open_turns(CIPHER, tx, conversation))
    assert [(each.index, each.heard, each.answers, each.now) for each in opened] == [
        (n + 1, each["heard"], each["answers"], each["now"]) for n, each in enumerate(raw)
    ]
    records = await story.desk.store.read(
        story.owner.workspace, lambda tx: tx.list_records(conversation.project, RAW, limit=9)
    )
    assert all(b"heard" not in record.data and record.body == {} for record in records)
    with pytest.raises(Invalid):
        await story.desk.store.read(story.owner.workspace, lambda tx: open_turns(OTHER, tx, conversation))


async def test_a_turn_opens_only_where_it_belongs() -> None:
    story = await begin()
    await make_hotel(story)
    one, two = await talk(story, "a", "b"), await talk(story, "a", "b")
    sealed = seal_turn(CIPHER, one, 1, {"heard": "secret", "answers": [], "now": ""})
    for moved in (replace(sealed, owner=two.id), replace(sealed, key=sealed.key[:-1] + "2")):
        await keep(story, moved)
        target = two if moved.owner == two.id else one
        with pytest.raises(Invalid, match="belongs to something else"):
            await story.desk.store.read(story.owner.workspace, lambda tx, c=target: open_turns(CIPHER, tx, c))


async def test_raw_inputs_go_when_their_time_is_over_and_replay_says_so() -> None:
    store = MemoryStore()
    story = await begin(store)
    await make_hotel(story)
    conversation = await talk(story, "a", "b")
    for index, days in enumerate((31, 29), start=1):
        now = format_time(NOW - timedelta(days=days))
        await keep(story, seal_turn(CIPHER, conversation, index, {"heard": "x", "answers": [], "now": now}))
    assert await Retention(store, Later(NOW), 30).forget_raw() == 1  # type: ignore[arg-type]
    assert await Retention(store, Later(NOW), 30).forget_raw() == 0  # type: ignore[arg-type]
    with pytest.raises(Refused) as refused:
        await story.desk.store.read(story.owner.workspace, lambda tx: open_turns(CIPHER, tx, conversation))
    assert refused.value.code == "raw_input_gone"


def test_a_state_is_sealed_for_its_conversation_and_an_old_one_read_as_it_is() -> None:
    state = {"context": {"caller": "+44"}, "engine": {"vars": {"n": 2**60, "f": 0.1, "t": "zero\0"}}}
    sealed = seal_state(CIPHER, "cnv_1", state)
    assert "caller" not in str(sealed)
    assert open_state(CIPHER, "cnv_1", sealed) == state
    assert open_state(CIPHER, "cnv_1", state) == state
    assert open_state(CIPHER, "cnv_1", {}) == {}
    with pytest.raises(Invalid):
        open_state(CIPHER, "cnv_2", sealed)


async def test_what_is_kept_of_a_user_is_theirs_alone() -> None:
    story = await begin()
    await make_hotel(story)
    project = (await talk(story, "hello")).project
    workspace, store = story.owner.workspace, story.desk.store
    for user in ("ada", "zero\0", "x" * 5_000):
        await store.write(workspace, lambda tx, u=user: save_user(CIPHER, tx, project, u, {"room": 7}, NOW))
        await store.write(workspace, lambda tx, u=user: save_user(CIPHER, tx, project, u, {"room": u}, NOW))
        assert await store.read(workspace, lambda tx, u=user: load_user(CIPHER, tx, project, u)) == {"room": user}
    await store.write(workspace, lambda tx: save_user(CIPHER, tx, project, "", {"room": 7}, NOW))
    for nobody in ("", "bob"):
        assert await store.read(workspace, lambda tx, u=nobody: load_user(CIPHER, tx, project, u)) == {}
    assert await store.read(workspace, lambda tx: tx.count_records(project, "user")) == 3


async def test_a_caller_is_found_where_the_sticky_key_is_a_users() -> None:
    story = await begin()
    await make_hotel(story)
    conversation = await talk(story, "hello", user="ada", caller="+4420")
    noted = caller_of(conversation, "+4420")
    assert noted is not None
    assert "+4420" not in str(noted)
    await keep(story, noted)
    found = await story.desk.store.read(
        story.owner.workspace, lambda tx: list_of_caller(tx, conversation.project, "+4420", None, 9)
    )
    assert found == [conversation.id]
    assert caller_of(await load(story, conversation.id), "ada") is None
    assert caller_of(conversation, "") is None
