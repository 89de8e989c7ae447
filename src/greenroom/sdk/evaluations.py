"""Evaluations: list, load, save, remove, run, cancel, and their results."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from greenroom.sdk.exchange import Call, as_model, as_nothing, fill, path_of, read_call, write_call
from greenroom.sdk.verb import ListVerb, Noun, S_co, Verb
from greenroom.wire.evaluations import EvaluationIn, EvaluationOut, EvaluationRunIn, VerdictOut
from greenroom.wire.model import Page


def _if_match(revision: int | None) -> dict[str, str]:
    return {"If-Match": "*" if revision is None else f'"{revision}"'}


class Evaluations(Noun[S_co]):
    """Questions that are asked of a project's conversations."""

    @ListVerb
    def list(self, project: str, *, cursor: str | None = None, limit: int | None = None) -> Call[Page[EvaluationOut]]:
        """Lists evaluations by name."""
        query = {"cursor": cursor, "limit": limit}
        return read_call(as_model(Page[EvaluationOut]), path_of("projects", project, "evaluations"), query)

    @Verb
    def load(self, project: str, name: str) -> Call[EvaluationOut]:
        """Loads an evaluation with its last run."""
        return read_call(as_model(EvaluationOut), path_of("projects", project, "evaluations", name))

    @Verb
    def save(
        self,
        project: str,
        name: str,
        *,
        judge: str,
        rules: str | None = None,
        provider: str | None = None,
        connection: str | None = None,
        question: str | None = None,
        answer: str | None = None,
        better: str | None = None,
        description: str | None = None,
        revision: int | None = None,
    ) -> Call[EvaluationOut]:
        """Saves an evaluation whole; `revision` is the one that was read, None makes a new one."""
        body = fill(
            EvaluationIn,
            judge=judge,
            rules=rules,
            provider=provider,
            connection=connection,
            question=question,
            answer=answer,
            better=better,
            description=description,
        )
        path = path_of("projects", project, "evaluations", name)
        return write_call("PUT", as_model(EvaluationOut), path, body=body, headers=_if_match(revision))

    @Verb
    def remove(self, project: str, name: str, *, revision: int) -> Call[None]:
        """Removes the evaluation whose revision was read, with its results."""
        path = path_of("projects", project, "evaluations", name)
        return write_call("DELETE", as_nothing, path, headers=_if_match(revision))

    @Verb
    def run(
        self,
        project: str,
        name: str,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        environment: str | None = None,
        version: int | None = None,
        limit: int | None = None,
    ) -> Call[EvaluationOut]:
        """Begins to judge conversations that were not judged yet; `load` says how far it is."""
        body: dict[str, Any] = {
            "from": since.isoformat() if since else None,
            "to": until.isoformat() if until else None,
            "environment": environment,
            "version": version,
            "limit": limit,
        }
        fill(EvaluationRunIn, **body)
        path = path_of("projects", project, "evaluations", name, "run")
        given = {field: value for field, value in body.items() if value is not None}
        return write_call("POST", as_model(EvaluationOut), path, body=given)

    @Verb
    def cancel(self, project: str, name: str) -> Call[EvaluationOut]:
        """Ends a run; what was judged stays."""
        path = path_of("projects", project, "evaluations", name, "cancel")
        return write_call("POST", as_model(EvaluationOut), path)

    @ListVerb
    def list_results(
        self,
        project: str,
        name: str,
        *,
        environment: str | None = None,
        version: int | None = None,
        cursor: str | None = None,
        limit: int | None = None,
    ) -> Call[Page[VerdictOut]]:
        """Lists what came of conversations."""
        query = {"environment": environment, "version": version, "cursor": cursor, "limit": limit}
        path = path_of("projects", project, "evaluations", name, "results")
        return read_call(as_model(Page[VerdictOut]), path, query)
