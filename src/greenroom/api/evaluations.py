"""Evaluations on the network: written, run over conversations, looked at."""

from __future__ import annotations

from typing import Annotated, Final

import orjson
from fastapi import Header, Path, Query
from starlette.responses import Response

from greenroom.api.asking import Given, ProjectPath, reply
from greenroom.api.etags import parse_if_match, quote_tag
from greenroom.api.nouns import Noun
from greenroom.api.paging import DEFAULT_LIMIT, MAX_NUMBER, Cursor, Limit, cut_page, page_of, read_text_cursor
from greenroom.domain.evaluations import Evaluation, EvaluationRun, RunChoice, Verdict
from greenroom.services.evaluations import EvaluationView
from greenroom.wire.evaluations import EvaluationIn, EvaluationOut, EvaluationRunIn, EvaluationRunOut, VerdictOut
from greenroom.wire.model import Page

NOUN: Final = Noun("evaluations")
_ALL: Final = "/projects/{project}/evaluations"
_ONE: Final = _ALL + "/{evaluation}"
NamePath = Annotated[str, Path(min_length=1, max_length=80, description="Name of the evaluation.")]
IfMatch = Annotated[
    str | None,
    Header(alias="If-Match", max_length=200, description="The revision that was read, in quotes; * to make a new one."),
]


@NOUN.verb("GET", _ALL, "list", Page[EvaluationOut])
async def list_(ask: Given, project: ProjectPath, cursor: Cursor = None, limit: Limit = DEFAULT_LIMIT) -> Response:
    """Lists a project's evaluations by name, each with its last run."""
    found = await ask.desk.evaluations.list(ask.call, project)
    return reply(cut_page("evaluations", found, cursor, limit, lambda view: view.evaluation.name, evaluation_out))


@NOUN.verb("GET", _ONE, "load", EvaluationOut)
async def load(ask: Given, project: ProjectPath, evaluation: NamePath) -> Response:
    """Loads an evaluation with its last run; its revision is the ETag."""
    found = await ask.desk.evaluations.load(ask.call, project, evaluation)
    return reply(evaluation_out(found), quote_tag(str(found.evaluation.revision)))


@NOUN.verb("PUT", _ONE, "save", EvaluationOut)
async def save(
    ask: Given, project: ProjectPath, evaluation: NamePath, body: EvaluationIn, if_match: IfMatch = None
) -> Response:
    """Makes an evaluation or replaces the one whose revision was seen; results of another question are removed."""
    wanted, seen = Evaluation(evaluation, **body.model_dump()), parse_if_match(if_match)
    return await ask.write(
        lambda call: ask.desk.evaluations.save(call, project, wanted, seen), evaluation_out, tag=_revision_tag
    )


@NOUN.verb("DELETE", _ONE, "remove", None, 204)
async def remove(ask: Given, project: ProjectPath, evaluation: NamePath, if_match: IfMatch = None) -> Response:
    """Removes the evaluation whose revision was seen, with its results."""
    seen = parse_if_match(if_match)
    return await ask.write(
        lambda call: ask.desk.evaluations.remove(call, project, evaluation, seen), lambda _: None, status=204
    )


@NOUN.verb("POST", _ONE + "/run", "run", EvaluationOut, 202)
async def run(ask: Given, project: ProjectPath, evaluation: NamePath, body: EvaluationRunIn) -> Response:
    """Judges public conversations that are over and were not judged yet, in the background; the run says how far."""
    choice = RunChoice(body.since, body.until, body.environment or "", body.version, body.limit)
    return await ask.write(
        lambda call: ask.desk.evaluations.run(call, project, evaluation, choice), evaluation_out, status=202
    )


@NOUN.verb("POST", _ONE + "/cancel", "cancel", EvaluationOut)
async def cancel(ask: Given, project: ProjectPath, evaluation: NamePath) -> Response:
    """Ends a run; what was judged stays."""
    return await ask.write(lambda call: ask.desk.evaluations.cancel(call, project, evaluation), evaluation_out)


@NOUN.verb("GET", _ONE + "/results", "list_results", Page[VerdictOut])
async def list_results(
    ask: Given,
    project: ProjectPath,
    evaluation: NamePath,
    environment: Annotated[str | None, Query(max_length=80, description="Keeps one environment's.")] = None,
    version: Annotated[int | None, Query(ge=1, le=MAX_NUMBER, description="Keeps those begun with it.")] = None,
    cursor: Cursor = None,
    limit: Limit = DEFAULT_LIMIT,
) -> Response:
    """Lists what came of conversations, by environment and version."""
    after = read_text_cursor("evaluation_results", cursor)
    found = await ask.desk.evaluations.list_results(
        ask.call, project, evaluation, after, limit + 1, environment=environment, version=version
    )
    return reply(page_of("evaluation_results", found, limit, lambda each: each.conversation, verdict_out))


def _revision_tag(body: bytes) -> str | None:
    return quote_tag(str(orjson.loads(body)["revision"]))


def evaluation_out(view: EvaluationView) -> EvaluationOut:
    """Returns an evaluation as it is sent."""
    found = view.evaluation
    return EvaluationOut(
        name=found.name,
        metric=found.metric.name,
        description=found.description,
        judge=found.judge,
        rules=found.rules,
        provider=found.provider,
        connection=found.connection,
        question=found.question,
        answer=found.answer,
        better=found.better,
        revision=found.revision,
        results=view.results,
        run=None if view.run is None else run_out(view.run),
        created_at=found.created_at,
        changed_at=found.changed_at,
        changed_by=found.changed_by,
    )


def run_out(run: EvaluationRun) -> EvaluationRunOut:
    """Returns a run as it is sent."""
    return EvaluationRunOut(
        id=run.id,
        state=run.state,
        total=run.total,
        done=run.done,
        judged=run.judged,
        failed=run.failed,
        mean=round(run.total_score / run.judged, 6) if run.judged else None,
        problem=run.problem,
        note=run.note,
        by=run.by,
        started_at=run.started_at,
        finished_at=run.finished_at,
    )


def verdict_out(verdict: Verdict) -> VerdictOut:
    """Returns what came of a conversation as it is sent."""
    return VerdictOut(
        conversation=verdict.conversation,
        environment=verdict.environment,
        version=verdict.version,
        score=verdict.score,
        reason=verdict.reason,
        judge=verdict.judge,
        at=verdict.at,
    )
