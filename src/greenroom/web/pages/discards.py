"""Drafts that were put away: how long they can be restored, and restoring one."""

from __future__ import annotations

from starlette.responses import Response
from starlette.routing import Route

from greenroom.domain.errors import GreenroomError, NotAllowed, NotFound
from greenroom.web.door import Door
from greenroom.web.forms import Refusal, refusal_of
from greenroom.web.session import Visit
from greenroom.web.shell import load_shell

PAGE = 50


class DiscardPages:
    """The page of discarded drafts, and the dialog that restores one."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._desk = door.desk

    def routes(self) -> list[Route]:
        """Returns the routes."""
        base = "/projects/{slug}/environments/{alias}/discarded"
        return [
            self._door.route(base, self.list),
            self._door.route(base + "/{id}/restore", self.ask, self.restore),
        ]

    async def list(self, visit: Visit) -> Response:
        """Shows the drafts that were put away in the last 30 days, latest first."""
        slug, alias = visit.path("slug"), visit.path("alias")
        shell = await load_shell(visit, slug, "Discarded drafts", "build", alias=alias, names=True)
        found = await self._desk.discards.list_discarded(visit.call, slug, alias, visit.query("before") or None, PAGE)
        now = self._desk.clock.now()
        return self._door.page(
            shell,
            "drafts/discarded.html",
            place=shell.here,
            discarded=[(each, max((each.until - now).days, 0)) for each in found],
            more=found[-1].draft.id if len(found) == PAGE else "",
        )

    async def ask(self, visit: Visit) -> Response:
        """Says what comes back, and what is in its way."""
        return await self._ask(visit, Refusal())

    async def restore(self, visit: Visit) -> Response:
        """Brings the changes back."""
        slug, alias, id_ = visit.path("slug"), visit.path("alias"), visit.path("id")
        try:
            done = await self._desk.discards.restore(visit.call, slug, alias, id_, visit.form.number("revision"))
        except (NotFound, NotAllowed):
            raise
        except GreenroomError as wrong:
            return await self._ask(visit, refusal_of(wrong))
        count = "1 change is" if len(done.changes) == 1 else f"{len(done.changes)} changes are"
        said = f"{count} back in the draft. {' '.join(done.warnings)}".strip()
        return self._door.go(visit, f"/projects/{slug}/build?environment={alias}", said)

    async def _ask(self, visit: Visit, refusal: Refusal) -> Response:
        slug, alias, id_ = visit.path("slug"), visit.path("alias"), visit.path("id")
        shell = await load_shell(visit, slug, "Restore a draft", "build", alias=alias, names=True)
        kept = await self._desk.discards.read(visit.call, slug, alias, id_)
        draft = await self._desk.drafts.load(visit.call, slug, alias)
        mine = {change.address: change.digest for change in draft.changes}
        return self._door.sheet(
            shell,
            "drafts/_restore_discarded.html",
            422 if refusal else 200,
            place=shell.here,
            draft=draft,
            kept=kept,
            in_way=[c.address for c in kept.changes if mine.get(c.address, c.digest) != c.digest],
            refusal=refusal,
        )
