"""The door for people: signing in, and what is live. The whole desk in the browser comes with its own milestone."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urlsplit

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from greenroom.domain.access import Principal
from greenroom.domain.errors import GreenroomError, NotFound, Unauthenticated
from greenroom.services.access import SESSION_LIFE
from greenroom.services.desk import Desk
from greenroom.services.work import Call

COOKIE = "gr_session"
PAGE = 50
_NUMBER = re.compile(r"[0-9]{1,9}")
HEADERS = {
    "content-security-policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
        "frame-ancestors 'none'; base-uri 'none'; object-src 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cache-control": "no-store",
}


def build_web(desk: Desk) -> ASGIApp:
    """Returns the application that serves the pages."""
    pages = Pages(desk)
    static = Path(__file__).parent / "static"
    return Starlette(
        routes=[
            Route("/", pages.home, name="home"),
            Route("/sign-in/{token}", pages.ask_sign_in, methods=["GET"]),
            Route("/sign-in/{token}", pages.sign_in, methods=["POST"]),
            Route("/sign-out", pages.sign_out, methods=["POST"]),
            Route("/projects/{slug}", pages.project, name="project"),
            Mount("/static", StaticFiles(directory=static), name="static"),
        ],
        middleware=[Middleware(SafeHeaders)],
        exception_handlers={GreenroomError: pages.refuse, 404: pages.refuse},
    )


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


class Pages:
    """One method a page; each asks the services and renders one template."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._templates = Environment(
            loader=PackageLoader("greenroom.web"),
            autoescape=select_autoescape(default=True),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )

    async def home(self, request: Request) -> Response:
        """Shows every project and what its environments serve."""
        who = await self._caller(request)
        call = Call(who, "page")
        after = request.query_params.get("after", "")
        projects = await self._desk.projects.list(call, after, PAGE)
        cards = [(view, await self._desk.environments.list(call, view.project.slug)) for view in projects]
        more = projects[-1].project.slug if len(projects) == PAGE else ""
        return self._page("home.html", who, cards=cards, more=more)

    async def project(self, request: Request) -> Response:
        """Shows one project: its environments, its versions, what happened last."""
        who = await self._caller(request)
        call, slug = Call(who, "page"), request.path_params["slug"]
        before = request.query_params.get("before", "")
        view = await self._desk.projects.load(call, slug)
        versions = await self._desk.versions.list(call, slug, _read_number(before), PAGE)
        return self._page(
            "project.html",
            who,
            view=view,
            environments=await self._desk.environments.list(call, slug),
            versions=versions,
            more=versions[-1].version.number if len(versions) == PAGE else 0,
            history=await self._desk.history.list(call, slug, None, 15),
        )

    async def ask_sign_in(self, request: Request) -> Response:
        """Asks before using up the link: mail scanners and previews fetch links too."""
        return self._page("sign_in.html", None, token=request.path_params["token"])

    async def sign_in(self, request: Request) -> Response:
        """Uses up a one-time link and begins a session."""
        self._same_origin(request)
        signed_in = await self._desk.access.sign_in(request.path_params["token"])
        reply = RedirectResponse("/", status_code=303)
        reply.set_cookie(
            COOKIE,
            signed_in.token,
            max_age=int(SESSION_LIFE.total_seconds()),
            httponly=True,
            samesite="lax",
            secure=request.url.scheme == "https",
        )
        return reply

    async def sign_out(self, request: Request) -> Response:
        """Ends the session."""
        self._same_origin(request)
        await self._desk.access.sign_out(request.cookies.get(COOKIE, ""))
        reply = RedirectResponse("/", status_code=303)
        reply.delete_cookie(COOKIE, httponly=True, samesite="lax", secure=request.url.scheme == "https")
        return reply

    async def refuse(self, request: Request, wrong: Exception) -> Response:
        """Says what is wrong in a page."""
        if isinstance(wrong, Unauthenticated):
            return self._page("refused.html", None, 401, title="Please sign in", detail=wrong.detail)
        if isinstance(wrong, GreenroomError) and not isinstance(wrong, NotFound):
            return self._page("refused.html", None, 403, title="That is not possible", detail=wrong.detail)
        detail = wrong.detail if isinstance(wrong, NotFound) else f"There is no page {request.url.path}."
        return self._page("refused.html", None, 404, title="Not found", detail=detail)

    async def _caller(self, request: Request) -> Principal:
        token = request.cookies.get(COOKIE)
        who = await self._desk.access.find_session(token) if token else None
        if who is None:
            raise Unauthenticated("no_session", "Open the sign-in link that the server printed when it started.")
        return who

    @staticmethod
    def _same_origin(request: Request) -> None:
        """Refuses a form that another site posted."""
        origin = request.headers.get("origin")
        site = request.headers.get("sec-fetch-site", "same-origin")
        foreign = origin not in (None, "null") and urlsplit(origin).netloc != request.url.netloc
        if foreign or site not in ("same-origin", "none"):
            raise Unauthenticated("foreign_origin", "This form was sent by another site, so nothing was done.")

    def _page(self, name: str, who: Principal | None, status: int = 200, **context: object) -> Response:
        return HTMLResponse(self._templates.get_template(name).render(who=who, **context), status)


def _read_number(text: str) -> int | None:
    """Returns the version number in an address, None for anything else: a page is shown all the same."""
    return int(text) if _NUMBER.fullmatch(text) else None
