"""`draft checkpoint`: what a draft held at a moment, under a name."""

from __future__ import annotations

from typing import Annotated

import typer

from greenroom.cli import output
from greenroom.cli.drafts import ask_for_draft, show_loaded
from greenroom.cli.options import AsJson, Cursor, DraftRevision, Env, Limit, Project, Yes
from greenroom.cli.session import open_session

app = typer.Typer(help="Checkpoints of your draft: save, list, load, remove.", no_args_is_help=True)

Id = Annotated[str, typer.Argument(metavar="ID", help="The checkpoint's id, as `draft checkpoint list` shows it.")]


@app.command("save")
def save(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="What to call it.")],
    revision: DraftRevision = None,
    env: Env = None,
    project: Project = None,
    as_json: AsJson = False,
) -> None:
    """Keeps what your draft changes, without publishing it."""
    session = open_session(ctx, as_json)
    named = session.project(project)
    alias = session.environment(named, env).alias
    made = session.client.checkpoints.save(named, alias, name, revision=revision)
    if not session.answer(made):
        output.say(f"kept {output.count_of(made.changes, 'change')} as {made.id} ({made.name})")


@app.command("list")
def list_checkpoints(
    ctx: typer.Context,
    limit: Limit = 50,
    cursor: Cursor = None,
    env: Env = None,
    project: Project = None,
    as_json: AsJson = False,
) -> None:
    """Lists the checkpoints of your draft, newest first."""
    session = open_session(ctx, as_json)
    named = session.project(project)
    alias = session.environment(named, env).alias
    page = session.client.checkpoints.list(named, alias, limit=limit, cursor=cursor).page()
    if not session.answer(page):
        rows = [(c.id, c.name, f"{c.at:%Y-%m-%d %H:%M}", c.by_name or c.by, c.changes) for c in page.items]
        output.show_table(("id", "name", "at", "by", "changes"), rows, "no checkpoints")
        session.end_of_page(page.next_cursor)


@app.command("load")
def load(
    ctx: typer.Context,
    checkpoint: Id,
    yes: Yes = False,
    revision: DraftRevision = None,
    env: Env = None,
    project: Project = None,
    as_json: AsJson = False,
) -> None:
    """Makes your draft what a checkpoint holds. What the draft held can be restored."""
    session = open_session(ctx, as_json)
    named = session.project(project)
    alias = session.environment(named, env).alias
    seen = ask_for_draft(session, named, alias, f"load {checkpoint} over", yes, revision)
    done = session.client.checkpoints.load(named, alias, checkpoint, revision=seen)
    if not session.answer(done):
        show_loaded(done)


@app.command("remove")
def remove(
    ctx: typer.Context, checkpoint: Id, env: Env = None, project: Project = None, as_json: AsJson = False
) -> None:
    """Removes a checkpoint; drafts and versions stay as they are."""
    session = open_session(ctx, as_json)
    named = session.project(project)
    session.client.checkpoints.remove(named, session.environment(named, env).alias, checkpoint)
    output.say(f"removed {checkpoint}")
