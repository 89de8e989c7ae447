"""One's own account: the password, and the browsers one is signed in with."""

from __future__ import annotations

from starlette.responses import Response
from starlette.routing import Route

from greenroom.domain.errors import Fault, GreenroomError, Invalid
from greenroom.services.accounts import NewPassword
from greenroom.web.door import Door
from greenroom.web.forms import Refusal, refusal_of
from greenroom.web.session import Visit, end_session, keep_session
from greenroom.web.shell import plain_shell


class AccountPages:
    """The page of one's own account."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._accounts = door.desk.accounts

    def routes(self) -> list[Route]:
        """Returns the routes."""
        return [self._door.route("/account", self.show, self.change)]

    async def show(self, visit: Visit) -> Response:
        """Shows how one signs in and where one is signed in."""
        return await self._show(visit, Refusal())

    async def change(self, visit: Visit) -> Response:
        """Sets the password, or signs browsers out."""
        try:
            if visit.form.has("out"):
                return await self._sign_out(visit, visit.form.text("out"))
            return await self._set_password(visit)
        except GreenroomError as wrong:
            return await self._show(visit, refusal_of(wrong))

    async def _set_password(self, visit: Visit) -> Response:
        form = visit.form
        if form.text("password") != form.text("again"):
            fault = Fault("/again", "is not what you typed above", "not_the_same")
            raise Invalid("not_the_same", "the two new passwords are not the same", errors=[fault])
        new = NewPassword(form.text("name"), form.text("password"), form.text("current"))
        signed_in = await self._accounts.set_password(visit.call, visit.token, new)
        reply = self._door.go(visit, "/account", "The password is set. Every other browser of yours is signed out.")
        keep_session(reply, visit.request, signed_in.token)
        return reply

    async def _sign_out(self, visit: Visit, which: str) -> Response:
        if which == "others":
            count = await self._accounts.sign_out_others(visit.call, visit.token)
            return self._door.go(visit, "/account", f"Signed out elsewhere: {count}.")
        mine = await self._accounts.load(visit.call, visit.token)
        await self._accounts.sign_out(visit.call, which)
        if which == mine.here.id:
            reply = self._door.go(visit, "/sign-in")
            end_session(reply, visit.request)
            return reply
        return self._door.go(visit, "/account", "That browser is signed out.")

    async def _show(self, visit: Visit, refusal: Refusal) -> Response:
        mine = await self._accounts.load(visit.call, visit.token)
        shell = plain_shell(visit, "Your account")
        status = 422 if refusal else 200
        return self._door.page(shell, "accounts/account.html", status, mine=mine, refusal=refusal)
