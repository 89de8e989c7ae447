"""`history`, `audit`."""

from __future__ import annotations

from typing import Annotated

import typer

from greenroom.cli import output
from greenroom.cli.options import AsJson, Cursor, Limit, Project
from greenroom.cli.session import open_session

audit = typer.Typer(help="The workspace's audit chain: verify.", no_args_is_help=True)


def list_events(
    ctx: typer.Context,
    action: Annotated[str | None, typer.Option("--action", help="Only this, for example release.promoted.")] = None,
    limit: Limit = 30,
    cursor: Cursor = None,
    project: Project = None,
    as_json: AsJson = False,
) -> None:
    """Lists everything that happened, newest first."""
    session = open_session(ctx, as_json)
    listing = session.client.history.list(session.project(project), action=action, limit=limit, cursor=cursor)
    page = listing.page()
    if not session.answer(page):
        rows = [
            (e.at[:16].replace("T", " "), e.actor_name or e.actor, e.action, e.environment, e.summary or e.subject)
            for e in page.items
        ]
        output.show_table(("at", "who", "what", "environment", "in words"), rows, "nothing happened yet")
        session.end_of_page(page.next_cursor)


@audit.callback()
def begin() -> None:
    """The workspace's audit chain: verify."""


@audit.command("verify")
def verify(ctx: typer.Context, as_json: AsJson = False) -> None:
    """Verifies the audit chain. Ends with 1 when a record was changed, removed or put in between."""
    session = open_session(ctx, as_json)
    outcome = session.client.audit.verify()
    if not session.answer(outcome):
        if outcome.sound:
            output.say(f"sound: {outcome.records} records, head {outcome.head}")
        else:
            output.say(f"NOT sound: of {outcome.records} records, number {outcome.first_bad} does not follow")
    if not outcome.sound:
        raise typer.Exit(output.NO)
