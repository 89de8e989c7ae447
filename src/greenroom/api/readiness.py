"""Readiness on the network: what an environment has and lacks for a version."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Final

from fastapi import Query
from starlette.responses import Response

from greenroom.api.asking import AliasPath, Given, ProjectPath, reply
from greenroom.api.nouns import Noun
from greenroom.api.paging import MAX_NUMBER
from greenroom.domain.readiness import Item
from greenroom.services.readiness import ReadinessView
from greenroom.wire.readiness import ReadinessItemOut, ReadinessOut

NOUN: Final = Noun("readiness")


@NOUN.verb("GET", "/projects/{project}/environments/{alias}/readiness", "check", ReadinessOut)
async def check(
    ask: Given,
    project: ProjectPath,
    alias: AliasPath,
    version: Annotated[
        int | None,
        Query(ge=1, le=MAX_NUMBER, description="Number of the version; default: what the step before serves."),
    ] = None,
) -> Response:
    """Says whether an environment has what a version needs: secrets, addresses, connections, documents, numbers.

    A missing secret blocks every release there but a rollback. The rest are warnings, to be acknowledged where the
    environment is public.
    """
    return reply(readiness_out(await ask.desk.readiness.check(ask.call, project, alias, version)))


def readiness_out(view: ReadinessView) -> ReadinessOut:
    """Returns an environment's readiness as it is sent."""
    return ReadinessOut(
        environment=view.environment.alias, version=view.version, ready=view.ready, items=items_out(view.items)
    )


def items_out(items: Sequence[Item]) -> list[ReadinessItemOut]:
    """Returns what was looked at as it is sent."""
    return [
        ReadinessItemOut(
            code=item.code,
            level=item.level,
            message=item.message,
            address=str(item.address) if item.address else None,
            pointer=item.pointer,
            fix=item.fix,
        )
        for item in items
    ]
