"""Signing in and out, and the theme."""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from greenroom.web.door import Door
from greenroom.web.forms import check_origin, read_form
from greenroom.web.session import COOKIE, end_session, keep_session, keep_theme


class AccessPages:
    """The pages of coming and going."""

    def __init__(self, door: Door) -> None:
        self._door = door

    def routes(self) -> list[Route]:
        """Returns the routes."""
        return [
            Route("/sign-in/{token}", self.ask_sign_in, methods=["GET"]),
            Route("/sign-in/{token}", self.sign_in, methods=["POST"]),
            Route("/sign-out", self.sign_out, methods=["POST"]),
            Route("/theme", self.choose_theme, methods=["POST"]),
        ]

    async def ask_sign_in(self, request: Request) -> Response:
        """Asks before using up the link: mail scanners and previews fetch links too."""
        return self._door.bare("access/sign_in.html", request, token=request.path_params["token"])

    async def sign_in(self, request: Request) -> Response:
        """Uses up a one-time link and begins a session."""
        check_origin(request)
        signed_in = await self._door.desk.access.sign_in(request.path_params["token"])
        reply = RedirectResponse("/", status_code=303)
        keep_session(reply, request, signed_in.token)
        return reply

    async def sign_out(self, request: Request) -> Response:
        """Ends the session. Its token is not asked for: an old page must be able to end it, too."""
        check_origin(request)
        await self._door.desk.access.sign_out(request.cookies.get(COOKIE, ""))
        reply = RedirectResponse("/", status_code=303)
        end_session(reply, request)
        return reply

    async def choose_theme(self, request: Request) -> Response:
        """Keeps the theme and goes back to the page."""
        check_origin(request)
        form = await read_form(request)
        parts = urlsplit(request.headers.get("referer", ""))
        back = f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}"
        safe = back if back.startswith("/") and not back.startswith("//") else "/"
        reply = RedirectResponse(safe, status_code=303)
        keep_theme(reply, request, form.text("theme"))
        return reply
