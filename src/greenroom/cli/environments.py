"""`env`: the environments of a project and what they serve."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from greenroom.cli import output
from greenroom.cli.options import AsJson, Cursor, Limit, Project
from greenroom.cli.session import open_session

if TYPE_CHECKING:
    from greenroom.wire.environments import EnvironmentOut

app = typer.Typer(help="Environments: list, show.", no_args_is_help=True)


@app.command("list")
def list_environments(
    ctx: typer.Context, limit: Limit = 50, cursor: Cursor = None, project: Project = None, as_json: AsJson = False
) -> None:
    """Lists environments with what each serves and how many conversations run."""
    session = open_session(ctx, as_json)
    page = session.client.environments.list(session.project(project), limit=limit, cursor=cursor).page()
    if not session.answer(page):
        show_list(page.items)
        session.end_of_page(page.next_cursor)


@app.command("show")
def show(
    ctx: typer.Context,
    alias: Annotated[str, typer.Argument(help="Alias, for example live.")],
    project: Project = None,
    as_json: AsJson = False,
) -> None:
    """Shows one environment."""
    session = open_session(ctx, as_json)
    found = session.client.environments.load(session.project(project), alias)
    if session.answer(found):
        return
    serves = found.serves
    output.show_fields(
        [
            ("environment", f"{found.alias} ({found.name})"),
            ("is", ", ".join(_traits(found))),
            ("serves", f"v{serves.version} since {serves.since:%Y-%m-%d %H:%M} UTC" if serves else "nothing yet"),
            ("by", f"{serves.operation} by {serves.by_name or serves.by}" if serves else ""),
            ("digest", serves.digest if serves else ""),
            ("sequence", found.seq),
            ("promotes from", found.promotes_from),
            ("a rollback brings back", f"v{found.rollback_to}" if found.rollback_to else "nothing"),
            ("running", _running(found)),
            ("your draft", output.count_of(found.draft_changes, "change") if found.editable else ""),
        ]
    )


def show_list(found: Sequence[EnvironmentOut]) -> None:
    """Prints environments as a table."""
    rows = [
        (
            env.alias,
            f"v{env.serves.version}" if env.serves else "-",
            f"v{env.rollback_to}" if env.rollback_to else "-",
            env.seq,
            _running(env),
            output.count_of(env.draft_changes, "change") if env.draft_changes else "",
            ", ".join(_traits(env)),
        )
        for env in found
    ]
    columns = ("environment", "serves", "rollback to", "sequence", "running", "your draft", "is")
    output.show_table(columns, rows, "no environments")


def _traits(env: EnvironmentOut) -> list[str]:
    traits = {
        "public": env.public,
        "internal": env.internal,
        "editable": env.editable,
        "default entry": env.default_entry,
    }
    return [name for name, is_so in traits.items() if is_so]


def _running(env: EnvironmentOut) -> str:
    return ", ".join(f"{group.conversations} on v{group.version}" for group in env.running)
