"""Tags, notes and feedback on conversations; and erasure, which leaves nothing that was said."""

from __future__ import annotations

import pytest

from greenroom.domain.canonical import canonical_json
from greenroom.domain.conversations import Conversation
from greenroom.domain.errors import Invalid, LimitReached, NotAllowed, NotFound
from greenroom.ports import ConversationFilter
from greenroom.providers.crypto import EnvelopeCipher
from greenroom.runtime.turn import Heard
from greenroom.services.executions import executions_of
from greenroom.services.sealing import caller_of, load_user, save_user, seal_turn
from greenroom.services.tickets import key_of, tickets_of
from tests.unit.services.data import NOW, load, make_hotel, talk
from tests.unit.services.story import Story, begin

CIPHER = EnvelopeCipher("a key of this test, long enough to be one")


async def test_tags_are_counted_over_the_project_and_narrow_the_list() -> None:
    story = await begin()
    await make_hotel(story)
    one, two = await talk(story, "hello"), await talk(story, "hello")
    verbs, call = story.desk.transcripts, story.call("editor")

    async def tags() -> dict[str, int]:
        return {tag.key: tag.body["count"] for tag in await verbs.list_tags(story.call("viewer"), "hotel", None, 9)}

    for id_, tag in ((one.id, " VIP "), (one.id, "vip"), (two.id, "vip"), (two.id, "call  back")):
        await verbs.add_tag(call, id_, tag)
    assert await tags() == {"call back": 1, "vip": 2}
    found = await story.desk.conversations.list(story.call(), "hotel", None, 9, tag="vip")
    assert [view.conversation.id for view in found] == [two.id, one.id]
    assert not await story.desk.conversations.list(story.call(), "hotel", None, 9, tag="vi")
    assert (await verbs.remove_tag(call, two.id, "vip")).conversation.tags == ("call back",)
    await verbs.remove_tag(call, two.id, "vip")
    await verbs.remove_tag(call, one.id, "vip")
    assert await tags() == {"call back": 1}
    for bad in ("", "a|b", "a/b", "x" * 61, "\0"):
        with pytest.raises(Invalid):
            await verbs.add_tag(call, one.id, bad)
    with pytest.raises(NotAllowed):
        await verbs.add_tag(story.call("viewer"), one.id, "vip")
    for n in range(50):
        await verbs.add_tag(call, one.id, f"t{n}")
    with pytest.raises(LimitReached):
        await verbs.add_tag(call, one.id, "one more")


async def test_a_tag_does_not_disturb_a_running_conversation() -> None:
    story = await begin()
    await make_hotel(story)
    one = await talk(story, "hello")
    await story.desk.transcripts.add_tag(story.call(), one.id, "vip")
    turn = await story.desk.conversations.take_turn(story.call(), one.id, Heard("Can I check out late?"))
    assert turn.turn.index == 2
    assert (await load(story, one.id)).tags == ("vip",)


async def test_notes_and_feedback_are_kept_with_who_gave_them() -> None:
    story = await begin()
    await make_hotel(story)
    one = await talk(story, "hello")
    verbs = story.desk.transcripts
    await verbs.add_note(story.call("editor"), one.id, " Call back ")
    for score, scale, stored in ((-1, None, "thumbs"), (5, None, "stars"), (1, "stars", "stars"), (1, None, "thumbs")):
        given = await verbs.rate(story.call("editor"), one.id, score, scale=scale, comment="fine", turn=1)  # type: ignore[arg-type]
        assert given.body["scale"] == stored
    review = await verbs.load(story.call("viewer"), one.id)
    assert [(note.body["text"], note.body["author"]) for note in review.notes] == [("Call back", "mem_editor")]
    assert [each.body["score"] for each in review.feedback] == [-1, 5, 1, 1]
    for wrong in ({"score": 6}, {"score": -2}, {"score": 0, "scale": "stars"}, {"score": 1, "turn": 2}):
        with pytest.raises(Invalid):
            await verbs.rate(story.call(), one.id, **wrong)  # type: ignore[arg-type]
    with pytest.raises(NotFound):
        await verbs.add_note(story.call(), "cnv_none", "x")


async def hang_data_on(story: Story, conversation: Conversation, word: str) -> None:
    """Gives a conversation all that turns leave, each with a word in it."""
    project = (await story.desk.projects.load(story.call(), "hotel")).project
    handed = {"type": "handed_off", "method": "ticket", "handoff": "office", "reason": word, "destination": {"q": word}}
    ask = {"to": "tool", "facts": {"tool": "pay", "body": word}, "answer": {"result": word, "ms": 1}}
    records = [
        seal_turn(CIPHER, conversation, 1, {"heard": word, "answers": [], "now": ""}),
        *executions_of(conversation, 1, [ask], NOW),
        *tickets_of(project, conversation, [handed], NOW),
    ]
    noted = caller_of(conversation, "+442079460958")
    records += [noted] if noted else []
    await story.desk.store.write(story.owner.workspace, lambda tx: [tx.put_record(each) for each in records])
    await story.desk.transcripts.add_note(story.call(), conversation.id, f"about {word}")
    await story.desk.transcripts.rate(story.call(), conversation.id, 1, comment=f"from {word}")


def everything_said(story: Story) -> str:
    rows = story.desk.store._state.workspaces[story.owner.workspace]  # type: ignore[attr-defined]
    talks = [(c.sticky_key, dict(c.state), c.tags) for c in rows.conversations.rows()]
    turns = [(t.heard, t.said, t.events, t.trace) for t in rows.turns.rows()]
    records = [(r.noun, r.key, r.owner, canonical_json(r.body)) for r in rows.records.rows()]
    audit = [record.payload for record, _ in rows.audit.rows()]
    return repr([talks, turns, records, audit])


async def test_erasure_leaves_nothing_that_was_said_and_says_when() -> None:
    story = await begin()
    await make_hotel(story)
    one = await talk(story, "I am Zanzibar", "Zanzibar speaking", user="Zanzibar")
    await hang_data_on(story, one, "Zanzibar")
    assert "Zanzibar" in everything_said(story)
    with pytest.raises(NotAllowed):
        await story.desk.erasures.erase(story.call("release_manager"), one.id)
    erased = await story.desk.erasures.erase(story.call("admin"), one.id)
    assert erased.erased_at is not None
    assert "Zanzibar" not in everything_said(story)
    after = await load(story, one.id)
    assert (after.erased_at, after.ended_by, after.turns) == (erased.erased_at, "erasure", 3)
    again = await story.desk.erasures.erase(story.call("admin"), one.id)
    assert again.erased_at == erased.erased_at
    view, turns = await story.desk.conversations.load(story.call(), one.id, -1, 9)
    assert view.conversation.erased_at == erased.erased_at
    assert {turn.turn.heard for turn in turns} == {"", "•••"}
    found = await story.desk.conversations.list(story.call(), "hotel", None, 9, text="zanzibar")
    assert found == []


async def test_a_person_is_erased_from_every_conversation_and_others_stay() -> None:
    story = await begin()
    await make_hotel(story)
    mine = [await talk(story, "Zanzibar here", user="zoe", caller="+442079460958") for _ in range(3)]
    other = await talk(story, "Someone else", user="bob")
    called = await talk(story, "Zanzibar calls", caller="+442079460958")
    for each in (*mine, called):
        await hang_data_on(story, each, "Zanzibar")
    project, workspace = other.project, story.owner.workspace
    await story.desk.store.write(workspace, lambda tx: save_user(CIPHER, tx, project, "zoe", {"name": "Zanzibar"}, NOW))
    done = await story.desk.erasures.erase_person(story.call("admin"), "hotel", user_id="zoe")
    assert (done.conversations, done.user) == (3, True)
    assert await story.desk.store.read(workspace, lambda tx: load_user(CIPHER, tx, project, "zoe")) == {}
    done = await story.desk.erasures.erase_person(story.call("admin"), "hotel", caller="+442079460958")
    assert (done.conversations, done.user) == (1, False)
    assert "Zanzibar" not in everything_said(story)
    assert (await load(story, other.id)).erased_at is None
    left = await story.desk.store.read(
        workspace, lambda tx: tx.list_conversations(project, ConversationFilter(text="someone"), None, 9)
    )
    assert [each.id for each in left] == [other.id]
    for wrong in ({}, {"user_id": "a", "caller": "b"}, {"user_id": ""}):
        with pytest.raises(Invalid):
            await story.desk.erasures.erase_person(story.call("admin"), "hotel", **wrong)
    nobody = await story.desk.erasures.erase_person(story.call("admin"), "hotel", user_id="nobody")
    assert (nobody.conversations, nobody.user) == (0, False)


async def test_a_ticket_of_an_erased_conversation_stays_without_its_words() -> None:
    story = await begin()
    await make_hotel(story)
    one = await talk(story, "hello")
    await hang_data_on(story, one, "Zanzibar")
    await story.desk.erasures.erase(story.call(), one.id)
    ticket = await story.desk.tickets.load(story.call(), "hotel", key_of(one.id))
    assert (ticket.body["status"], ticket.body["handoff"]) == ("open", "office")
    assert (ticket.body["reason"], ticket.body["destination"]) == ("•••", {})
