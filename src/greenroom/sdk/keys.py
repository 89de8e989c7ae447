"""API keys: create, list, revoke."""

from __future__ import annotations

from greenroom.sdk.exchange import Call, as_model, as_nothing, fill, path_of, read_call, write_call
from greenroom.sdk.verb import ListVerb, Noun, S_co, Verb
from greenroom.wire.history import ApiKeyIn, ApiKeyOut, NewApiKeyOut
from greenroom.wire.model import Page


class Keys(Noun[S_co]):
    """The API keys of the workspace; each is a person of its own."""

    @Verb
    def create(self, name: str, *, role: str | None = None) -> Call[NewApiKeyOut]:
        """Makes a key; the reply is the only place where it is shown."""
        body = fill(ApiKeyIn, name=name, role=role)
        return write_call("POST", as_model(NewApiKeyOut), path_of("api-keys"), body=body)

    @ListVerb
    def list(self, *, cursor: str | None = None, limit: int | None = None) -> Call[Page[ApiKeyOut]]:
        """Lists keys without the keys themselves."""
        return read_call(as_model(Page[ApiKeyOut]), path_of("api-keys"), {"cursor": cursor, "limit": limit})

    @Verb
    def revoke(self, key: str) -> Call[None]:
        """Revokes a key by its id, at once and for ever."""
        return write_call("DELETE", as_nothing, path_of("api-keys", key))
