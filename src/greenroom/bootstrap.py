"""The only builder: makes everything once and hands it over."""

from __future__ import annotations

import asyncio
import logging
import socket
import sys
from collections.abc import AsyncIterator, Coroutine, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog
import uvicorn
import uvloop
from starlette.types import ASGIApp, Receive, Scope, Send

from greenroom.api.app import build_api
from greenroom.api.hot import HotDoors
from greenroom.domain.access import Principal
from greenroom.domain.errors import Invalid, Unavailable
from greenroom.domain.events import AuditRecord
from greenroom.domain.ids import WorkspaceId
from greenroom.importers.polyai import read_project
from greenroom.kinds import KINDS
from greenroom.ports import Reachable
from greenroom.providers.clock import SystemClock, random_share
from greenroom.providers.crypto import EnvelopeCipher
from greenroom.providers.embeddings import find_embedder
from greenroom.providers.feeds import FolderFeed
from greenroom.providers.mcp import McpServers
from greenroom.providers.models import PydanticModels
from greenroom.providers.outbound import SafeOutbound, SafeTransport, read_allowed
from greenroom.providers.outbound.lending import LentTransport
from greenroom.providers.parsers import SafeParser
from greenroom.providers.passwords import ArgonPasswords
from greenroom.providers.sandbox import MontySandbox
from greenroom.providers.shopify import ShopifyFeed
from greenroom.providers.tools import HttpTools
from greenroom.providers.zendesk import ZendeskFeed
from greenroom.services.access import Access
from greenroom.services.demo import make_demo
from greenroom.services.desk import Desk
from greenroom.services.outbox import Outbox
from greenroom.services.sealing import Retention
from greenroom.services.sweeps import collect_everywhere, forget_test_runs
from greenroom.settings import Settings, hand_down, keep_secret_key, read_settings
from greenroom.storage.sql import backup as write_backup
from greenroom.storage.sql import migrate as migrate_database
from greenroom.storage.sql import open_store
from greenroom.storage.sql import restore as read_backup
from greenroom.web.app import build_web

READERS = {"polyai": read_project}
API_PATHS = ("/api/", "/healthz", "/readyz", "/metrics")
_log = structlog.get_logger("greenroom")


@dataclass(frozen=True, slots=True)
class Built:
    """A running desk, its owner, and the application over it."""

    desk: Desk
    owner: Principal
    app: ASGIApp


class Doors:
    """Sends a request to the API (hot doors first) or to the pages, by its path."""

    def __init__(self, api: ASGIApp, web: ASGIApp) -> None:
        self._api = api
        self._web = web

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            return
        door = self._api if scope["path"].startswith(API_PATHS) else self._web
        await door(scope, receive, send)


@asynccontextmanager
async def build(settings: Settings) -> AsyncIterator[Built]:
    """Opens the store, founds the workspace, compiles what is served, and keeps it current until the end."""
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    await migrate_database(settings.database_url)
    store = await open_store(settings.database_url)
    stop = asyncio.Event()
    following: list[asyncio.Task[None]] = []
    reachable: Reachable | None = None
    desk: Desk | None = None
    try:
        clock = SystemClock()
        reachable = _reach(settings, clock)
        embedder = find_embedder(settings.embeddings)
        desk = Desk(store, clock, KINDS, READERS, reachable, embedder, settings.most_environments)
        owner = await desk.access.found_workspace(settings.bootstrap_key)
        await desk.secrets.check_sealed()
        await desk.traffic.refresh()
        outbox = Outbox(store, [_log_event])
        following = [
            asyncio.create_task(desk.traffic.follow(stop, _report)),
            asyncio.create_task(outbox.follow(stop, _report)),
            asyncio.create_task(
                _sweep(desk, Retention(store, clock, settings.raw_retention_days), settings.test_runs_kept)
            ),
            asyncio.create_task(_sync(desk)),
        ]
        api = build_api(desk)
        yield Built(desk, owner, Doors(HotDoors(api, desk), build_web(desk)))
    finally:
        stop.set()
        for task in following:
            task.cancel()
        await asyncio.gather(*following, return_exceptions=True)
        if desk is not None:
            await desk.test_runs.close()
            await desk.evaluations.close()
            await desk.syncs.close()
        if reachable is not None:
            await _let_go(reachable)
        await store.close()


def _reach(settings: Settings, clock: SystemClock) -> Reachable:
    """Returns all that agents may reach from here."""
    allowed = read_allowed(settings.outbound_allow)
    outbound, shared = SafeOutbound(allowed), SafeTransport(allowed)
    return Reachable(
        sandbox=MontySandbox(clock),
        outbound=outbound,
        models=PydanticModels(clock, lambda: LentTransport(shared), random_share),
        tool_servers=McpServers(shared, clock),
        call_tool=HttpTools(outbound).call,
        cipher=EnvelopeCipher(keep_secret_key(settings, clock.new_token()), settings.former_secret_keys),
        parser=SafeParser(),
        passwords=ArgonPasswords(),
        feeds={
            "zendesk": ZendeskFeed(outbound),
            "shopify": ShopifyFeed(outbound),
            "folder": FolderFeed(settings.knowledge_dir),
        },
    )


async def _let_go(reachable: Reachable) -> None:
    parts = (reachable.sandbox, reachable.models, reachable.tool_servers, reachable.parser, reachable.outbound)
    for part in parts:
        if part is not None:
            await part.close()


async def _sweep(desk: Desk, retention: Retention, test_runs_kept: int) -> None:
    """Forgets what is over, at the start and every hour."""
    while True:
        try:
            await desk.access.forget_expired()
            await retention.forget_raw()
            await collect_everywhere(desk.store, desk.clock)
            await forget_test_runs(desk.store, desk.clock, test_runs_kept)
        except (Unavailable, OSError) as wrong:
            _report(wrong)
        await asyncio.sleep(3600)


async def _sync(desk: Desk) -> None:
    """Begins the syncs of knowledge sources whose time has come, every minute."""
    while True:
        try:
            await desk.syncs.sync_due(desk.clock.now())
        except (Unavailable, OSError) as wrong:
            _report(wrong)
        await asyncio.sleep(60)


def _report(wrong: Exception) -> None:
    _log.warning("will_try_again", error=str(wrong))


async def _log_event(workspace: WorkspaceId, record: AuditRecord) -> None:
    _log.info("event", workspace=workspace, seq=record.seq, payload=record.payload.decode())


def serve(
    host: str | None = None, port: int | None = None, data_dir: Path | None = None, workers: int | None = None
) -> None:
    """Serves until stopped. More than one worker needs a database that several processes may write."""
    settings = read_settings(host=host, port=port, data_dir=data_dir, workers=workers)
    _set_up_logging(settings)
    if settings.workers > 1:
        _serve_many(settings)
    else:
        _run(_serve(settings, demo=False))


def demo(host: str | None = None, port: int | None = None, data_dir: Path | None = None) -> None:
    """Serves the demo project; making it again is harmless."""
    settings = read_settings(host=host, port=port, data_dir=data_dir, workers=1)
    _set_up_logging(settings)
    _run(_serve(settings, demo=True))


def _run(work: Coroutine[Any, Any, None]) -> None:
    """Runs a server on uvloop: uvicorn chooses it only where uvicorn itself makes the loop."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(work)


def migrate(data_dir: Path | None = None) -> None:
    """Brings the database to the newest schema."""
    settings = read_settings(data_dir=data_dir)
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    asyncio.run(migrate_database(settings.database_url))


def backup(target: Path, data_dir: Path | None = None) -> None:
    """Writes everything into one file while the server may be running."""
    asyncio.run(write_backup(read_settings(data_dir=data_dir).database_url, target))


def restore(source: Path, data_dir: Path | None = None) -> None:
    """Reads a backup into an empty database."""
    settings = read_settings(data_dir=data_dir)
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    asyncio.run(read_backup(source, settings.database_url))


def sign_in_link(host: str | None = None, port: int | None = None, data_dir: Path | None = None) -> None:
    """Prints a link that signs the owner in once; the server may be running."""
    settings = read_settings(host=host, port=port, data_dir=data_dir)
    asyncio.run(_make_link_beside(settings))


async def _make_link_beside(settings: Settings) -> None:
    await migrate_database(settings.database_url)
    store = await open_store(settings.database_url)
    try:
        access = Access(store, SystemClock())
        _say_link(settings.host, settings.port, await access.make_link(await access.found_workspace(None)))
    finally:
        await store.close()


def _say_link(host: str, port: int, link: str) -> None:
    say(f"sign in once, within 30 minutes: http://{host}:{port}/sign-in/{link}")


async def _serve(settings: Settings, *, demo: bool) -> None:
    async with build(settings) as built:
        if demo:
            made = await make_demo(built.desk, built.owner, read_demo())
            say("made the demo project" if made else "the demo project is there already")
        server = _Server(uvicorn.Config(built.app, lifespan="off", **uvicorn_options(settings)))
        link = await built.desk.access.make_link(built.owner)
        server.greeting = link
        await server.serve()


class _Server(uvicorn.Server):
    """A uvicorn server that says where it is once it listens."""

    greeting = ""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if not self.started:
            return
        host, port = self.servers[0].sockets[0].getsockname()[:2]
        say(f"Greenroom is ready at http://{host}:{port}")
        _say_link(host, port, self.greeting)


def _serve_many(settings: Settings) -> None:
    if settings.database_url.startswith("sqlite"):
        raise Invalid("invalid_setting", "more than one worker needs PostgreSQL: set GREENROOM_DATABASE_URL")
    hand_down(settings)
    asyncio.run(_make_link(settings))
    uvicorn.run(
        "greenroom.bootstrap:worker",
        factory=True,
        workers=settings.workers,
        lifespan="on",
        **uvicorn_options(settings),
    )


async def _make_link(settings: Settings) -> None:
    async with build(settings) as built:
        link = await built.desk.access.make_link(built.owner)
        _say_link(settings.host, settings.port, link)


def worker() -> ASGIApp:
    """Returns the application of one worker process; it is built when the worker starts."""
    return _Worker(read_settings())


class _Worker:
    """Builds on the lifespan's start, and then is the built application."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._built: Built | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan":
            assert self._built is not None, "requests come after the start"
            await self._built.app(scope, receive, send)
            return
        await receive()
        async with build(self._settings) as self._built:
            await send({"type": "lifespan.startup.complete"})
            await receive()
        await send({"type": "lifespan.shutdown.complete"})


def read_demo() -> list[Mapping[str, bytes]]:
    """Returns the files of the demo's three versions, from the package or the repository."""
    here = Path(__file__).parent
    for root in (here / "examples" / "hotel", here.parents[1] / "examples" / "hotel"):
        folders = [root / name for name in ("v1", "v2", "v3")]
        if all(folder.is_dir() for folder in folders):
            return [_read_folder(folder) for folder in folders]
    raise Invalid("no_demo", "the demo's files are not in this installation")


def _read_folder(folder: Path) -> Mapping[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }


def uvicorn_options(settings: Settings) -> dict[str, Any]:
    """Returns how uvicorn listens; only named proxies are believed about callers."""
    return {
        "host": settings.host,
        "port": settings.port,
        "log_level": settings.log_level,
        "access_log": False,
        "server_header": False,
        "proxy_headers": bool(settings.trusted_proxies),
        "forwarded_allow_ips": settings.trusted_proxies or "",
        "timeout_graceful_shutdown": 5,
    }


def _set_up_logging(settings: Settings) -> None:
    level = logging.getLevelNamesMapping().get(settings.log_level.upper(), logging.WARNING)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


def say(line: str) -> None:
    """Writes one line for the person at the terminal."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
