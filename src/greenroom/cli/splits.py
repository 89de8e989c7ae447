"""`split` and `why`: how the default entry's traffic is shared out, and why a conversation came in where it did."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from greenroom.cli import output
from greenroom.cli.options import AsJson, Cursor, DryRun, Limit, Project
from greenroom.cli.session import open_session

if TYPE_CHECKING:
    from greenroom.wire.splits import WeightOut

app = typer.Typer(help="The traffic split: show, set, history.", no_args_is_help=True)


@app.command("show")
def show(ctx: typer.Context, project: Project = None, as_json: AsJson = False) -> None:
    """Shows who has how much of the default entry's traffic."""
    session = open_session(ctx, as_json)
    found = session.client.splits.load(session.project(project))
    if session.answer(found):
        return
    rows = [(share.environment, _percent(share.weight), _say_slots(share.slots)) for share in found.shares]
    output.show_table(("environment", "share", "slots"), rows, "no shares")
    since = f"since {found.changed_at:%Y-%m-%d %H:%M}" if found.changed_at else "never set: the default environment"
    output.show_fields(
        [("revision", f"{found.revision}, {since}"), ("sticks by", found.sticky_key), ("note", found.note)]
    )


@app.command("set")
def set_split(
    ctx: typer.Context,
    shares: Annotated[list[str], typer.Argument(metavar="ALIAS=PERCENT", help="All shares, such as live=90 b=10.")],
    note: Annotated[str | None, typer.Option("--note", help="Why; everybody reads it in the history.")] = None,
    sticky_key: Annotated[
        Literal["user", "caller", "conversation"] | None,
        typer.Option("--sticky-key", help="What a conversation sticks by; default: as it is."),
    ] = None,
    restart: Annotated[
        bool, typer.Option("--restart", help="Draws anew who goes where, instead of moving as few as can be.")
    ] = False,
    revision: Annotated[
        int | None, typer.Option("--revision", min=0, help="The revision you saw; default: the one read just now.")
    ] = None,
    dry_run: DryRun = False,
    project: Project = None,
    as_json: AsJson = False,
) -> None:
    """Shares new conversations out; running ones stay. Says what moves, which is the least that can."""
    from greenroom.wire.splits import SplitPlanOut

    session = open_session(ctx, as_json)
    slug, wanted = session.project(project), _read_shares(shares)
    plan = session.client.splits.set(slug, wanted, sticky_key=sticky_key, note=note, restart=restart, dry_run=True)
    assert isinstance(plan, SplitPlanOut)
    if dry_run:
        if not session.answer(plan):
            output.say(f"{_say_weights(plan.before)} → {_say_weights(plan.after)}")
            output.say(_say_plan(plan))
        return
    seen = plan.revision if revision is None else revision
    done = session.client.splits.set(slug, wanted, revision=seen, sticky_key=sticky_key, note=note, restart=restart)
    if not session.answer(done):
        assert not isinstance(done, SplitPlanOut)
        output.say(f"revision {done.revision}: {_say_weights(done.shares)}")
        output.say(_say_plan(plan))


@app.command("history")
def history(
    ctx: typer.Context, limit: Limit = 20, cursor: Cursor = None, project: Project = None, as_json: AsJson = False
) -> None:
    """Lists the changes of the split, newest first."""
    session = open_session(ctx, as_json)
    page = session.client.splits.list_changes(session.project(project), limit=limit, cursor=cursor).page()
    if not session.answer(page):
        rows = [
            (
                each.revision,
                f"{each.at:%Y-%m-%d %H:%M}",
                each.by,
                f"{_say_weights(each.before)} → {_say_weights(each.after)}",
                _percent(each.moved_slots / 100),
                f"(drawn anew) {each.note}" if each.restarted else each.note,
            )
            for each in page.items
        ]
        output.show_table(("revision", "at", "by", "change", "moved", "note"), rows, "the split was never set")
        session.end_of_page(page.next_cursor)


def why(
    ctx: typer.Context,
    conversation: Annotated[str, typer.Argument(metavar="CONVERSATION", help="The conversation's id.")],
    as_json: AsJson = False,
) -> None:
    """Says why a conversation came in where it did, whatever has changed since."""
    session = open_session(ctx, as_json)
    found = session.client.splits.explain(conversation)
    if not session.answer(found):
        for sentence in found.sentences:
            output.show(sentence)


def _read_shares(pairs: Sequence[str]) -> dict[str, float]:
    found: dict[str, float] = {}
    for pair in pairs:
        alias, equals, percent = pair.partition("=")
        try:
            weight = float(percent.removesuffix("%"))
        except ValueError:
            weight = -1.0
        if not alias or not equals or not 0 <= weight <= 100:
            raise typer.BadParameter(f"a share is ALIAS=PERCENT such as live=90, not '{pair}'")
        if alias in found:
            raise typer.BadParameter(f"'{alias}' is given twice")
        found[alias] = weight
    return found


def _say_plan(plan: object) -> str:
    from greenroom.wire.splits import SplitPlanOut

    assert isinstance(plan, SplitPlanOut)
    moved = f"{_percent(plan.moved_percent)} of the keys move"
    if plan.rekeyed:
        parts = ", ".join(f"{_percent(flow.weight)} from {flow.source} to {flow.target}" for flow in plan.flows)
        moved = f"every key is drawn anew (about {parts})" if parts else "every key is drawn anew"
    return f"{moved}; {output.count_of(plan.running, 'running conversation')} stay where they are"


def _say_weights(weights: Sequence[WeightOut]) -> str:
    return ", ".join(f"{each.environment} {_percent(each.weight)}" for each in weights)


def _percent(weight: float) -> str:
    return f"{weight:.2f}".rstrip("0").rstrip(".") + " %"


def _say_slots(slots: Sequence[tuple[int, int]]) -> str:
    shown = ", ".join(f"{first}-{last}" if first != last else str(first) for first, last in slots[:4])
    return f"{shown} … ({len(slots)} ranges)" if len(slots) > 4 else shown
