"""Signing in and out, and the theme."""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from greenroom.domain.errors import LimitReached, Unauthenticated
from greenroom.services.access import SignedIn
from greenroom.services.accounts import Attempt
from greenroom.web.door import Door
from greenroom.web.forms import check_origin, read_form, stay_here
from greenroom.web.session import COOKIE, end_session, keep_session, keep_theme


class AccessPages:
    """The pages of coming and going."""

    def __init__(self, door: Door) -> None:
        self._door = door

    def routes(self) -> list[Route]:
        """Returns the routes."""
        return [
            Route("/sign-in", self.ask_password, methods=["GET"]),
            Route("/sign-in", self.sign_in_by_password, methods=["POST"]),
            Route("/sign-in/{token}", self.ask_sign_in, methods=["GET"]),
            Route("/sign-in/{token}", self.sign_in, methods=["POST"]),
            Route("/sign-out", self.sign_out, methods=["POST"]),
            Route("/theme", self.choose_theme, methods=["POST"]),
        ]

    async def ask_password(self, request: Request) -> Response:
        """Asks who it is."""
        return self._door.ask_password(request, stay_here(request.query_params.get("next", "")))

    async def sign_in_by_password(self, request: Request) -> Response:
        """Begins a session, or says the same of every wrong pair."""
        check_origin(request)
        form = await read_form(request)
        back, name = stay_here(form.text("next")), form.text("name")
        # What a proxy says of the address counts only where the server was told to believe it.
        address = request.client.host if request.client else ""
        device, former = request.headers.get("user-agent", ""), request.cookies.get(COOKIE, "")
        attempt = Attempt(name, form.text("password"), address, device, former)
        try:
            signed_in = await self._door.desk.accounts.sign_in(attempt)
        except Unauthenticated as wrong:
            return self._door.ask_password(request, back, name, wrong.detail)
        except LimitReached as wrong:
            reply = self._door.ask_password(request, back, name, wrong.detail, 429)
            reply.headers["retry-after"] = str(wrong.extra.get("retry_after", 1))
            return reply
        return _begin(request, signed_in, back)

    async def ask_sign_in(self, request: Request) -> Response:
        """Asks before using up the link: mail scanners and previews fetch links too."""
        return self._door.bare("access/sign_in.html", request, token=request.path_params["token"])

    async def sign_in(self, request: Request) -> Response:
        """Uses up a one-time link and begins a session."""
        check_origin(request)
        device, former = request.headers.get("user-agent", ""), request.cookies.get(COOKIE, "")
        signed_in = await self._door.desk.access.sign_in(request.path_params["token"], device, former)
        return _begin(request, signed_in, "/")

    async def sign_out(self, request: Request) -> Response:
        """Ends the session. Its token is not asked for: an old page must be able to end it, too."""
        check_origin(request)
        await self._door.desk.access.sign_out(request.cookies.get(COOKIE, ""))
        reply = RedirectResponse("/sign-in", status_code=303)
        end_session(reply, request)
        return reply

    async def choose_theme(self, request: Request) -> Response:
        """Keeps the theme and goes back to the page."""
        check_origin(request)
        form = await read_form(request)
        parts = urlsplit(request.headers.get("referer", ""))
        reply = RedirectResponse(stay_here(f"{parts.path}{'?' if parts.query else ''}{parts.query}"), status_code=303)
        keep_theme(reply, request, form.text("theme"))
        return reply


def _begin(request: Request, signed_in: SignedIn, path: str) -> Response:
    reply = RedirectResponse(path, status_code=303)
    keep_session(reply, request, signed_in.token)
    return reply
