"""Calls that turns made, on the network."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import Query
from starlette.responses import Response

from greenroom.api.asking import Given, ProjectPath, reply
from greenroom.api.nouns import Noun
from greenroom.api.paging import DEFAULT_LIMIT, Cursor, Limit, make_cursor, read_text_cursor
from greenroom.domain.asks import AskedOf
from greenroom.domain.records import Record
from greenroom.wire.executions import ExecutionOut
from greenroom.wire.model import Page

NOUN: Final = Noun("executions")


@NOUN.verb("GET", "/projects/{project}/executions", "list", Page[ExecutionOut])
async def list_(
    ask: Given,
    project: ProjectPath,
    conversation: Annotated[str | None, Query(max_length=80, description="Keeps one conversation's.")] = None,
    kind: Annotated[
        AskedOf | None,
        Query(description="Keeps calls of one kind."),
    ] = None,
    failed: Annotated[bool | None, Query(description="Keeps those that failed, or those that did not.")] = None,
    cursor: Cursor = None,
    limit: Limit = DEFAULT_LIMIT,
) -> Response:
    """Lists what turns asked of the outside, newest first.

    A page of a narrowed list may hold few items, or none, and yet have a next one.
    """
    found, following = await ask.desk.executions.list(
        ask.call,
        project,
        read_text_cursor("executions", cursor),
        limit,
        conversation=conversation,
        kind=kind,
        failed=failed,
    )
    after = None if following is None else make_cursor("executions", following)
    return reply(Page(items=[execution_out(each) for each in found], next_cursor=after))


def execution_out(execution: Record) -> ExecutionOut:
    """Returns a call as it is sent."""
    return ExecutionOut(id=execution.key, at=execution.at, **execution.body)
