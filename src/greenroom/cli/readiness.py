"""`readiness`: whether an environment has what a version needs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from greenroom.cli import output
from greenroom.cli.options import AsJson, Project
from greenroom.cli.session import open_session
from greenroom.cli.versions import read_number

if TYPE_CHECKING:
    from greenroom.wire.readiness import ReadinessItemOut


def check(
    ctx: typer.Context,
    alias: Annotated[str, typer.Argument(metavar="ENVIRONMENT", help="Alias, for example live.")],
    version: Annotated[
        str | None, typer.Option("--version", metavar="VERSION", help="v12; default: what the step before serves.")
    ] = None,
    project: Project = None,
    as_json: AsJson = False,
) -> None:
    """Says whether an environment has what a version needs: secrets, addresses, documents, numbers."""
    session = open_session(ctx, as_json)
    number = None if version is None else read_number(version)
    found = session.client.readiness.check(session.project(project), alias, version=number)
    if not session.answer(found):
        rows = [(each.level, each.message, each.fix) for each in found.items]
        output.show_table(("is", "what", "what to do"), rows, f"v{found.version} needs nothing of {found.environment}")
        output.say(f"{found.environment} is {'ready' if found.ready else 'NOT ready'} for v{found.version}")
    if not found.ready:
        raise typer.Exit(output.NO)


def say_blocked(items: Sequence[ReadinessItemOut]) -> None:
    """Prints what blocks a release, and what to do about it."""
    for item in items:
        if item.level == "blocked":
            output.say(f"  blocked: {item.message} [{item.code}]; {item.fix}")
