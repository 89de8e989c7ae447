"""Testers: list, add, remove."""

from __future__ import annotations

from greenroom.sdk.exchange import Call, as_model, as_nothing, fill, path_of, read_call, write_call
from greenroom.sdk.verb import ListVerb, Noun, S_co, Verb
from greenroom.wire.model import Page
from greenroom.wire.testers import TesterIn, TesterOut


class Testers(Noun[S_co]):
    """Named people who are led to one environment."""

    @ListVerb
    def list(
        self, project: str, *, environment: str | None = None, cursor: str | None = None, limit: int | None = None
    ) -> Call[Page[TesterOut]]:
        """Lists testers, masked."""
        query = {"environment": environment, "cursor": cursor, "limit": limit}
        return read_call(as_model(Page[TesterOut]), path_of("projects", project, "testers"), query)

    @Verb
    def add(
        self,
        project: str,
        environment: str,
        *,
        user_id: str | None = None,
        caller: str | None = None,
        label: str | None = None,
    ) -> Call[TesterOut]:
        """Leads a user or a caller to an environment; give one of the two."""
        body = fill(TesterIn, environment=environment, user_id=user_id, caller=caller, label=label)
        return write_call("POST", as_model(TesterOut), path_of("projects", project, "testers"), body=body)

    @Verb
    def remove(self, project: str, tester: str) -> Call[None]:
        """Removes a tester."""
        return write_call("DELETE", as_nothing, path_of("projects", project, "testers", tester))
