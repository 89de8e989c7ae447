"""Testers: named people who are led to one environment, whatever the split says."""

from __future__ import annotations

from typing import Final

from starlette.responses import Response
from starlette.routing import Route

from greenroom.domain.errors import GreenroomError, NotAllowed
from greenroom.web.door import Door
from greenroom.web.forms import Refusal, refusal_of
from greenroom.web.session import Visit
from greenroom.web.shell import load_shell

PAGE: Final = 100


class TesterPages:
    """The page of testers."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._desk = door.desk

    def routes(self) -> list[Route]:
        """Returns the routes."""
        return [self._door.route("/projects/{slug}/traffic/testers", self.list, self.change)]

    async def list(self, visit: Visit) -> Response:
        """Shows who tests what, masked."""
        return await self._list(visit, Refusal())

    async def change(self, visit: Visit) -> Response:
        """Adds somebody, or lets them follow the split again."""
        slug, form = visit.path("slug"), visit.form
        here = f"/projects/{slug}/traffic/testers"
        try:
            if form.has("remove"):
                await self._desk.testers.remove(visit.call, slug, form.text("remove"))
                said = "They follow the split again, from their next conversation on."
            else:
                who = form.text("who").strip()
                by_user = form.text("kind") != "caller"
                added = await self._desk.testers.add(
                    visit.call,
                    slug,
                    form.text("environment"),
                    user_id=who if by_user else None,
                    caller=None if by_user else who,
                    label=form.text("label"),
                )
                said = f"{added.tester.shown} is led to {added.alias} from the next conversation on."
        except NotAllowed:
            raise
        except GreenroomError as wrong:
            return await self._list(visit, refusal_of(wrong))
        await self._door.catch_up()
        return self._door.go(visit, here, said)

    async def _list(self, visit: Visit, refusal: Refusal) -> Response:
        slug = visit.path("slug")
        shell = await load_shell(visit, slug, "Testers", "traffic", names=True)
        wanted = visit.query("environment") if shell.place(visit.query("environment")) else ""
        found = await self._desk.testers.list(visit.call, slug, visit.query("after") or None, PAGE, wanted or None)
        return self._door.page(
            shell,
            "testers/list.html",
            422 if refusal else 200,
            testers=found,
            more=found[-1].tester.id if len(found) == PAGE else "",
            wanted=wanted,
            form=visit.form,
            refusal=refusal,
        )
