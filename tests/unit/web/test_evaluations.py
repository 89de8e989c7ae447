"""Evaluations in the browser: made, changed, run over conversations, read, removed."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import pytest

from greenroom.domain.evaluations import Evaluation
from greenroom.services.work import Call
from tests.contract.results.talks import environment_id, keep, talks
from tests.support.api import HOME
from tests.support.splits import open_place
from tests.unit.services.story import Story
from tests.unit.web.visitor import Visitor, furnished, visiting

BASE = "/projects/hotel/evaluations"
RULES = {"judge": "rules", "rules": "outcome == 'contained'", "better": "higher"}
QUICK = {"name": "quick", "description": "Solved <b>soon</b>", **RULES}
POLITE = {
    "name": "polite",
    "judge": "model",
    "question": "Was it polite?",
    "provider": "openai:gpt-4.1-mini",
    "connection": "main",
    "answer": "score",
    "better": "higher",
}


@pytest.fixture
async def owner() -> AsyncIterator[Visitor]:
    stage = await furnished()
    await open_place(stage.store, HOME, "hotel", "b", 1)
    async with visiting(stage) as found:
        yield found
    await stage.desk.evaluations.close()


async def story_of(visitor: Visitor) -> Story:
    who = await visitor.stage.desk.access.find_session(visitor.token)
    assert who is not None
    return Story(visitor.stage.desk, who)


async def talk(visitor: Visitor, alias: str, count: int, rate: float) -> None:
    story = await story_of(visitor)
    project = (await story.desk.projects.load(story.call(), "hotel")).project
    place = await environment_id(story, alias)
    await keep(story, talks(project, place, count, rate, story.desk.clock.now(), 1))


async def wait(visitor: Visitor, name: str) -> None:
    story = await story_of(visitor)
    project = (await story.desk.projects.load(story.call(), "hotel")).project
    await story.desk.evaluations.wait(project.id, name)


async def load(visitor: Visitor, name: str) -> Evaluation:
    story = await story_of(visitor)
    return (await story.desk.evaluations.load(Call(story.owner, "req_test"), "hotel", name)).evaluation


async def test_an_evaluation_by_rules_is_made_run_and_read(owner: Visitor) -> None:
    assert "No evaluations yet" in (await owner.get(BASE)).text
    made = await owner.send(BASE, QUICK)
    assert (made.status_code, made.headers["location"]) == (303, f"{BASE}/quick")
    page = (await owner.get(f"{BASE}/quick")).text
    assert "Solved &lt;b&gt;soon" in page
    assert "Nothing was judged yet." in page
    await talk(owner, "live", 60, 1.0)
    await talk(owner, "b", 6, 0.0)
    assert (await owner.send(f"{BASE}/quick", {"limit": "100"})).status_code == 303
    await wait(owner, "quick")
    page = (await owner.get(f"{BASE}/quick")).text
    assert "66 conversations judged" in page
    assert "<strong>100.0 %</strong>" in page
    assert "<strong>0.0 %</strong>" in page
    assert page.count("/conversations/cnv_") == 50
    more = re.search(r'href="(\?after=[^"]+)"', page)
    assert more
    assert (await owner.get(f"{BASE}/quick{more[1].replace('&amp;', '&')}")).text.count("/conversations/cnv_") == 16
    of_b = (await owner.get(f"{BASE}/quick?environment=b&version=v1")).text
    assert of_b.count("/conversations/cnv_") == 6
    assert "Nothing matches." in (await owner.get(f"{BASE}/quick?environment=b&version=v9")).text
    assert "finished" in (await owner.get(BASE)).text
    done = await owner.get(f"{BASE}/quick/progress")
    assert done.status_code == 303


async def test_an_evaluation_by_a_model_leaves_out_what_is_for_rules(owner: Visitor) -> None:
    assert (await owner.send(BASE, {**POLITE, "rules": "turns < 2"})).status_code == 303
    kept = await load(owner, "polite")
    assert (kept.rules, kept.question, kept.answer, kept.connection) == ("", "Was it polite?", "score", "main")
    assert (await owner.send(f"{BASE}/polite/edit", {"revision": "1", **RULES, "question": "left"})).status_code == 303
    changed = await load(owner, "polite")
    assert (changed.judge, changed.question, changed.provider, changed.answer) == ("rules", "", "", "yes_no")


@pytest.mark.parametrize(
    "sent, told",
    [
        ({**QUICK, "name": "Not A Name"}, "must be 1 to 60 of a-z"),
        ({**QUICK, "rules": ""}, "is for judge rules, which need them"),
        ({**QUICK, "rules": "moon == 1"}, "moon"),
        ({**POLITE, "question": " "}, "is for judge model, which needs one"),
        ({**POLITE, "provider": "gpt"}, "needs one such as openai:gpt-4.1"),
        ({**QUICK, "description": "x" * 2001}, "has at most 2,000 characters"),
    ],
)
async def test_an_evaluation_that_cannot_be_is_refused_beside_its_field(
    owner: Visitor, sent: dict[str, str], told: str
) -> None:
    refused = await owner.send(BASE, sent)
    assert refused.status_code == 422
    assert told in refused.text
    assert "field-wrong" in refused.text
    assert f'value="{sent["name"]}"' in refused.text
    assert "No evaluations yet" in refused.text


async def test_a_name_is_given_once(owner: Visitor) -> None:
    await owner.send(BASE, QUICK)
    again = await owner.send(BASE, {**QUICK, "rules": "turns > 3"})
    assert again.status_code == 422
    assert "an evaluation has this name already" in again.text
    assert "turns &gt; 3" in again.text
    assert (await load(owner, "quick")).rules == RULES["rules"]


async def test_a_stale_edit_keeps_what_was_typed_and_can_be_meant(owner: Visitor) -> None:
    await owner.send(BASE, QUICK)
    place = f"{BASE}/quick/edit"
    assert "outcome == &#39;contained&#39;" in (await owner.get(place)).text
    await owner.send(place, {"revision": "1", **RULES, "rules": "turns < 9"})
    stale = await owner.send(place, {"revision": "1", **RULES, "rules": "turns < 3"})
    assert stale.status_code == 422
    assert "Somebody changed this evaluation meanwhile" in stale.text
    assert "It asks now: turns &lt; 9" in stale.text
    assert "turns &lt; 3</textarea>" in stale.text
    seen = re.search(r'name="revision" value="(\d+)"', stale.text)
    assert seen
    assert (await owner.send(place, {"revision": seen[1], **RULES, "rules": "turns < 3"})).status_code == 303
    assert (await load(owner, "quick")).rules == "turns < 3"


async def test_another_question_says_that_it_removes_results(owner: Visitor) -> None:
    await owner.send(BASE, QUICK)
    await talk(owner, "live", 5, 1.0)
    await owner.send(f"{BASE}/quick", {})
    await wait(owner, "quick")
    assert re.search(r"removes the \d+ results there are", (await owner.get(f"{BASE}/quick/edit")).text)


@pytest.mark.parametrize(
    "sent, told",
    [
        ({"version": "seven"}, "is a version such as v3"),
        ({"limit": "5001"}, "is 1 to 5,000"),
        ({"environment": "nowhere"}, "has no environment"),
    ],
)
async def test_a_run_that_cannot_be_is_refused(owner: Visitor, sent: dict[str, str], told: str) -> None:
    await owner.send(BASE, QUICK)
    refused = await owner.send(f"{BASE}/quick", sent)
    assert refused.status_code == 422
    assert told in refused.text
    assert "never run" in (await owner.get(BASE)).text


async def test_an_evaluation_is_removed_only_as_it_was_seen(owner: Visitor) -> None:
    await owner.send(BASE, QUICK)
    assert (await owner.send(f"{BASE}/quick", {"remove": "1", "revision": "9"})).status_code == 422
    assert (await owner.send(f"{BASE}/quick", {"remove": "1"})).status_code == 422
    assert (await owner.send(f"{BASE}/quick", {"cancel": "1"})).status_code == 303
    gone = await owner.send(f"{BASE}/quick", {"remove": "1", "revision": "1"})
    assert gone.headers["location"] == BASE
    assert (await owner.get(f"{BASE}/quick")).status_code == 404
    assert (await owner.send(f"{BASE}/quick/edit", {"revision": "1", **RULES})).status_code in (404, 422)


async def test_a_viewer_reads_and_changes_nothing(owner: Visitor) -> None:
    await owner.send(BASE, QUICK)
    before = owner.stage.contents()
    async with visiting(owner.stage, "viewer") as viewer:
        for path in (BASE, f"{BASE}/quick"):
            page = await viewer.get(path)
            assert page.status_code == 200
            for word in ("Make the evaluation", "Run it", "Remove quick"):
                assert word not in page.text
        assert (await viewer.get(f"{BASE}/quick/edit")).status_code == 403
        for path, sent in ((BASE, QUICK), (f"{BASE}/quick", {}), (f"{BASE}/quick/edit", {"revision": "1", **RULES})):
            assert (await viewer.send(path, sent)).status_code in (403, 422)
    assert owner.stage.contents() == before
