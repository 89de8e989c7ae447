"""`resolve` and `bundle`: which version serves a key, and a version's whole snapshot."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from greenroom.cli import output
from greenroom.cli.options import AsJson, Project
from greenroom.cli.session import open_session


def resolve(
    ctx: typer.Context,
    key: Annotated[str, typer.Argument(help="The traffic key: a user id or a caller's number.")],
    env: Annotated[str | None, typer.Option("--env", help="Alias; default: the project's default entry.")] = None,
    number: Annotated[str | None, typer.Option("--number", help="The called number instead: where it leads.")] = None,
    share_link: Annotated[str | None, typer.Option("--share-link", help="A share link's token, instead.")] = None,
    project: Project = None,
    as_json: AsJson = False,
) -> None:
    """Says which version serves a traffic key, and why. No conversation begins."""
    session = open_session(ctx, as_json)
    found = session.client.traffic.resolve(
        session.project(project), key, environment=env, number=number, share_link=share_link
    )
    if session.answer(found):
        return
    output.show_fields(
        [
            ("environment", found.environment),
            ("version", f"v{found.version}"),
            ("digest", found.digest),
            ("slot", found.slot),
            ("reason", found.reason),
        ]
    )


def load_bundle(
    ctx: typer.Context,
    digest: Annotated[str, typer.Argument(help="sha256:… of a version or draft.")],
    target: Annotated[Path | None, typer.Option("--output", "-o", help="File to write; default: stdout.")] = None,
    project: Project = None,
    as_json: AsJson = False,
) -> None:
    """Prints a complete, immutable snapshot as JSON."""
    session = open_session(ctx, as_json)
    data = session.client.bundles.load(session.project(project), digest)
    if target is None:
        sys.stdout.write(data.decode())
    else:
        target.write_bytes(data)
        output.say(f"{len(data):,} bytes in {target}")
