"""Test runs: start, look at, list, cancel."""

from __future__ import annotations

from collections.abc import Sequence

from greenroom.sdk.exchange import Call, as_bytes, as_model, fill, path_of, read_call, write_call
from greenroom.sdk.verb import ListVerb, Noun, S_co, Verb
from greenroom.wire.model import Page
from greenroom.wire.test_runs import TestRunIn, TestRunOut, TestRunReport


class TestRuns(Noun[S_co]):
    """Test sets played against a ref."""

    # pytest would take the name for a class of tests.
    __test__ = False

    @Verb
    def start(
        self,
        project: str,
        *,
        ref: str | None = None,
        test_sets: Sequence[str] | None = None,
        tags: Sequence[str] | None = None,
        repeat: int | None = None,
        sets_from: str | None = None,
        judge: str | None = None,
        connection: str | None = None,
    ) -> Call[TestRunOut]:
        """Begins a run and returns at once; `load` shows how far it is."""
        body = fill(
            TestRunIn,
            ref=ref,
            test_sets=list(test_sets) if test_sets else None,
            tags=list(tags) if tags else None,
            repeat=repeat,
            sets_from=sets_from,
            judge=judge,
            connection=connection,
        )
        return write_call("POST", as_model(TestRunOut), path_of("projects", project, "test-runs"), body=body)

    @Verb
    def load(
        self, project: str, run: str, *, cursor: str | None = None, limit: int | None = None
    ) -> Call[TestRunReport]:
        """Loads a run with its cases; many come in pages."""
        query = {"cursor": cursor, "limit": limit}
        return read_call(as_model(TestRunReport), path_of("projects", project, "test-runs", run), query)

    @Verb
    def load_junit(self, project: str, run: str) -> Call[bytes]:
        """Loads a whole run as JUnit XML."""
        return read_call(as_bytes, path_of("projects", project, "test-runs", run), {"format": "junit"})

    @ListVerb
    def list(
        self,
        project: str,
        *,
        digest: str | None = None,
        cursor: str | None = None,
        limit: int | None = None,
    ) -> Call[Page[TestRunOut]]:
        """Lists runs, latest first; `digest` keeps those of one snapshot."""
        query = {"digest": digest, "cursor": cursor, "limit": limit}
        return read_call(as_model(Page[TestRunOut]), path_of("projects", project, "test-runs"), query)

    @Verb
    def cancel(self, project: str, run: str) -> Call[TestRunOut]:
        """Ends a run; its results so far stay."""
        path = path_of("projects", project, "test-runs", run, "cancel")
        return write_call("POST", as_model(TestRunOut), path)
