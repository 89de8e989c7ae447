"""Testers on the network: named people who are led to one environment."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import Path, Query
from starlette.responses import Response

from greenroom.api.asking import Given, ProjectPath, reply
from greenroom.api.nouns import Noun
from greenroom.api.paging import DEFAULT_LIMIT, Cursor, Limit, page_of, read_text_cursor
from greenroom.services.testers import TesterView
from greenroom.wire.model import Page
from greenroom.wire.testers import TesterIn, TesterOut

NOUN: Final = Noun("testers")
_ALL: Final = "/projects/{project}/testers"
TesterPath = Annotated[str, Path(min_length=1, max_length=80, description="Id of the tester, from the list.")]


@NOUN.verb("GET", _ALL, "list", Page[TesterOut])
async def list_(
    ask: Given,
    project: ProjectPath,
    environment: Annotated[str | None, Query(max_length=80, description="Keeps one environment's.")] = None,
    cursor: Cursor = None,
    limit: Limit = DEFAULT_LIMIT,
) -> Response:
    """Lists testers, masked, and where each is led."""
    after = read_text_cursor("testers", cursor)
    found = await ask.desk.testers.list(ask.call, project, after, limit + 1, environment)
    return reply(page_of("testers", found, limit, lambda view: view.tester.id, tester_out))


@NOUN.verb("POST", _ALL, "add", TesterOut, 201)
async def add(ask: Given, project: ProjectPath, body: TesterIn) -> Response:
    """Leads a user or a caller to an environment, past the split; who is a tester already is led there instead."""
    return await ask.write(
        lambda call: ask.desk.testers.add(
            call, project, body.environment, user_id=body.user_id, caller=body.caller, label=body.label
        ),
        tester_out,
        status=201,
        moves=True,
        private=True,
    )


@NOUN.verb("DELETE", _ALL + "/{tester}", "remove", None, 204)
async def remove(ask: Given, project: ProjectPath, tester: TesterPath) -> Response:
    """Removes a tester, whose next conversation follows the split again."""
    return await ask.write(
        lambda call: ask.desk.testers.remove(call, project, tester), lambda _: None, status=204, moves=True
    )


def tester_out(view: TesterView) -> TesterOut:
    """Returns a tester as it is sent."""
    tester = view.tester
    return TesterOut(
        id=tester.id,
        kind=tester.kind,
        shown=tester.shown,
        label=tester.label,
        environment=view.alias,
        added_at=tester.added_at,
        added_by=tester.added_by,
    )
