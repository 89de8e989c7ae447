"""After the key was changed, everything that is sealed is sealed anew: in portions, and as often as one likes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from greenroom.domain.errors import Invalid
from greenroom.domain.events import format_time
from greenroom.ports import ConversationFilter
from greenroom.providers.crypto import EnvelopeCipher
from greenroom.services import resealing
from greenroom.services.resealing import Rotation
from greenroom.services.sealing import load_user, open_state, open_turns, save_user, seal_state, seal_turn
from greenroom.services.secrets import NOUN
from tests.unit.services.data import NOW, make_hotel, talk
from tests.unit.services.story import Story, begin

OLD_KEY, NEW_KEY = "a key of this test, long enough to be one", "another key of this test, as long as that"
OLD, NEW = EnvelopeCipher(OLD_KEY), EnvelopeCipher(NEW_KEY)
BOTH = EnvelopeCipher(NEW_KEY, [OLD_KEY])


async def furnish(story: Story) -> Any:
    """Keeps three secrets, two conversations with raw inputs and states, and a user, all under the old key."""
    await make_hotel(story)
    story.desk.secrets._cipher = OLD
    for name in ("ONE", "TWO", "THREE"):
        await story.desk.secrets.set(story.call(), "hotel", name, f"value of {name}")
    talks = [await talk(story, "Ada", "here"), await talk(story, "Bob", "here")]

    def work(tx: Any) -> None:
        for each in talks:
            for index in (1, 2):
                raw = {"heard": f"{each.id} {index}", "answers": [], "now": format_time(NOW)}
                tx.put_record(seal_turn(OLD, each, index, raw))
            state = seal_state(OLD, each.id, {"of": each.id})
            assert tx.swap_state(each.id, each.state, state)
        save_user(OLD, tx, talks[0].project, "ada", {"room": 7}, NOW)

    await story.desk.store.write(story.owner.workspace, work)
    story.desk.secrets._cipher = BOTH
    return talks


async def rotate(story: Story) -> list[Rotation]:
    """Rotates to the end; returns every portion."""
    done: list[Rotation] = []
    while not done or done[-1].cursor:
        done.append(await story.desk.secrets.rotate(story.call(), "hotel", done[-1].cursor if done else None))
    return done


def total(portions: list[Rotation]) -> dict[str, int]:
    return {stage: sum(each.anew[stage] for each in portions) for stage in portions[0].anew}


@pytest.mark.parametrize("portion", [1, 2, 3, 5, 500])
async def test_everything_opens_with_the_new_key_alone(monkeypatch: pytest.MonkeyPatch, portion: int) -> None:
    monkeypatch.setattr(resealing, "PORTION", portion)
    story = await begin()
    talks = await furnish(story)
    portions = await rotate(story)
    assert total(portions) == {"values": 3, "turns": 4, "users": 1, "conversations": 2}
    assert all(sum(each.anew.values()) <= portion for each in portions), "a transaction was larger than it may be"
    assert len(portions) == (1 if portion == 500 else 10 // portion + 1)
    assert not sum(total(await rotate(story)).values()), "what is sealed with the present key is left alone"
    story.desk.secrets._cipher = NEW
    await story.desk.secrets.check_sealed()

    def look(tx: Any) -> None:
        for each in tx.list_conversations(talks[0].project, ConversationFilter(), None, 9):
            assert [found.heard for found in open_turns(NEW, tx, each)] == [f"{each.id} 1", f"{each.id} 2"]
            assert open_state(NEW, each.id, each.state) == {"of": each.id}
        assert load_user(NEW, tx, talks[0].project, "ada") == {"room": 7}

    await story.desk.store.read(story.owner.workspace, look)


async def test_what_nobody_can_open_is_counted_and_left() -> None:
    story = await begin()
    talks = await furnish(story)

    def spoil(tx: Any) -> None:
        record = tx.find_record(talks[0].project, NOUN, "TWO")
        tx.put_record(replace(record, data=EnvelopeCipher("a third key, which nobody gave").seal(b"x", "x")))

    await story.desk.store.write(story.owner.workspace, spoil)
    (done,) = await rotate(story)
    assert (done.unopened, done.anew["values"], done.anew["turns"]) == (1, 2, 4)


async def test_a_value_that_was_set_meanwhile_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    story = await begin()
    talks = await furnish(story)

    def work(tx: Any) -> resealing.Came:
        before = tx.find_record(talks[0].project, NOUN, "ONE")
        tx.put_record(replace(before, revision=before.revision + 1, data=b"set anew"))
        about = f"{story.owner.workspace}/{talks[0].project}/ONE"
        came = resealing._reseal_record(BOTH, tx, before, about)
        assert tx.find_record(talks[0].project, NOUN, "ONE").data == b"set anew"
        return came

    assert await story.desk.store.write(story.owner.workspace, work) == "gone"
    await story.desk.secrets.set(story.call(), "hotel", "ONE", "again")
    again = await story.desk.store.read(story.owner.workspace, lambda tx: tx.find_record(talks[0].project, NOUN, "ONE"))
    assert again is not None
    assert again.revision == 3, "setting a value shows that it is another one"


async def test_a_rotation_is_told_once_for_each_portion_that_changed_something() -> None:
    story = await begin()
    await furnish(story)
    await rotate(story)
    lines = await story.desk.history.list(story.call(), "hotel", None, 50)
    (said,) = [line for line in lines if line.event["action"] == "secret.rotated"]
    assert said.event["data"] == {
        "count": 10, "values": 3, "turns": 4, "users": 1, "conversations": 2, "unopened": 0,
    }  # fmt: skip
    assert said.summary.endswith("sealed 10 things anew with the server's present key")
    with pytest.raises(Invalid):
        await story.desk.secrets.rotate(story.call(), "hotel", "nothing:x")
