"""`secrets`: values that agents' calls use. A value is asked for or read from standard input, never an argument."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from greenroom.cli import output
from greenroom.cli.options import AsJson, Cursor, Limit, Project
from greenroom.cli.session import open_session

if TYPE_CHECKING:
    from greenroom.wire.secrets import RotatedOut

app = typer.Typer(help="Secrets: set, list, unset, override, restore, rotate.", no_args_is_help=True)
Name = Annotated[str, typer.Argument(help="Name, for example BOOKING_KEY.")]
Environment = Annotated[str, typer.Option("--env", help="Alias of the environment.")]
SideOption = Annotated[Literal["live", "draft"], typer.Option("--side", help="Its traffic, or tests of its drafts.")]


@app.command("list")
def list_secrets(
    ctx: typer.Context, limit: Limit = 50, cursor: Cursor = None, project: Project = None, as_json: AsJson = False
) -> None:
    """Lists secrets and where each has a value; values are never shown."""
    session = open_session(ctx, as_json)
    page = session.client.secrets.list(session.project(project), limit=limit, cursor=cursor).page()
    if not session.answer(page):
        rows = [
            (
                each.name,
                f"{each.set_at:%Y-%m-%d %H:%M}" if each.set_at else "not set",
                ", ".join(f"{other.environment} ({other.side})" for other in each.overrides),
            )
            for each in page.items
        ]
        output.show_table(("name", "set", "other values in"), rows, "no secrets")
        session.end_of_page(page.next_cursor)


@app.command("set")
def set_secret(ctx: typer.Context, name: Name, project: Project = None, as_json: AsJson = False) -> None:
    """Sets a value for the whole project: typed at the prompt, or piped in."""
    session = open_session(ctx, as_json)
    found = session.client.secrets.set(session.project(project), name, _read_value(name))
    if not session.answer(found):
        output.say(f"set {name}")


@app.command("unset")
def unset(ctx: typer.Context, name: Name, project: Project = None, as_json: AsJson = False) -> None:
    """Removes a secret with all its overrides."""
    session = open_session(ctx, as_json)
    session.client.secrets.unset(session.project(project), name)
    output.say(f"removed {name}")


@app.command("override")
def override(
    ctx: typer.Context,
    name: Name,
    environment: Environment,
    side: SideOption = "live",
    project: Project = None,
    as_json: AsJson = False,
) -> None:
    """Sets another value for one environment."""
    session = open_session(ctx, as_json)
    slug = session.project(project)
    found = session.client.secrets.override(slug, name, environment, side, _read_value(name))
    if not session.answer(found):
        output.say(f"set {name} in {environment} ({side})")


@app.command("restore")
def restore(
    ctx: typer.Context,
    name: Name,
    environment: Environment,
    side: SideOption = "live",
    project: Project = None,
    as_json: AsJson = False,
) -> None:
    """Removes an environment's own value: the project's holds there again."""
    session = open_session(ctx, as_json)
    session.client.secrets.restore(session.project(project), name, environment, side)
    output.say(f"removed {name} in {environment} ({side})")


@app.command("rotate")
def rotate(ctx: typer.Context, project: Project = None, as_json: AsJson = False) -> None:
    """Seals all that is sealed anew, after the server's key was changed: values, what users said, their variables."""
    session = open_session(ctx, as_json)
    slug = session.project(project)
    total = done = session.client.secrets.rotate(slug)
    while done.next_cursor:
        if sys.stderr.isatty():
            output.say(f"so far: {_sealed(total)}")
        done = session.client.secrets.rotate(slug, cursor=done.next_cursor)
        total = _add(total, done)
    if not session.answer(total):
        output.say(f"sealed {_sealed(total)} anew")
        if total.unopened:
            lost = output.count_of(total.unopened, "sealed thing")
            output.say(f"{lost} could not be opened with the keys that the server has: name its key as a former one")
        else:
            output.say("nothing of this project needs a former key any more")


def _add(one: RotatedOut, other: RotatedOut) -> RotatedOut:
    """Returns two portions as one."""
    counts = ("rotated", "turns", "users", "conversations", "unopened")
    return other.model_copy(update={name: getattr(one, name) + getattr(other, name) for name in counts})


def _sealed(found: RotatedOut) -> str:
    rest = (
        (found.turns, "turn"),
        (found.users, "user"),
        (found.conversations, "conversation"),
    )
    return ", ".join(
        [output.count_of(found.rotated, "value"), *(output.count_of(many, what) for many, what in rest if many)]
    )


def _read_value(name: str) -> str:
    if sys.stdin.isatty():
        return str(typer.prompt(f"value of {name}", hide_input=True))
    return sys.stdin.read().removesuffix("\n")
