"""Test suites of real PolyAI exports, imported and played. The honest rate of the local brain is printed.

Their cases are scenarios with statements for a judge: without a model none can be played, and each is an error,
not a pass. With a stand-in for the model they are played to their end, and a judge who denies everything fails them.
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from greenroom.domain.asks import Answer, Ask, Streamer
from greenroom.domain.test_runs import CaseResult, Run, Selection
from greenroom.services.plans import PublishRequest
from greenroom.wire.archives import pack
from tests.contract.importers.report import files_of, name_of
from tests.support.data import polyai_exports
from tests.support.gaps import note_fact
from tests.unit.services.story import Story, begin

OLD, NEW = polyai_exports()
DRAFT = "draft:sandbox"


async def imported(folder: Path) -> Story:
    """Returns a desk with an export in a draft."""
    story = await begin()
    await story.make_project()
    await story.desk.imports.import_folder(story.call(), "hotel", pack(files_of(folder)), "polyai")
    return story


async def play_suite(story: Story, **chosen: Any) -> tuple[Run, list[CaseResult]]:
    """Plays the imported suite to its end."""
    begun = await story.desk.test_runs.start(story.call(), "hotel", Selection(DRAFT, **chosen))
    await story.desk.test_runs.wait(begun.id)
    run, cases = await story.desk.test_runs.load(story.call(), "hotel", begun.id)
    return run, [case for _, case in cases]


def why(case: CaseResult) -> set[str]:
    return {problem.code for attempt in case.attempts for problem in attempt.problems}


async def published_both() -> Story:
    """Returns a desk whose v1 is the older export and whose draft is the newer one."""
    story = await imported(OLD)
    await story.desk.publishing.publish(story.call(), "hotel", "sandbox", PublishRequest("As it was exported first"))
    await story.desk.imports.import_folder(story.call(), "hotel", pack(files_of(NEW)), "polyai")
    return story


@pytest.mark.parametrize("folder", [OLD, NEW], ids=name_of)
async def test_the_newer_suite_on_both_snapshots_with_the_local_brain(folder: Path) -> None:
    story = await published_both()
    begun = await story.desk.test_runs.start(
        story.call(), "hotel", Selection("v1" if folder == OLD else DRAFT, sets_from=DRAFT)
    )
    await story.desk.test_runs.wait(begun.id)
    run, found = await story.desk.test_runs.load(story.call(), "hotel", begun.id)
    cases = [case for _, case in found]
    suite = list((NEW / "test_suite").glob("*.yaml"))
    assert len(cases) == run.summary.cases == len(suite)
    lacking = sum("no_model" in why(case) for case in cases)
    note_fact(
        f"imported test suite of {name_of(NEW)} on {name_of(folder)}, local brain: {run.summary.passed} of "
        f"{len(cases)} cases passed, {run.summary.failed} failed, {run.summary.errors} in error "
        f"({lacking} need a model)"
    )
    assert (run.outcome, run.summary.passed) == ("error", 0)
    assert lacking == len(cases)


async def test_the_older_snapshot_brings_its_own_suite_or_says_that_it_has_none() -> None:
    story = await imported(OLD)
    run, cases = await play_suite(story)
    suite = list(OLD.glob("test_suite/*.yaml"))
    assert len(cases) == len(suite)
    assert run.outcome == "error"
    assert bool(run.summary.reason) == (not suite)


async def test_with_a_model_every_case_is_played_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    story = await imported(NEW)
    real, asked = story.desk.outside.answer, Counter[str]()

    async def answer(ask: Ask, place: Any, stream: Streamer | None = None) -> Answer:
        if ask.to != "model":
            return await real(ask, place, stream)
        purpose = str(ask.facts["purpose"])
        asked[purpose] += 1
        if purpose == "simulate":
            begun = len(ask.facts["messages"]) > 1
            words = ask.facts["instructions"].partition("Scenario:")[2].strip().partition(".")[0]
            return {"text": json.dumps({"say": "" if begun else words, "done": begun}), "ms": 1.0}
        count = ask.facts["messages"][0]["text"].rpartition("Statements:")[2].count("\n")
        return {"text": json.dumps({"verdicts": [{"holds": False, "reason": "a stand-in says no"}] * count}), "ms": 1.0}

    monkeypatch.setattr(story.desk.outside, "answer", answer)
    run, cases = await play_suite(story, judge="openai:stand-in")
    assert run.subject.judge == "openai:stand-in"
    assert asked["simulate"] >= 2 * len(cases)
    assert not any("no_model" in why(case) for case in cases)
    assert run.summary.passed == 0
    note_fact(
        f"the same suite with a stand-in for the model: {run.summary.failed} cases judged, "
        f"{run.summary.errors} in error ({', '.join(sorted({code for case in cases for code in why(case)})) or 'none'})"
    )
    for case in cases:
        assert len(case.attempts[0].transcript) >= 3, case
