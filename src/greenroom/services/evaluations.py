"""Evaluations: written by people, judged by rules or a model, project-wide and never versioned (R1).

Results belong to the question as it was asked: one that is changed loses them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from greenroom.domain.errors import Conflict, Fault, Invalid, LimitReached, Missing, NotFound, Stale
from greenroom.domain.evaluations import (
    MAX_EVALUATIONS,
    MAX_RUN,
    Evaluation,
    EvaluationRun,
    RunChoice,
    Verdict,
    check_evaluation,
    evaluation_to_body,
    run_from_body,
    see_run,
)
from greenroom.domain.events import Event
from greenroom.domain.ids import ProjectId
from greenroom.domain.projects import Project
from greenroom.domain.records import Record
from greenroom.ports import Outside, Reading, Writing
from greenroom.runtime.conditions import compile_review
from greenroom.services.evaluation_jobs import EVALUATION, RESULT, RUN, Job, Jobs, result_key, run_record
from greenroom.services.states import load_context_environment, load_environment, load_project
from greenroom.services.work import Call, Work

MAX_RUNNING = 4


@dataclass(frozen=True, slots=True)
class EvaluationView:
    """An evaluation with its last run and the count of its results."""

    evaluation: Evaluation
    run: EvaluationRun | None
    results: int


class Evaluations:
    """The verbs of evaluations."""

    def __init__(self, work: Work, outside: Outside) -> None:
        self._work = work
        self._jobs = Jobs(work, outside)

    async def list(self, call: Call, slug: str) -> Sequence[EvaluationView]:
        """Returns a project's evaluations by name."""
        call.need("evaluations.read")
        now = self._work.clock.now()

        def work(tx: Reading) -> Sequence[EvaluationView]:
            project = load_project(tx, slug)
            return [_view(tx, project.id, each, now) for each in list_evaluations(tx, project.id)]

        return await self._work.read(call, work)

    async def load(self, call: Call, slug: str, name: str) -> EvaluationView:
        """Returns an evaluation. Raises NotFound."""
        call.need("evaluations.read")
        now = self._work.clock.now()

        def work(tx: Reading) -> EvaluationView:
            project = load_project(tx, slug)
            return _view(tx, project.id, _load(tx, project, name), now)

        return await self._work.read(call, work)

    async def save(self, call: Call, slug: str, wanted: Evaluation, seen: str | None) -> EvaluationView:
        """Makes an evaluation (`seen` is `*`) or replaces the one whose revision was seen.

        Results of another question are removed. Raises Invalid, Missing, LimitReached, and Stale with the present one.
        """
        call.need("evaluations.edit")
        _check(wanted)
        now = self._work.clock.now()

        def work(tx: Writing) -> EvaluationView:
            project = load_project(tx, slug)
            record = tx.find_record(project.id, EVALUATION, wanted.name)
            before = None if record is None else _read(record)
            _check_seen(before, wanted.name, seen)
            if before is None and tx.count_records(project.id, EVALUATION) >= MAX_EVALUATIONS:
                detail = f"a project has at most {MAX_EVALUATIONS} evaluations"
                raise LimitReached("too_many_evaluations", detail, extra={"limit": MAX_EVALUATIONS})
            made = now if before is None else before.created_at or now
            revision = 1 if before is None else before.revision + 1
            kept = replace(
                wanted, revision=revision, created_at=made, changed_at=now, changed_by=str(call.principal.id)
            )
            row = Record(project.id, EVALUATION, kept.name, made, now, evaluation_to_body(kept), revision=revision)
            if not tx.put_record(row, revision - 1):
                raise _stale(kept.name, None)
            dropped = 0
            if before is not None and not kept.asks_the_same(before):
                dropped = tx.delete_records(project.id, RESULT, kept.name)
                _end_run(tx, project.id, kept.name, "the evaluation was changed", now)
            data = {"judge": kept.judge, "revision": revision, "dropped": dropped}
            view = _view(tx, project.id, kept, now)
            tx.append(self._event(call, "evaluation.saved", project, kept.name, data))
            return view

        return await self._work.change(call, work)

    async def remove(self, call: Call, slug: str, name: str, seen: str | None) -> None:
        """Removes the evaluation whose revision was seen, with its results. Raises NotFound, Missing, Stale."""
        call.need("evaluations.edit")

        def work(tx: Writing) -> None:
            project = load_project(tx, slug)
            _check_seen(_load(tx, project, name), name, seen)
            dropped = tx.delete_records(project.id, RESULT, name)
            tx.delete_record(project.id, RUN, name)
            tx.delete_record(project.id, EVALUATION, name)
            tx.append(self._event(call, "evaluation.removed", project, name, {"dropped": dropped}))

        await self._work.change(call, work)

    async def run(self, call: Call, slug: str, name: str, choice: RunChoice) -> EvaluationView:
        """Begins to judge conversations and returns at once; `load` shows how far it is.

        Raises Conflict `evaluation_running`, LimitReached, Invalid, NotFound.
        """
        call.need("evaluations.run")
        _check_choice(choice)
        if self._jobs.count(call.workspace) >= MAX_RUNNING:
            raise LimitReached("too_many_runs", f"{MAX_RUNNING} evaluations are under way; wait for one, or cancel one")
        clock = self._work.clock
        now, id_ = clock.now(), clock.new_id("evaluation_run")

        def work(tx: Writing) -> tuple[Job, EvaluationView]:
            project = load_project(tx, slug)
            evaluation = _load(tx, project, name)
            environment = load_environment(tx, project, choice.environment).id if choice.environment else None
            before = tx.find_record(project.id, RUN, name)
            known = None if before is None else see_run(run_from_body(before.body), before.changed_at, now)
            if known is not None and known.state == "running":
                raise _running(name, known)
            run = EvaluationRun(id_, str(call.principal.id), now)
            revision = before.revision + 1 if before else 1
            if not tx.put_record(run_record(project.id, name, run, now, revision), revision - 1):
                raise _running(name, run)
            aliases = {str(each.id): each.alias for each in tx.list_environments(project.id)}
            home = load_context_environment(tx, project)
            job = Job(
                Call(call.principal, call.request),
                project,
                evaluation,
                choice,
                environment,
                aliases,
                home,
                run,
                revision,
            )
            view = EvaluationView(evaluation, run, tx.count_records(project.id, RESULT, name))
            tx.append(self._event(call, "evaluation.run_started", project, name, {"run": id_}))
            return job, view

        job, view = await self._work.change(_answering(call), work)
        self._jobs.begin(job)
        return view

    async def cancel(self, call: Call, slug: str, name: str) -> EvaluationView:
        """Ends a run; its results so far stay. Without one under way nothing happens."""
        call.need("evaluations.run")
        now = self._work.clock.now()

        def work(tx: Writing) -> tuple[ProjectId, EvaluationView]:
            project = load_project(tx, slug)
            evaluation = _load(tx, project, name)
            ended = _end_run(tx, project.id, name, "", now)
            view = _view(tx, project.id, evaluation, now)
            if ended:
                tx.append(self._event(call, "evaluation.run_cancelled", project, name))
            return project.id, view

        project, view = await self._work.change(_answering(call), work)
        self._jobs.stop(project, name)
        return view

    async def list_results(
        self,
        call: Call,
        slug: str,
        name: str,
        after: str | None,
        limit: int,
        *,
        environment: str | None = None,
        version: int | None = None,
    ) -> Sequence[Verdict]:
        """Returns what came of conversations, by their ids; `after` is the last one seen. Raises NotFound."""
        call.need("evaluations.read")

        def work(tx: Reading) -> Sequence[Verdict]:
            project = load_project(tx, slug)
            evaluation = _load(tx, project, name)
            holding: list[str] = []
            if environment is not None:
                holding.append(f'"environment":"{load_environment(tx, project, environment).id}"')
            if version is not None:
                # The last name in the order of canonical JSON, so that v1 is not found in v12.
                holding.append(f'"version":{version}}}')
            border = None if after is None else result_key(evaluation.name, after)
            rows = tx.list_records(
                project.id, RESULT, owner=evaluation.name, after=border, limit=limit, containing=holding
            )
            aliases = {str(each.id): each.alias for each in tx.list_environments(project.id)}
            return [_verdict(row, aliases.get(str(row.body["environment"]), "")) for row in rows]

        return await self._work.read(call, work)

    async def wait(self, project: ProjectId, name: str) -> None:
        """Waits until a run of this process is over."""
        await self._jobs.wait(project, name)

    async def close(self) -> None:
        """Stops what runs here, which then says that it was interrupted."""
        await self._jobs.close()

    def _event(self, call: Call, action: str, project: Project, name: str, data: Any = None) -> Event:
        return self._work.event(call, action, project=project.id, subject=name, data=data)


def list_evaluations(tx: Reading, project: ProjectId) -> Sequence[Evaluation]:
    """Returns a project's evaluations by name."""
    return [_read(record) for record in tx.list_records(project, EVALUATION, limit=MAX_EVALUATIONS)]


def forget_reasons(tx: Writing, project: ProjectId, conversation: str) -> None:
    """Removes what was written about a conversation; its verdicts stay, which say nothing of the person (R36)."""
    for evaluation in tx.list_records(project, EVALUATION, limit=MAX_EVALUATIONS):
        found = tx.find_record(project, RESULT, result_key(evaluation.key, conversation))
        if found is not None and found.body["reason"]:
            tx.put_record(replace(found, body={**found.body, "reason": ""}, revision=found.revision + 1))


def _end_run(tx: Writing, project: ProjectId, name: str, note: str, now: datetime) -> bool:
    """Says that a run is over, so that whoever carries it out finds it taken away; returns whether there was one."""
    record = tx.find_record(project, RUN, name)
    if record is None or see_run(run_from_body(record.body), record.changed_at, now).state != "running":
        return False
    ended = replace(run_from_body(record.body), state="cancelled", note=note, finished_at=now)
    return tx.put_record(run_record(project, name, ended, now, record.revision + 1), record.revision)


def _view(tx: Reading, project: ProjectId, evaluation: Evaluation, now: datetime) -> EvaluationView:
    record = tx.find_record(project, RUN, evaluation.name)
    run = None if record is None else see_run(run_from_body(record.body), record.changed_at, now)
    return EvaluationView(evaluation, run, tx.count_records(project, RESULT, evaluation.name))


def _load(tx: Reading, project: Project, name: str) -> Evaluation:
    found = tx.find_record(project.id, EVALUATION, name)
    if found is None:
        message = f"{project.slug} has no evaluation '{name[:80]}'; `evaluations list` shows them"
        raise NotFound("evaluation_not_found", message)
    return _read(found)


def _read(record: Record) -> Evaluation:
    facts = {**record.body, "revision": record.revision, "created_at": record.at, "changed_at": record.changed_at}
    return Evaluation(name=record.key, **facts)


def _verdict(record: Record, alias: str) -> Verdict:
    body = record.body
    conversation = record.key.partition("/")[2]
    return Verdict(conversation, body["score"], body["reason"], body["judge"], record.at, alias, body["version"])


def _check(wanted: Evaluation) -> None:
    check_evaluation(wanted)
    if wanted.judge == "rules":
        try:
            compile_review(wanted.rules)
        except Invalid as wrong:
            faults = [Fault("/rules", fault.message, fault.code, fault.hint) for fault in wrong.errors]
            raise Invalid(wrong.code, wrong.detail, errors=faults) from None


def _check_choice(choice: RunChoice) -> None:
    faults: list[Fault] = []
    if not 1 <= choice.limit <= MAX_RUN:
        faults.append(Fault("/limit", f"is 1 to {MAX_RUN:,}"))
    if choice.since and choice.until and choice.since >= choice.until:
        faults.append(Fault("/from", "must be before to"))
    if faults:
        detail = "; ".join(f"{fault.pointer} {fault.message}" for fault in faults)
        raise Invalid("invalid_run", detail, errors=faults)


def _check_seen(present: Evaluation | None, name: str, seen: str | None) -> None:
    """Refuses a write that did not see what is there: `*` makes a new one, a revision replaces that one."""
    if seen is None:
        message = "send If-Match: the revision you saw in quotes, or * to make a new one"
        raise Missing("precondition_required", message, errors=[Fault("/If-Match", message)])
    if seen != ("*" if present is None else str(present.revision)):
        raise _stale(name, present)


def _stale(name: str, present: Evaluation | None) -> Stale:
    now = "is not there" if present is None else f"is at revision {present.revision}"
    shown = None if present is None else {"revision": present.revision, **evaluation_to_body(present)}
    detail = f"the evaluation '{name[:80]}' {now}, not what you saw; read it again"
    return Stale("stale_revision", detail, extra={"present": shown})


def _running(name: str, run: EvaluationRun) -> Conflict:
    detail = f"'{name}' is being judged already: {run.done} of {run.total} are done; wait, or cancel it"
    return Conflict("evaluation_running", detail)


def _answering(call: Call) -> Call:
    """Returns the call whose stored answer is the view that comes beside what else the work returns."""
    render = call.render
    return call if render is None else replace(call, render=lambda result: render(result[1]))
