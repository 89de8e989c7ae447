"""Test runs under way in this process: cases played, some at once, each kept as soon as it is played."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace

import structlog

from greenroom.domain.ids import ProjectId, TestRunId
from greenroom.domain.records import Record
from greenroom.domain.test_runs import (
    Attempt,
    CaseResult,
    Problem,
    Run,
    RunState,
    case_to_json,
    decide_case,
    read_run,
    run_to_json,
    summarise,
)
from greenroom.ports import Reading, Writing
from greenroom.runtime.cases import Case
from greenroom.runtime.plays import Theatre, play
from greenroom.services.conversations import replace_answer
from greenroom.services.work import Call, Work

NOUN = "test_run"
CASES = "test_run_case"
AT_ONCE = 4
"""So many conversations of tests are held at once in a process."""
BEAT_SECONDS = 15.0
ATTEMPT_SECONDS = 600.0
_log = structlog.get_logger("greenroom.test_runs")


@dataclass(slots=True)
class Job:
    """A run under way in this process."""

    call: Call
    run: Run
    cases: tuple[Case, ...]
    theatre: Theatre
    done: int = 0
    task: asyncio.Task[None] | None = None


class Over(Exception):
    """The run was ended by somebody else: it is cancelled, or its project is gone."""


class Jobs:
    """The runs of this process."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._stages = asyncio.Semaphore(AT_ONCE)
        self._jobs: dict[TestRunId, Job] = {}
        self._closing = False

    def begin(self, job: Job) -> None:
        """Begins a run that is recorded already."""
        self._jobs[job.run.id] = job
        job.task = asyncio.create_task(self._carry_out(job))

    def find(self, id_: TestRunId) -> Job | None:
        """Returns a run that is under way here."""
        return self._jobs.get(id_)

    def count(self, workspace: str) -> int:
        """Returns how many runs of a workspace are under way here."""
        return sum(job.call.workspace == workspace for job in self._jobs.values())

    def stop(self, id_: TestRunId) -> None:
        """Stops playing a run."""
        job = self._jobs.get(id_)
        if job is not None and job.task is not None:
            job.task.cancel()

    async def wait(self, id_: TestRunId) -> None:
        """Waits for a run to be over; returns at once for one of another process."""
        job = self._jobs.get(id_)
        if job is not None and job.task is not None:
            await asyncio.wait([job.task])

    async def close(self) -> None:
        """Stops everything; the runs then say that they were interrupted."""
        self._closing = True
        tasks = [job.task for job in self._jobs.values() if job.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _carry_out(self, job: Job) -> None:
        """Plays everything; whatever happens, the record says how it ended."""
        beat = asyncio.create_task(self._beat(job))
        try:
            results = await self._play_all(job)
            await self._finish(job, results)
        except Over:
            pass
        except asyncio.CancelledError:
            if self._closing:
                await self._save(job, "interrupted")
            raise
        except Exception as wrong:  # noqa: BLE001  whoever reads the run must see that it did not come to its end
            _log.error("test_run_broke", run=job.run.id, error=type(wrong).__name__, exc_info=wrong)
            await self._save(job, "interrupted")
        finally:
            beat.cancel()
            self._jobs.pop(job.run.id, None)

    async def _play_all(self, job: Job) -> list[CaseResult]:
        """Plays the cases, some at once; each is kept as soon as it is played."""
        results: list[CaseResult | None] = [None] * len(job.cases)
        waiting = iter(enumerate(job.cases))

        async def work() -> None:
            for index, case in waiting:
                results[index] = found = await self._play_case(job, case)
                await self._keep(job, index, found)

        workers = [asyncio.create_task(work()) for _ in range(min(AT_ONCE, len(job.cases)))]
        try:
            await asyncio.gather(*workers)
        finally:
            for worker in workers:
                worker.cancel()
        return [result for result in results if result is not None]

    async def _play_case(self, job: Job, case: Case) -> CaseResult:
        blank = CaseResult(
            test_set=case.test_set,
            case=case.id,
            name=case.name,
            status="skipped",
            channel=case.channel,
            tags=case.tags,
            pointer=case.pointer,
            skip=case.skip,
            at_least=case.at_least,
        )
        if case.skip:
            return blank
        attempts: list[Attempt] = []
        for _ in range(job.run.selection.repeat or case.repeat):
            async with self._stages:
                attempts.append(await self._attempt(job, case))
            job.done += 1
            # A brain without a model never waits: others get their turn here.
            await asyncio.sleep(0)
        return decide_case(blank, attempts)

    async def _attempt(self, job: Job, case: Case) -> Attempt:
        try:
            async with asyncio.timeout(ATTEMPT_SECONDS):
                return await play(job.theatre, case)
        except TimeoutError:
            problem = Problem("timeout", f"it was not over after {ATTEMPT_SECONDS:.0f} seconds", case.pointer)
        except Exception as wrong:  # noqa: BLE001  one case that breaks must not take the others with it
            _log.error("test_case_broke", run=job.run.id, case=case.id, exc_info=wrong)
            problem = Problem(
                "broken", f"it broke with {type(wrong).__name__}; the server's log says more", case.pointer
            )
        return Attempt("error", problems=(problem,))

    async def _beat(self, job: Job) -> None:
        """Says every few seconds that the run is alive; ends it when it was cancelled elsewhere."""
        while True:
            await asyncio.sleep(BEAT_SECONDS)
            try:
                await self._save(job, "running")
            except Over:
                if job.task is not None:
                    job.task.cancel()
                return
            except Exception as wrong:  # noqa: BLE001  a store that is away for a moment; the next beat tries again
                _log.warning("will_try_again", run=job.run.id, error=str(wrong))

    async def _keep(self, job: Job, index: int, result: CaseResult) -> None:
        """Writes a case's result and how far the run is."""
        now = self._work.clock.now()
        key = f"{job.run.id}.{index:06d}"
        record = Record(job.run.project, CASES, key, now, now, case_to_json(result), owner=job.run.id)

        def work(tx: Writing) -> None:
            self._put(tx, job, "running")
            tx.put_record(record)

        await self._work.change(replace_answer(job.call), work)

    async def _finish(self, job: Job, results: Sequence[CaseResult]) -> None:
        summary = summarise(results)
        job.run = replace(job.run, summary=summary)

        def work(tx: Writing) -> None:
            self._put(tx, job, "finished")
            data = {
                "ref": job.run.selection.ref,
                "digest": job.run.subject.digest,
                "outcome": summary.outcome,
                "passed": summary.passed,
                "failed": summary.failed,
                "errors": summary.errors,
                "skipped": summary.skipped,
            }
            where = {"project": job.run.project, "environment": job.run.subject.environment, "subject": job.run.id}
            tx.append(self._work.event(job.call, "test_run.finished", data=data, **where))

        await self._work.change(replace_answer(job.call), work)

    async def _save(self, job: Job, state: RunState) -> None:
        await self._work.change(replace_answer(job.call), lambda tx: self._put(tx, job, state))

    def _put(self, tx: Writing, job: Job, state: RunState) -> None:
        """Writes the run as this process sees it. Raises Over when it was ended elsewhere."""
        kept = tx.find_record(job.run.project, NOUN, job.run.id)
        if kept is None or kept.body.get("state") != "running":
            raise Over
        now = self._work.clock.now()
        over = state != "running"
        tx.put_record(
            record_of(replace(job.run, state=state, done=job.done, changed_at=now, finished_at=now if over else None))
        )


def run_of(record: Record) -> Run:
    """Returns the run that a record holds."""
    return read_run(TestRunId(record.key), record.project, record.at, record.changed_at, record.body)


def record_of(run: Run) -> Record:
    """Returns the record of a run; it is found by the digest of what was tested."""
    return Record(run.project, NOUN, run.id, run.started_at, run.changed_at, run_to_json(run), owner=run.subject.digest)


def find_run(tx: Reading, project: ProjectId, id_: str) -> Run | None:
    """Returns a run as it was last written."""
    record = tx.find_record(project, NOUN, id_)
    return None if record is None else run_of(record)
