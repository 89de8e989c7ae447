"""`review`: tags, notes and feedback on conversations."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from greenroom.cli import output
from greenroom.cli.options import AsJson, Cursor, Limit, Project
from greenroom.cli.session import open_session

app = typer.Typer(help="What people make of conversations: tag, untag, tags, note, rate, show.", no_args_is_help=True)

Id = Annotated[str, typer.Argument(metavar="ID", help="The conversation's id.")]
Tag = Annotated[str, typer.Argument(help="The tag.")]


@app.command("show")
def show(ctx: typer.Context, conversation: Id, as_json: AsJson = False) -> None:
    """Shows tags, notes and feedback of a conversation."""
    session = open_session(ctx, as_json)
    found = session.client.transcripts.load(conversation)
    if session.answer(found):
        return
    output.show(f"tags: {', '.join(found.tags) or 'none'}")
    for note in found.notes:
        output.show(f"note by {note.author}, {note.at:%Y-%m-%d %H:%M}: {note.text}")
    for each in found.feedback:
        where = "" if each.turn is None else f" on turn {each.turn}"
        output.show(f"{each.scale} {each.score}{where}, {each.at:%Y-%m-%d %H:%M}: {each.comment}")


@app.command("tag")
def add_tag(ctx: typer.Context, conversation: Id, tag: Tag, as_json: AsJson = False) -> None:
    """Tags a conversation."""
    session = open_session(ctx, as_json)
    found = session.client.transcripts.add_tag(conversation, tag)
    if not session.answer(found):
        output.say(f"tags: {', '.join(found.tags)}")


@app.command("untag")
def remove_tag(ctx: typer.Context, conversation: Id, tag: Tag, as_json: AsJson = False) -> None:
    """Takes a tag off a conversation."""
    session = open_session(ctx, as_json)
    found = session.client.transcripts.remove_tag(conversation, tag)
    if not session.answer(found):
        output.say(f"tags: {', '.join(found.tags) or 'none'}")


@app.command("tags")
def list_tags(
    ctx: typer.Context, limit: Limit = 50, cursor: Cursor = None, project: Project = None, as_json: AsJson = False
) -> None:
    """Lists the project's tags with how many conversations have each."""
    session = open_session(ctx, as_json)
    page = session.client.transcripts.list_tags(session.project(project), limit=limit, cursor=cursor).page()
    if not session.answer(page):
        output.show_table(("tag", "conversations"), [(each.tag, each.count) for each in page.items], "no tags")
        session.end_of_page(page.next_cursor)


@app.command("note")
def add_note(
    ctx: typer.Context,
    conversation: Id,
    text: Annotated[str, typer.Argument(help="The note.")],
    as_json: AsJson = False,
) -> None:
    """Adds a note for colleagues."""
    session = open_session(ctx, as_json)
    note = session.client.transcripts.add_note(conversation, text)
    if not session.answer(note):
        output.say(f"noted {note.id}")


@app.command("rate", context_settings={"ignore_unknown_options": True})
def rate(
    ctx: typer.Context,
    conversation: Id,
    score: Annotated[int, typer.Argument(help="-1, 0 or 1 (thumbs), or 1 to 5 (stars).")],
    scale: Annotated[Literal["thumbs", "stars"] | None, typer.Option("--scale", help="What the score means.")] = None,
    comment: Annotated[str | None, typer.Option("--comment", help="Why.")] = None,
    turn: Annotated[int | None, typer.Option("--turn", help="Index of the turn it is about.")] = None,
    as_json: AsJson = False,
) -> None:
    """Adds feedback on a conversation, or on one of its turns."""
    session = open_session(ctx, as_json)
    given = session.client.transcripts.rate(conversation, score, scale=scale, comment=comment, turn=turn)
    if not session.answer(given):
        output.say(f"rated {given.score} ({given.scale})")
