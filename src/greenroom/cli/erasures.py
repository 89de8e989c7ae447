"""`erase`: what a person said is removed for ever."""

from __future__ import annotations

from typing import Annotated

import typer

from greenroom.cli import output
from greenroom.cli.options import AsJson, Project, Yes
from greenroom.cli.session import Session, open_session

app = typer.Typer(help="Erasure of personal data, for ever: conversation, person.", no_args_is_help=True)


@app.command("conversation")
def erase(
    ctx: typer.Context,
    conversation: Annotated[str, typer.Argument(metavar="ID", help="The conversation's id.")],
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Erases what was said in a conversation; it ends if it goes on."""
    session = open_session(ctx, as_json)
    _confirm(session, yes, f"erase what was said in {conversation}, for ever?")
    done = session.client.erasures.erase(conversation)
    if not session.answer(done):
        output.say(f"erased {done.id} ({output.count_of(done.turns, 'turn')})")


@app.command("person")
def erase_person(
    ctx: typer.Context,
    user: Annotated[str | None, typer.Option("--user", help="The user's id.")] = None,
    caller: Annotated[str | None, typer.Option("--caller", help="The caller's number.")] = None,
    yes: Yes = False,
    project: Project = None,
    as_json: AsJson = False,
) -> None:
    """Erases all conversations of a user or caller, and what is kept of the user."""
    if (user is None) == (caller is None):
        raise typer.BadParameter("give --user or --caller: one of them")
    session = open_session(ctx, as_json)
    _confirm(session, yes, "erase all that this person said, for ever?")
    done = session.client.erasures.erase_person(session.project(project), user_id=user, caller=caller)
    if not session.answer(done):
        output.say(f"erased {output.count_of(done.conversations, 'conversation')}")


def _confirm(session: Session, yes: bool, question: str) -> None:
    if yes:
        return
    if not session.interactive:
        raise typer.BadParameter("nobody can be asked here: add --yes")
    typer.confirm(question, abort=True)
