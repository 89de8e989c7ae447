"""What a person said, erased for ever wherever it was kept."""

from __future__ import annotations

from starlette.responses import Response
from starlette.routing import Route

from greenroom.domain.errors import Fault, GreenroomError, Invalid, NotAllowed, NotFound
from greenroom.web.door import Door
from greenroom.web.forms import Refusal, refusal_of
from greenroom.web.session import Visit
from greenroom.web.shell import load_shell


class ErasurePages:
    """The page that erases a person. What somebody typed to name one is never part of an address."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._desk = door.desk

    def routes(self) -> list[Route]:
        """Returns the routes."""
        return [self._door.route("/projects/{slug}/erase", self.ask, self.erase)]

    async def ask(self, visit: Visit) -> Response:
        """Asks who, and says what is erased."""
        return await self._ask(visit, Refusal())

    async def erase(self, visit: Visit) -> Response:
        """Erases a person after a ticked box."""
        slug, form = visit.path("slug"), visit.form
        who = form.text("who").strip()
        try:
            if not form.has("confirm"):
                message = "tick the box: nothing of it can be brought back"
                raise Invalid("confirmation_required", message, errors=[Fault("/confirm", message)])
            person = {"caller": who} if form.text("kind") == "caller" else {"user_id": who}
            done = await self._desk.erasures.erase_person(visit.call, slug, **person)
        except (NotFound, NotAllowed):
            raise
        except GreenroomError as wrong:
            return await self._ask(visit, refusal_of(wrong))
        count = done.conversations
        said = f"{count} conversation{'' if count == 1 else 's'} of this person {'is' if count == 1 else 'are'} erased."
        return self._door.go(visit, f"/projects/{slug}/conversations", said)

    async def _ask(self, visit: Visit, refusal: Refusal) -> Response:
        visit.call.need("conversations.erase")
        shell = await load_shell(visit, visit.path("slug"), "Erase a person", "conversations")
        return self._door.page(shell, "erasures/erase.html", 422 if refusal else 200, refusal=refusal)
