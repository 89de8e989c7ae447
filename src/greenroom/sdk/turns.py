"""What a turn sends while it is taken: named pieces, the last one being the turn whole."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from greenroom.domain.errors import Unavailable
from greenroom.sdk.exchange import EVENT_STREAM, Reply, error_of
from greenroom.wire.conversations import TurnOut
from greenroom.wire.problems import Problem

TURN = "turn"
PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class StreamedEvent:
    """One piece; `turn` is set on the last one, which is named `turn`."""

    name: str
    data: Any
    turn: TurnOut | None = None


def read_event(name: str, data: str) -> StreamedEvent:
    """Returns a piece as it was sent. Raises the error that a `problem` names."""
    try:
        if name == PROBLEM:
            raise error_of(Problem.model_validate_json(data))
        value = json.loads(data)
        return StreamedEvent(name, value, TurnOut.model_validate(value) if name == TURN else None)
    except ValueError:
        raise Unavailable("unexpected_reply", f"the server sent a '{name}' event that cannot be read") from None


def read_opening(reply: Reply) -> tuple[StreamedEvent, ...]:
    """Returns the turn where the server answered whole, nothing where a stream begins."""
    if reply.content_type.startswith(EVENT_STREAM):
        return ()
    return (read_event(TURN, reply.body.decode()),)
