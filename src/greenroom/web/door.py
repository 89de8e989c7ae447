"""How a page is opened, answered and refused: what the pages of every noun share."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

import structlog
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from greenroom.domain.errors import (
    Conflict,
    GreenroomError,
    Invalid,
    LimitReached,
    Missing,
    NotAllowed,
    NotFound,
    Refused,
    Stale,
    Unauthenticated,
    Unavailable,
)
from greenroom.services.desk import Desk
from greenroom.web.forms import stay_here
from greenroom.web.names import Names
from greenroom.web.rendering import Assets, make_templates
from greenroom.web.session import Visit, find_visit, keep_flash, read_theme
from greenroom.web.shell import Shell

Handler = Callable[[Visit], Awaitable[Response]]

STATUS: Final[dict[type[GreenroomError], tuple[int, str]]] = {
    Invalid: (422, "That cannot be right"),
    NotFound: (404, "Not found"),
    Conflict: (409, "Somebody was faster"),
    Stale: (412, "This changed while you looked at it"),
    Missing: (428, "Something was not said"),
    Refused: (409, "That is not possible"),
    Unauthenticated: (401, "Please sign in"),
    NotAllowed: (403, "You may not do that"),
    LimitReached: (413, "Too much"),
    Unavailable: (503, "Not available just now"),
}
_log = structlog.get_logger("greenroom.web")


class Door:
    """What the pages need: the verbs, the templates, the files."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.assets = Assets()
        self.names = Names()
        self._templates = make_templates(self.assets)

    def route(self, path: str, read: Handler | None = None, write: Handler | None = None) -> Route:
        """Returns the route of a page: what is shown, and what its form does."""

        async def answer(request: Request) -> Response:
            visit = await find_visit(request, self.desk)
            handler = read if request.method in ("GET", "HEAD") else write
            assert handler is not None, "the methods below let nothing else in"
            return await handler(visit)

        methods = [*(["GET"] if read else []), *(["POST"] if write else [])]
        return Route(path, answer, methods=methods)

    def page(self, shell: Shell, template: str, status: int = 200, /, **context: object) -> Response:
        """Returns a whole page. The message of the page before is said once."""
        reply = HTMLResponse(self._render(template, page=shell, visit=shell.visit, **context), status)
        if shell.flash is not None:
            reply.delete_cookie("gr_flash", path="/")
        return reply

    def part(self, shell: Shell, template: str, status: int = 200, /, **context: object) -> Response:
        """Returns a part of a page."""
        return HTMLResponse(self._render(template, page=shell, visit=shell.visit, **context), status)

    def sheet(self, shell: Shell, template: str, status: int = 200, /, **context: object) -> Response:
        """Returns a dialog: by itself where a page is open already, else on a page of its own."""
        if shell.visit.in_dialog:
            return self.part(shell, template, status, **context)
        return self.page(shell, "_sheet_page.html", status, sheet=template, **context)

    def go(self, visit: Visit, path: str, said: str = "", tone: str = "good") -> Response:
        """Sends the browser on after a form; the next page says what was done."""
        if visit.in_dialog:
            reply = Response(status_code=200, headers={"hx-redirect": path})
        else:
            reply = Response(status_code=303, headers={"location": path})
        if said:
            keep_flash(reply, visit.request, said, tone)
        return reply

    def bare(self, template: str, request: Request, status: int = 200, **context: object) -> Response:
        """Returns a page for somebody who is not signed in."""
        return HTMLResponse(self._render(template, theme=read_theme(request), **context), status)

    def ask_password(
        self, request: Request, back: str, name: str = "", wrong: str = "", status: int = 0
    ) -> HTMLResponse:
        """Returns the page that asks who it is; after it comes `back`."""
        context = {"next": back, "name": name, "wrong": wrong, "theme": read_theme(request)}
        return HTMLResponse(self._render("access/password.html", **context), status or (401 if wrong else 200))

    async def refuse(self, request: Request, wrong: Exception) -> Response:
        """Says on a page what is wrong and what to do."""
        if not isinstance(wrong, GreenroomError):
            wrong = NotFound("page_not_found", f"There is no page {request.url.path[:200]}.")
        if wrong.code == "no_session" and request.method == "GET" and "hx-request" not in request.headers:
            query = request.url.query
            return self.ask_password(request, stay_here(f"{request.url.path}{'?' if query else ''}{query}"), status=401)
        status, title = next((STATUS[one] for one in type(wrong).__mro__ if one in STATUS), (409, "Not possible"))
        template = "_refused.html" if request.headers.get("hx-request") == "true" else "refused.html"
        return self.bare(template, request, status, title=title, wrong=wrong)

    async def fail(self, request: Request, fault: Exception) -> Response:
        """Says that the fault is ours, and nothing but the name under which the log has it."""
        incident = self.desk.clock.new_id("request").replace("req_", "inc_", 1)
        path = request.url.path
        if token := request.path_params.get("token"):
            path = path.replace(token, "•••")  # it lets whoever reads the log in
        _log.error("unexpected", incident=incident, path=path[:200], exc_info=fault)
        wrong = Unavailable(
            "internal_error", f"This is a fault of the server, not yours; its log has it as {incident}."
        )
        template = "_refused.html" if request.headers.get("hx-request") == "true" else "refused.html"
        return self.bare(template, request, 500, title="Something broke", wrong=wrong)

    async def catch_up(self) -> None:
        """Makes a release show in the pointer table at once; it follows within a second anyway."""
        try:
            await self.desk.traffic.refresh()
        except Exception as wrong:  # noqa: BLE001 - the release is committed whatever happens here
            _log.warning("refresh_failed", error=str(wrong))

    def _render(self, template: str, /, **context: object) -> str:
        return self._templates.get_template(template).render(**context)
