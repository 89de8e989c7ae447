"""Hand-off tickets on the network."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from greenroom.wire.model import In, Moment, Out


class TicketOut(Out):
    """What an agent left for a person to do."""

    id: str
    conversation: str
    channel: str
    status: str
    handoff: str
    name: str
    reason: str
    destination: dict[str, Any]
    assignee: str
    comment: str
    opened_at: Moment
    changed_at: Moment
    closed_by: str
    closed_at: str | None


class AssignIn(In):
    """Who deals with a ticket; '' for nobody."""

    assignee: str = Field(max_length=120)


class CloseIn(In):
    """What was done."""

    comment: str = Field("", max_length=2_000)
