"""`testers`: named people who are led to one environment, whatever the split says."""

from __future__ import annotations

from typing import Annotated

import typer

from greenroom.cli import output
from greenroom.cli.options import AsJson, Cursor, Limit, Project
from greenroom.cli.session import open_session

app = typer.Typer(help="Testers: list, add, remove.", no_args_is_help=True)


@app.command("list")
def list_testers(
    ctx: typer.Context,
    env: Annotated[str | None, typer.Option("--env", help="Only those of one environment.")] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
    project: Project = None,
    as_json: AsJson = False,
) -> None:
    """Lists testers, masked, and where each is led."""
    session = open_session(ctx, as_json)
    page = session.client.testers.list(session.project(project), environment=env, limit=limit, cursor=cursor).page()
    if not session.answer(page):
        rows = [(each.shown, each.kind, each.label, each.environment, each.id) for each in page.items]
        output.show_table(("who", "by", "label", "environment", "id"), rows, "no testers")
        session.end_of_page(page.next_cursor)


@app.command("add")
def add(
    ctx: typer.Context,
    env: Annotated[str, typer.Option("--env", help="Alias of the environment to lead them to.")],
    user_id: Annotated[str | None, typer.Option("--user-id", help="The user id, exactly as it will come.")] = None,
    caller: Annotated[str | None, typer.Option("--caller", help="Or the caller's number.")] = None,
    label: Annotated[str | None, typer.Option("--label", help="What to call them; everybody reads it.")] = None,
    project: Project = None,
    as_json: AsJson = False,
) -> None:
    """Leads a user or a caller to an environment, from their next conversation on."""
    session = open_session(ctx, as_json)
    made = session.client.testers.add(session.project(project), env, user_id=user_id, caller=caller, label=label)
    if not session.answer(made):
        output.say(f"{made.shown} is led to {made.environment} ({made.id})")


@app.command("remove")
def remove(
    ctx: typer.Context,
    tester: Annotated[str, typer.Argument(metavar="ID", help="The tester's id, from `testers list`.")],
    project: Project = None,
    as_json: AsJson = False,
) -> None:
    """Removes a tester, whose next conversation follows the split again."""
    session = open_session(ctx, as_json)
    session.client.testers.remove(session.project(project), tester)
    output.say(f"removed {tester}")
