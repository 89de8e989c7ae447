"""Test runs on the network: started, looked at while they go on, read as JSON or JUnit XML, cancelled."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Final, Literal

from fastapi import Query
from starlette.responses import Response

from greenroom.api.asking import Ask, Given, IdPath, ProjectPath, reply
from greenroom.api.nouns import Noun
from greenroom.api.paging import DEFAULT_LIMIT, MAX_LIMIT, Cursor, Limit, make_cursor, page_of, read_text_cursor
from greenroom.api.projects import choose_ref
from greenroom.domain.test_runs import Attempt, CaseResult, Run, Selection
from greenroom.wire.junit import to_junit
from greenroom.wire.model import Page
from greenroom.wire.test_runs import (
    AttemptOut,
    CaseOut,
    LineOut,
    ResultOut,
    SetUseOut,
    SummaryOut,
    TestProblemOut,
    TestRunIn,
    TestRunOut,
    TestRunReport,
)

NOUN: Final = Noun("test_runs")
XML: Final = "application/xml"
_FORMS = {
    "responses": {
        "200": {
            "description": "The run. As JUnit XML with `Accept: application/xml` or `?format=junit`.",
            "content": {XML: {"schema": {"type": "string"}}},
        }
    }
}


@NOUN.verb("POST", "/projects/{project}/test-runs", "start", TestRunOut, 202)
async def start(ask: Given, project: ProjectPath, body: TestRunIn) -> Response:
    """Plays test sets against a ref: at once, in the background; the run says how far it is."""
    selection = Selection(
        ref=await choose_ref(ask, project, body.ref),
        test_sets=tuple(body.test_sets),
        tags=tuple(body.tags),
        repeat=body.repeat,
        sets_from=body.sets_from or "",
        judge=body.judge or "",
        connection=body.connection or "",
    )
    return await ask.write(lambda call: ask.desk.test_runs.start(call, project, selection), run_out, status=202)


@NOUN.verb("GET", "/projects/{project}/test-runs", "list", Page[TestRunOut])
async def list_(
    ask: Given,
    project: ProjectPath,
    digest: Annotated[str | None, Query(max_length=80, description="Keeps the runs of one snapshot.")] = None,
    cursor: Cursor = None,
    limit: Limit = DEFAULT_LIMIT,
) -> Response:
    """Lists test runs, latest first."""
    before = read_text_cursor("test_runs", cursor)
    found = await ask.desk.test_runs.list(ask.call, project, before, limit + 1, digest)
    return reply(page_of("test_runs", found, limit, lambda run: run.id, run_out))


@NOUN.verb("GET", "/projects/{project}/test-runs/{run}", "load", TestRunReport, extra=_FORMS)
async def load(
    ask: Given,
    project: ProjectPath,
    run: IdPath,
    format: Annotated[  # noqa: A002 - the API's word
        Literal["json", "junit"] | None, Query(description="json (by default) or junit, whatever is accepted.")
    ] = None,
    cursor: Cursor = None,
    limit: Limit = DEFAULT_LIMIT,
) -> Response:
    """Loads a run with its cases; many come in pages. JUnit XML holds all of them."""
    if format == "junit" or (format is None and _accepts_xml(ask)):
        whole, all_cases = await _load_whole(ask, project, run)
        return Response(to_junit(run_out(whole), [case_out(case) for case in all_cases]), 200, None, XML)
    after = read_text_cursor("test_cases", cursor)
    loaded, found = await ask.desk.test_runs.load(ask.call, project, run, after, limit + 1)
    shown = found[:limit]
    following = make_cursor("test_cases", shown[-1][0]) if len(found) > limit else None
    cases = [case_out(case) for _, case in shown]
    return reply(TestRunReport(**run_out(loaded).model_dump(), cases=cases, next_cursor=following))


@NOUN.verb("POST", "/projects/{project}/test-runs/{run}/cancel", "cancel", TestRunOut)
async def cancel(ask: Given, project: ProjectPath, run: IdPath) -> Response:
    """Ends a run; its results so far stay. One that is over stays as it is."""
    return await ask.write(lambda call: ask.desk.test_runs.cancel(call, project, run), run_out)


def _accepts_xml(ask: Ask) -> bool:
    accepted = ask.request.headers.get("accept", "")
    return "application/json" not in accepted and ("application/xml" in accepted or "text/xml" in accepted)


async def _load_whole(ask: Ask, project: str, id_: str) -> tuple[Run, list[CaseResult]]:
    cases: list[CaseResult] = []
    after: str | None = None
    while True:
        run, found = await ask.desk.test_runs.load(ask.call, project, id_, after, MAX_LIMIT)
        cases += [case for _, case in found]
        if len(found) < MAX_LIMIT:
            return run, cases
        after = found[-1][0]


def run_out(run: Run) -> TestRunOut:
    """Returns a run as it is sent."""
    subject, summary, selection = run.subject, run.summary, run.selection
    return TestRunOut(
        id=run.id,
        ref=selection.ref,
        digest=subject.digest,
        version=subject.version,
        environment=subject.alias,
        state=run.state,
        outcome=run.outcome,
        done=run.done,
        total=run.total,
        summary=SummaryOut(
            cases=summary.cases,
            passed=summary.passed,
            failed=summary.failed,
            errors=summary.errors,
            skipped=summary.skipped,
            attempts=summary.attempts,
            flaky=summary.flaky,
            flaky_rate=summary.flaky_rate,
            reason=summary.reason,
        ),
        test_sets=[SetUseOut(slug=use.slug, name=use.name, digest=use.digest) for use in subject.sets],
        sets_from=selection.sets_from,
        tags=list(selection.tags),
        repeat=selection.repeat,
        brain=dict(subject.brain),
        matcher=subject.matcher,
        judge=subject.judge,
        knowledge=dict(subject.knowledge),
        actor=run.actor,
        started_at=run.started_at,
        finished_at=run.finished_at,
    )


def case_out(case: CaseResult) -> CaseOut:
    """Returns a case's result as it is sent."""
    return CaseOut(
        test_set=case.test_set,
        case=case.case,
        name=case.name,
        status=case.status,
        channel=case.channel,
        tags=list(case.tags),
        pointer=case.pointer,
        skip=case.skip,
        repeats=case.repeats,
        passed=case.passed,
        failed=case.failed,
        errors=case.errors,
        rate=case.rate,
        at_least=case.at_least,
        flaky=case.is_flaky,
        ms=case.ms,
        attempts=_attempts_out(case.attempts),
    )


def _attempts_out(attempts: Sequence[Attempt]) -> list[AttemptOut]:
    return [
        AttemptOut(
            status=one.status,
            results=[
                ResultOut(
                    expectation=each.expectation,
                    status=each.status,
                    wanted=each.wanted,
                    got=each.got,
                    pointer=each.pointer,
                    message=each.message,
                )
                for each in one.results
            ],
            problems=[
                TestProblemOut(code=each.code, message=each.message, pointer=each.pointer, hint=each.hint)
                for each in one.problems
            ],
            transcript=[LineOut(role=line.role, text=line.text, event=line.event) for line in one.transcript],
            ms=one.ms,
            brains=list(one.brains),
        )
        for one in attempts
    ]
