"""`tickets`: what agents left for people to do."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from greenroom.cli import output
from greenroom.cli.options import AsJson, Cursor, Limit, Project
from greenroom.cli.session import open_session

app = typer.Typer(help="Hand-off tickets: list, show, assign, close.", no_args_is_help=True)

Id = Annotated[str, typer.Argument(metavar="ID", help="The ticket's id.")]


@app.command("list")
def list_tickets(
    ctx: typer.Context,
    status: Annotated[Literal["open", "closed"] | None, typer.Option("--status", help="Only open or closed.")] = None,
    limit: Limit = 20,
    cursor: Cursor = None,
    project: Project = None,
    as_json: AsJson = False,
) -> None:
    """Lists tickets, those of the newest conversations first."""
    session = open_session(ctx, as_json)
    page = session.client.tickets.list(session.project(project), status=status, limit=limit, cursor=cursor).page()
    if not session.answer(page):
        rows = [
            (t.id, t.status, t.name or t.handoff, t.reason, t.assignee, f"{t.opened_at:%Y-%m-%d %H:%M}")
            for t in page.items
        ]
        output.show_table(("ticket", "status", "hand-off", "reason", "assignee", "opened"), rows, "no tickets")
        session.end_of_page(page.next_cursor)


@app.command("show")
def show(ctx: typer.Context, ticket: Id, project: Project = None, as_json: AsJson = False) -> None:
    """Shows a ticket."""
    session = open_session(ctx, as_json)
    found = session.client.tickets.load(session.project(project), ticket)
    if not session.answer(found):
        output.show_fields(
            [
                ("ticket", found.id),
                ("status", found.status),
                ("conversation", found.conversation),
                ("hand-off", found.name or found.handoff),
                ("reason", found.reason),
                ("assignee", found.assignee),
                ("closed by", found.closed_by),
                ("comment", found.comment),
            ]
        )


@app.command("assign")
def assign(
    ctx: typer.Context,
    ticket: Id,
    to: Annotated[str, typer.Argument(help="Who deals with it; '' for nobody.")],
    project: Project = None,
    as_json: AsJson = False,
) -> None:
    """Gives an open ticket to somebody."""
    session = open_session(ctx, as_json)
    found = session.client.tickets.assign(session.project(project), ticket, to)
    if not session.answer(found):
        output.say(f"{found.id} is for {found.assignee or 'nobody'}")


@app.command("close")
def close(
    ctx: typer.Context,
    ticket: Id,
    comment: Annotated[str | None, typer.Option("--comment", help="What was done.")] = None,
    project: Project = None,
    as_json: AsJson = False,
) -> None:
    """Closes a ticket."""
    session = open_session(ctx, as_json)
    found = session.client.tickets.close(session.project(project), ticket, comment)
    if not session.answer(found):
        output.say(f"closed {found.id}")
