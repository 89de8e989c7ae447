"""`evaluations`: questions that are asked of conversations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from greenroom.cli import output
from greenroom.cli.options import AsJson, Cursor, Limit, Project
from greenroom.cli.results import Environment, Since, Until, Version, read_time
from greenroom.cli.session import Session, open_session
from greenroom.cli.versions import read_number
from greenroom.domain.errors import NotFound

if TYPE_CHECKING:
    from greenroom.wire.evaluations import EvaluationOut, EvaluationRunOut

app = typer.Typer(help="Evaluations: list, show, set, remove, run, cancel, results.", no_args_is_help=True)
Name = Annotated[str, typer.Argument(help="Name, for example polite.")]
POLL_MS = 500


@app.command("list")
def list_evaluations(
    ctx: typer.Context, limit: Limit = 50, cursor: Cursor = None, project: Project = None, as_json: AsJson = False
) -> None:
    """Lists evaluations with their last runs."""
    session = open_session(ctx, as_json)
    page = session.client.evaluations.list(session.project(project), limit=limit, cursor=cursor).page()
    if not session.answer(page):
        rows = [(e.name, e.provider or "rules", e.question or e.rules, e.results, _say_run(e.run)) for e in page.items]
        output.show_table(("name", "judge", "question", "results", "last run"), rows, "no evaluations")
        session.end_of_page(page.next_cursor)


@app.command("show")
def show(ctx: typer.Context, name: Name, project: Project = None, as_json: AsJson = False) -> None:
    """Shows one evaluation and its last run."""
    session = open_session(ctx, as_json)
    found = session.client.evaluations.load(session.project(project), name)
    if not session.answer(found):
        fields = [(key, str(getattr(found, key))) for key in _FIELDS]
        fields += [("revision", str(found.revision)), ("results", f"{found.results:,}"), ("run", _say_run(found.run))]
        output.show_fields(fields)


@app.command("set")
def save(
    ctx: typer.Context,
    name: Name,
    rules: Annotated[str | None, typer.Option("--rules", help="CEL: turns <= 4 && outcome == 'contained'.")] = None,
    question: Annotated[str | None, typer.Option("--question", help="What a model is asked.")] = None,
    provider: Annotated[str | None, typer.Option("--judge", help="The model: openai:gpt-4.1.")] = None,
    connection: Annotated[str | None, typer.Option("--connection", help="The connection with its key.")] = None,
    answer: Annotated[
        Literal["yes_no", "score"] | None, typer.Option("--answer", help="Yes or no, or a score from 0 to 10.")
    ] = None,
    better: Annotated[
        Literal["higher", "lower", "neither"] | None, typer.Option("--better", help="Which way is good.")
    ] = None,
    description: Annotated[str | None, typer.Option("--description", help="What it is for.")] = None,
    project: Project = None,
    as_json: AsJson = False,
) -> None:
    """Makes an evaluation, or changes what is given of one; another question loses the results."""
    session = open_session(ctx, as_json)
    given: dict[str, Any] = {
        "rules": rules,
        "question": question,
        "provider": provider,
        "connection": connection,
        "answer": answer,
        "better": "" if better == "neither" else better,
        "description": description,
    }
    given = {key: value for key, value in given.items() if value is not None}
    saved = _save(session, session.project(project), name, given)
    if not session.answer(saved):
        output.say(f"saved {saved.name} (revision {saved.revision}), in results as {saved.metric}")


@app.command("remove")
def remove(ctx: typer.Context, name: Name, project: Project = None, as_json: AsJson = False) -> None:
    """Removes an evaluation with its results."""
    session = open_session(ctx, as_json)
    named = session.project(project)
    found = session.client.evaluations.load(named, name)
    session.client.evaluations.remove(named, name, revision=found.revision)
    output.say(f"removed {name} with {output.count_of(found.results, 'result')}")


@app.command("run")
def run(
    ctx: typer.Context,
    name: Name,
    env: Environment = None,
    version: Version = None,
    since: Since = None,
    until: Until = None,
    most: Annotated[int, typer.Option("--most", min=1, max=5_000, help="How many conversations at most.")] = 500,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Wait until it is over.")] = True,
    project: Project = None,
    as_json: AsJson = False,
) -> None:
    """Judges conversations that are over and were not judged yet, latest first. Exit code 1: it did not end well."""
    from greenroom.sdk.clock import SystemClock

    session = open_session(ctx, as_json)
    clock = session.around.clock or SystemClock()
    named = session.project(project)
    found = session.client.evaluations.run(
        named,
        name,
        since=read_time(since),
        until=read_time(until),
        environment=env,
        version=None if version is None else read_number(version),
        limit=most,
    )
    with output.waiting(f"judging by {name}", wait and not as_json):
        while wait and found.run is not None and found.run.state == "running":
            clock.wait(POLL_MS)
            found = session.client.evaluations.load(named, name)
    if not session.answer(found):
        output.say(f"{name}: {_say_run(found.run)}")
    if found.run is not None and found.run.state == "interrupted":
        raise typer.Exit(output.NO)


@app.command("cancel")
def cancel(ctx: typer.Context, name: Name, project: Project = None, as_json: AsJson = False) -> None:
    """Ends a run; what was judged stays."""
    session = open_session(ctx, as_json)
    found = session.client.evaluations.cancel(session.project(project), name)
    if not session.answer(found):
        output.say(f"{name}: {_say_run(found.run)}")


@app.command("results")
def list_results(
    ctx: typer.Context,
    name: Name,
    env: Environment = None,
    version: Version = None,
    limit: Limit = 50,
    cursor: Cursor = None,
    project: Project = None,
    as_json: AsJson = False,
) -> None:
    """Lists what came of conversations; `results --metric evaluation:NAME` has the shares."""
    session = open_session(ctx, as_json)
    page = session.client.evaluations.list_results(
        session.project(project),
        name,
        environment=env,
        version=None if version is None else read_number(version),
        limit=limit,
        cursor=cursor,
    ).page()
    if not session.answer(page):
        rows = [
            (each.conversation, each.environment, f"v{each.version}" if each.version else "", each.score, each.reason)
            for each in page.items
        ]
        output.show_table(("conversation", "environment", "version", "score", "reason"), rows, "no results")
        session.end_of_page(page.next_cursor)


_FIELDS = ("description", "judge", "rules", "provider", "connection", "question", "answer", "better")


def _save(session: Session, project: str, name: str, given: dict[str, Any]) -> EvaluationOut:
    try:
        found = session.client.evaluations.load(project, name)
    except NotFound as wrong:
        if wrong.code != "evaluation_not_found":
            raise
        judge = "model" if "question" in given else "rules"
        return session.client.evaluations.save(project, name, judge=judge, **given)
    whole = {key: getattr(found, key) for key in _FIELDS} | given
    if "question" in given:
        whole |= {"judge": "model", "rules": given.get("rules", "")}
    elif "rules" in given:
        whole |= {"judge": "rules", "question": "", "provider": "", "connection": "", "answer": "yes_no"}
    return session.client.evaluations.save(project, name, **whole, revision=found.revision)


def _say_run(run: EvaluationRunOut | None) -> str:
    if run is None:
        return "never run"
    if run.state == "running":
        return f"running, {run.done:,} of {run.total:,}"
    mean = "" if run.mean is None else f", mean {run.mean:.1%}"
    failed = f", {run.failed:,} could not be judged: {run.problem}" if run.failed else ""
    note = f" ({run.note})" if run.note else ""
    return f"{run.state}: {run.judged:,} judged{mean}{failed}{note}"
