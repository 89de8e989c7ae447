"""Where somebody would be led is told before they come, step by step, and is where they then come in."""

from __future__ import annotations

from typing import Any

import pytest

from greenroom.domain.errors import Refused
from greenroom.services.conversations import Beginning
from greenroom.services.entries import Foreseen
from greenroom.services.numbers import NumberChange, WantedRule
from greenroom.services.splits import ShareRequest, SplitRequest
from tests.support.splits import open_place
from tests.unit.services.story import Story
from tests.unit.services.test_entries import set_up, split, start, why


async def foresee(story: Story, **more: Any) -> Foreseen:
    return await story.desk.entries.foresee(story.call("viewer"), "hotel", Beginning(**more))


async def test_what_is_foreseen_is_what_then_happens() -> None:
    story = await set_up(live=40, b=30, c=30)
    await story.desk.testers.add(story.call(), "hotel", "sandbox", user_id="tester", caller=None)
    comings: list[dict[str, Any]] = [{"user_id": f"user-{n}"} for n in range(20)]
    comings += [{"caller": "+4915112345"}, {"user_id": "tester"}, {"environment": "c", "user_id": "ada"}]
    for coming in comings:
        seen = await foresee(story, **coming)
        alias, conversation = await start(story, **coming)
        assert (seen.coming.alias, seen.coming.version) == (alias, conversation.started_version)
        assert seen.coming.entry == conversation.entry
    assert (await foresee(story, user_id="tester")).sentences[0] == (
        "The user id is that of a tester, and is led to sandbox past the split."
    )


async def test_what_is_foreseen_says_each_step() -> None:
    story = await set_up()
    told = (await foresee(story, user_id="ada")).sentences
    assert told[0] == "No split is set: all of the default entry's traffic goes to live."
    await split(story, "*", live=0, b=100)
    seen = await foresee(story, user_id="ada")
    slot = f"{seen.coming.entry['slot']:,}"
    assert seen.sentences == [
        "The split is live 0 %, b 100 %.",
        f"The traffic key, the user id, is at slot {slot} of 10,000, which b owns with 100 % of all slots.",
        "b serves v1 to everybody (release 1).",
    ]
    nobody = await foresee(story)
    assert nobody.coming.drawn
    assert nobody.sentences == [
        "Nothing is known that conversations could stick by, so every conversation is drawn anew: live 0 %, b 100 %."
    ]
    empty = await open_place(story.desk.store, story.owner.workspace, "hotel", "empty", None)
    assert empty
    assert (await foresee(story, environment="empty")).sentences[-1] == (
        "empty serves nothing yet, so nobody would answer."
    )


async def test_where_a_call_would_lead_is_foreseen_with_its_headers() -> None:
    story = await set_up(live=0, b=100)
    rules = [
        WantedRule("X-Line", "exact", ("c",), "c"),
        WantedRule("X-Version", "one_of", ("1", "v1"), None, 1),
    ]
    number = "+442079460000"
    await story.desk.numbers.add(story.call(), "hotel", number, NumberChange("", None, rules))
    await story.desk.numbers.add(story.call(), "hotel", "+442079460001", NumberChange("sandbox"))
    ruled = await foresee(story, called="+44 20 7946 0000", sip_headers={"x-line": "c"})
    assert (ruled.coming.alias, ruled.coming.version) == ("c", 1)
    assert ruled.sentences[0] == f"SIP rule 1 of {number} holds, and leads to c."
    test = await foresee(story, called=number, sip_headers={"X-Version": "v1"})
    assert test.sentences == [f"SIP rule 2 of {number} holds, and leads to v1 as a test, in the context of sandbox."]
    plain = await foresee(story, called=number, user_id="ada")
    assert plain.sentences[0] == f"{number} follows the default entry."
    assert plain.coming.alias == "b"
    own = await foresee(story, called="+442079460001")
    assert own.sentences[0] == "+442079460001 is assigned to sandbox; none of its SIP rules holds."
    with pytest.raises(Refused, match="has no number"):
        await foresee(story, called="+442079460002")


async def test_why_says_that_slots_were_drawn_anew_since() -> None:
    story = await set_up(live=0, b=100)
    _, conversation = await start(story, user_id="ada")
    again = SplitRequest([ShareRequest("live", 100), ShareRequest("b", 0)], restart=True)
    await story.desk.splits.set(story.call(), "hotel", again, "1")
    assert (await why(story, conversation)).sentences[3] == (
        "The split has changed once since, and split 2 drew the slots of all keys anew; conversations stay."
    )
