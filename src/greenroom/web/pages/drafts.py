"""A draft's end: published as a version, or put away."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from starlette.responses import Response
from starlette.routing import Route

from greenroom.domain.errors import GreenroomError, NotAllowed, NotFound
from greenroom.services.plans import Choice, Plan, PublishRequest
from greenroom.web.door import Door
from greenroom.web.forms import Form, Refusal, refusal_of
from greenroom.web.pages.releases import read_policy
from greenroom.web.session import Visit
from greenroom.web.shell import load_shell

CHOICES: Mapping[str, Choice] = {"leave_out": "leave_out", "bring_back": "bring_back"}


class DraftPages:
    """The dialogs that end a draft."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._desk = door.desk

    def routes(self) -> list[Route]:
        """Returns the routes."""
        base = "/projects/{slug}/environments/{alias}"
        return [
            self._door.route(base + "/publish", self.ask_publish, self.publish),
            self._door.route(base + "/discard", self.ask_discard, self.discard),
        ]

    async def ask_publish(self, visit: Visit) -> Response:
        """Shows what publishing would do."""
        return await self._ask_publish(visit, Refusal())

    async def publish(self, visit: Visit) -> Response:
        """Publishes; refused, it shows the dialog again with what was typed."""
        slug, alias, form = visit.path("slug"), visit.path("alias"), visit.form
        if form.has("look"):
            # A choice about conflicts was made: what it leads to is shown first.
            return await self._ask_publish(visit, Refusal())
        try:
            done = await self._desk.publishing.publish(visit.call, slug, alias, _request(form))
        except (NotFound, NotAllowed):
            raise
        except GreenroomError as wrong:
            return await self._ask_publish(visit, refusal_of(wrong))
        await self._door.catch_up()
        number = done.version.version.number
        if done.release is None:
            return self._door.go(visit, f"/projects/{slug}/versions/{number}", f"v{number} is published, not released.")
        path = f"/projects/{slug}/environments/{alias}/releases/{done.release.release.seq}?done=1"
        return self._door.go(visit, path, f"v{number} is published.")

    async def _ask_publish(self, visit: Visit, refusal: Refusal) -> Response:
        slug, alias, form = visit.path("slug"), visit.path("alias"), visit.form
        shell = await load_shell(visit, slug, "Publish", "build", alias=alias, names=True)
        plan: Plan | None = None
        try:
            plan = await self._desk.publishing.plan(visit.call, slug, alias, _request(form))
        except (NotFound, NotAllowed):
            raise
        except GreenroomError as wrong:
            refusal = refusal or refusal_of(wrong)
        return self._door.sheet(
            shell,
            "drafts/_publish.html",
            422 if refusal else 200,
            place=shell.here,
            plan=plan,
            refusal=refusal,
            form=form,
            kinds=self._desk.kinds,
            suggestion=_suggestion(plan, refusal),
        )

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
        return self._door.go(
            visit, f"/projects/{slug}/build?environment={alias}", f"Your draft is put away: {changes}."
        )

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


def _request(form: Form) -> PublishRequest:
    return PublishRequest(
        note=form.text("note"),
        details=form.text("details"),
        release=form.text("release", "yes") == "yes",
        expected_seq=form.number("seq"),
        confirm_digest=form.text("confirm") or None,
        resolutions=_resolutions(form),
        taken_back=CHOICES.get(form.text("taken_back")),
        in_flight=read_policy(form),
        acknowledged=form.all("acknowledged"),
    )


def _resolutions(form: Form) -> Sequence[Mapping[str, Any]]:
    """Returns how each conflict is to be settled: `take:<id>` is ours or theirs."""
    chosen = [(name.removeprefix("take:"), value) for name, value in form.pairs if name.startswith("take:")]
    return [{"conflict_id": id_, "take": take} for id_, take in chosen if take in ("ours", "theirs")]


def _suggestion(plan: Plan | None, refusal: Refusal) -> str:
    """Returns a note that fits the changes."""
    told = refusal.hints.get("suggestion", "")
    if told or plan is None or plan.compared is None:
        return told
    vague = next((caution.message for caution in plan.cautions if caution.code == "vague_note"), "")
    return vague.rpartition("for example: ")[2]
