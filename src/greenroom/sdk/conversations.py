"""Conversations: start, take turns, look at them, end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from greenroom.sdk.exchange import EVENT_STREAM, Call, as_model, fill, path_of, read_call, write_call
from greenroom.sdk.turns import StreamedEvent, read_opening
from greenroom.sdk.verb import ListVerb, Noun, S_co, StreamVerb, Verb
from greenroom.wire.conversations import (
    ConversationIn,
    ConversationOut,
    ReplayOut,
    StartedOut,
    TranscriptOut,
    TurnIn,
    TurnOut,
)
from greenroom.wire.model import Page


class Conversations(Noun[S_co]):
    """Exchanges with users."""

    @Verb
    def start(
        self,
        project: str,
        *,
        environment: str | None = None,
        ref: str | None = None,
        user_id: str | None = None,
        channel: str | None = None,
        variables: Mapping[str, Any] | None = None,
        sip_headers: Mapping[str, str] | None = None,
        caller: str | None = None,
        called: str | None = None,
        variant: str | None = None,
        language: str | None = None,
        share_link: str | None = None,
        now: str | None = None,
    ) -> Call[StartedOut]:
        """Starts a conversation in an environment (or the default entry), or, as a test, on any ref."""
        body = fill(
            ConversationIn,
            environment=environment,
            ref=ref,
            user_id=user_id,
            channel=channel,
            variables=variables,
            sip_headers=sip_headers,
            caller=caller,
            called=called,
            variant=variant,
            language=language,
            share_link=share_link,
            now=now,
        )
        return write_call("POST", as_model(StartedOut), path_of("projects", project, "conversations"), body=body)

    @Verb
    def take_turn(self, conversation: str, text: str | None = None, *, event: str | None = None) -> Call[TurnOut]:
        """Takes a turn: what the user said, or an event of the channel."""
        body = fill(TurnIn, text=text, event=event)
        return write_call("POST", as_model(TurnOut), path_of("conversations", conversation, "turns"), body=body)

    @StreamVerb
    def stream_turn(
        self, conversation: str, text: str | None = None, *, event: str | None = None
    ) -> Call[tuple[StreamedEvent, ...]]:
        """Takes a turn and yields it as it is made; the last event holds the turn whole."""
        body = fill(TurnIn, text=text, event=event)
        path = path_of("conversations", conversation, "turns")
        return write_call("POST", read_opening, path, body=body, headers={"Accept": EVENT_STREAM})

    @Verb
    def load(self, conversation: str, *, cursor: str | None = None, limit: int | None = None) -> Call[TranscriptOut]:
        """Loads a conversation with its turns; a long one comes in pages."""
        query = {"cursor": cursor, "limit": limit}
        return read_call(as_model(TranscriptOut), path_of("conversations", conversation), query)

    @ListVerb
    def list(
        self,
        project: str,
        *,
        environment: str | None = None,
        version: int | None = None,
        channel: str | None = None,
        origin: str | None = None,
        q: str | None = None,
        topic: str | None = None,
        outcome: str | None = None,
        tag: str | None = None,
        since: str | None = None,
        until: str | None = None,
        cursor: str | None = None,
        limit: int | None = None,
    ) -> Call[Page[ConversationOut]]:
        """Lists conversations, latest first; `q` searches what was said."""
        query = {
            "environment": environment,
            "version": version,
            "channel": channel,
            "origin": origin,
            "q": q,
            "topic": topic,
            "outcome": outcome,
            "tag": tag,
            "since": since,
            "until": until,
            "cursor": cursor,
            "limit": limit,
        }
        return read_call(as_model(Page[ConversationOut]), path_of("projects", project, "conversations"), query)

    @Verb
    def replay(self, conversation: str, *, ref: str | None = None) -> Call[ReplayOut]:
        """Plays a conversation again, on the versions that answered it or on another ref."""
        path = path_of("conversations", conversation, "replay")
        return write_call("POST", as_model(ReplayOut), path, query={"ref": ref})

    @Verb
    def end(self, conversation: str) -> Call[ConversationOut]:
        """Ends a conversation."""
        return write_call("POST", as_model(ConversationOut), path_of("conversations", conversation, "end"))
