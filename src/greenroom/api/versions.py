"""Versions on the network: listed, read, marked, compared."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Annotated, Final

from fastapi import Query
from starlette.responses import Response

from greenroom.api.asking import Given, NumberPath, ProjectPath, reply
from greenroom.api.comparisons import comparison_out
from greenroom.api.drafts import carried_out
from greenroom.api.nouns import Noun
from greenroom.api.paging import DEFAULT_LIMIT, Cursor, Limit, page_of, read_cursor
from greenroom.services.versions import VersionView
from greenroom.wire.model import Page
from greenroom.wire.versions import ComparisonOut, VersionChangeIn, VersionOut

NOUN: Final = Noun("versions")


@NOUN.verb("GET", "/projects/{project}/versions", "list", Page[VersionOut])
async def list_(
    ask: Given,
    project: ProjectPath,
    env: Annotated[str | None, Query(max_length=80, description="Keeps those an environment ever served.")] = None,
    tag: Annotated[str | None, Query(max_length=40, description="Keeps those with a tag.")] = None,
    author: Annotated[str | None, Query(max_length=80, description="Keeps those by one author, by id.")] = None,
    cursor: Cursor = None,
    limit: Limit = DEFAULT_LIMIT,
) -> Response:
    """Lists versions, newest first."""
    found = await ask.desk.versions.list(
        ask.call, project, read_cursor("versions", cursor), limit + 1, environment=env, tag=tag, author=author
    )
    names = await ask.desk.history.load_names(ask.call)
    return reply(page_of("versions", found, limit, lambda v: v.version.number, lambda v: version_out(v, names)))


@NOUN.verb("GET", "/projects/{project}/versions/{number}", "load", VersionOut)
async def load(ask: Given, project: ProjectPath, number: NumberPath) -> Response:
    """Loads one version."""
    view = await ask.desk.versions.load(ask.call, project, number)
    return reply(version_out(view, await ask.desk.history.load_names(ask.call)))


@NOUN.verb("PATCH", "/projects/{project}/versions/{number}", "mark", VersionOut)
async def mark(ask: Given, project: ProjectPath, number: NumberPath, body: VersionChangeIn) -> Response:
    """Marks a version as known good or bad; nothing that was published changes."""
    names = await ask.desk.history.load_names(ask.call)
    return await ask.write(
        lambda call: ask.desk.versions.mark(call, project, number, body.mark), lambda view: version_out(view, names)
    )


@NOUN.verb("GET", "/projects/{project}/compare", "compare", ComparisonOut)
async def compare(
    ask: Given,
    project: ProjectPath,
    base: Annotated[str, Query(max_length=200, description="The ref to start from.")],
    head: Annotated[str, Query(max_length=200, description="The ref to look at.")],
) -> Response:
    """Compares any two refs: by entity, field and word, with what did not change and what to test."""
    compared = await ask.desk.comparisons.compare(ask.call, project, base, head)
    names = await ask.desk.history.load_names(ask.call)
    return reply(await asyncio.to_thread(comparison_out, compared, ask.desk.kinds, names))


def version_out(view: VersionView, names: Mapping[str, str]) -> VersionOut:
    """Returns a version as it is sent."""
    version = view.version
    return VersionOut(
        number=version.number,
        ref=f"v{version.number}",
        digest=version.digest,
        note=version.note,
        details=version.details,
        tags=list(version.tags),
        author=version.author,
        author_name=names.get(version.author, ""),
        created_at=version.created_at,
        parents=list(version.parents),
        published_in=view.published_in,
        environments=list(view.served_in),
        mark=version.mark,
        carries=carried_out(view.carries, names),
        changed_documents=[each.document for each in view.changed_documents],
    )
