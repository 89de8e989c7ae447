"""Entities at a ref, and the kinds they are of."""

from __future__ import annotations

from greenroom.domain.entities import parse_address
from greenroom.sdk.exchange import Call, as_model, path_of, read_call
from greenroom.sdk.verb import ListVerb, Noun, S_co, Verb
from greenroom.wire.content import EntityOut, EntitySummary, KindOut
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


class Kinds(Noun[S_co]):
    """What entities can be."""

    @ListVerb
    def list(self, project: str, *, cursor: str | None = None, limit: int | None = None) -> Call[Page[KindOut]]:
        """Lists the kinds."""
        query = {"cursor": cursor, "limit": limit}
        return read_call(as_model(Page[KindOut]), path_of("projects", project, "kinds"), query)
