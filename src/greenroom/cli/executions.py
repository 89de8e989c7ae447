"""`executions`: calls that turns made."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from greenroom.cli import output
from greenroom.cli.options import AsJson, Cursor, Limit, Project
from greenroom.cli.session import open_session

app = typer.Typer(help="Calls of functions, tools, servers, models, tables: list.", no_args_is_help=True)


@app.command("list")
def list_executions(
    ctx: typer.Context,
    conversation: Annotated[str | None, typer.Option("--conversation", help="Only one conversation's.")] = None,
    kind: Annotated[
        Literal["function", "tool", "mcp", "knowledge", "model", "table"] | None,
        typer.Option("--kind", help="Only calls of one kind."),
    ] = None,
    failed: Annotated[bool | None, typer.Option("--failed/--done", help="Only those that failed, or did not.")] = None,
    limit: Limit = 20,
    cursor: Cursor = None,
    project: Project = None,
    as_json: AsJson = False,
) -> None:
    """Lists calls, newest first."""
    session = open_session(ctx, as_json)
    page = session.client.executions.list(
        session.project(project), conversation=conversation, kind=kind, failed=failed, limit=limit, cursor=cursor
    ).page()
    if not session.answer(page):
        rows = [
            (
                f"{e.at:%Y-%m-%d %H:%M:%S}",
                e.conversation,
                e.turn,
                e.kind,
                e.name,
                f"{e.ms:.0f} ms",
                e.error["message"] if e.error else "",
            )
            for e in page.items
        ]
        output.show_table(("at", "conversation", "turn", "kind", "name", "took", "failed"), rows, "no calls")
        session.end_of_page(page.next_cursor)
