"""A turn as it is made: server-sent events, the last one the turn as it was recorded."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Final

import structlog
from starlette.responses import Response, StreamingResponse

from greenroom.api.asking import Ask
from greenroom.api.problems import problem_bytes, to_json
from greenroom.api.writes import REPLAYED_HEADER, Answer, Write
from greenroom.domain.errors import GreenroomError, Unavailable
from greenroom.services.conversations import Delta, Heard, TurnView

EVENT_STREAM: Final = "text/event-stream"
HEADERS: Final = {"cache-control": "no-store", "x-accel-buffering": "no"}
_Piece = Delta | Answer | Exception
_running: set[asyncio.Task[None]] = set()
_log = structlog.get_logger("greenroom.api")


async def stream_turn(ask: Ask, write: Write[TurnView], conversation: str, heard: Heard) -> Response:
    """Returns the stream of a turn. What is refused before the first word is refused with its status.

    The turn is taken by a task of its own: a reader who hangs up does not undo what the agent said.
    """
    known = await write.find_answer()
    if known is not None:
        headers = {**HEADERS, REPLAYED_HEADER: "true"}
        return StreamingResponse(_once(known), 200, headers, EVENT_STREAM)
    pieces: asyncio.Queue[_Piece] = asyncio.Queue()
    task = asyncio.create_task(_take(ask, write, conversation, heard, pieces))
    _running.add(task)
    task.add_done_callback(_running.discard)
    first = await pieces.get()
    if isinstance(first, Exception):
        raise first
    return StreamingResponse(_events(first, pieces), 200, HEADERS, EVENT_STREAM)


async def _take(
    ask: Ask, write: Write[TurnView], conversation: str, heard: Heard, pieces: asyncio.Queue[_Piece]
) -> None:
    try:
        async for piece in ask.desk.conversations.stream_turn(write.call, conversation, heard):
            if isinstance(piece, Delta):
                pieces.put_nowait(piece)
            else:
                ask.door.metrics.turns.inc()
                pieces.put_nowait(await write.finish(piece))
    except GreenroomError as wrong:
        try:
            pieces.put_nowait(await write.answer_of_twin(wrong))
        except GreenroomError as final:
            pieces.put_nowait(final)
    except Exception as fault:  # noqa: BLE001 - the reader waits on the queue; the fault is raised or told there
        pieces.put_nowait(fault)


async def _events(piece: _Piece, pieces: asyncio.Queue[_Piece]) -> AsyncIterator[bytes]:
    while isinstance(piece, Delta):
        yield _event("delta", to_json({"text": piece.text}))
        piece = await pieces.get()
    if isinstance(piece, Answer):
        yield _event("turn", piece.body)
    elif isinstance(piece, GreenroomError):
        yield _event("problem", problem_bytes(piece))
    else:
        _log.error("unexpected", where="stream", exc_info=piece)
        yield _event("problem", problem_bytes(Unavailable("internal_error", "the turn could not be taken")))


async def _once(answer: Answer) -> AsyncIterator[bytes]:
    yield _event("turn", answer.body)


def _event(name: str, data: bytes) -> bytes:
    # JSON has no line breaks of its own, so one data line is the whole of it.
    return b"event: %b\ndata: %b\n\n" % (name.encode(), data)
