"""`widgets`: how the web chat looks where it is placed."""

from __future__ import annotations

from typing import Annotated

import typer

from greenroom.cli import output
from greenroom.cli.options import AsJson, Project
from greenroom.cli.session import open_session

app = typer.Typer(help="Widgets: show.", no_args_is_help=True)


@app.callback()
def widgets() -> None:
    """Widgets: show."""


@app.command("show")
def show(
    ctx: typer.Context,
    widget: Annotated[str, typer.Argument(help="Slug of the widget.")] = "default",
    environment: Annotated[str | None, typer.Option("--env", help="Alias; without it the default entry.")] = None,
    project: Project = None,
    as_json: AsJson = False,
) -> None:
    """Shows a widget as an environment serves it."""
    session = open_session(ctx, as_json)
    found = session.client.widgets.load(session.project(project), widget, environment=environment)
    if not session.answer(found):
        fields = [("widget", found.widget), ("served by", f"v{found.version} in {found.environment}")]
        fields += [("greeting", found.greeting), *((key, str(value)) for key, value in found.look.items())]
        output.show_fields(fields)
