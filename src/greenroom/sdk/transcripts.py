"""What people make of conversations: tags, notes, feedback."""

from __future__ import annotations

from greenroom.sdk.exchange import Call, as_model, fill, path_of, read_call, write_call
from greenroom.sdk.verb import ListVerb, Noun, S_co, Verb
from greenroom.wire.model import Page
from greenroom.wire.transcripts import FeedbackIn, FeedbackOut, NoteIn, NoteOut, ReviewOut, TagIn, TagOut


class Transcripts(Noun[S_co]):
    """Reviews of conversations."""

    @Verb
    def load(self, conversation: str) -> Call[ReviewOut]:
        """Loads what people made of a conversation: its tags, notes and feedback."""
        return read_call(as_model(ReviewOut), path_of("conversations", conversation, "review"))

    @Verb
    def add_tag(self, conversation: str, tag: str) -> Call[ReviewOut]:
        """Tags a conversation; twice is the same as once."""
        path = path_of("conversations", conversation, "tags")
        return write_call("POST", as_model(ReviewOut), path, body=fill(TagIn, tag=tag))

    @Verb
    def remove_tag(self, conversation: str, tag: str) -> Call[ReviewOut]:
        """Takes a tag off a conversation."""
        return write_call("DELETE", as_model(ReviewOut), path_of("conversations", conversation, "tags", tag))

    @ListVerb
    def list_tags(self, project: str, *, cursor: str | None = None, limit: int | None = None) -> Call[Page[TagOut]]:
        """Lists the tags of a project's conversations with how many have each."""
        query = {"cursor": cursor, "limit": limit}
        return read_call(as_model(Page[TagOut]), path_of("projects", project, "tags"), query)

    @Verb
    def add_note(self, conversation: str, text: str) -> Call[NoteOut]:
        """Adds a note for colleagues."""
        path = path_of("conversations", conversation, "notes")
        return write_call("POST", as_model(NoteOut), path, body=fill(NoteIn, text=text))

    @Verb
    def rate(
        self,
        conversation: str,
        score: int,
        *,
        scale: str | None = None,
        comment: str | None = None,
        turn: int | None = None,
    ) -> Call[FeedbackOut]:
        """Adds feedback on a conversation or one of its turns: -1, 0, 1 (thumbs) or 1 to 5 (stars)."""
        body = fill(FeedbackIn, score=score, scale=scale, comment=comment, turn=turn)
        return write_call("POST", as_model(FeedbackOut), path_of("conversations", conversation, "feedback"), body=body)
