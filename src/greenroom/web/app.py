"""The door for people: the whole release desk in the browser."""

from __future__ import annotations

from typing import Final

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from greenroom.domain.errors import GreenroomError
from greenroom.services.desk import Desk
from greenroom.web.door import Door
from greenroom.web.pages.access import AccessPages
from greenroom.web.pages.accounts import AccountPages
from greenroom.web.pages.chats import ChatPages
from greenroom.web.pages.checkpoints import CheckpointPages
from greenroom.web.pages.comparisons import ComparisonPages
from greenroom.web.pages.connections import ConnectionPages
from greenroom.web.pages.content import ContentPages
from greenroom.web.pages.conversations import ConversationPages
from greenroom.web.pages.deletions import DeletionPages
from greenroom.web.pages.discards import DiscardPages
from greenroom.web.pages.draft_loads import DraftLoadPages
from greenroom.web.pages.drafts import DraftPages
from greenroom.web.pages.editors import EditorPages
from greenroom.web.pages.entity_history import EntityHistoryPages
from greenroom.web.pages.environment_changes import EnvironmentChangePages
from greenroom.web.pages.environments import EnvironmentPages
from greenroom.web.pages.erasures import ErasurePages
from greenroom.web.pages.evaluations import EvaluationPages
from greenroom.web.pages.executions import ExecutionPages
from greenroom.web.pages.guests import GuestPages
from greenroom.web.pages.history import HistoryPages
from greenroom.web.pages.imports import ImportPages
from greenroom.web.pages.keys import KeyPages
from greenroom.web.pages.knowledge import KnowledgePages
from greenroom.web.pages.made_tests import MadeTestPages
from greenroom.web.pages.merges import MergePages
from greenroom.web.pages.migrations import MigrationPages
from greenroom.web.pages.numbers import NumberPages
from greenroom.web.pages.projects import ProjectPages
from greenroom.web.pages.publishing import PublishingPages
from greenroom.web.pages.readiness import ReadinessPages
from greenroom.web.pages.releases import ReleasePages
from greenroom.web.pages.results import ResultPages
from greenroom.web.pages.secrets import SecretPages
from greenroom.web.pages.share_links import ShareLinkPages
from greenroom.web.pages.sources import SourcePages
from greenroom.web.pages.splits import SplitPages
from greenroom.web.pages.streams import StreamPages
from greenroom.web.pages.tables import TablePages
from greenroom.web.pages.test_runs import TestRunPages
from greenroom.web.pages.testers import TesterPages
from greenroom.web.pages.tickets import TicketPages
from greenroom.web.pages.versions import VersionPages

CSP: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'; object-src 'none'"
)
HEADERS: Final = {
    "content-security-policy": CSP,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cache-control": "no-store",
}
NOUNS: Final = (
    AccessPages,
    AccountPages,
    GuestPages,
    ProjectPages,
    EnvironmentPages,
    EnvironmentChangePages,
    DeletionPages,
    MigrationPages,
    MergePages,
    VersionPages,
    ReleasePages,
    ComparisonPages,
    ContentPages,
    EditorPages,
    EntityHistoryPages,
    ChatPages,
    ConversationPages,
    ErasurePages,
    MadeTestPages,
    DraftPages,
    DraftLoadPages,
    CheckpointPages,
    DiscardPages,
    PublishingPages,
    ReadinessPages,
    ConnectionPages,
    ExecutionPages,
    KeyPages,
    KnowledgePages,
    SourcePages,
    SecretPages,
    TablePages,
    TestRunPages,
    TicketPages,
    StreamPages,
    ImportPages,
    HistoryPages,
    SplitPages,
    TesterPages,
    ShareLinkPages,
    ResultPages,
    EvaluationPages,
    NumberPages,
)


def build_web(desk: Desk) -> ASGIApp:
    """Returns the application that serves the pages."""
    door = Door(desk)
    routes = [route for noun in NOUNS for route in noun(door).routes()]
    routes.append(Route("/static/{name:path}", door.assets.serve, methods=["GET"]))
    handlers = {GreenroomError: door.refuse, 404: door.refuse, 405: door.refuse, Exception: door.fail}
    packing = Middleware(GZipMiddleware, minimum_size=1_000, compresslevel=5)
    return SafeHeaders(Starlette(routes=routes, exception_handlers=handlers, middleware=[packing]))


class SafeHeaders:
    """Adds the headers that keep a page to itself."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_safely(message: Message) -> None:
            if message["type"] == "http.response.start":
                given = {name.lower() for name, _ in message["headers"]}
                extra = [(n.encode(), v.encode()) for n, v in HEADERS.items() if n.encode() not in given]
                message["headers"] = [*message["headers"], *extra]
            await send(message)

        await self._app(scope, receive, send_safely if scope["type"] == "http" else send)
