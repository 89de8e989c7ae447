"""Calls that turns made of functions, tools, servers, models, tables and searches."""

from __future__ import annotations

from greenroom.sdk.exchange import Call, as_model, path_of, read_call
from greenroom.sdk.verb import ListVerb, Noun, S_co
from greenroom.wire.executions import ExecutionOut
from greenroom.wire.model import Page


class Executions(Noun[S_co]):
    """What turns asked of the outside."""

    @ListVerb
    def list(
        self,
        project: str,
        *,
        conversation: str | None = None,
        kind: str | None = None,
        failed: bool | None = None,
        cursor: str | None = None,
        limit: int | None = None,
    ) -> Call[Page[ExecutionOut]]:
        """Lists calls, newest first; a page of a narrowed list may be empty and yet have a next one."""
        query = {
            "conversation": conversation,
            "kind": kind,
            "failed": None if failed is None else str(failed).lower(),
            "cursor": cursor,
            "limit": limit,
        }
        return read_call(as_model(Page[ExecutionOut]), path_of("projects", project, "executions"), query)
