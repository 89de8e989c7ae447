"""A draft while it is edited, and put away: who is here, what it changes, whose changes they are."""

from __future__ import annotations

from starlette.responses import Response
from starlette.routing import Route

from greenroom.domain.errors import GreenroomError, NotAllowed, NotFound
from greenroom.web.door import Door
from greenroom.web.forms import Refusal, refusal_of
from greenroom.web.session import Visit
from greenroom.web.shell import load_shell


class DraftPages:
    """The dialog that puts a draft away, and the part of a page that says how it stands."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._desk = door.desk

    def routes(self) -> list[Route]:
        """Returns the routes."""
        base = "/projects/{slug}/environments/{alias}"
        return [
            self._door.route(base + "/discard", self.ask_discard, self.discard),
            self._door.route(base + "/presence", write=self.announce),
        ]

    async def announce(self, visit: Visit) -> Response:
        """Says that the visitor is editing; returns how the draft stands and who else is here."""
        slug, alias, entity = visit.path("slug"), visit.path("alias"), visit.form.text("entity")
        await self._desk.presence.announce(visit.call, slug, alias, entity)
        shell = await load_shell(visit, slug, "", "", alias=alias, names=True)
        draft = await self._desk.drafts.load(visit.call, slug, alias)
        return self._door.part(shell, "drafts/_state.html", draft=draft, entity=entity)

    async def ask_discard(self, visit: Visit) -> Response:
        """Shows what would be put away."""
        return await self._ask_discard(visit, Refusal())

    async def discard(self, visit: Visit) -> Response:
        """Puts the draft away."""
        slug, alias = visit.path("slug"), visit.path("alias")
        try:
            done = await self._desk.drafts.discard(visit.call, slug, alias, visit.form.number("revision") or 0)
        except (NotFound, NotAllowed):
            raise
        except GreenroomError as wrong:
            return await self._ask_discard(visit, refusal_of(wrong))
        changes = "1 change" if done.changes == 1 else f"{done.changes} changes"
        said = f"The draft is put away: {changes}. You can restore it for 30 days."
        return self._door.go(visit, f"/projects/{slug}/environments/{alias}/discarded", said)

    async def _ask_discard(self, visit: Visit, refusal: Refusal) -> Response:
        slug, alias = visit.path("slug"), visit.path("alias")
        shell = await load_shell(visit, slug, "Discard", "build", alias=alias, names=True)
        draft = await self._desk.drafts.load(visit.call, slug, alias)
        return self._door.sheet(
            shell,
            "drafts/_discard.html",
            412 if refusal else 200,
            place=shell.here,
            draft=draft,
            refusal=refusal,
            kinds=self._desk.kinds,
        )
