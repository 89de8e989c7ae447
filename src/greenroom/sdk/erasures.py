"""Erasure: of one conversation, or of all that a person said."""

from __future__ import annotations

from greenroom.sdk.exchange import Call, as_model, fill, path_of, write_call
from greenroom.sdk.verb import Noun, S_co, Verb
from greenroom.wire.transcripts import ErasedOut, ErasureIn, ErasureOut


class Erasures(Noun[S_co]):
    """What removes personal data for ever."""

    @Verb
    def erase(self, conversation: str) -> Call[ErasedOut]:
        """Erases what was said in a conversation; it ends if it goes on."""
        return write_call("POST", as_model(ErasedOut), path_of("conversations", conversation, "erase"))

    @Verb
    def erase_person(self, project: str, *, user_id: str | None = None, caller: str | None = None) -> Call[ErasureOut]:
        """Erases all conversations of a user or caller, and what is kept of the user."""
        body = fill(ErasureIn, user_id=user_id, caller=caller)
        return write_call("POST", as_model(ErasureOut), path_of("projects", project, "erasures"), body=body)
