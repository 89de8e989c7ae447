"""`test`: test sets played against a ref."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from greenroom.cli import output
from greenroom.cli.options import AsJson, Cursor, Limit, Project
from greenroom.cli.session import Session, open_session

if TYPE_CHECKING:
    from greenroom.wire.test_runs import AttemptOut, CaseOut, TestRunOut, TestRunReport

app = typer.Typer(help="Test sets: run, show, list, cancel.", no_args_is_help=True)

POLL_MS = 300
MOST_SHOWN = 5
"""So many unmet expectations of a case are printed; --json has all."""
MARKS = {
    "passed": ("passed", "green"),
    "failed": ("FAILED", "red"),
    "error": ("ERROR", "red"),
    "skipped": ("skipped", "dim"),
}

Id = Annotated[str, typer.Argument(metavar="ID", help="The run's id.")]
Junit = Annotated[Path | None, typer.Option("--junit", metavar="FILE", help="Also write the run as JUnit XML.")]


@app.command("run")
def run(
    ctx: typer.Context,
    ref: Annotated[
        str | None, typer.Option("--ref", help="What to test: v12, live, draft:sandbox …; default: the default entry.")
    ] = None,
    test_set: Annotated[
        list[str] | None, typer.Option("--set", metavar="SLUG", help="Only this test set; may be repeated.")
    ] = None,
    tag: Annotated[
        list[str] | None, typer.Option("--tag", help="Only cases with this tag; may be repeated (any of them).")
    ] = None,
    repeat: Annotated[
        int | None, typer.Option("--repeat", min=1, max=50, help="Play each case so often, whatever it says.")
    ] = None,
    sets_from: Annotated[
        str | None, typer.Option("--sets-from", metavar="REF", help="Use the test sets of another ref.")
    ] = None,
    judge: Annotated[
        str | None, typer.Option("--judge", help="Who judges and plays callers, provider:name; default: the agent's.")
    ] = None,
    connection: Annotated[
        str | None, typer.Option("--connection", help="The connection with that model's key.")
    ] = None,
    junit: Junit = None,
    project: Project = None,
    as_json: AsJson = False,
) -> None:
    """Plays test sets against a ref and waits. Exit code 1: a case failed; 12: it could not be tested."""
    session = open_session(ctx, as_json)
    named = session.project(project)
    begun = session.client.test_runs.start(
        named,
        ref=ref,
        test_sets=test_set,
        tags=tag,
        repeat=repeat,
        sets_from=sets_from,
        judge=judge,
        connection=connection,
    )
    try:
        _wait(session, named, begun)
    except KeyboardInterrupt:
        session.client.test_runs.cancel(named, begun.id)
        output.say(f"cancelled {begun.id}")
    _answer(session, named, begun.id, junit)


@app.command("show")
def show(ctx: typer.Context, run: Id, junit: Junit = None, project: Project = None, as_json: AsJson = False) -> None:
    """Shows a run with its cases; exits as `test run` would have, 0 while it goes on."""
    session = open_session(ctx, as_json)
    _answer(session, session.project(project), run, junit)


@app.command("list")
def list_runs(
    ctx: typer.Context, limit: Limit = 20, cursor: Cursor = None, project: Project = None, as_json: AsJson = False
) -> None:
    """Lists runs, latest first."""
    session = open_session(ctx, as_json)
    page = session.client.test_runs.list(session.project(project), limit=limit, cursor=cursor).page()
    if not session.answer(page):
        rows = [
            (
                found.id,
                found.ref,
                f"v{found.version}" if found.version else found.digest[7:19],
                _mark(found.outcome) if found.state == "finished" else found.state,
                f"{found.summary.passed} of {found.summary.cases - found.summary.skipped}",
                f"{found.summary.flaky_rate:.0%}",
                f"{found.started_at:%Y-%m-%d %H:%M}",
            )
            for found in page.items
        ]
        columns = ("run", "ref", "tested", "outcome", "cases passed", "flaky", "started")
        output.show_table(columns, rows, "no test runs")
        session.end_of_page(page.next_cursor)


@app.command("cancel")
def cancel(ctx: typer.Context, run: Id, project: Project = None, as_json: AsJson = False) -> None:
    """Ends a run; its results so far stay."""
    session = open_session(ctx, as_json)
    ended = session.client.test_runs.cancel(session.project(project), run)
    if not session.answer(ended):
        output.say(f"cancelled {ended.id} after {output.count_of(ended.done, 'conversation')}")


def _wait(session: Session, project: str, begun: TestRunOut) -> None:
    """Asks until the run is over."""
    from greenroom.sdk.clock import SystemClock

    clock = session.around.clock or SystemClock()
    with _progress(f"{begun.id} on {begun.ref}", begun.total, not session.as_json) as tell:
        while True:
            found = session.client.test_runs.load(project, begun.id, limit=1)
            tell(found.done)
            if found.state != "running":
                return
            clock.wait(POLL_MS)


def _answer(session: Session, project: str, run: str, junit: Path | None) -> None:
    """Prints a whole run, writes its XML, and leaves with its exit code."""
    report = _load(session, project, run)
    if junit is not None:
        _write(junit, session.client.test_runs.load_junit(project, run))
    if not session.answer(report):
        _show(report)
    code = {"failed": output.NO, "error": output.NOT_TESTED}.get(report.outcome or "", output.OK)
    if code:
        raise typer.Exit(code)


def _load(session: Session, project: str, run: str) -> TestRunReport:
    report = session.client.test_runs.load(project, run, limit=200)
    cursor = report.next_cursor
    while cursor:
        page = session.client.test_runs.load(project, run, limit=200, cursor=cursor)
        report.cases += page.cases
        cursor = page.next_cursor
    report.next_cursor = None
    return report


def _write(path: Path, data: bytes) -> None:
    try:
        path.write_bytes(data)
    except OSError as wrong:
        raise typer.BadParameter(f"{path} cannot be written: {wrong.strerror}", param_hint="--junit") from None
    output.say(f"wrote {path}")


def _show(report: TestRunReport) -> None:
    rows: list[tuple[object, ...]] = []
    for case in report.cases:
        rate = f"{case.passed}/{case.repeats}" if case.repeats > 1 else ""
        notes = " · ".join(filter(None, [rate, "flaky" if case.flaky else "", case.skip]))
        rows.append(
            (_mark(case.status), f"{case.test_set}/{case.case}", case.name, case.channel, f"{case.ms:.0f} ms", notes)
        )
    output.show_table(("", "case", "name", "channel", "time", ""), rows, "no cases")
    for case in report.cases:
        if case.status in {"failed", "error"}:
            _explain(case)
    output.show(_sentence(report))
    output.show(_parts(report))


def _explain(case: CaseOut) -> None:
    output.show("", f"{case.test_set}/{case.case} ({case.name}): {MARKS[case.status][0]}")
    unmet = next((each for each in case.attempts if each.status != "passed"), None)
    if unmet is None:
        return
    for line in list(_faults(unmet))[:MOST_SHOWN]:
        output.show(f"  {line}")
    for said in unmet.transcript:
        output.show(f"    {said.role:>6}  {said.text or f'({said.event})'}")


def _faults(attempt: AttemptOut) -> Iterator[str]:
    for problem in attempt.problems:
        hint = f" ({problem.hint})" if problem.hint else ""
        yield f"{problem.pointer}: {problem.message}{hint} [{problem.code}]"
    for each in attempt.results:
        if each.status != "passed":
            yield f"{each.pointer}: {each.message or each.status}; wanted {_short(each.wanted)}, got {_short(each.got)}"


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 200 else f"{text[:199]}…"


def _sentence(report: TestRunReport) -> str:
    found = report.summary
    tested = f"{report.ref} ({f'v{report.version}, ' if report.version else ''}{report.digest[7:19]})"
    if report.state != "finished":
        return f"{report.id} on {tested}: {report.state}, {report.done} of {report.total} conversations held"
    counts = (
        ("passed", found.passed),
        ("failed", found.failed),
        ("in error", found.errors),
        ("skipped", found.skipped),
    )
    words = ", ".join(f"{number} {word}" for word, number in counts if number) or "nothing was run"
    reason = f" ({found.reason})" if found.reason else ""
    return f"{report.id} on {tested}: {words}; flaky rate {found.flaky_rate:.0%}{reason}"


def _parts(report: TestRunReport) -> str:
    """Returns what answered, matched and judged: another of them may come to another result."""
    brains = ", ".join(sorted(set(report.brain.values()))) or "nobody"
    matcher = f"; matcher {report.matcher}" if report.matcher else ""
    return f"answered by {brains}{matcher}; judged by {report.judge or 'no model'}"


def _mark(status: str | None) -> object:
    word, style = MARKS.get(status or "", (status or "", ""))
    return output.styled(word, style)


@contextmanager
def _progress(label: str, total: int, shown: bool) -> Iterator[Callable[[int], None]]:
    """Shows a bar of conversations on stderr; yields what to tell how many are held."""
    if not (shown and sys.stderr.isatty()):
        yield lambda _done: None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=output.make_console(on_stderr=True), transient=True) as bar:
        task = bar.add_task(label, total=total or None)
        yield lambda done: bar.update(task, completed=done)
