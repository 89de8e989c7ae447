"""What happened is said in words, for every action that a service can append."""

from __future__ import annotations

import re
from pathlib import Path

import greenroom.services
from greenroom.domain.events import SENTENCES
from tests.unit.services.story import CHECKOUT, begin, topic

SERVICES = Path(greenroom.services.__file__).parent


def test_every_action_has_a_sentence_and_every_sentence_an_action() -> None:
    code = "".join(path.read_text() for path in sorted(SERVICES.glob("*.py")))
    nouns = "|".join(sorted({action.partition(".")[0] for action in SENTENCES}))
    actions = set(re.findall(rf'"((?:{nouns})\.[a-z_]+)"', code))
    assert actions == set(SENTENCES)


async def test_history_says_who_did_what_where() -> None:
    story = await begin()
    await story.make_project()
    await story.save(CHECKOUT, topic("Until noon."))
    lines = await story.desk.history.list(story.call(), "hotel", None, 10)
    assert [line.summary for line in lines] == [
        "Owner edited topic/late-checkout in a draft of sandbox",
        "Owner made the project hotel",
    ]


async def test_the_chain_is_sound_and_holds_no_names() -> None:
    story = await begin()
    await story.make_project()
    await story.save(CHECKOUT, topic("Until noon."))
    report = await story.desk.history.verify(story.call())
    assert report.first_bad is None
    assert report.records == 3
    records = await story.desk.history.list_audit(story.call(), 0, 10)
    assert all(b"Owner" not in record.payload for record in records)
