"""A draft becomes a version: what changes, what conflicts, what is missing, and who will hear it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from starlette.responses import Response
from starlette.routing import Route

from greenroom.domain.errors import GreenroomError, NotAllowed, NotFound, Refused, Stale
from greenroom.domain.notes import is_vague, split_tags
from greenroom.services.plans import Choice, Plan, PolicyChoice, PublishRequest
from greenroom.web.door import Door
from greenroom.web.fixes import draw_readiness, find_fault, sync_source
from greenroom.web.forms import Form, Refusal, refusal_of
from greenroom.web.pages.releases import read_policy
from greenroom.web.previews import Preview, Resolutions, preview, read_choices
from greenroom.web.session import Visit
from greenroom.web.shell import load_shell

CHOICES: Final[Mapping[str, Choice]] = {"leave_out": "leave_out", "bring_back": "bring_back"}
TAGS: Final = ("FEATURE", "FIX", "CONTENT", "SEASONAL", "HOTFIX")
"""Tags that a tick puts at the head of a note; any other is typed there."""


class PublishingPages:
    """The dialog that publishes a draft."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._desk = door.desk

    def routes(self) -> list[Route]:
        """Returns the routes."""
        return [self._door.route("/projects/{slug}/environments/{alias}/publish", self.ask, self.publish)]

    async def ask(self, visit: Visit) -> Response:
        """Shows what publishing would do."""
        return await self._ask(visit, Refusal())

    async def publish(self, visit: Visit) -> Response:
        """Publishes; refused, it shows the dialog again with what was typed."""
        slug, alias, form = visit.path("slug"), visit.path("alias"), visit.form
        try:
            if form.has("sync"):
                return await self._ask(visit, Refusal(), await sync_source(visit, f"draft:{alias}"))
            if form.has("look"):
                # A choice was made, or something was mended: what it leads to is shown first.
                return await self._ask(visit, Refusal())
            request = replace(_request(form), resolutions=await self._settle(visit))
            done = await self._desk.publishing.publish(visit.call, slug, alias, request)
        except (NotFound, NotAllowed):
            raise
        except GreenroomError as wrong:
            return await self._ask(visit, refusal_of(wrong))
        await self._door.catch_up()
        number = done.version.version.number
        if done.release is None:
            return self._door.go(visit, f"/projects/{slug}/versions/{number}", f"v{number} is published, not released.")
        path = f"/projects/{slug}/environments/{alias}/releases/{done.release.release.seq}?done=1"
        return self._door.go(visit, path, f"v{number} is published.")

    async def _ask(self, visit: Visit, refusal: Refusal, said: str = "") -> Response:
        slug, alias, form = visit.path("slug"), visit.path("alias"), visit.form
        shell = await load_shell(visit, slug, "Publish", "build", alias=alias, names=True)
        look = await self._look(visit)
        plan, refusal = look.plan, refusal or look.refusal
        asked = look.draw(self._desk.kinds, plan.compared if plan else None)
        place, suggestion = shell.here, _suggestion(plan)
        assert place is not None, "an unknown alias was refused"
        note = form.text("note") if form.has("note") and form.text("look") != "suggested" else suggestion
        return self._door.sheet(
            shell,
            "drafts/_publish.html",
            422 if refusal or look.wrong else 200,
            place=place,
            plan=plan,
            refusal=refusal,
            said=said,
            form=form,
            kinds=self._desk.kinds,
            note=note,
            vague=form.has("note") and is_vague(split_tags(" ".join(note.split()))[1]),
            suggestion=suggestion,
            tags=TAGS,
            asked=asked,
            settled=look.is_settled,
            findings=draw_readiness(plan.readiness, shell, plan.cautions) if plan else [],
            fix=lambda fault: find_fault(shell, fault),
        )

    async def _look(self, visit: Visit) -> Preview[Plan]:
        """Returns what the form would do, with every conflict that it is asked about, settled or not."""
        slug, alias, form = visit.path("slug"), visit.path("alias"), visit.form
        # What was typed is checked when it is published: a note too long must not take the dialog away.
        asked = replace(
            _settings(form), expected_seq=None, confirm_digest=None, in_flight=PolicyChoice(), revision=None
        )
        return await preview(
            read_choices(form),
            lambda made: self._desk.publishing.plan(visit.call, slug, alias, replace(asked, resolutions=made)),
            lambda plan: plan.conflicts,
        )

    async def _settle(self, visit: Visit) -> Resolutions:
        """Returns how the form settles conflicts. Raises Invalid `not_settled`, Stale `stale_preview`."""
        choices = read_choices(visit.form)
        if not choices.take:
            return ()
        found = await self._look(visit)
        if found.refusal:
            raise Refused(found.refusal.code, found.refusal.detail, errors=found.refusal.faults)
        if choices.take.keys() - found.conflicts.keys():
            raise Stale("stale_preview", "what you settled is no conflict any more; look again, then publish")
        found.check_settled()
        return found.resolutions


def _settings(form: Form) -> PublishRequest:
    """Returns what the form says but for its texts and its settled conflicts."""
    return PublishRequest(
        note="",
        release=form.text("release", "yes") == "yes",
        expected_seq=form.number("seq"),
        confirm_digest=form.text("confirm") or None,
        taken_back=CHOICES.get(form.text("taken_back")),
        in_flight=read_policy(form),
        acknowledged=form.all("acknowledged"),
        revision=form.number("revision"),
    )


def _request(form: Form) -> PublishRequest:
    ticked = "".join(f"[{tag}] " for tag in TAGS if tag in form.all("tag"))
    return replace(
        _settings(form),
        note=ticked + form.text("note"),
        details=form.text("details"),
    )


def _suggestion(plan: Plan | None) -> str:
    """Returns a note that fits the changes: the plan of an empty note names one."""
    vague = next((c.message for c in plan.cautions if c.code == "vague_note"), "") if plan else ""
    return vague.rpartition("for example: ")[2]
