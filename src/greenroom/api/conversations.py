"""Conversations on the network: begun, answered turn by turn, looked at, ended."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Final, Literal

from fastapi import Query
from pydantic import AwareDatetime
from starlette.responses import Response

from greenroom.api.asking import Given, IdPath, ProjectPath, reply
from greenroom.api.nouns import Noun
from greenroom.api.paging import (
    DEFAULT_LIMIT,
    MAX_NUMBER,
    Cursor,
    Limit,
    make_cursor,
    page_of,
    read_cursor,
    read_text_cursor,
)
from greenroom.api.problems import to_json
from greenroom.api.streams import EVENT_STREAM, stream_turn
from greenroom.api.writes import Form
from greenroom.domain.conversations import Outcome
from greenroom.domain.errors import Fault, Invalid, LimitReached
from greenroom.services.conversations import Beginning, ConversationView, Heard, TurnView
from greenroom.services.replays import ReplayedTurn
from greenroom.services.transcripts import read_tag
from greenroom.services.work import Call
from greenroom.wire.conversations import (
    ConversationIn,
    ConversationOut,
    ReplayedTurnOut,
    ReplayOut,
    StartedOut,
    TranscriptOut,
    TurnIn,
    TurnOut,
)
from greenroom.wire.model import Page

NOUN: Final = Noun("conversations")
MAX_CONTEXT_BYTES: Final = 64 * 1024
"""Every turn reads and writes what a conversation was started with."""
_STREAM = {
    "responses": {
        "200": {
            "description": "The turn. With `Accept: text/event-stream`: `delta` events, then one `turn` or `problem`.",
            "content": {EVENT_STREAM: {"schema": {"type": "string"}}},
        }
    }
}


@NOUN.verb("POST", "/projects/{project}/conversations", "start", StartedOut, 201)
async def start(ask: Given, project: ProjectPath, body: ConversationIn) -> Response:
    """Starts a conversation in an environment (or the default entry), or, as a test, on any ref."""
    _check_size(body)
    begin = Beginning(
        environment=body.environment,
        ref=body.ref,
        user_id=body.user_id,
        channel=body.channel,
        caller=body.caller,
        called=body.called,
        variant=body.variant,
        language=body.language,
        variables=body.variables,
        sip_headers=body.sip_headers,
        share_link=body.share_link,
        now=body.now,
    )
    return await ask.write(lambda call: ask.desk.conversations.start(call, project, begin), started_out, status=201)


@NOUN.verb("POST", "/conversations/{id}/turns", "take_turn", TurnOut, extra=_STREAM)
async def take_turn(ask: Given, id: IdPath, body: TurnIn) -> Response:  # noqa: A002 - the API's word
    """Takes a turn: what the user said, or an event of the channel.

    With `Accept: text/event-stream` the reply comes sentence by sentence, and the turn whole at the end.
    """
    heard = heard_of(body)

    async def counted(call: Call) -> TurnView:
        turn = await ask.desk.conversations.take_turn(call, id, heard)
        ask.door.metrics.turns.inc()
        return turn

    if EVENT_STREAM in ask.request.headers.get("accept", ""):
        return await stream_turn(ask, ask.begin_write(Form(turn_out)), id, heard)
    return await ask.write(counted, turn_out)


@NOUN.verb("GET", "/conversations/{id}", "load", TranscriptOut)
async def load(ask: Given, id: IdPath, cursor: Cursor = None, limit: Limit = DEFAULT_LIMIT) -> Response:  # noqa: A002
    """Loads a conversation with its turns; a long one comes in pages."""
    after = read_cursor("turns", cursor)
    view, turns = await ask.desk.conversations.load(ask.call, id, -1 if after is None else after, limit + 1)
    shown = turns[:limit]
    following = make_cursor("turns", shown[-1].turn.index) if len(turns) > limit else None
    out = TranscriptOut(
        **conversation_out(view).model_dump(),
        transcript=[turn_out(turn) for turn in shown],
        next_cursor=following,
    )
    return reply(out)


@NOUN.verb("GET", "/projects/{project}/conversations", "list", Page[ConversationOut])
async def list_(
    ask: Given,
    project: ProjectPath,
    environment: Annotated[str | None, Query(max_length=80, description="Keeps one environment's.")] = None,
    version: Annotated[int | None, Query(ge=1, le=MAX_NUMBER, description="Keeps those begun with it.")] = None,
    channel: Annotated[str | None, Query(max_length=40, description="Keeps one channel's.")] = None,
    origin: Annotated[
        Literal["public", "test", "replay"] | None, Query(description="Keeps those of one origin.")
    ] = None,
    q: Annotated[str | None, Query(max_length=200, description="Searches what was said.")] = None,
    topic: Annotated[str | None, Query(max_length=120, description="Keeps those that this topic answered.")] = None,
    outcome: Annotated[Outcome | None, Query(description="Keeps those that went so.")] = None,
    tag: Annotated[str | None, Query(max_length=80, description="Keeps those with this tag.")] = None,
    since: Annotated[
        AwareDatetime | None, Query(description="Keeps those that began then or later: 2026-09-01T00:00:00Z.")
    ] = None,
    until: Annotated[AwareDatetime | None, Query(description="Keeps those that began before.")] = None,
    cursor: Cursor = None,
    limit: Limit = DEFAULT_LIMIT,
) -> Response:
    """Lists conversations, latest start first."""
    found = await ask.desk.conversations.list(
        ask.call,
        project,
        read_text_cursor("conversations", cursor),
        limit + 1,
        environment=environment,
        version=version,
        channel=channel,
        origin=origin,
        text=q,
        topic=topic,
        outcome=outcome,
        tag=None if tag is None else read_tag(tag),
        since=since,
        until=until,
    )
    return reply(page_of("conversations", found, limit, lambda v: v.conversation.id, conversation_out))


@NOUN.verb("POST", "/conversations/{id}/end", "end", ConversationOut)
async def end(ask: Given, id: IdPath) -> Response:  # noqa: A002 - the API's word
    """Ends a conversation; ending it twice is the same as once."""
    return await ask.write(lambda call: ask.desk.conversations.end(call, id), conversation_out)


@NOUN.verb("POST", "/conversations/{id}/replay", "replay", ReplayOut)
async def replay(
    ask: Given,
    id: IdPath,  # noqa: A002 - the API's word
    ref: Annotated[str | None, Query(max_length=200)] = None,
) -> Response:
    """Plays a conversation again, on the versions that answered it or on another ref; calls and stores nothing."""
    return reply(replay_out(ref, await ask.desk.replays.replay(ask.call, id, ref)))


def replay_out(ref: str | None, turns: Sequence[ReplayedTurn]) -> ReplayOut:
    """Returns a replay as it is sent."""
    shown = [
        ReplayedTurnOut(
            index=turn.index,
            heard=turn.heard,
            said=turn.said,
            said_now=turn.said_now,
            topic=turn.topic,
            topic_now=turn.topic_now,
            actions=list(turn.actions),
            actions_now=list(turn.actions_now),
            same=turn.same,
        )
        for turn in turns
    ]
    return ReplayOut(ref=ref, turns=shown, changed=sum(not turn.same for turn in turns))


def _check_size(body: ConversationIn) -> None:
    size = len(to_json([body.variables, body.sip_headers]))
    if size > MAX_CONTEXT_BYTES:
        detail = f"variables and SIP headers are {size:,} bytes; at most {MAX_CONTEXT_BYTES:,} go with a conversation"
        raise LimitReached(
            "context_too_large", detail, errors=[Fault("/variables", detail)], extra={"limit": MAX_CONTEXT_BYTES}
        )


def heard_of(body: TurnIn) -> Heard:
    """Returns the input of a turn. Raises Invalid unless it is a text or an event."""
    if (body.text is None) == (body.event is None):
        message = "give what the user said as `text`, or an `event` of the channel: one of them"
        raise Invalid("text_or_event", message, errors=[Fault("/text", message)])
    return Heard(body.text or "", body.event or "")


def conversation_out(view: ConversationView) -> ConversationOut:
    """Returns a conversation as it is sent."""
    conversation = view.conversation
    return ConversationOut(
        id=conversation.id,
        environment=view.alias,
        ref=conversation.ref,
        origin=conversation.origin,
        channel=conversation.channel,
        version=conversation.started_version,
        digest=conversation.started_digest,
        started_at=conversation.started_at,
        last_at=conversation.last_at,
        turns=conversation.turns,
        ended=conversation.ended_at is not None,
        ended_by=conversation.ended_by,
        outcome=conversation.outcome,
        topics=list(conversation.topics),
        tags=list(conversation.tags),
        entry=dict(conversation.entry),
        erased_at=conversation.erased_at,
    )


def started_out(begun: tuple[ConversationView, TurnView]) -> StartedOut:
    """Returns a conversation just begun as it is sent."""
    view, greeting = begun
    return StartedOut(
        **conversation_out(view).model_dump(),
        greeting=greeting.turn.said,
        events=[dict(event) for event in greeting.turn.events],
        draft_changed=view.draft_changed,
    )


def turn_out(view: TurnView) -> TurnOut:
    """Returns a turn as it is sent."""
    turn = view.turn
    return TurnOut(
        index=turn.index,
        heard=turn.heard,
        reply=turn.said,
        events=[dict(event) for event in turn.events],
        ended=view.ended,
        version=turn.version,
        digest=turn.digest,
        trace=dict(turn.trace),
        at=turn.at,
        draft_changed=view.draft_changed,
    )
