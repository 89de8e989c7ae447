"""Secrets on the network: values go in and never out."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from greenroom.domain.secrets import MAX_VALUE_BYTES
from greenroom.wire.model import In, Moment, Out


class SecretIn(In):
    """A secret's value. No answer, log, event, export or transcript holds it."""

    value: Annotated[str, Field(min_length=1, max_length=MAX_VALUE_BYTES, json_schema_extra={"writeOnly": True})]


class OverrideOut(Out):
    """Where a secret has another value."""

    environment: str
    side: str
    set_at: Moment
    set_by: str


class SecretOut(Out):
    """A secret without its value; `set_at` is null when only environments have one."""

    name: str
    set_at: Moment | None
    set_by: str
    overrides: list[OverrideOut]


class RotatedOut(Out):
    """How much of what is sealed was sealed anew with the present key; `next_cursor` is where to go on.

    `rotated` are values of secrets, `turns` what users said, `users` their variables, `conversations` their states.
    `unopened` nobody can open with the keys that the server was given. Without a `next_cursor` nothing else needs a
    former key any more.
    """

    rotated: int
    turns: int = 0
    users: int = 0
    conversations: int = 0
    unopened: int = 0
    next_cursor: str | None = None
