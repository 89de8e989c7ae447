"""Hand-off tickets: what the agent left for a person to do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from greenroom.domain.errors import Refused

Status = Literal["open", "closed"]
STATUSES: tuple[Status, ...] = ("open", "closed")


def assign(ticket: Mapping[str, Any], to: str) -> dict[str, Any]:
    """Returns an open ticket with somebody to deal with it ('' for nobody). Raises Refused for a closed one."""
    _check_open(ticket)
    return {**ticket, "assignee": to}


def close(ticket: Mapping[str, Any], comment: str, by: str, at: str) -> dict[str, Any]:
    """Returns a ticket closed. Raises Refused for one that is closed already."""
    _check_open(ticket)
    return {**ticket, "status": "closed", "comment": comment, "closed_by": by, "closed_at": at}


def _check_open(ticket: Mapping[str, Any]) -> None:
    if ticket["status"] != "open":
        detail = f"this ticket was closed at {ticket['closed_at']}; a closed ticket does not change"
        raise Refused("ticket_closed", detail)
