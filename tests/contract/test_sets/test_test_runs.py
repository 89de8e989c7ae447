"""Test runs on every store: bound to a digest, kept while they go on, cancelled, interrupted, read again."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from greenroom.domain.asks import Answer, Ask, Streamer
from greenroom.domain.entities import Address, freeze_body
from greenroom.domain.errors import Invalid, LimitReached, NotAllowed, NotFound
from greenroom.domain.records import Record
from greenroom.domain.test_runs import LEASE, CaseResult, Run, Selection
from greenroom.services import test_jobs as jobs
from greenroom.services import test_runs as runs
from greenroom.services.desk import Desk
from greenroom.services.plans import PublishRequest
from greenroom.services.sweeps import forget_test_runs
from tests.support.agents import hotel
from tests.unit.services.story import Story

SMOKE = Address("test_set", "smoke")
DRAFT = "draft:sandbox"
ASKS_PETS = {"say": "Do you allow dogs?", "expect": {"topic": "pet-policy"}}


async def furnish(story: Story, version: str = "v3", **sets: list[dict[str, Any]]) -> None:
    """Puts the demo agent into the draft, with more test sets by slug."""
    for address, body in hotel(version).items():
        await story.save(address, dict(body))
    for slug, cases in sets.items():
        await story.save(Address("test_set", slug), {"name": slug.title(), "cases": cases})


async def run(story: Story, ref: str = DRAFT, **chosen: Any) -> tuple[Run, list[CaseResult]]:
    """Plays test sets to their end."""
    begun = await story.desk.test_runs.start(story.call(), "hotel", Selection(ref, **chosen))
    await story.desk.test_runs.wait(begun.id)
    return await read(story, begun.id)


async def read(story: Story, id_: str) -> tuple[Run, list[CaseResult]]:
    found, cases = await story.desk.test_runs.load(story.call(), "hotel", id_)
    return found, [case for _, case in cases]


def slow(story: Story, monkeypatch: pytest.MonkeyPatch) -> asyncio.Event:
    """Makes every look-up of the agent wait for an event."""
    go = asyncio.Event()
    real = story.desk.outside.answer

    async def answer(ask: Ask, place: Any, stream: Streamer | None = None) -> Answer:
        if ask.to == "knowledge":
            await go.wait()
            return {"passages": [], "ms": 1.0}
        return await real(ask, place, stream)

    monkeypatch.setattr(story.desk.outside, "answer", answer)
    return go


KNOWLEDGE = Address("knowledge", "faq")
UNKNOWN = {"say": "Is there a helicopter pad on the roof?", "expect": {"ended": False}}


async def test_the_demo_agent_passes_its_own_tests_and_results_are_bound_to_the_digest(story: Story) -> None:
    await furnish(story)
    found, cases = await run(story)
    assert (found.state, found.outcome, found.summary.passed) == ("finished", "passed", 9)
    assert (found.done, found.total, found.summary.flaky_rate) == (9, 9, 0.0)
    assert [case.case for case in cases] == [case["id"] for case in hotel("v3")[SMOKE]["cases"]]
    draft = await story.desk.drafts.load(story.call(), "hotel", "sandbox")
    assert found.subject.digest == draft.snapshot.digest
    assert found.subject.version is None
    assert [(use.slug, use.digest) for use in found.subject.sets] == [("smoke", draft.snapshot[SMOKE])]
    assert (found.subject.brain, found.subject.alias) == ({"main": "local"}, "sandbox")
    assert found.subject.matcher == "ridge-1", "results of another matcher are other results"
    published = await story.desk.publishing.publish(
        story.call(), "hotel", "sandbox", PublishRequest("The hotel as it is")
    )
    again, _ = await run(story, "v1")
    assert again.subject.digest == found.subject.digest == published.version.version.digest
    assert again.subject.version == 1
    listed = await story.desk.test_runs.list(story.call(), "hotel", None, 10)
    assert [one.id for one in listed] == [again.id, found.id]
    same = await story.desk.test_runs.list(story.call(), "hotel", None, 10, digest=found.subject.digest)
    assert [one.id for one in same] == [again.id, found.id]
    assert await story.desk.test_runs.list(story.call(), "hotel", None, 10, digest="sha256:0") == []
    assert [one.id for one in await story.desk.test_runs.list(story.call(), "hotel", again.id, 10)] == [found.id]


async def test_a_change_of_the_agent_fails_the_case_that_is_about_it(story: Story) -> None:
    await furnish(story)
    pets = dict(hotel("v3")[Address("topic", "pet-policy")])
    await story.save(Address("topic", "pet-policy"), {**pets, "content": "Pets are welcome."})
    found, cases = await run(story)
    assert (found.outcome, found.summary.failed, found.summary.passed) == ("failed", 1, 8)
    (failed,) = [case for case in cases if case.status == "failed"]
    (unmet,) = [result for result in failed.attempts[0].results if result.status == "failed"]
    assert (failed.case, unmet.pointer) == ("pets", "/cases/1/turns/0/expect/contains")
    assert unmet.got == "Pets are welcome."


async def test_test_sets_of_another_ref_are_played_against_this_one(story: Story) -> None:
    await furnish(story, "v1")
    await story.desk.publishing.publish(story.call(), "hotel", "sandbox", PublishRequest("The first hotel"))
    for address, body in hotel("v2").items():
        await story.save(address, dict(body))
    own, _ = await run(story)
    other, cases = await run(story, sets_from="v1")
    assert own.outcome == "passed"
    assert (other.outcome, other.subject.digest) == ("failed", own.subject.digest)
    assert other.subject.sets[0].digest == freeze_body(hotel("v1")[SMOKE]).digest != own.subject.sets[0].digest
    assert {case.case for case in cases if case.status == "failed"} == {"late-check-out"}


async def test_sets_tags_and_repeats_are_chosen(story: Story) -> None:
    extra = [
        {"id": "a", "tags": ["Quick"], "turns": [ASKS_PETS], "repeat": 4},
        {"id": "b", "tags": ["slow"], "turns": [ASKS_PETS]},
        {"id": "c", "tags": ["quick"], "turns": [ASKS_PETS], "skip": "the pool is closed"},
    ]
    await furnish(story, extra=extra)
    found, cases = await run(story, test_sets=("extra",), tags=("quick",))
    assert [(case.case, case.status, case.repeats) for case in cases] == [("a", "passed", 4), ("c", "skipped", 0)]
    assert (found.total, found.done, found.summary.skipped) == (4, 4, 1)
    forced, cases = await run(story, test_sets=("extra", "smoke"), repeat=2)
    assert {case.repeats for case in cases if case.status != "skipped"} == {2}
    assert [use.slug for use in forced.subject.sets] == ["extra", "smoke"]


@pytest.mark.parametrize(
    "chosen, reason",
    [
        ({"tags": ("never",)}, "no case was chosen"),
        ({"test_sets": ("skipped",)}, "every case was skipped"),
        ({"test_sets": ("blank",)}, ""),
        ({"test_sets": ("empty",)}, "no case was chosen"),
    ],
)
async def test_a_run_that_tests_nothing_is_an_error(story: Story, chosen: dict[str, Any], reason: str) -> None:
    skipped = [{"id": "s", "turns": [ASKS_PETS], "skip": "not today"}]
    await furnish(story, skipped=skipped, blank=[{"id": "b", "turns": [{"say": "hello"}]}], empty=[])
    found, cases = await run(story, **chosen)
    assert (found.state, found.outcome) == ("finished", "error")
    assert found.summary.reason.startswith(reason)
    if not reason:
        assert cases[0].attempts[0].problems[0].code == "no_expectation"


async def test_a_version_without_test_sets_is_an_error_too(story: Story) -> None:
    found, _ = await run(story)
    assert (found.outcome, found.total) == ("error", 0)


async def test_what_is_not_there_is_refused_with_its_place(story: Story) -> None:
    await furnish(story)
    start, call = story.desk.test_runs.start, story.call()
    with pytest.raises(NotFound) as missing:
        await start(call, "hotel", Selection(DRAFT, ("smoke", "smok")))
    assert (missing.value.errors[0].pointer, "it has: smoke" in missing.value.detail) == ("/test_sets/1", True)
    with pytest.raises(NotFound):
        await start(call, "hotel", Selection("v9"))
    with pytest.raises(Invalid) as wrong:
        await start(call, "hotel", Selection(DRAFT, sets_from="not a ref"))
    assert wrong.value.errors[0].pointer == "/sets_from"
    with pytest.raises(Invalid):
        await start(call, "hotel", Selection(DRAFT, repeat=51))
    with pytest.raises(LimitReached):
        await start_big_run(story)
    with pytest.raises(NotFound):
        await story.desk.test_runs.load(call, "hotel", "run_never")
    with pytest.raises(NotAllowed):
        await start(story.call("viewer"), "hotel", Selection(DRAFT))
    assert await story.desk.test_runs.list(story.call("viewer"), "hotel", None, 10) == []


async def start_big_run(story: Story) -> None:
    """Asks for more conversations than one run may hold."""
    cases = [{"id": f"c{number}", "turns": [ASKS_PETS]} for number in range(101)]
    await story.save(Address("test_set", "big"), {"name": "Big", "cases": cases})
    await story.desk.test_runs.start(story.call(), "hotel", Selection(DRAFT, ("big",), repeat=50))


async def until_done(story: Story, id_: str, count: int) -> Run:
    """Returns the run as soon as so many conversations are held and kept."""
    for _ in range(2_000):
        found, kept = await read(story, id_)
        if found.done >= count and len(kept) >= count:
            return found
        await asyncio.sleep(0.005)
    raise AssertionError(f"the run never held {count} conversations")


async def test_progress_is_seen_and_a_cancelled_run_keeps_its_results(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    go = slow(story, monkeypatch)
    cases = [{"id": "quick", "turns": [ASKS_PETS]}, *({"id": f"s{n}", "turns": [UNKNOWN]} for n in range(5))]
    await furnish(story, slow=cases)
    await story.save(KNOWLEDGE, {"name": "FAQ", "source": {"type": "upload"}, "documents": [{"document": "pool"}]})
    begun = await story.desk.test_runs.start(story.call(), "hotel", Selection(DRAFT, ("slow",)))
    seen = await until_done(story, begun.id, 1)
    assert (seen.state, seen.outcome, seen.total) == ("running", None, 6)
    ended = await story.desk.test_runs.cancel(story.call(), "hotel", begun.id)
    await story.desk.test_runs.wait(begun.id)
    go.set()
    found, kept = await read(story, begun.id)
    assert (ended.state, found.state, found.outcome) == ("cancelled", "cancelled", "error")
    assert [case.case for case in kept] == ["quick"]
    assert (await story.desk.test_runs.cancel(story.call(), "hotel", begun.id)).state == "cancelled"


async def test_a_run_that_is_stopped_says_so(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    slow(story, monkeypatch)
    await furnish(story, slow=[{"id": "s", "turns": [UNKNOWN]}])
    await story.save(KNOWLEDGE, {"name": "FAQ", "source": {"type": "upload"}, "documents": [{"document": "pool"}]})
    begun = await story.desk.test_runs.start(story.call(), "hotel", Selection(DRAFT, ("slow",)))
    await asyncio.sleep(0.02)
    await story.desk.test_runs.close()
    found, _ = await read(story, begun.id)
    assert (found.state, found.outcome) == ("interrupted", "error")


async def test_a_run_whose_process_is_gone_was_interrupted(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    slow(story, monkeypatch)
    await furnish(story, slow=[{"id": "s", "turns": [UNKNOWN]}])
    await story.save(KNOWLEDGE, {"name": "FAQ", "source": {"type": "upload"}, "documents": [{"document": "pool"}]})
    begun = await story.desk.test_runs.start(story.call(), "hotel", Selection(DRAFT, ("slow",)))
    elsewhere = Desk(story.desk.store, story.desk.clock, story.desk.kinds, {})
    seen, _ = await elsewhere.test_runs.load(story.call(), "hotel", begun.id)
    assert seen.state == "running"
    later = story.desk.clock.now() + LEASE + timedelta(seconds=1)
    monkeypatch.setattr(type(elsewhere.clock), "now", lambda self: later)
    seen, _ = await elsewhere.test_runs.load(story.call(), "hotel", begun.id)
    assert (seen.state, seen.outcome) == ("interrupted", "error")
    # Another process may end it; the one that plays it sees that when it writes.
    await elsewhere.test_runs.cancel(story.call(), "hotel", begun.id)
    monkeypatch.undo()
    job = story.desk.test_runs._jobs.find(begun.id)
    assert job is not None
    with pytest.raises(jobs.Over):
        await story.desk.test_runs._jobs._save(job, "running")


async def test_too_many_runs_at_once_are_refused(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    slow(story, monkeypatch)
    monkeypatch.setattr(runs, "MAX_RUNNING", 1)
    await furnish(story, slow=[{"id": "s", "turns": [UNKNOWN]}])
    await story.save(KNOWLEDGE, {"name": "FAQ", "source": {"type": "upload"}, "documents": [{"document": "pool"}]})
    await story.desk.test_runs.start(story.call(), "hotel", Selection(DRAFT, ("slow",)))
    with pytest.raises(LimitReached):
        await story.desk.test_runs.start(story.call(), "hotel", Selection(DRAFT, ("slow",)))


async def test_a_case_that_breaks_the_program_takes_no_other_with_it(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = jobs.play

    async def broken(theatre: Any, case: Any) -> Any:
        if case.id == "pets":
            raise ZeroDivisionError
        return await real(theatre, case)

    monkeypatch.setattr(jobs, "play", broken)
    await furnish(story)
    found, cases = await run(story)
    assert (found.outcome, found.summary.errors, found.summary.passed) == ("error", 1, 8)
    (wrong,) = [case for case in cases if case.status == "error"]
    assert wrong.attempts[0].problems[0].code == "broken"


async def test_a_case_that_takes_too_long_is_an_error(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    slow(story, monkeypatch)
    monkeypatch.setattr(jobs, "ATTEMPT_SECONDS", 0.05)
    await furnish(story, slow=[{"id": "s", "turns": [UNKNOWN]}])
    await story.save(KNOWLEDGE, {"name": "FAQ", "source": {"type": "upload"}, "documents": [{"document": "pool"}]})
    _, cases = await run(story, test_sets=("slow",))
    assert cases[0].attempts[0].problems[0].code == "timeout"


async def test_tests_leave_no_conversation_and_are_in_the_history(story: Story) -> None:
    await furnish(story)
    await run(story)
    assert await story.desk.conversations.list(story.call(), "hotel", None, 10) == []
    lines = await story.desk.history.list(story.call(), "hotel", None, 200)
    said = [line.summary for line in lines if line.event["action"].startswith("test_run.")]
    assert [words.partition(" run_")[0] for words in said] == [
        "Owner finished the test run",
        "Owner started the test run",
    ]
    assert said[0].endswith("of draft:sandbox: passed")


async def test_documents_are_bound_with_their_digests(story: Story) -> None:
    pinned, present = "sha256:" + "a" * 64, "sha256:" + "b" * 64
    documents = [{"document": "pool", "pinned": pinned}, {"document": "spa"}, {"document": "gone"}]
    await furnish(story)
    await story.save(KNOWLEDGE, {"name": "FAQ", "source": {"type": "upload"}, "documents": documents})
    project = (await story.desk.projects.load(story.call(), "hotel")).project.id
    now = story.desk.clock.now()
    kept = Record(project, "document", "spa", now, now, {"digest": present})
    await story.desk.store.write(story.owner.workspace, lambda tx: tx.put_record(kept))
    found, _ = await run(story)
    assert found.subject.knowledge == {"pool": pinned, "spa": present, "gone": ""}


async def test_runs_that_nobody_needs_are_removed_with_their_results(story: Story) -> None:
    await furnish(story, quick=[{"id": "a", "turns": [ASKS_PETS]}])
    await story.desk.publishing.publish(story.call(), "hotel", "sandbox", PublishRequest("The hotel as it is"))
    chosen: dict[str, Any] = {"test_sets": ("quick",)}
    kept_of_version, _ = await run(story, "v1", **chosen)
    drafts = [(await run(story, **chosen))[0] for _ in range(5)]
    project = kept_of_version.project
    first = await story.desk.test_runs.list(story.call(), "hotel", None, 2)
    store, clock = story.desk.store, story.desk.clock
    assert await forget_test_runs(store, clock, 10) == 0
    assert await forget_test_runs(store, clock, 3) == 2
    assert await forget_test_runs(store, clock, 3) == 0, "harmless to repeat"
    rest = await story.desk.test_runs.list(story.call(), "hotel", first[-1].id, 10)
    assert [one.id for one in [*first, *rest]] == [drafts[4].id, drafts[3].id, drafts[2].id, kept_of_version.id]
    with pytest.raises(NotFound):
        await read(story, drafts[0].id)
    _, cases = await read(story, kept_of_version.id)
    assert [case.case for case in cases] == ["a"]
    left = await store.read(story.owner.workspace, lambda tx: tx.count_records(project, jobs.CASES))
    assert left == 4
