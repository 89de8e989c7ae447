"""A draft becomes a version: what changes, what conflicts, what is missing, and who will hear it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from starlette.responses import Response
from starlette.routing import Route

from greenroom.domain.errors import GreenroomError, NotAllowed, NotFound
from greenroom.domain.merges import Conflict
from greenroom.domain.notes import is_vague, split_tags
from greenroom.services.plans import Choice, Plan, PolicyChoice, PublishRequest
from greenroom.web.conflicts import TAKE, ask_about, read_resolutions
from greenroom.web.door import Door
from greenroom.web.fixes import draw_readiness, find_fault, sync_source
from greenroom.web.forms import Form, Refusal, refusal_of
from greenroom.web.pages.releases import read_policy
from greenroom.web.session import Visit
from greenroom.web.shell import load_shell

CHOICES: Final[Mapping[str, Choice]] = {"leave_out": "leave_out", "bring_back": "bring_back"}
TAGS: Final = ("FEATURE", "FIX", "CONTENT", "SEASONAL", "HOTFIX")
"""Tags that a tick puts at the head of a note; any other is typed there."""


@dataclass(frozen=True)
class _Look:
    """What publishing would do as the form stands; `plan` is None where nothing can be said."""

    plan: Plan | None
    conflicts: Sequence[Conflict]
    refusal: Refusal


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
            done = await self._desk.publishing.publish(visit.call, slug, alias, _request(form))
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
        place, suggestion = shell.here, _suggestion(plan)
        assert place is not None, "an unknown alias was refused"
        note = form.text("note") if form.has("note") and form.text("look") != "suggested" else suggestion
        labels = {"ours": "The draft", "theirs": f"What {place.name} serves", "base": "Before both"}
        return self._door.sheet(
            shell,
            "drafts/_publish.html",
            422 if refusal else 200,
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
            asked=ask_about(look.conflicts, form, refusal, labels),
            settled=bool(plan) and not (plan and plan.conflicts),
            findings=draw_readiness(plan.readiness, shell, plan.cautions) if plan else [],
            fix=lambda fault: find_fault(shell, fault),
        )

    async def _look(self, visit: Visit) -> _Look:
        """Returns what the form would do, with every conflict that it is asked about, settled or not."""
        slug, alias, form = visit.path("slug"), visit.path("alias"), visit.form
        # What was typed is checked when it is published: a note too long must not take the dialog away.
        asked = replace(
            _settings(form), expected_seq=None, confirm_digest=None, in_flight=PolicyChoice(), revision=None
        )
        try:
            bare = await self._desk.publishing.plan(visit.call, slug, alias, asked)
        except (NotFound, NotAllowed):
            raise
        except GreenroomError as wrong:
            return _Look(None, (), refusal_of(wrong))
        if not bare.conflicts or not any(name.startswith(TAKE) for name, _ in form.pairs):
            return _Look(bare, bare.conflicts, Refusal())
        try:
            chosen = replace(asked, resolutions=_known(read_resolutions(form), bare.conflicts))
            plan = await self._desk.publishing.plan(visit.call, slug, alias, chosen)
        except GreenroomError as wrong:
            return _Look(bare, bare.conflicts, refusal_of(wrong))
        # What was settled may turn out not to go together: that is asked about beside the rest.
        first = {conflict.id for conflict in bare.conflicts}
        return _Look(plan, [*bare.conflicts, *(c for c in plan.conflicts if c.id not in first)], Refusal())


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
        resolutions=read_resolutions(form),
    )


def _known(resolutions: Sequence[Mapping[str, Any]], conflicts: Sequence[Conflict]) -> Sequence[Mapping[str, Any]]:
    """Returns the resolutions as they are, or where the conflicts are others now, those that still settle one."""
    ids = {conflict.id for conflict in conflicts}
    if ids <= {str(each["conflict_id"]) for each in resolutions}:
        return resolutions
    return [each for each in resolutions if each["conflict_id"] in ids]


def _suggestion(plan: Plan | None) -> str:
    """Returns a note that fits the changes: the plan of an empty note names one."""
    vague = next((c.message for c in plan.cautions if c.code == "vague_note"), "") if plan else ""
    return vague.rpartition("for example: ")[2]
