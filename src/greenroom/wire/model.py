"""The settings that every shape on the network shares."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Generic, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, StringConstraints

from greenroom.domain.events import format_time

T = TypeVar("T")

Moment = Annotated[datetime, PlainSerializer(format_time, return_type=str, when_used="json")]
"""RFC 3339 UTC with microseconds."""


def _number_of(value: object) -> object:
    if isinstance(value, bool):
        raise ValueError("must be a number")
    if isinstance(value, str) and value[:1] == "v" and value[1:].isdigit() and len(value) <= 10:
        return int(value[1:])
    return value


VersionNumber = Annotated[int, Field(ge=1, le=2**31 - 1), BeforeValidator(_number_of)]
"""A version's number; `"v12"` is read as 12. Every database takes numbers below 2^31."""

DisplayName = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=120)]
"""What people call a project or key: never empty, and without space around it."""

SeenSequence = Annotated[int, Field(strict=True)]
"""The sequence that the caller saw: a number, and nothing that may be read as one."""

DigestText = Annotated[str, StringConstraints(pattern=r"^sha256:[0-9a-f]{64}$")]


class In(BaseModel):
    """A request: unknown fields are refused."""

    model_config = ConfigDict(extra="forbid", str_max_length=100_000)


class Out(BaseModel):
    """A reply: readers must ignore fields they do not know."""

    model_config = ConfigDict(extra="ignore")


class Page(Out, Generic[T]):
    """One page of a list; pass `next_cursor` as `cursor` for the next one, null at the end."""

    items: list[T]
    next_cursor: str | None = None


class WarningOut(Out):
    """Something to know; those with `must_acknowledge` block until their code is in `acknowledged`."""

    code: str
    message: str
    must_acknowledge: bool = False
