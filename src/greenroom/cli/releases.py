"""`publish`, `promote`, `rollback`, `releases`: every change of what an environment serves.

Each reads the environment first, shows what it will do, and sends the sequence it saw. What the public hears
is never confirmed by the program itself: the person restates it, or the server refuses.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from greenroom.cli import output, plans
from greenroom.cli.options import (
    Acknowledged,
    AsJson,
    Cursor,
    DraftRevision,
    DrainUntil,
    DryRun,
    Env,
    ExpectedSeq,
    InFlight,
    Limit,
    Project,
    Reason,
    Resolve,
    TakenBack,
    Yes,
)
from greenroom.cli.session import Session, open_session, with_repeat
from greenroom.cli.versions import read_number
from greenroom.domain.errors import Missing

if TYPE_CHECKING:
    from greenroom.wire.releases import PlanOut, PublishOut, ReleaseOut

    Done = PublishOut | ReleaseOut | PlanOut
    Act = Callable[[int, str | None, bool], Done]
    """A release operation, given the sequence, the confirmation and whether it is a dry run."""

Alias = Annotated[str, typer.Argument(metavar="ENVIRONMENT", help="Alias, for example live.")]


def publish(
    ctx: typer.Context,
    note: Annotated[str, typer.Option("--note", "-m", help="What changed, in a sentence.")],
    details: Annotated[str | None, typer.Option("--details", help="More, for collaborators.")] = None,
    env: Env = None,
    no_release: Annotated[bool, typer.Option("--no-release", help="Make the version, but do not serve it.")] = False,
    confirm: Annotated[str | None, typer.Option("--confirm", metavar="DIGEST", help="The digest you reviewed.")] = None,
    expected_seq: ExpectedSeq = None,
    in_flight: InFlight = None,
    drain_until: DrainUntil = None,
    taken_back: TakenBack = None,
    resolve: Resolve = None,
    acknowledged: Acknowledged = None,
    revision: DraftRevision = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    project: Project = None,
    as_json: AsJson = False,
) -> None:
    """Publishes your draft as a new version. Serves it in the draft's environment."""
    from greenroom.cli.drafts import read_resolutions

    session = open_session(ctx, as_json)
    named = session.project(project)
    seen = session.environment(named, env)
    resolutions = read_resolutions(resolve)

    def act(seq: int, confirmed: str | None, planning: bool) -> Done:
        nonlocal revision
        done = session.client.releases.publish(
            named,
            seen.alias,
            note=note,
            details=details,
            release=False if no_release else None,
            expected_seq=seq,
            confirm=confirmed,
            resolutions=resolutions,
            taken_back=taken_back.replace("-", "_") if taken_back else None,
            acknowledged=acknowledged or (),
            in_flight=in_flight,
            drain_until=drain_until,
            revision=revision,
            dry_run=planning,
        )
        revision = getattr(done, "draft_revision", revision)  # what is shown is what is published
        return done

    seq = seen.seq if expected_seq is None else expected_seq
    _carry_out(ctx, session, act, seq, confirm, dry_run, ask=not yes)


def promote(
    ctx: typer.Context,
    version: Annotated[str, typer.Argument(metavar="VERSION", help="v12 or 12.")],
    to: Annotated[str, typer.Option("--to", metavar="ENVIRONMENT", help="Alias, for example live.")],
    confirm: Annotated[
        str | None, typer.Option("--confirm", metavar="VERSION", help="The version again, where the public hears it.")
    ] = None,
    note: Annotated[str | None, typer.Option("--note", "-m", help="Why now.")] = None,
    expected_seq: ExpectedSeq = None,
    hotfix: Annotated[
        str | None, typer.Option("--hotfix", metavar="REASON", help="Skip a step, and say why; loud in the history.")
    ] = None,
    in_flight: InFlight = None,
    drain_until: DrainUntil = None,
    acknowledged: Acknowledged = None,
    dry_run: DryRun = False,
    project: Project = None,
    as_json: AsJson = False,
) -> None:
    """Releases a version in the next environment. Same number, same digest, never rebuilt."""
    session = open_session(ctx, as_json)
    named, number = session.project(project), read_number(version)
    if confirm is not None:
        read_number(confirm)
    seen = session.environment(named, to)

    def act(seq: int, confirmed: str | None, planning: bool) -> Done:
        return session.client.releases.promote(
            named,
            seen.alias,
            number,
            expected_seq=seq,
            confirm=read_number(confirmed) if confirmed is not None else None,
            note=note,
            hotfix=hotfix,
            acknowledged=acknowledged or (),
            in_flight=in_flight,
            drain_until=drain_until,
            dry_run=planning,
        )

    seq = seen.seq if expected_seq is None else expected_seq
    _carry_out(ctx, session, act, seq, confirm, dry_run, ask=False)


def roll_back(
    ctx: typer.Context,
    alias: Alias,
    reason: Reason,
    to: Annotated[str | None, typer.Option("--to", metavar="VERSION", help="Default: what was served before.")] = None,
    expected_seq: ExpectedSeq = None,
    in_flight: InFlight = None,
    drain_until: DrainUntil = None,
    dry_run: DryRun = False,
    project: Project = None,
    as_json: AsJson = False,
) -> None:
    """Puts back what an environment served before. No version is deleted, no draft touched."""
    session = open_session(ctx, as_json)
    named = session.project(project)
    number = read_number(to) if to is not None else None
    seen = session.environment(named, alias)

    def act(seq: int, _confirmed: str | None, planning: bool) -> Done:
        return session.client.releases.roll_back(
            named,
            seen.alias,
            reason=reason,
            to=number,
            expected_seq=seq,
            in_flight=in_flight,
            drain_until=drain_until,
            dry_run=planning,
        )

    seq = seen.seq if expected_seq is None else expected_seq
    _carry_out(ctx, session, act, seq, None, dry_run, ask=False)


def list_releases(
    ctx: typer.Context,
    alias: Alias,
    limit: Limit = 20,
    cursor: Cursor = None,
    project: Project = None,
    as_json: AsJson = False,
) -> None:
    """Lists an environment's releases, newest first."""
    session = open_session(ctx, as_json)
    page = session.client.releases.list(session.project(project), alias, limit=limit, cursor=cursor).page()
    if not session.answer(page):
        rows = [
            (r.seq, r.operation, _from_to(r), f"{r.at:%Y-%m-%d %H:%M}", r.actor_name or r.actor, r.in_flight, r.reason)
            for r in page.items
        ]
        columns = ("sequence", "operation", "version", "at", "by", "running ones", "why")
        output.show_table(columns, rows, f"{alias} has had no release")
        session.end_of_page(page.next_cursor)


def _from_to(release: ReleaseOut) -> str:
    return f"v{release.from_version} → v{release.version}" if release.from_version else f"v{release.version}"


def _carry_out(
    ctx: typer.Context, session: Session, act: Act, seq: int, confirm: str | None, dry_run: bool, *, ask: bool
) -> None:
    """Shows the plan, asks where somebody can answer, acts, and shows what happened."""
    if dry_run:
        plan = act(seq, confirm, True)
        if not session.answer(plan):
            plans.show(plan)
        return
    if not session.as_json:
        plan = act(seq, confirm, True)
        plans.show(plan)
        confirm = confirm or _ask(session, plan, ask)
    try:
        done = act(seq, confirm, False)
    except Missing as missing:
        raise with_repeat(ctx, missing, seq) from None
    if not session.answer(done):
        plans.show(done)


def _ask(session: Session, plan: Done, ask: bool) -> str | None:
    """Returns what the person at the terminal restated; None where nobody was asked."""
    from greenroom.wire.releases import PlanOut

    if not session.interactive or not isinstance(plan, PlanOut):
        return None
    if plan.confirmation == "version":
        return typer.prompt(f"the public hears {plan.environment}; type v{plan.version} to confirm", err=True)
    if plan.confirmation == "digest":
        typer.confirm(f"the public hears {plan.environment}; release {plan.digest}?", abort=True, err=True)
        return plan.digest
    if ask:
        typer.confirm("publish this?", default=True, abort=True, err=True)
    return None
