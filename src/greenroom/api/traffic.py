"""Which version serves a key, on the network."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import Query
from starlette.responses import Response

from greenroom.api.asking import Given, ProjectPath, reply
from greenroom.api.nouns import Noun
from greenroom.domain.errors import Fault, Invalid
from greenroom.domain.numbers import MAX_WRITTEN
from greenroom.services.traffic import Resolved
from greenroom.wire.conversations import ResolveOut

NOUN: Final = Noun("traffic")
MAX_KEY: Final = 400


@NOUN.verb("GET", "/projects/{project}/resolve", "resolve", ResolveOut)
async def resolve(
    ask: Given,
    project: ProjectPath,
    key: Annotated[str, Query(min_length=1, max_length=MAX_KEY, description="Who asks: a user id, a caller …")],
    environment: Annotated[
        str | None, Query(min_length=1, max_length=80, description="An alias; without one, the default entry.")
    ] = None,
    share_link: Annotated[
        str | None, Query(min_length=1, max_length=200, description="A share link's token, in place of an alias.")
    ] = None,
    number: Annotated[
        str | None,
        Query(min_length=1, max_length=MAX_WRITTEN, description="The called number instead; it leads somewhere."),
    ] = None,
) -> Response:
    """Says which version serves a traffic key, and why, without a conversation.

    An alias decides first, then a share link, the called number's environment, a tester's place, the split, the
    default environment. A number's SIP rules are asked only when a conversation begins.
    """
    if number is not None and (environment is not None or share_link is not None):
        message = "give an environment, a share link or a number: one of them"
        raise Invalid("environment_or_number", message, errors=[Fault("/number", message)])
    called = None if number is None else read_plus(number)
    return reply(resolve_out(await ask.desk.traffic.resolve(ask.call, project, key, environment, share_link, called)))


def read_plus(number: str) -> str:
    """Returns a number from a query, where a `+` that was not quoted arrives as a space."""
    return f"+{number[1:]}" if number[:1] == " " and number[1:2].isdigit() else number


def resolve_out(resolved: Resolved) -> ResolveOut:
    """Returns a decision as it is sent; `hot` writes the same bytes without this shape."""
    return ResolveOut(
        environment=resolved.environment,
        version=resolved.version,
        digest=resolved.digest,
        seq=resolved.seq,
        slot=resolved.slot,
        reason=resolved.reason,
    )
