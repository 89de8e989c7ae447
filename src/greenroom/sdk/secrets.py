"""Secrets: set, list, unset. Values go in and never out."""

from __future__ import annotations

from greenroom.sdk.exchange import Call, as_model, as_nothing, fill, path_of, read_call, write_call
from greenroom.sdk.verb import ListVerb, Noun, S_co, Verb
from greenroom.wire.model import Page
from greenroom.wire.secrets import RotatedOut, SecretIn, SecretOut


class Secrets(Noun[S_co]):
    """The secrets of a project."""

    @ListVerb
    def list(self, project: str, *, cursor: str | None = None, limit: int | None = None) -> Call[Page[SecretOut]]:
        """Lists secrets by name, without their values."""
        query = {"cursor": cursor, "limit": limit}
        return read_call(as_model(Page[SecretOut]), path_of("projects", project, "secrets"), query)

    @Verb
    def set(self, project: str, name: str, value: str) -> Call[SecretOut]:
        """Sets a value for the whole project."""
        path = path_of("projects", project, "secrets", name)
        return write_call("PUT", as_model(SecretOut), path, body=fill(SecretIn, value=value))

    @Verb
    def unset(self, project: str, name: str) -> Call[None]:
        """Removes a secret with all its overrides."""
        return write_call("DELETE", as_nothing, path_of("projects", project, "secrets", name))

    @Verb
    def override(self, project: str, name: str, environment: str, side: str, value: str) -> Call[SecretOut]:
        """Sets another value for an environment's traffic (`live`) or for tests of its drafts (`draft`)."""
        path = path_of("projects", project, "secrets", name, "overrides", environment, side)
        return write_call("PUT", as_model(SecretOut), path, body=fill(SecretIn, value=value))

    @Verb
    def restore(self, project: str, name: str, environment: str, side: str) -> Call[None]:
        """Removes an override."""
        path = path_of("projects", project, "secrets", name, "overrides", environment, side)
        return write_call("DELETE", as_nothing, path)

    @Verb
    def rotate(self, project: str, *, cursor: str | None = None) -> Call[RotatedOut]:
        """Seals a portion of all that is sealed anew with the server's present key; repeat with `next_cursor`."""
        path = path_of("projects", project, "secrets", "rotate")
        return write_call("POST", as_model(RotatedOut), path, query={"cursor": cursor})
