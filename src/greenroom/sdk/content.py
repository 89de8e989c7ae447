"""Entities at a ref, and the kinds they are of."""

from __future__ import annotations

from greenroom.domain.entities import parse_address
from greenroom.sdk.exchange import Call, as_model, path_of, read_call
from greenroom.sdk.verb import ListVerb, Noun, S_co, Verb
from greenroom.wire.content import EntityChangeOut, EntityOut, EntitySummary, KindOut
from greenroom.wire.model import Page


class Content(Noun[S_co]):
    """What a state holds."""

    @ListVerb
    def list(
        self,
        project: str,
        *,
        ref: str | None = None,
        kind: str | None = None,
        cursor: str | None = None,
        limit: int | None = None,
    ) -> Call[Page[EntitySummary]]:
        """Lists the entities at a ref."""
        query = {"ref": ref, "kind": kind, "cursor": cursor, "limit": limit}
        return read_call(as_model(Page[EntitySummary]), path_of("projects", project, "content"), query)

    @Verb
    def load(self, project: str, address: str, *, ref: str | None = None) -> Call[EntityOut]:
        """Loads one entity by its address, `kind/slug`."""
        at = parse_address(address)
        return read_call(as_model(EntityOut), path_of("projects", project, "content", at.kind, at.slug), {"ref": ref})

    @ListVerb
    def list_history(
        self, project: str, address: str, *, cursor: str | None = None, limit: int | None = None
    ) -> Call[Page[EntityChangeOut]]:
        """Lists the versions that changed an entity, newest first, and where each of its bodies is served."""
        at = parse_address(address)
        path = path_of("projects", project, "content", at.kind, at.slug, "history")
        return read_call(as_model(Page[EntityChangeOut]), path, {"cursor": cursor, "limit": limit})


class Kinds(Noun[S_co]):
    """What entities can be."""

    @ListVerb
    def list(self, project: str, *, cursor: str | None = None, limit: int | None = None) -> Call[Page[KindOut]]:
        """Lists the kinds."""
        query = {"cursor": cursor, "limit": limit}
        return read_call(as_model(Page[KindOut]), path_of("projects", project, "kinds"), query)
