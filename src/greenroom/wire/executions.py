"""Calls that turns made, on the network."""

from __future__ import annotations

from typing import Any

from greenroom.wire.model import Moment, Out


class ExecutionOut(Out):
    """One call of a function, tool, server, model, table or search. What is long in it was cut."""

    id: str
    conversation: str
    turn: int
    kind: str
    name: str
    failed: bool
    error: dict[str, Any] | None
    ms: float
    facts: Any
    answer: Any
    at: Moment
