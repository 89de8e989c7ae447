"""`merge`: one environment's work brought into another, previewed first."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from greenroom.cli import output, plans
from greenroom.cli.environments import show_deletion
from greenroom.cli.options import Acknowledged, AsJson, DrainUntil, DryRun, ExpectedSeq, InFlight, Project
from greenroom.cli.session import Session, open_session, with_repeat
from greenroom.domain.errors import Missing

if TYPE_CHECKING:
    from greenroom.wire.drafts import ResolutionIn
    from greenroom.wire.merges import MergeOut, MergePlanOut


Into = Annotated[str, typer.Option("--into", metavar="ENVIRONMENT", help="Where the work goes, for example main.")]
Note = Annotated[str, typer.Option("--note", "-m", help="What comes in, in a sentence.")]
Whole = Annotated[bool, typer.Option("--replace", help="Take the source whole: what only the target has is gone.")]
DeleteSource = Annotated[
    bool, typer.Option("--delete-source", help="Afterwards its share, numbers and links go to the target.")
]
Choices = Annotated[
    list[str] | None,
    typer.Option(
        "--resolve",
        metavar="ID=ours|theirs|base|@FILE",
        help="Settle a conflict: ours is the target, theirs the source, @FILE holds another value as JSON.",
    ),
]
Digest = Annotated[str | None, typer.Option("--confirm", metavar="DIGEST", help="The digest you reviewed.")]


def merge(
    ctx: typer.Context,
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="An environment, or any ref that names a version.")],
    into: Into,
    note: Note,
    details: Annotated[str | None, typer.Option("--details", help="More, for collaborators.")] = None,
    replace: Whole = False,
    delete_source: DeleteSource = False,
    resolve: Choices = None,
    confirm: Digest = None,
    expected_seq: ExpectedSeq = None,
    in_flight: InFlight = None,
    drain_until: DrainUntil = None,
    acknowledged: Acknowledged = None,
    dry_run: DryRun = False,
    project: Project = None,
    as_json: AsJson = False,
) -> None:
    """Merges an environment into another: three-way, with every conflict yours to settle."""
    session = open_session(ctx, as_json)
    seen = session.environment(session.project(project), into)
    seq = seen.seq if expected_seq is None else expected_seq
    wanted: dict[str, Any] = {
        "note": note,
        "details": details,
        "strategy": "replace" if replace else None,
        "resolutions": read_choices(resolve),
        "delete_source": delete_source or None,
        "expected_seq": seq,
        "acknowledged": acknowledged or (),
        "in_flight": in_flight,
        "drain_until": drain_until,
    }
    act = partial(session.client.merges.make, session.project(project), source, seen.alias, **wanted)
    plan = act(confirm=confirm, dry_run=True) if dry_run or not as_json else None
    if plan is not None and not (dry_run and session.answer(plan)):
        _show_plan(plan)
    if dry_run:
        return
    try:
        done = act(confirm=confirm or _ask(session, plan))
    except Missing as missing:
        raise with_repeat(ctx, missing, seq) from None
    if not session.answer(done):
        _show_done(done)


def read_choices(given: Sequence[str] | None) -> list[ResolutionIn]:
    """Returns `ID=ours|theirs|base|@FILE` as the API has it."""
    from greenroom.cli.drafts import read_resolutions
    from greenroom.wire.drafts import ResolutionIn

    found: list[ResolutionIn] = []
    for text in given or []:
        conflict, _, take = text.partition("=")
        if not take.startswith("@"):
            found += read_resolutions([text])
            continue
        try:
            value = json.loads(Path(take[1:]).read_text("utf-8"))
        except (OSError, ValueError) as wrong:
            raise typer.BadParameter(f"{take[1:]} cannot be read as JSON: {wrong}", param_hint="--resolve") from None
        found.append(ResolutionIn(conflict_id=conflict, take="value", value=value))
    return found


def _show_plan(plan: MergeOut | MergePlanOut) -> None:
    from greenroom.wire.merges import MergePlanOut

    assert isinstance(plan, MergePlanOut), "a dry run answers with a plan"
    plans.show(plan)
    if plan.deletion is not None:
        show_deletion(plan.deletion)


def _show_done(done: MergeOut | MergePlanOut) -> None:
    from greenroom.wire.merges import MergeOut

    assert isinstance(done, MergeOut), "not a dry run"
    output.say(f"merged {done.source} as {done.version.ref}: {done.version.note}")
    plans.show(done.release)
    if done.deletion is not None:
        show_deletion(done.deletion)


def _ask(session: Session, plan: MergeOut | MergePlanOut | None) -> str | None:
    """Returns the digest that the person at the terminal confirmed; None where nobody was asked."""
    from greenroom.wire.merges import MergePlanOut

    if not session.interactive or not isinstance(plan, MergePlanOut) or plan.confirmation != "digest":
        return None
    typer.confirm(f"the public hears {plan.environment}; release {plan.digest}?", abort=True, err=True)
    return plan.digest
