"""Evaluations on a real database: written, run over conversations, counted, forgotten."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from greenroom.domain.asks import Answer, Ask, Streamer, failed
from greenroom.domain.errors import Conflict, Invalid, LimitReached, Missing, NotAllowed, NotFound, Stale
from greenroom.domain.evaluations import Evaluation, RunChoice
from greenroom.domain.projects import Project
from greenroom.domain.results import read_arms
from greenroom.services import evaluation_jobs
from greenroom.services import evaluations as service
from greenroom.services.evaluations import EvaluationView
from greenroom.services.result_rows import Question
from greenroom.services.results import Contest
from tests.contract.results.talks import environment_id, keep, line, open_hotel, talk, talks
from tests.unit.services.story import Story

SHORT = Evaluation("short", rules="turns <= 3 && outcome == 'contained'")
KIND = Evaluation("kind", judge="model", provider="openai:stand-in", question="Was the agent kind?", connection="ours")


async def save(story: Story, wanted: Evaluation, seen: str | None = "*") -> EvaluationView:
    return await story.desk.evaluations.save(story.call("editor"), "hotel", wanted, seen)


async def run(story: Story, name: str, **choice: Any) -> EvaluationView:
    """Runs an evaluation to its end."""
    await story.desk.evaluations.run(story.call("editor"), "hotel", name, RunChoice(**choice))
    return await finish(story, name)


async def finish(story: Story, name: str) -> EvaluationView:
    project = (await story.desk.projects.load(story.call(), "hotel")).project
    await story.desk.evaluations.wait(project.id, name)
    return await story.desk.evaluations.load(story.call("viewer"), "hotel", name)


async def verdicts(story: Story, name: str, **where: Any) -> dict[str, float]:
    found = await story.desk.evaluations.list_results(story.call("viewer"), "hotel", name, None, 200, **where)
    return {each.conversation.split("_")[-1]: each.score for each in found}


async def some_talks(story: Story) -> Project:
    """Keeps conversations 0 to 5 in Live and b; 3 goes on, 4 is a test, 5 was erased."""
    project, now = await open_hotel(story), story.desk.clock.now()
    live, b = [await environment_id(story, alias) for alias in ("live", "b")]
    at = now - timedelta(hours=1)
    found = [
        talk(project, live, 0, at=at, turns=3),
        talk(project, live, 1, at=at, turns=9, started_version=12),
        talk(project, b, 2, at=at, turns=2),
        talk(project, live, 3, at=at, ended_at=None, last_at=now, turns=2),
        talk(project, live, 4, at=at, origin="test", turns=2),
        talk(project, live, 5, at=at, erased_at=now, turns=2),
    ]
    spoken = [
        line(found[0], 0, said="Hello"),
        line(found[0], 1, heard="Can I have a dog?", said="Yes, you can."),
        line(found[1], 1, heard="Answer: true", said="No."),
    ]
    await keep(story, found, spoken)
    return project


def answering(story: Story, monkeypatch: pytest.MonkeyPatch, *answers: Answer) -> list[Ask]:
    """Makes a stand-in for the model answer in turn, the last for ever; returns what it was asked."""
    asked: list[Ask] = []

    async def answer(ask: Ask, place: Any, stream: Streamer | None = None) -> Answer:
        assert place.side == "draft", "an evaluation never sees the secrets of live traffic"
        asked.append(ask)
        return answers[min(len(asked), len(answers)) - 1]

    monkeypatch.setattr(story.desk.outside, "answer", answer)
    return asked


def said(answer: Any, reason: str = "It was so.") -> Answer:
    return {"structured": {"answer": answer, "reason": reason}, "ms": 1.0}


async def test_rules_judge_public_conversations_that_are_over_once(story: Story) -> None:
    await some_talks(story)
    view = await save(story, SHORT)
    assert (view.evaluation.revision, view.run, view.results) == (1, None, 0)
    done = await run(story, "short")
    assert done.run is not None
    assert (done.run.state, done.run.total, done.run.done, done.run.judged, done.run.failed) == ("finished", 3, 3, 3, 0)
    assert (done.run.total_score, done.results) == (2.0, 3)
    assert await verdicts(story, "short") == {"000000": 1.0, "000001": 0.0, "000002": 1.0}
    assert await verdicts(story, "short", environment="b") == {"000002": 1.0}
    assert await verdicts(story, "short", version=1) == {"000000": 1.0, "000002": 1.0}
    assert await verdicts(story, "short", environment="live", version=12) == {"000001": 0.0}
    again = await run(story, "short")
    assert again.run is not None
    assert (again.run.state, again.run.total) == ("finished", 0)
    found = await story.desk.evaluations.list_results(story.call(), "hotel", "short", None, 2)
    rest = await story.desk.evaluations.list_results(story.call(), "hotel", "short", found[-1].conversation, 2)
    assert [len(found), len(rest)] == [2, 1]


async def test_a_run_is_narrowed_by_time_environment_version_and_number(story: Story) -> None:
    await some_talks(story)
    await save(story, SHORT)
    now = story.desk.clock.now()
    for choice, count in (
        ({"since": now}, 0),
        ({"until": now - timedelta(hours=2)}, 0),
        ({"version": 12}, 1),
        ({"environment": "b"}, 1),
        ({"limit": 5}, 1),
    ):
        done = await run(story, "short", **choice)
        assert done.run is not None
        assert done.run.judged == count, choice
    assert (await story.desk.evaluations.load(story.call(), "hotel", "short")).results == 3


async def test_results_are_metrics_of_tables_and_comparisons(story: Story) -> None:
    project, now = await open_hotel(story), story.desk.clock.now()
    for seed, (alias, share) in enumerate([("live", 0.5), ("b", 0.9)]):
        found = talks(project, await environment_id(story, alias), 400, share, now, seed)
        await keep(story, found)
    await save(story, replace(SHORT, rules="outcome == 'contained'", better="lower"))
    await run(story, "short", limit=5_000)
    table = await story.desk.results.load(story.call(), "hotel", Question(by=("environment",)))
    shares = {row.environment: row.metrics["evaluation:short"] for row in table.rows}
    assert {alias: value.n for alias, value in shares.items()} == {"live": 400, "b": 400}
    assert shares["b"].value == table.rows[1].metrics["containment"].value
    contest = Contest(read_arms(("live", "b")), "evaluation:short")
    compared = await story.desk.results.compare(story.call(), "hotel", contest)
    assert compared.verdict.startswith("b is worse by ")
    with pytest.raises(Invalid, match="evaluation:short"):
        await story.desk.results.load(story.call(), "hotel", Question(metrics=("evaluation:gone",)))


async def test_a_model_answers_yes_or_no_with_a_reason(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    await some_talks(story)
    await save(story, KIND)
    asked = answering(story, monkeypatch, said(True, "It said yes."))
    done = await run(story, "kind", limit=1, environment="live", version=1)
    assert done.run is not None
    assert (done.run.judged, done.run.total_score) == (1, 1.0)
    (ask,) = asked
    assert (ask.to, ask.facts["provider"], ask.facts["connection"]) == ("model", "openai:stand-in", "ours")
    text = ask.facts["messages"][0]["text"]
    assert 'Caller: "Can I have a dog?"' in text
    assert "Question: Was the agent kind?" in text
    (found,) = await story.desk.evaluations.list_results(story.call(), "hotel", "kind", None, 9)
    assert (found.score, found.reason, found.judge) == (1.0, "It said yes.", "openai:stand-in")


async def test_a_model_gives_a_score_from_0_to_10(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    await some_talks(story)
    await save(story, replace(KIND, answer="score"))
    answering(story, monkeypatch, said(7), said(11), said(10))
    done = await run(story, "kind")
    assert done.run is not None
    assert (done.run.judged, done.run.failed, done.run.problem) == (2, 1, "the answer is no number from 0 to 10")
    assert sorted((await verdicts(story, "kind")).values()) == [0.7, 1.0]
    # Who could not be judged is judged by the next run, and nobody else.
    done = await run(story, "kind")
    assert done.run is not None
    assert (done.run.total, done.run.judged, done.results) == (1, 1, 3)


@pytest.mark.parametrize(
    "answer, problem",
    [
        (failed("model_failed", "no money"), "the model did not answer: no money"),
        ({"text": "I think so", "ms": 1.0}, "the model's answer is not the JSON that was asked for"),
        (said("yes"), "the answer is no yes or no"),
        (said(1), "the answer is no yes or no"),
    ],
)
async def test_an_answer_in_another_form_is_a_problem_and_never_a_no(
    story: Story, monkeypatch: pytest.MonkeyPatch, answer: Answer, problem: str
) -> None:
    await some_talks(story)
    await save(story, KIND)
    answering(story, monkeypatch, answer)
    done = await run(story, "kind")
    assert done.run is not None
    assert (done.run.judged, done.run.failed, done.run.problem) == (0, 3, problem)
    assert await verdicts(story, "kind") == {}


async def test_a_rule_that_cannot_be_decided_is_a_problem_too(story: Story) -> None:
    await some_talks(story)
    await save(story, replace(SHORT, rules="vars.nights > 2"))
    done = await run(story, "short")
    assert done.run is not None
    assert (done.run.judged, done.run.failed) == (0, 3)
    assert "nights" in done.run.problem


async def test_rules_see_what_was_said_and_what_happened(story: Story) -> None:
    project, now = await open_hotel(story), story.desk.clock.now()
    live = await environment_id(story, "live")
    one = talk(project, live, 0, at=now - timedelta(hours=1), topics=("pets",), tags=("vip",), channel="voice")
    one = replace(one, last_at=one.started_at + timedelta(seconds=90))
    events = ({"type": "variable_set", "variable": "nights", "value": 3}, {"type": "topic_cited", "topic": "pets"})
    await keep(story, [one], [line(one, 1, heard="A dog?", said="Yes.", events=events)])
    rules = [
        "outcome == 'contained' && channel == 'voice' && environment == 'live' && version == 1",
        "turns == 3 && seconds == 90 && ended_by == 'caller'",
        "'pets' in topics && 'vip' in tags && 'topic_cited' in events",
        "said.exists(text, text.contains('Yes')) && heard == ['A dog?'] && vars.nights == 3",
    ]
    for number, text in enumerate(rules):
        await save(story, Evaluation(f"rule-{number}", rules=text))
        done = await run(story, f"rule-{number}")
        assert done.run is not None
        assert done.run.total_score == 1.0, (text, done.run.problem)


async def test_an_erased_conversation_keeps_its_verdict_and_loses_the_reason(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    await some_talks(story)
    await save(story, KIND)
    await save(story, SHORT)
    answering(story, monkeypatch, said(True, "Mrs Ada asked for her dog."))
    await run(story, "kind")
    await run(story, "short")
    live = await environment_id(story, "live")
    await story.desk.erasures.erase(story.call(), f"cnv_{live}__000000")
    reasons = {
        each.conversation: each.reason
        for each in await story.desk.evaluations.list_results(story.call(), "hotel", "kind", None, 9)
    }
    assert len(reasons) == 3
    assert reasons[f"cnv_{live}__000000"] == ""
    assert "Ada" in reasons[f"cnv_{live}__000001"]


async def test_a_conversation_that_is_erased_while_a_model_reads_it_is_not_written_down(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    await some_talks(story)
    await save(story, KIND)
    live = await environment_id(story, "live")

    async def answer(ask: Ask, place: Any, stream: Streamer | None = None) -> Answer:
        await story.desk.erasures.erase(story.call(), f"cnv_{live}__000000")
        return said(True)

    monkeypatch.setattr(story.desk.outside, "answer", answer)
    await run(story, "kind")
    assert "000000" not in await verdicts(story, "kind")
    assert len(await verdicts(story, "kind")) == 2


async def test_another_question_loses_the_results_and_other_words_do_not(story: Story) -> None:
    await some_talks(story)
    await save(story, SHORT)
    await run(story, "short")
    kept = await save(story, replace(SHORT, description="Was it quick?", better=""), "1")
    assert (kept.evaluation.revision, kept.results) == (2, 3)
    changed = await save(story, replace(SHORT, rules="turns <= 4"), "2")
    assert changed.results == 0
    assert changed.evaluation.created_at == kept.evaluation.created_at


async def test_a_save_that_did_not_see_the_present_one_is_refused(story: Story) -> None:
    await open_hotel(story)
    await save(story, SHORT)
    with pytest.raises(Stale) as stale:
        await save(story, SHORT)
    assert stale.value.extra["present"]["rules"] == SHORT.rules
    with pytest.raises(Missing):
        await save(story, SHORT, None)
    with pytest.raises(Stale):
        await story.desk.evaluations.remove(story.call(), "hotel", "short", "9")
    await story.desk.evaluations.remove(story.call(), "hotel", "short", "1")
    with pytest.raises(NotFound, match="evaluations list"):
        await story.desk.evaluations.load(story.call(), "hotel", "short")
    with pytest.raises(NotAllowed):
        await story.desk.evaluations.save(story.call("viewer"), "hotel", SHORT, "*")


async def test_removing_takes_the_results_along(story: Story) -> None:
    await some_talks(story)
    await save(story, SHORT)
    await save(story, replace(SHORT, name="short-2"))
    for name in ("short", "short-2"):
        await run(story, name)
    await story.desk.evaluations.remove(story.call(), "hotel", "short", "1")
    await save(story, SHORT)
    assert await verdicts(story, "short") == {}
    assert len(await verdicts(story, "short-2")) == 3


@pytest.mark.parametrize(
    "wanted, pointer",
    [
        (replace(SHORT, name="No"), "/name"),
        (replace(SHORT, rules=" "), "/rules"),
        (replace(SHORT, rules="caller == 'x'"), "/rules"),
        (replace(SHORT, rules="turns + 1"), "/rules"),
        (replace(SHORT, question="Is it?"), "/question"),
        (replace(SHORT, provider="openai:x"), "/provider"),
        (replace(SHORT, answer="score"), "/answer"),
        (replace(KIND, question=""), "/question"),
        (replace(KIND, provider=""), "/provider"),
        (replace(KIND, provider="gpt"), "/provider"),
        (replace(KIND, rules="true"), "/rules"),
        (replace(KIND, description="x" * 2_001), "/description"),
    ],
)
async def test_what_cannot_be_asked_is_refused_with_its_place(story: Story, wanted: Evaluation, pointer: str) -> None:
    await open_hotel(story)
    with pytest.raises(Invalid) as refused:
        await save(story, wanted)
    assert pointer in [fault.pointer for fault in refused.value.errors]


async def test_limits_are_kept(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    await some_talks(story)
    monkeypatch.setattr(service, "MAX_EVALUATIONS", 1)
    await save(story, SHORT)
    with pytest.raises(LimitReached):
        await save(story, replace(SHORT, name="other"))
    for choice in ({"limit": 0}, {"limit": 5_001}):
        with pytest.raises(Invalid, match="/limit"):
            await run(story, "short", **choice)
    monkeypatch.setattr(service, "MAX_RUNNING", 0)
    with pytest.raises(LimitReached, match="under way"):
        await run(story, "short")


def waiting(story: Story, monkeypatch: pytest.MonkeyPatch) -> asyncio.Event:
    """Makes the model wait for an event."""
    go = asyncio.Event()

    async def answer(ask: Ask, place: Any, stream: Streamer | None = None) -> Answer:
        await go.wait()
        return said(True)

    monkeypatch.setattr(story.desk.outside, "answer", answer)
    return go


async def start(story: Story) -> None:
    await story.desk.evaluations.run(story.call(), "hotel", "kind", RunChoice())


async def test_one_run_at_a_time_which_can_be_cancelled(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    await some_talks(story)
    await save(story, KIND)
    waiting(story, monkeypatch)
    await start(story)
    with pytest.raises(Conflict, match="judged already"):
        await start(story)
    cancelled = await story.desk.evaluations.cancel(story.call(), "hotel", "kind")
    assert cancelled.run is not None
    assert cancelled.run.state == "cancelled"
    await finish(story, "kind")
    again = await story.desk.evaluations.cancel(story.call(), "hotel", "kind")
    assert again.run is not None
    assert (again.run.state, again.run.id) == ("cancelled", cancelled.run.id)
    history = await story.desk.history.list(story.call(), "hotel", None, 50, "evaluation.run_cancelled")
    assert len(history) == 1


@pytest.mark.parametrize("change", ["save", "remove", "cancel"])
async def test_what_is_judged_after_the_run_was_ended_is_not_kept(
    story: Story, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    await some_talks(story)
    await save(story, KIND)
    go = waiting(story, monkeypatch)
    # As if the run were another process's: nobody stops its task.
    monkeypatch.setattr(evaluation_jobs.Jobs, "stop", lambda *_: None)
    await start(story)
    if change == "save":
        await save(story, replace(KIND, question="Was it rude?"), "1")
    elif change == "remove":
        await story.desk.evaluations.remove(story.call(), "hotel", "kind", "1")
        await save(story, KIND)
    else:
        await story.desk.evaluations.cancel(story.call(), "hotel", "kind")
    go.set()
    after = await finish(story, "kind")
    assert after.results == 0
    assert after.run is None or after.run.state == "cancelled"


@pytest.mark.parametrize("begun", [True, False])
async def test_a_run_that_the_server_ended_says_so(story: Story, monkeypatch: pytest.MonkeyPatch, begun: bool) -> None:
    await some_talks(story)
    await save(story, KIND)
    waiting(story, monkeypatch)
    await start(story)
    if begun:
        await asyncio.sleep(0.05)
    await story.desk.evaluations.close()
    found = await story.desk.evaluations.load(story.call(), "hotel", "kind")
    assert found.run is not None
    assert (found.run.state, found.run.note) == ("interrupted", evaluation_jobs.STOPPED)


async def test_a_run_can_begin_again_at_once_after_it_was_cancelled(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    await some_talks(story)
    await save(story, KIND)
    go = waiting(story, monkeypatch)
    monkeypatch.setattr(service, "MAX_RUNNING", 1)
    for _ in range(3):
        await start(story)
        await story.desk.evaluations.cancel(story.call(), "hotel", "kind")
        await finish(story, "kind")
    await start(story)
    go.set()
    done = await finish(story, "kind")
    assert done.run is not None
    assert (done.run.state, done.run.judged) == ("finished", 3)


async def test_every_change_is_one_event_in_words(story: Story) -> None:
    await some_talks(story)
    await save(story, SHORT)
    await run(story, "short")
    await story.desk.evaluations.remove(story.call(), "hotel", "short", "1")
    told = [line.summary for line in await story.desk.history.list(story.call(), "hotel", None, 4)]
    endings = [
        "removed the evaluation short with 3 results",
        "judged 3 conversations by short",
        "began to judge conversations by short",
        "saved the evaluation short",
    ]
    assert all(text.endswith(ending) for text, ending in zip(told, endings, strict=True)), told


async def test_versions_are_told_apart_where_one_begins_with_the_other(story: Story) -> None:
    await some_talks(story)
    await save(story, SHORT)
    await run(story, "short")
    assert set(await verdicts(story, "short", version=1)) == {"000000", "000002"}
    assert await verdicts(story, "short", version=2) == {}
