"""Evaluations under way in this process: conversations chosen, judged in portions, kept as soon as they are judged."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import structlog

from greenroom.domain.asks import Place
from greenroom.domain.conversations import Conversation, Turn
from greenroom.domain.environments import Environment
from greenroom.domain.errors import GreenroomError
from greenroom.domain.evaluations import Evaluation, EvaluationRun, RunChoice, RunState, run_to_body
from greenroom.domain.events import format_time
from greenroom.domain.ids import ConversationId, EnvironmentId, ProjectId
from greenroom.domain.projects import Project
from greenroom.domain.records import Record
from greenroom.domain.versions import EMPTY_SNAPSHOT
from greenroom.ports import ConversationFilter, Outside, Reading, Writing
from greenroom.runtime.conditions import Condition, compile_review
from greenroom.runtime.reviews import Review, apply_rule, read_review, review_ask
from greenroom.services.work import Call, Work

EVALUATION, RESULT, RUN = "evaluation", "evaluation_result", "evaluation_run"
AT_ONCE = 4
"""So many conversations are before models at once, in the whole process."""
PORTIONS: Mapping[str, int] = {"rules": 100, "model": AT_ONCE * 2}
SCANNED = 100
MOST_SCANNED = 100_000
"""A run looks no further back for conversations that were not judged yet."""
MAX_TURNS = 200
BEAT_SECONDS = 15.0
STOPPED = "the server stopped; run it again, what was judged is kept"
_log = structlog.get_logger("greenroom.evaluations")


class Over(Exception):
    """The run was ended elsewhere: cancelled, taken over, or its evaluation is another one now."""


@dataclass(slots=True)
class Job:
    """A run under way in this process."""

    call: Call
    project: Project
    evaluation: Evaluation
    choice: RunChoice
    environment: EnvironmentId | None
    aliases: Mapping[str, str]
    home: Environment
    """Whose draft secrets open the model's connection: never those of live traffic (R32)."""
    run: EvaluationRun
    revision: int
    task: asyncio.Task[None] | None = None


class Jobs:
    """The runs of this process."""

    def __init__(self, work: Work, outside: Outside) -> None:
        self._work = work
        self._outside = outside
        self._seats = asyncio.Semaphore(AT_ONCE)
        self._jobs: dict[tuple[ProjectId, str], Job] = {}
        self._closing = False

    def begin(self, job: Job) -> None:
        """Begins a run that is recorded already."""
        key = (job.project.id, job.evaluation.name)
        self._jobs[key] = job
        job.task = asyncio.create_task(self._carry_out(job))

        def forget(_: asyncio.Task[None]) -> None:
            # The next run of the same evaluation may be under way already.
            if self._jobs.get(key) is job:
                del self._jobs[key]

        # Not in the task itself: one that is cancelled before it began never comes to its own end.
        job.task.add_done_callback(forget)

    def count(self, workspace: str) -> int:
        """Returns how many runs of a workspace are under way here."""
        return sum(job.call.workspace == workspace for job in self._jobs.values())

    def stop(self, project: ProjectId, name: str) -> None:
        """Stops a run."""
        job = self._jobs.get((project, name))
        if job is not None and job.task is not None:
            job.task.cancel()

    async def wait(self, project: ProjectId, name: str) -> None:
        """Waits for a run to be over; returns at once for one of another process."""
        job = self._jobs.get((project, name))
        if job is not None and job.task is not None:
            await asyncio.wait([job.task])

    async def close(self) -> None:
        """Stops everything; the runs then say that they were interrupted."""
        self._closing = True
        jobs = list(self._jobs.values())
        tasks = [job.task for job in jobs if job.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for job in jobs:
            if job.run.state == "running":
                await self._end_quietly(job, STOPPED)

    async def _carry_out(self, job: Job) -> None:
        """Judges everything; whatever happens, the record says how it ended."""
        beat = asyncio.create_task(self._beat(job))
        try:
            waiting = await self._choose(job)
            job.run = replace(job.run, total=len(waiting))
            rule = compile_review(job.evaluation.rules) if job.evaluation.judge == "rules" else None
            size = PORTIONS[job.evaluation.judge]
            for start in range(0, len(waiting), size):
                await self._judge(job, waiting[start : start + size], rule)
            await self._end(job, "finished", "", "evaluation.run_finished")
        except Over:
            pass
        except Exception as wrong:  # noqa: BLE001  whoever reads the run must see that it did not come to its end
            _log.error("evaluation_broke", evaluation=job.evaluation.name, error=type(wrong).__name__, exc_info=wrong)
            await self._end_quietly(job, f"it broke with {type(wrong).__name__}; the server's log says more")
        finally:
            beat.cancel()

    async def _choose(self, job: Job) -> list[ConversationId]:
        """Returns the conversations to judge, latest first."""
        choice, now = job.choice, self._work.clock.now()
        wanted = ConversationFilter(
            job.environment, choice.version, origin="public", since=choice.since, until=choice.until
        )
        chosen: list[ConversationId] = []
        before: str | None = None
        for _ in range(0, MOST_SCANNED, SCANNED):

            def work(tx: Reading, before: str | None = before) -> tuple[list[ConversationId], str | None]:
                found = tx.list_conversations(job.project.id, wanted, before, SCANNED)
                fit = [each.id for each in found if not each.is_running(now) and each.erased_at is None]
                new = [id_ for id_ in fit if tx.find_record(job.project.id, RESULT, self._key(job, id_)) is None]
                return new, found[-1].id if len(found) == SCANNED else None

            new, before = await self._work.read(job.call, work)
            chosen += new
            if before is None or len(chosen) >= choice.limit:
                break
        return chosen[: choice.limit]

    async def _judge(self, job: Job, ids: Sequence[ConversationId], rule: Condition | None) -> None:
        """Judges a portion and keeps what came of it."""

        def read(tx: Reading) -> list[tuple[Conversation, Sequence[Turn]]]:
            found = [tx.find_conversation(id_) for id_ in ids]
            return [(each, tx.list_turns(each.id, -1, MAX_TURNS)) for each in found if each is not None]

        pairs = await self._work.read(job.call, read)
        if rule is not None:
            reviews = [apply_rule(rule, each, job.aliases.get(each.environment, ""), turns) for each, turns in pairs]
        else:
            reviews = await asyncio.gather(*(self._ask(job, turns) for _, turns in pairs))
        await self._keep(job, [each for each, _ in pairs], reviews)

    async def _ask(self, job: Job, turns: Sequence[Turn]) -> Review:
        home, now = job.home, format_time(self._work.clock.now())
        place = Place(
            job.call.workspace,
            job.project.id,
            home.id,
            home.alias,
            "draft",
            EMPTY_SNAPSHOT.digest,
            job.run.id,
            origin="test",
            now=now,
        )
        async with self._seats:
            answer = await self._outside.answer(review_ask(job.evaluation, turns), place)
        return read_review(job.evaluation, answer)

    async def _keep(self, job: Job, conversations: Sequence[Conversation], reviews: Sequence[Review]) -> None:
        now = self._work.clock.now()
        run = job.run
        for review in reviews:
            good = not review.problem
            run = replace(
                run,
                done=run.done + 1,
                judged=run.judged + good,
                failed=run.failed + (not good),
                total_score=round(run.total_score + (review.score if good else 0), 4),
                problem=run.problem or review.problem[:500],
            )

        def work(tx: Writing) -> None:
            job.run = run
            self._put(tx, job)
            for conversation, review in zip(conversations, reviews, strict=True):
                kept = tx.find_conversation(conversation.id)
                # What was erased while a model read it is not written down again.
                if review.problem or kept is None or kept.erased_at is not None:
                    continue
                body = {
                    "environment": conversation.environment,
                    "judge": job.evaluation.provider or "rules",
                    "reason": review.reason,
                    "scale": "share",
                    "score": review.score,
                    "version": conversation.started_version,
                }
                key = self._key(job, conversation.id)
                tx.put_record(Record(job.project.id, RESULT, key, now, now, body, job.evaluation.name))

        await self._work.change(job.call, work)

    async def _end(self, job: Job, state: RunState, note: str, action: str) -> None:
        now = self._work.clock.now()
        job.run = replace(job.run, state=state, note=note, finished_at=now)
        data = {"run": job.run.id, "judged": job.run.judged, "failed": job.run.failed}

        def work(tx: Writing) -> None:
            self._put(tx, job)
            tx.append(
                self._work.event(job.call, action, project=job.project.id, subject=job.evaluation.name, data=data)
            )

        await self._work.change(job.call, work)

    async def _end_quietly(self, job: Job, note: str) -> None:
        try:
            await self._end(job, "interrupted", note, "evaluation.run_interrupted")
        except (Over, GreenroomError) as wrong:
            _log.warning("run_end_not_kept", evaluation=job.evaluation.name, error=str(wrong))

    async def _beat(self, job: Job) -> None:
        """Says every few seconds that the run is alive; ends it when it was ended elsewhere."""
        while True:
            await asyncio.sleep(BEAT_SECONDS)
            try:
                await self._work.change(job.call, lambda tx: self._put(tx, job))
            except Over:
                if job.task is not None:
                    job.task.cancel()
                return
            except GreenroomError as wrong:
                _log.warning("will_try_again", evaluation=job.evaluation.name, error=wrong.detail)

    def _put(self, tx: Writing, job: Job) -> None:
        """Writes how far the run is. Raises Over when it was ended elsewhere."""
        now, name = self._work.clock.now(), job.evaluation.name
        if not tx.put_record(run_record(job.project.id, name, job.run, now, job.revision), job.revision):
            raise Over

    @staticmethod
    def _key(job: Job, conversation: str) -> str:
        return result_key(job.evaluation.name, conversation)


def run_record(project: ProjectId, name: str, run: EvaluationRun, now: datetime, revision: int) -> Record:
    """Returns the record of a run; its revision is known to whoever carries it out, and to nobody else."""
    return Record(project, RUN, name, run.started_at, now, run_to_body(run), revision=revision)


def result_key(name: str, conversation: str) -> str:
    """Returns the key of what came of a conversation."""
    return f"{name}/{conversation}"
