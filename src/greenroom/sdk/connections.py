"""Connections: list, load, save, remove."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from greenroom.sdk.exchange import Call, as_model, as_nothing, fill, path_of, read_call, write_call
from greenroom.sdk.verb import ListVerb, Noun, S_co, Verb
from greenroom.wire.connections import ConnectionIn, ConnectionOut
from greenroom.wire.model import Page


def _if_match(revision: int | None) -> dict[str, str]:
    return {"If-Match": "*" if revision is None else f'"{revision}"'}


class Connections(Noun[S_co]):
    """Where a project's providers are, and which secrets open them."""

    @ListVerb
    def list(self, project: str, *, cursor: str | None = None, limit: int | None = None) -> Call[Page[ConnectionOut]]:
        """Lists connections by slug."""
        query = {"cursor": cursor, "limit": limit}
        return read_call(as_model(Page[ConnectionOut]), path_of("projects", project, "connections"), query)

    @Verb
    def load(self, project: str, slug: str) -> Call[ConnectionOut]:
        """Loads a connection."""
        return read_call(as_model(ConnectionOut), path_of("projects", project, "connections", slug))

    @Verb
    def save(
        self,
        project: str,
        slug: str,
        *,
        kind: str,
        provider: str | None = None,
        base_url: str | None = None,
        secret: str | None = None,
        settings: Mapping[str, Any] | None = None,
        revision: int | None = None,
    ) -> Call[ConnectionOut]:
        """Saves a connection whole; `revision` is the one that was read, None makes a new one."""
        own = None if settings is None else dict(settings)
        body = fill(ConnectionIn, kind=kind, provider=provider, base_url=base_url, secret=secret, settings=own)
        path = path_of("projects", project, "connections", slug)
        return write_call("PUT", as_model(ConnectionOut), path, body=body, headers=_if_match(revision))

    @Verb
    def remove(self, project: str, slug: str, *, revision: int) -> Call[None]:
        """Removes the connection whose revision was read."""
        path = path_of("projects", project, "connections", slug)
        return write_call("DELETE", as_nothing, path, headers=_if_match(revision))
