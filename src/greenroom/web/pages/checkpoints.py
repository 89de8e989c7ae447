"""Checkpoints: a draft kept under a name without publishing, compared with now, and loaded back."""

from __future__ import annotations

from starlette.responses import Response
from starlette.routing import Route

from greenroom.domain.checkpoints import Checkpoint
from greenroom.domain.errors import GreenroomError, NotAllowed, NotFound
from greenroom.services.drafts import DraftView
from greenroom.web.door import Door
from greenroom.web.forms import Refusal, refusal_of
from greenroom.web.session import Visit
from greenroom.web.shell import Shell, load_shell

PAGE = 50


class CheckpointPages:
    """The page of checkpoints, and the dialogs that save, restore and remove one."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._desk = door.desk

    def routes(self) -> list[Route]:
        """Returns the routes."""
        base = "/projects/{slug}/environments/{alias}/checkpoints"
        return [
            self._door.route(base, self.list),
            self._door.route(base + "/new", self.ask, self.save),
            self._door.route(base + "/{id}/restore", self.ask_restore, self.restore),
            self._door.route(base + "/{id}/remove", self.ask_removal, self.remove),
        ]

    async def list(self, visit: Visit) -> Response:
        """Shows the checkpoints of the draft that the visitor edits, newest first."""
        shell, draft = await self._open(visit, "Checkpoints")
        slug, alias = visit.path("slug"), visit.path("alias")
        found = await self._desk.checkpoints.list(visit.call, slug, alias, visit.query("before") or None, PAGE)
        return self._door.page(
            shell,
            "drafts/checkpoints.html",
            place=shell.here,
            draft=draft,
            checkpoints=found,
            more=found[-1].id if len(found) == PAGE else "",
        )

    async def ask(self, visit: Visit) -> Response:
        """Asks for the name of a checkpoint."""
        return await self._ask(visit, Refusal())

    async def save(self, visit: Visit) -> Response:
        """Keeps the draft as it is now under a name."""
        slug, alias, form = visit.path("slug"), visit.path("alias"), visit.form
        try:
            made = await self._desk.checkpoints.save(
                visit.call, slug, alias, form.text("name"), form.number("revision")
            )
        except (NotFound, NotAllowed):
            raise
        except GreenroomError as wrong:
            return await self._ask(visit, refusal_of(wrong))
        back = f"/projects/{slug}/environments/{alias}/checkpoints"
        return self._door.go(visit, back, f"“{made.name}” is kept. The draft stays as it is; nothing is published.")

    async def _ask(self, visit: Visit, refusal: Refusal) -> Response:
        shell, draft = await self._open(visit, "Save a checkpoint")
        status = 422 if refusal else 200
        return self._door.sheet(
            shell, "drafts/_checkpoint.html", status, place=shell.here, draft=draft, refusal=refusal, form=visit.form
        )

    async def ask_restore(self, visit: Visit) -> Response:
        """Says what loading a checkpoint does to the present draft."""
        return await self._ask_restore(visit, Refusal())

    async def restore(self, visit: Visit) -> Response:
        """Makes the draft what a checkpoint holds."""
        slug, alias, id_ = visit.path("slug"), visit.path("alias"), visit.path("id")
        try:
            seen = visit.form.number("revision") or 0
            done = await self._desk.checkpoints.load(visit.call, slug, alias, id_, seen)
        except (NotFound, NotAllowed):
            raise
        except GreenroomError as wrong:
            return await self._ask_restore(visit, refusal_of(wrong))
        said = "The draft is what the checkpoint holds." if done.changes else "The draft holds just that already."
        if done.discarded:
            said += " What it held before is under Discarded drafts for 30 days."
        return self._door.go(visit, f"/projects/{slug}/build?environment={alias}", said)

    async def _ask_restore(self, visit: Visit, refusal: Refusal) -> Response:
        shell, draft = await self._open(visit, "Restore a checkpoint")
        kept = await self._find(visit)
        return self._door.sheet(
            shell,
            "drafts/_restore_checkpoint.html",
            412 if refusal else 200,
            place=shell.here,
            draft=draft,
            kept=kept,
            refusal=refusal,
            compared=await self._desk.comparisons.compare(
                visit.call, visit.path("slug"), f"draft:{visit.path('alias')}", kept.digest
            ),
            kinds=self._desk.kinds,
        )

    async def ask_removal(self, visit: Visit) -> Response:
        """Says what removing a checkpoint means."""
        shell, _ = await self._open(visit, "Remove a checkpoint")
        return self._door.sheet(
            shell, "drafts/_remove_checkpoint.html", 200, place=shell.here, kept=await self._find(visit)
        )

    async def remove(self, visit: Visit) -> Response:
        """Removes a checkpoint."""
        slug, alias = visit.path("slug"), visit.path("alias")
        await self._desk.checkpoints.remove(visit.call, slug, alias, visit.path("id"))
        back = f"/projects/{slug}/environments/{alias}/checkpoints"
        return self._door.go(visit, back, "The checkpoint is removed. The draft is as it was.")

    async def _open(self, visit: Visit, title: str) -> tuple[Shell, DraftView]:
        slug, alias = visit.path("slug"), visit.path("alias")
        shell = await load_shell(visit, slug, title, "build", alias=alias, names=True)
        return shell, await self._desk.drafts.load(visit.call, slug, alias)

    async def _find(self, visit: Visit) -> Checkpoint:
        return await self._desk.checkpoints.read(visit.call, visit.path("slug"), visit.path("alias"), visit.path("id"))
