"""History of a project, and the workspace's audit chain."""

from __future__ import annotations

from greenroom.sdk.exchange import Call, as_model, path_of, read_call
from greenroom.sdk.verb import ListVerb, Noun, S_co, Verb
from greenroom.wire.history import AuditOut, EventOut
from greenroom.wire.model import Page


class History(Noun[S_co]):
    """Everything that happened in a project."""

    @ListVerb
    def list(
        self, project: str, *, action: str | None = None, cursor: str | None = None, limit: int | None = None
    ) -> Call[Page[EventOut]]:
        """Lists what happened, newest first; `action` is for example `release.promoted`."""
        query = {"action": action, "cursor": cursor, "limit": limit}
        return read_call(as_model(Page[EventOut]), path_of("projects", project, "history"), query)


class Audit(Noun[S_co]):
    """The hash-chained record of the workspace."""

    @Verb
    def verify(self) -> Call[AuditOut]:
        """Verifies the whole chain."""
        return read_call(as_model(AuditOut), path_of("audit", "verify"))
