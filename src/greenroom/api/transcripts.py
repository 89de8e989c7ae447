"""What people make of conversations, on the network: tags, notes, feedback."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import Path
from starlette.responses import Response

from greenroom.api.asking import Given, IdPath, ProjectPath, reply
from greenroom.api.nouns import Noun
from greenroom.api.paging import DEFAULT_LIMIT, Cursor, Limit, page_of, read_text_cursor
from greenroom.domain.records import Record
from greenroom.services.transcripts import Review
from greenroom.wire.model import Page
from greenroom.wire.transcripts import FeedbackIn, FeedbackOut, NoteIn, NoteOut, ReviewOut, TagIn, TagOut

NOUN: Final = Noun("transcripts")
TagPath = Annotated[str, Path(min_length=1, max_length=80, description="The tag.")]


@NOUN.verb("GET", "/conversations/{id}/review", "load", ReviewOut)
async def load(ask: Given, id: IdPath) -> Response:  # noqa: A002 - the API's word
    """Loads what people made of a conversation: its tags, notes and feedback."""
    return reply(review_out(await ask.desk.transcripts.load(ask.call, id)))


@NOUN.verb("POST", "/conversations/{id}/tags", "add_tag", ReviewOut)
async def add_tag(ask: Given, id: IdPath, body: TagIn) -> Response:  # noqa: A002
    """Tags a conversation; twice is the same as once."""
    return await ask.write(lambda call: ask.desk.transcripts.add_tag(call, id, body.tag), review_out)


@NOUN.verb("DELETE", "/conversations/{id}/tags/{tag}", "remove_tag", ReviewOut)
async def remove_tag(ask: Given, id: IdPath, tag: TagPath) -> Response:  # noqa: A002
    """Takes a tag off a conversation."""
    return await ask.write(lambda call: ask.desk.transcripts.remove_tag(call, id, tag), review_out)


@NOUN.verb("POST", "/conversations/{id}/notes", "add_note", NoteOut, 201)
async def add_note(ask: Given, id: IdPath, body: NoteIn) -> Response:  # noqa: A002
    """Adds a note for colleagues to a conversation."""
    return await ask.write(lambda call: ask.desk.transcripts.add_note(call, id, body.text), note_out, status=201)


@NOUN.verb("POST", "/conversations/{id}/feedback", "rate", FeedbackOut, 201)
async def rate(ask: Given, id: IdPath, body: FeedbackIn) -> Response:  # noqa: A002
    """Adds feedback on a conversation, or on one of its turns."""
    return await ask.write(
        lambda call: ask.desk.transcripts.rate(
            call, id, body.score, scale=body.scale, comment=body.comment, turn=body.turn
        ),
        feedback_out,
        status=201,
    )


@NOUN.verb("GET", "/projects/{project}/tags", "list_tags", Page[TagOut])
async def list_tags(ask: Given, project: ProjectPath, cursor: Cursor = None, limit: Limit = DEFAULT_LIMIT) -> Response:
    """Lists the tags of a project's conversations, by name, with how many have each."""
    found = await ask.desk.transcripts.list_tags(ask.call, project, read_text_cursor("tags", cursor), limit + 1)
    return reply(page_of("tags", found, limit, lambda tag: tag.key, tag_out))


def tag_out(tag: Record) -> TagOut:
    """Returns a tag as it is sent."""
    return TagOut(tag=tag.key, count=tag.body["count"])


def note_out(note: Record) -> NoteOut:
    """Returns a note as it is sent."""
    return NoteOut(id=note.key, text=note.body["text"], author=note.body["author"], at=note.at)


def feedback_out(feedback: Record) -> FeedbackOut:
    """Returns feedback as it is sent."""
    return FeedbackOut(id=feedback.key, at=feedback.at, **feedback.body)


def review_out(review: Review) -> ReviewOut:
    """Returns what people made of a conversation as it is sent."""
    return ReviewOut(
        conversation=review.conversation.id,
        tags=list(review.conversation.tags),
        notes=[note_out(note) for note in review.notes],
        feedback=[feedback_out(each) for each in review.feedback],
    )
