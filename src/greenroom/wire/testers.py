"""Testers on the network: who they are goes in and comes out masked."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from greenroom.domain.testers import MAX_LABEL, MAX_PERSON
from greenroom.wire.model import In, Moment, Out


class TesterIn(In):
    """Somebody to lead to an environment: a user id or a caller's number, exactly as it will come."""

    environment: Annotated[str, Field(min_length=1, max_length=80)]
    user_id: Annotated[str | None, Field(max_length=MAX_PERSON)] = None
    caller: Annotated[str | None, Field(max_length=MAX_PERSON)] = None
    label: Annotated[str, Field(max_length=MAX_LABEL)] = ""


class TesterOut(Out):
    """A tester. `shown` is what may be read of the user id or number; `environment` is empty where it was deleted."""

    id: str
    kind: Literal["user_id", "caller"]
    shown: str
    label: str
    environment: str
    added_at: Moment
    added_by: str
