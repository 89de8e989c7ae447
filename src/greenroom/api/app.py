"""The door for programs: every operation under /api/v1, and the document that describes them."""

from __future__ import annotations

from typing import Final

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from greenroom import __version__
from greenroom.api import (
    bundles,
    checkpoints,
    connections,
    content,
    conversations,
    drafts,
    environments,
    erasures,
    evaluations,
    executions,
    health,
    history,
    keys,
    knowledge,
    merges,
    numbers,
    projects,
    readiness,
    releases,
    results,
    secrets,
    share_links,
    splits,
    tables,
    test_runs,
    testers,
    tickets,
    traffic,
    transcripts,
    versions,
    widgets,
)
from greenroom.api.asking import Door
from greenroom.api.bundle_cache import BundleCache
from greenroom.api.document import describe_api
from greenroom.api.guard import Guard
from greenroom.api.metrics import Metrics
from greenroom.api.nouns import PREFIX, Noun
from greenroom.api.problems import answer_error, answer_routing, answer_validation, to_json
from greenroom.api.request_ids import RequestIds
from greenroom.api.writes import JSON
from greenroom.domain.errors import GreenroomError
from greenroom.services.desk import Desk

NOUNS: Final[tuple[Noun, ...]] = (
    projects.NOUN,
    content.NOUN,
    content.KINDS_NOUN,
    environments.NOUN,
    checkpoints.NOUN,  # before drafts, whose {kind}/{slug} would take its paths
    drafts.NOUN,
    releases.NOUN,
    merges.NOUN,
    readiness.NOUN,
    versions.NOUN,
    traffic.NOUN,
    numbers.NOUN,
    splits.NOUN,
    testers.NOUN,
    share_links.NOUN,
    bundles.NOUN,
    conversations.NOUN,
    transcripts.NOUN,
    erasures.NOUN,
    tickets.NOUN,
    executions.NOUN,
    tables.NOUN,
    knowledge.NOUN,
    secrets.NOUN,
    connections.NOUN,
    test_runs.NOUN,
    results.NOUN,
    evaluations.NOUN,
    widgets.NOUN,
    history.NOUN,
    history.AUDIT_NOUN,
    keys.NOUN,
    keys.ME_NOUN,
    health.NOUN,
)
HOTTEST: Final = "conversations.take_turn"
DOCUMENT_PATH: Final = f"{PREFIX}/openapi.json"


def build_api(desk: Desk, *, metrics: bool = True) -> FastAPI:
    """Returns the application over a desk. `metrics` opens /metrics to everybody who can reach the server.

    `hot.HotDoors` in front of it answers the same, faster, where it can.
    """
    app = lay_out(metrics=metrics)
    app.state.door = Door(desk, Metrics(desk), BundleCache())
    app.state.ids = RequestIds(desk)
    app.add_exception_handler(GreenroomError, answer_error)
    app.add_exception_handler(RequestValidationError, answer_validation)
    app.add_exception_handler(HTTPException, answer_routing)
    app.add_middleware(Guard, metrics=app.state.door.metrics, ids=app.state.ids)
    return app


def lay_out(*, metrics: bool = True) -> FastAPI:
    """Returns the application with its routes and its document, and no desk behind them."""
    # No pages of documentation: they load scripts from elsewhere.
    app = FastAPI(
        title="Greenroom",
        version=__version__,
        summary="An open, self-hosted release system for conversational AI agents.",
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    for noun in (*NOUNS, *((health.METRICS_NOUN,) if metrics else ())):
        noun.add_to(app)
    app.add_route(DOCUMENT_PATH, _document, include_in_schema=False)
    listed = tuple(app.routes)
    app.openapi = lambda: describe_api(app, listed)
    # Routes are tried one after another: the one that somebody on the phone waits for is the first.
    app.router.routes.sort(key=lambda route: getattr(route, "name", "") != HOTTEST)
    return app


async def _document(request: Request) -> Response:
    """Returns the OpenAPI document."""
    return Response(to_json(request.app.openapi()), media_type=JSON)
