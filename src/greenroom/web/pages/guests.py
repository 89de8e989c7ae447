"""The page that a share link opens: somebody without an account talks to one environment."""

from __future__ import annotations

from typing import Final

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from greenroom.domain.errors import GreenroomError, LimitReached, NotFound, Refused
from greenroom.services.guests import Guest
from greenroom.web.door import Door
from greenroom.web.forms import Form, Refusal, check_origin, read_form, refusal_of
from greenroom.web.session import keep_talk, read_talk

MAX_HEARD: Final = 4_000


class GuestPages:
    """The page of guests. The browser keeps which conversation is theirs; the address is the same for all."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._guests = door.desk.guests

    def routes(self) -> list[Route]:
        """Returns the routes."""
        return [
            Route("/try/{token}", self.look, methods=["GET"]),
            Route("/try/{token}", self.talk, methods=["POST"]),
        ]

    async def look(self, request: Request) -> Response:
        """Shows the guest's conversation, or asks whether to begin one: previews fetch links too."""
        try:
            guest = await self._guests.welcome(request.path_params["token"])
        except (NotFound, Refused) as wrong:
            return self._close(request, wrong)
        return await self._show(request, guest, Refusal(), 200, "")

    async def talk(self, request: Request) -> Response:
        """Begins a conversation, or takes a turn."""
        check_origin(request)
        form = await read_form(request)
        try:
            guest = await self._guests.welcome(request.path_params["token"])
        except (NotFound, Refused) as wrong:
            return self._close(request, wrong)
        reply = RedirectResponse(f"{request.url.path}#last", status_code=303)
        try:
            await self._go_on(request, reply, guest, form)
        except LimitReached as wrong:
            reply = await self._show(request, guest, refusal_of(wrong), 429, form.text("text"))
            reply.headers["retry-after"] = str(wrong.extra.get("retry_after", 1))
        except GreenroomError as wrong:
            return await self._show(request, guest, refusal_of(wrong), 409, form.text("text"))
        return reply

    async def _go_on(self, request: Request, reply: Response, guest: Guest, form: Form) -> None:
        text, held = form.text("text").strip()[:MAX_HEARD], read_talk(request)
        if form.has("begin"):
            keep_talk(reply, request, await self._guests.begin(guest, held))
        elif text:
            await self._guests.say(guest, held, text)

    async def _show(self, request: Request, guest: Guest, refusal: Refusal, status: int, text: str) -> Response:
        talk, held = None, read_talk(request)
        if held is not None:
            try:
                talk = await self._guests.load(guest, held)
            except NotFound:
                talk = None  # another's, or erased: begin anew
        return self._door.bare("guests/talk.html", request, status, guest=guest, talk=talk, refusal=refusal, text=text)

    def _close(self, request: Request, wrong: GreenroomError) -> Response:
        return self._door.bare("guests/closed.html", request, 404, wrong=wrong)
