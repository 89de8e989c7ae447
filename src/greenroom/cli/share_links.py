"""`share-links`: tokens that lead to one environment for a while."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from greenroom.cli import output
from greenroom.cli.options import AsJson, Cursor, Limit, Project
from greenroom.cli.session import open_session

if TYPE_CHECKING:
    from greenroom.wire.share_links import ShareLinkOut

app = typer.Typer(help="Share links: list, create, revoke.", no_args_is_help=True)


@app.command("list")
def list_links(
    ctx: typer.Context,
    env: Annotated[str | None, typer.Option("--env", help="Only those of one environment.")] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
    project: Project = None,
    as_json: AsJson = False,
) -> None:
    """Lists share links, newest first, without their tokens."""
    session = open_session(ctx, as_json)
    page = session.client.share_links.list(session.project(project), environment=env, limit=limit, cursor=cursor).page()
    if not session.answer(page):
        rows = [(each.id, each.environment, each.label, _until(each)) for each in page.items]
        output.show_table(("id", "environment", "label", "until"), rows, "no share links")
        session.end_of_page(page.next_cursor)


@app.command("create")
def create(
    ctx: typer.Context,
    env: Annotated[str, typer.Option("--env", help="Alias of the environment it leads to.")],
    until: Annotated[
        str, typer.Option("--until", help="When it expires, at most 90 days from now: 2026-09-01T18:00:00Z.")
    ],
    label: Annotated[str | None, typer.Option("--label", help="Whom it is for; everybody reads it.")] = None,
    project: Project = None,
    as_json: AsJson = False,
) -> None:
    """Makes a share link. Its token is shown once, here."""
    session = open_session(ctx, as_json)
    made = session.client.share_links.create(session.project(project), env, expires_at=until, label=label)
    if not session.answer(made):
        output.say(
            f"{made.id} leads to {made.environment} until {_until(made)}; keep the token, it is not shown again:"
        )
        output.show(made.token)
        output.say(f"whoever opens {session.login.url.rstrip('/')}/try/{made.token} talks to it in a browser")


@app.command("revoke")
def revoke(
    ctx: typer.Context,
    link: Annotated[str, typer.Argument(metavar="ID", help="The link's id, from `share-links list`.")],
    project: Project = None,
    as_json: AsJson = False,
) -> None:
    """Ends a share link at once; conversations that began by it go on."""
    session = open_session(ctx, as_json)
    session.client.share_links.revoke(session.project(project), link)
    output.say(f"revoked {link}")


def _until(link: ShareLinkOut) -> str:
    return f"revoked {link.revoked_at:%Y-%m-%d}" if link.revoked_at else f"{link.expires_at:%Y-%m-%d %H:%M}"
