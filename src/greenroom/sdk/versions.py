"""Versions: list, load, mark, compare."""

from __future__ import annotations

from typing import Literal

from greenroom.sdk.exchange import Call, as_model, fill, path_of, read_call, write_call
from greenroom.sdk.verb import ListVerb, Noun, S_co, Verb
from greenroom.wire.model import Page
from greenroom.wire.versions import ComparisonOut, VersionChangeIn, VersionOut


class Versions(Noun[S_co]):
    """The published versions of a project."""

    @ListVerb
    def list(
        self,
        project: str,
        *,
        env: str | None = None,
        tag: str | None = None,
        author: str | None = None,
        cursor: str | None = None,
        limit: int | None = None,
    ) -> Call[Page[VersionOut]]:
        """Lists versions, newest first; `env` keeps those that the environment served."""
        query = {"env": env, "tag": tag, "author": author, "cursor": cursor, "limit": limit}
        return read_call(as_model(Page[VersionOut]), path_of("projects", project, "versions"), query)

    @Verb
    def load(self, project: str, number: int) -> Call[VersionOut]:
        """Loads one version."""
        return read_call(as_model(VersionOut), path_of("projects", project, "versions", number))

    @Verb
    def mark(self, project: str, number: int, mark: Literal["good", "bad", "none"]) -> Call[VersionOut]:
        """Marks a version as known good or bad."""
        path = path_of("projects", project, "versions", number)
        return write_call("PATCH", as_model(VersionOut), path, body=fill(VersionChangeIn, mark=mark))

    @Verb
    def compare(self, project: str, base: str, head: str) -> Call[ComparisonOut]:
        """Compares any two refs."""
        query = {"base": base, "head": head}
        return read_call(as_model(ComparisonOut), path_of("projects", project, "compare"), query)
