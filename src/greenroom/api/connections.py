"""Connections on the network: where a project's providers are."""

from __future__ import annotations

from typing import Annotated, Final

import orjson
from fastapi import Header
from starlette.responses import Response

from greenroom.api.asking import Given, ProjectPath, SlugPath, reply
from greenroom.api.etags import parse_if_match, quote_tag
from greenroom.api.nouns import Noun
from greenroom.api.paging import DEFAULT_LIMIT, Cursor, Limit, cut_page
from greenroom.domain.connections import Connection
from greenroom.wire.connections import ConnectionIn, ConnectionOut
from greenroom.wire.model import Page

NOUN: Final = Noun("connections")
_ALL: Final = "/projects/{project}/connections"
_ONE: Final = _ALL + "/{slug}"
IfMatch = Annotated[
    str | None,
    Header(alias="If-Match", max_length=200, description="The revision that was read, in quotes; * to make a new one."),
]


@NOUN.verb("GET", _ALL, "list", Page[ConnectionOut])
async def list_(ask: Given, project: ProjectPath, cursor: Cursor = None, limit: Limit = DEFAULT_LIMIT) -> Response:
    """Lists a project's connections by slug; they name secrets and never hold one."""
    found = await ask.desk.connections.list(ask.call, project)
    return reply(cut_page("connections", found, cursor, limit, lambda each: each.slug, connection_out))


@NOUN.verb("GET", _ONE, "load", ConnectionOut)
async def load(ask: Given, project: ProjectPath, slug: SlugPath) -> Response:
    """Loads a connection; its revision is the ETag."""
    found = await ask.desk.connections.load(ask.call, project, slug)
    return reply(connection_out(found), quote_tag(str(found.revision)))


@NOUN.verb("PUT", _ONE, "save", ConnectionOut)
async def save(
    ask: Given, project: ProjectPath, slug: SlugPath, body: ConnectionIn, if_match: IfMatch = None
) -> Response:
    """Makes a connection or replaces the one whose revision was seen; it holds at once, in every environment."""
    wanted = Connection(slug, body.kind, body.provider, body.base_url.rstrip("/"), body.secret, body.settings)
    seen = parse_if_match(if_match)
    return await ask.write(
        lambda call: ask.desk.connections.save(call, project, wanted, seen), connection_out, tag=_revision_tag
    )


@NOUN.verb("DELETE", _ONE, "remove", None, 204)
async def remove(ask: Given, project: ProjectPath, slug: SlugPath, if_match: IfMatch = None) -> Response:
    """Removes the connection whose revision was seen."""
    seen = parse_if_match(if_match)
    return await ask.write(
        lambda call: ask.desk.connections.remove(call, project, slug, seen), lambda _: None, status=204
    )


def _revision_tag(body: bytes) -> str | None:
    return quote_tag(str(orjson.loads(body)["revision"]))


def connection_out(found: Connection) -> ConnectionOut:
    """Returns a connection as it is sent."""
    return ConnectionOut(
        slug=found.slug,
        kind=found.kind,
        provider=found.provider,
        base_url=found.base_url,
        secret=found.secret,
        settings=dict(found.settings),
        revision=found.revision,
        created_at=found.created_at,
        changed_at=found.changed_at,
        changed_by=found.changed_by,
    )
