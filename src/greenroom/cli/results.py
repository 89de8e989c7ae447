"""`results`: how conversations went, and arms compared."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from greenroom.cli import output
from greenroom.cli.options import AsJson, Cursor, Limit, Project
from greenroom.cli.session import open_session
from greenroom.cli.versions import read_number

if TYPE_CHECKING:
    from greenroom.wire.results import ArmOut, ResultComparisonOut, ResultRowOut, ResultsOut

app = typer.Typer(help="Results: show (also without a word), compare.", invoke_without_command=True)

By = Annotated[str, typer.Option("--by", help="environment, version, channel, with commas; '' for one row.")]
Metrics = Annotated[
    list[str] | None, typer.Option("--metric", help="Only this one, such as evaluation:polite; may be repeated.")
]
Step = Annotated[Literal["hour", "day"] | None, typer.Option("--interval", help="A row for each hour or day, in UTC.")]
Environment = Annotated[str | None, typer.Option("--env", help="Only those begun in this environment.")]
Version = Annotated[str | None, typer.Option("--version", help="Only those begun with this version: v12.")]
Channel = Annotated[str | None, typer.Option("--channel", help="Only those of this channel.")]
Testers = Annotated[
    bool, typer.Option("--with-testers", help="Count testers and share links too, who were led past the split.")
]
Since = Annotated[str | None, typer.Option("--from", help="Begun then or later: 2026-09-01, or with T12:00:00Z.")]
Until = Annotated[str | None, typer.Option("--to", help="Begun before; now by default.")]
SHARES = ("containment", "hand_off", "no_match", "error", "abandoned", "feedback")


@app.callback()
def begin(
    ctx: typer.Context,
    by: By = "environment,version",
    metric: Metrics = None,
    interval: Step = None,
    env: Environment = None,
    version: Version = None,
    channel: Channel = None,
    with_testers: Testers = False,
    since: Since = None,
    until: Until = None,
    limit: Limit = 50,
    cursor: Cursor = None,
    project: Project = None,
    as_json: AsJson = False,
) -> None:
    """Results: show (also without a word), compare."""
    if ctx.invoked_subcommand is None:
        show(
            ctx,
            by,
            metric,
            interval,
            env,
            version,
            channel,
            with_testers,
            since,
            until,
            limit,
            cursor,
            project,
            as_json,
        )


@app.command("show")
def show(
    ctx: typer.Context,
    by: By = "environment,version",
    metric: Metrics = None,
    interval: Step = None,
    env: Environment = None,
    version: Version = None,
    channel: Channel = None,
    with_testers: Testers = False,
    since: Since = None,
    until: Until = None,
    limit: Limit = 50,
    cursor: Cursor = None,
    project: Project = None,
    as_json: AsJson = False,
) -> None:
    """Shows how public conversations went, by the environment and version they began with."""
    session = open_session(ctx, as_json)
    found = session.client.results.load(
        session.project(project),
        by=by.split(","),
        metrics=metric,
        interval=interval,
        environment=env,
        version=None if version is None else read_number(version),
        channel=channel,
        with_testers=with_testers,
        since=read_time(since),
        until=read_time(until),
        limit=limit,
        cursor=cursor,
    )
    if not session.answer(found):
        _show_table(found)
        session.end_of_page(found.next_cursor)


@app.command("compare")
def compare(
    ctx: typer.Context,
    arms: Annotated[
        list[str], typer.Argument(metavar="ARM ARM…", help="live, v12 or live@v12; the first is the base.")
    ],
    metric: Annotated[str, typer.Option("--metric", help="What to compare them by.")] = "containment",
    weights: Annotated[
        str | None, typer.Option("--weights", help="The proportions expected: 90,10; default: those of the split.")
    ] = None,
    channel: Channel = None,
    entry: Annotated[
        str | None, typer.Option("--entry", help="Only those that came in so: split, alias, any, …")
    ] = None,
    with_testers: Testers = False,
    since: Since = None,
    until: Until = None,
    project: Project = None,
    as_json: AsJson = False,
) -> None:
    """Compares arms with the first one, honestly: look as often as you like."""
    session = open_session(ctx, as_json)
    found = session.client.results.compare(
        session.project(project),
        arms,
        metric=metric,
        weights=_read_weights(weights),
        channel=channel,
        entry=entry,
        with_testers=with_testers,
        since=read_time(since),
        until=read_time(until),
    )
    if not session.answer(found):
        _show_comparison(found)


def read_time(text: str | None) -> datetime | None:
    """Returns the time a text names; a day begins at midnight, and a time without a zone is in UTC."""
    if text is None:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"'{text}' is no time; write 2026-09-01 or 2026-09-01T12:00:00Z") from None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _read_weights(text: str | None) -> list[float] | None:
    if text is None:
        return None
    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        raise typer.BadParameter(f"'{text}' are no weights; write 90,10") from None


def _show_table(found: ResultsOut) -> None:
    known = {name for row in found.items for name in row.metrics}
    shares = [name for name in SHARES if name in known]
    others = sorted(known - {*SHARES, "turns"})
    place = [*found.by, *(["at"] if found.interval else [])]
    columns = [*place, "conversations", "moved", *shares, *others, "turns", "p50 ms", "p95 ms", "p99 ms"]
    rows = [_cells(row, place, [*shares, *others]) for row in found.items]
    output.show_table(columns, rows, "no conversations")


def _cells(row: ResultRowOut, place: list[str], shares: list[str]) -> list[str]:
    names = {
        "environment": row.environment or "",
        "version": f"v{row.version}" if row.version else "",
        "channel": row.channel or "",
        "at": f"{row.at:%Y-%m-%d %H:%M}" if row.at else "",
    }
    values = [row.metrics.get(name) for name in shares]
    said = [f"{each.value:.1%}" if each else "" for each in values]
    turns, times = row.metrics.get("turns"), row.latency
    latency = [f"{ms:,.0f}" for ms in (times.p50_ms, times.p95_ms, times.p99_ms)] if times else ["", "", ""]
    counts = [f"{row.conversations:,}", f"{row.moved:,}" if row.moved else ""]
    return [*(names[name] for name in place), *counts, *said, f"{turns.value:.1f}" if turns else "", *latency]


def _show_comparison(found: ResultComparisonOut) -> None:
    rows = [(arm.name, f"{arm.conversations:,}", f"{arm.keys:,}", _value(found, arm)) for arm in found.arms]
    output.show_table(("arm", "conversations", "keys", found.metric), rows, "no arms")
    for note in found.notes:
        output.show(f"note: {note}")
    ratio = found.ratio
    checked = ratio.reason if ratio.p is None else f"{'MISMATCH' if ratio.mismatch else 'fine'} (p = {ratio.p:.2g})"
    output.show(f"sample ratio: {checked}", found.verdict)


def _value(found: ResultComparisonOut, arm: ArmOut) -> str:
    if arm.value is None:
        return ""

    def say(value: float) -> str:
        return f"{value:.1%}" if found.unit == "share" else f"{value:,.2f}"

    span = f" ({say(arm.interval.low)} to {say(arm.interval.high)})" if arm.interval else ""
    return say(arm.value) + span
