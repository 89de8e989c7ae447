"""`keys`: API keys of the workspace."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from greenroom.cli import output
from greenroom.cli.options import AsJson, Cursor, Limit
from greenroom.cli.session import open_session

app = typer.Typer(help="API keys: create, list, revoke.", no_args_is_help=True)


@app.command("create")
def create(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="What it is for.")],
    role: Annotated[
        Literal["viewer", "editor", "publisher", "release_manager", "admin", "owner"],
        typer.Option("--role", help="What it may do."),
    ] = "editor",
    as_json: AsJson = False,
) -> None:
    """Makes a key. It is shown once, here."""
    session = open_session(ctx, as_json)
    made = session.client.keys.create(name, role=role)
    if not session.answer(made):
        output.say(f"{made.id} ({made.role}); keep this key, it is not shown again:")
        output.show(made.key)


@app.command("list")
def list_keys(ctx: typer.Context, limit: Limit = 50, cursor: Cursor = None, as_json: AsJson = False) -> None:
    """Lists keys, without the keys themselves."""
    session = open_session(ctx, as_json)
    page = session.client.keys.list(limit=limit, cursor=cursor).page()
    if not session.answer(page):
        rows = [(k.id, k.name, k.role, k.created_at.date(), "revoked" if k.revoked else "") for k in page.items]
        output.show_table(("id", "name", "role", "created", ""), rows, "no keys")
        session.end_of_page(page.next_cursor)


@app.command("revoke")
def revoke(
    ctx: typer.Context,
    key: Annotated[str, typer.Argument(metavar="ID", help="The key's id, from `keys list`.")],
    as_json: AsJson = False,
) -> None:
    """Revokes a key, at once and for ever."""
    session = open_session(ctx, as_json)
    session.client.keys.revoke(key)
    output.say(f"revoked {key}")
