"""Readiness: whether an environment has what a version needs."""

from __future__ import annotations

from greenroom.sdk.exchange import Call, as_model, path_of, read_call
from greenroom.sdk.verb import Noun, S_co, Verb
from greenroom.wire.readiness import ReadinessOut


class Readiness(Noun[S_co]):
    """What an environment has and lacks for a version."""

    @Verb
    def check(self, project: str, environment: str, *, version: int | None = None) -> Call[ReadinessOut]:
        """Says whether a version could be released there (default: what comes next), and what is missing."""
        path = path_of("projects", project, "environments", environment, "readiness")
        return read_call(as_model(ReadinessOut), path, {"version": version})
