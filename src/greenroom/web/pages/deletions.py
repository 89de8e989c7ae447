"""An environment's end: what depends on it and where that goes, what callers hear, what remains."""

from __future__ import annotations

from starlette.responses import Response
from starlette.routing import Route

from greenroom.domain.errors import GreenroomError, NotAllowed
from greenroom.services.deletions import Deletion, DeletionRequest
from greenroom.services.plans import PolicyChoice
from greenroom.web.door import Door
from greenroom.web.forms import Form, Refusal, refusal_of
from greenroom.web.pages.releases import read_policy
from greenroom.web.session import Visit
from greenroom.web.shell import load_shell


class DeletionPages:
    """The dialog that deletes an environment."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._desk = door.desk

    def routes(self) -> list[Route]:
        """Returns the routes."""
        return [self._door.route("/projects/{slug}/environments/{alias}/delete", self.ask, self.delete)]

    async def ask(self, visit: Visit) -> Response:
        """Shows what a deletion would do."""
        return await self._ask(visit, Refusal())

    async def delete(self, visit: Visit) -> Response:
        """Deletes what was looked at; refused, it shows the dialog again."""
        slug, alias, form = visit.path("slug"), visit.path("alias"), visit.form
        if form.has("look"):
            return await self._ask(visit, Refusal())
        try:
            done = await self._desk.deletions.delete(visit.call, slug, alias, _request(form))
        except NotAllowed:
            raise
        except GreenroomError as wrong:
            return await self._ask(visit, refusal_of(wrong))
        await self._door.catch_up()
        return self._door.go(visit, f"/projects/{slug}/environments", _say(done))

    async def _ask(self, visit: Visit, refusal: Refusal) -> Response:
        slug, alias = visit.path("slug"), visit.path("alias")
        shell = await load_shell(visit, slug, "Delete", "environments", alias=alias, names=True)
        move_to = visit.form.text("move_to") or visit.query("move_to")
        plan: Deletion | None = None
        try:
            plan = await self._desk.deletions.plan(visit.call, slug, alias, _look(visit.form, move_to))
        except NotAllowed:
            raise
        except GreenroomError as wrong:
            refusal = refusal or refusal_of(wrong)
            # What depends on it is shown all the same, with nowhere to go.
            plan = await self._desk.deletions.plan(visit.call, slug, alias, DeletionRequest())
        target = next((p for p in shell.places if plan.target and p.environment.id == plan.target.id), None)
        return self._door.sheet(
            shell,
            "environments/_delete.html",
            422 if refusal else 200,
            place=shell.here,
            target=target,
            plan=plan,
            move_to=move_to,
            refusal=refusal,
            form=visit.form,
        )


def _look(form: Form, move_to: str) -> DeletionRequest:
    return DeletionRequest(move_to=move_to or None, in_flight=_policy(form))


def _request(form: Form) -> DeletionRequest:
    return DeletionRequest(
        expected_seq=form.number("seq"),
        move_to=form.text("move_to") or None,
        confirm_version=form.number("confirm"),
        in_flight=_policy(form),
        acknowledged=form.all("acknowledged"),
    )


def _policy(form: Form) -> PolicyChoice:
    """Returns what becomes of running conversations; nothing chosen lets them finish."""
    chosen = read_policy(form)
    return chosen if chosen.policy else PolicyChoice("finish")


def _say(done: Deletion) -> str:
    moved = [f"{d.what} {d.name}".strip() for d in done.moved if d.movable]
    went = f" Went to {done.target.name}: {'; '.join(moved)}." if moved and done.target else ""
    return f"{done.environment.name} is deleted.{went} Its versions and conversations stay in the records."
