"""`versions`, `compare`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from greenroom.cli import output
from greenroom.cli.options import AsJson, Cursor, Limit, Project
from greenroom.cli.session import open_session

if TYPE_CHECKING:
    from greenroom.wire.versions import VersionOut

app = typer.Typer(help="Versions: list (also without a word), show, mark.", invoke_without_command=True)

Served = Annotated[str | None, typer.Option("--env", help="Only versions that this environment served.")]
Tag = Annotated[str | None, typer.Option("--tag", help="Only versions with this tag, for example HOTFIX.")]
Author = Annotated[str | None, typer.Option("--author", help="Only versions by this person or key (id).")]
Number = Annotated[str, typer.Argument(metavar="VERSION", help="v12 or 12.")]


def read_number(text: str) -> int:
    """Returns the number that `v12` or `12` names."""
    if not re.fullmatch(r"v?[1-9][0-9]{0,8}", text):
        raise typer.BadParameter(f"'{text}' is not a version; write v12")
    return int(text.removeprefix("v"))


@app.callback()
def begin(
    ctx: typer.Context,
    env: Served = None,
    tag: Tag = None,
    author: Author = None,
    limit: Limit = 20,
    cursor: Cursor = None,
    project: Project = None,
    as_json: AsJson = False,
) -> None:
    """Versions: list (also without a word), show, mark."""
    if ctx.invoked_subcommand is None:
        list_versions(ctx, env, tag, author, limit, cursor, project, as_json)


@app.command("list")
def list_versions(
    ctx: typer.Context,
    env: Served = None,
    tag: Tag = None,
    author: Author = None,
    limit: Limit = 20,
    cursor: Cursor = None,
    project: Project = None,
    as_json: AsJson = False,
) -> None:
    """Lists versions, newest first."""
    session = open_session(ctx, as_json)
    named = session.project(project)
    listing = session.client.versions.list(named, env=env, tag=tag, author=author, limit=limit, cursor=cursor)
    page = listing.page()
    if not session.answer(page):
        rows = [
            (
                v.ref,
                v.note,
                ", ".join(v.environments),
                v.author_name or v.author,
                f"{v.created_at:%Y-%m-%d %H:%M}",
                _mark(v),
            )
            for v in page.items
        ]
        output.show_table(("version", "note", "served by", "author", "published", "mark"), rows, "no versions yet")
        session.end_of_page(page.next_cursor)


@app.command("show")
def show(ctx: typer.Context, version: Number, project: Project = None, as_json: AsJson = False) -> None:
    """Shows one version."""
    session = open_session(ctx, as_json)
    found = session.client.versions.load(session.project(project), read_number(version))
    if session.answer(found):
        return
    output.show_fields(
        [
            ("version", found.ref),
            ("note", found.note),
            ("details", found.details),
            ("tags", ", ".join(found.tags)),
            ("published", f"{found.created_at:%Y-%m-%d %H:%M:%S} UTC in {found.published_in}"),
            ("by", found.author_name or found.author),
            ("served by", ", ".join(found.environments)),
            ("comes from", ", ".join(f"v{number}" for number in found.parents)),
            ("mark", _mark(found)),
            ("digest", found.digest),
        ]
    )


@app.command("mark")
def mark(
    ctx: typer.Context,
    version: Number,
    sign: Annotated[Literal["good", "bad", "none"], typer.Argument(metavar="good|bad|none", help="What it is.")],
    project: Project = None,
    as_json: AsJson = False,
) -> None:
    """Marks a version as known good or bad."""
    session = open_session(ctx, as_json)
    found = session.client.versions.mark(session.project(project), read_number(version), sign)
    if not session.answer(found):
        output.say(f"{found.ref} is marked {found.mark}")


def _mark(version: VersionOut) -> str:
    return "" if version.mark == "none" else version.mark


def compare(
    ctx: typer.Context,
    base: Annotated[str, typer.Argument(help="Ref: v12, live, live~1, draft:sandbox, sha256:…")],
    head: Annotated[str, typer.Argument(help="Ref to compare with it.")],
    project: Project = None,
    as_json: AsJson = False,
) -> None:
    """Compares any two refs, by entity, field and word. Says what did not change and what to test."""
    session = open_session(ctx, as_json)
    found = session.client.versions.compare(session.project(project), base, head)
    if not session.answer(found):
        from greenroom.cli.comparisons import show_comparison

        show_comparison(found)
