"""Environments: what each serves, and what a rollback would bring back."""

from __future__ import annotations

from greenroom.sdk.exchange import Call, as_model, path_of, read_call
from greenroom.sdk.verb import ListVerb, Noun, S_co, Verb
from greenroom.wire.environments import EnvironmentOut
from greenroom.wire.model import Page


class Environments(Noun[S_co]):
    """The environments of a project."""

    @ListVerb
    def list(self, project: str, *, cursor: str | None = None, limit: int | None = None) -> Call[Page[EnvironmentOut]]:
        """Lists environments by position."""
        query = {"cursor": cursor, "limit": limit}
        return read_call(as_model(Page[EnvironmentOut]), path_of("projects", project, "environments"), query)

    @Verb
    def load(self, project: str, environment: str) -> Call[EnvironmentOut]:
        """Loads one environment by alias."""
        return read_call(as_model(EnvironmentOut), path_of("projects", project, "environments", environment))
