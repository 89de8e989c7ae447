"""Promote and roll back: what would happen, to whom, and how to undo it; and afterwards, what happened."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import cast

from starlette.responses import Response
from starlette.routing import Route

from greenroom.domain.errors import Fault, GreenroomError, Invalid, NotAllowed, NotFound, Refused
from greenroom.domain.releases import Policy
from greenroom.services.plans import Plan, PolicyChoice, PromoteRequest, RollbackRequest
from greenroom.web.door import Door
from greenroom.web.fixes import draw_readiness, sync_source
from greenroom.web.forms import Form, Refusal, refusal_of
from greenroom.web.session import Visit, read_number
from greenroom.web.shell import Shell, load_shell

POLICIES = ("finish", "switch", "drain")
MIN_REASON = 3


class ReleasePages:
    """The dialogs that change what an environment serves."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._desk = door.desk

    def routes(self) -> list[Route]:
        """Returns the routes."""
        base = "/projects/{slug}/environments/{alias}"
        return [
            self._door.route(base + "/promote", self.ask_promotion, self.promote),
            self._door.route(base + "/rollback", self.ask_rollback, self.roll_back),
            self._door.route(base + "/releases/{seq}", self.release),
        ]

    async def ask_promotion(self, visit: Visit) -> Response:
        """Shows what a promotion would do."""
        return await self._ask_promotion(visit, visit.number("version"), Refusal())

    async def promote(self, visit: Visit) -> Response:
        """Promotes what was confirmed; refused, it shows the dialog again with what was typed."""
        slug, alias, form = visit.path("slug"), visit.path("alias"), visit.form
        number = form.number("version")
        try:
            if form.has("sync"):
                said = await sync_source(visit, f"v{number}" if number else alias)
                return await self._ask_promotion(visit, number, Refusal(), said)
            if form.has("look"):
                return await self._ask_promotion(visit, number, Refusal())
            if number is None:
                raise Invalid("no_version", "choose a version", errors=[Fault("/version", "choose a version")])
            request = await self._say_note(visit, _promotion(form, number))
            done = await self._desk.releases.promote(visit.call, slug, alias, request)
        except (NotFound, NotAllowed):
            raise
        except GreenroomError as wrong:
            return await self._ask_promotion(visit, number, refusal_of(wrong))
        await self._door.catch_up()
        return self._door.go(visit, f"/projects/{slug}/environments/{alias}/releases/{done.release.seq}?done=1")

    async def _say_note(self, visit: Visit, request: PromoteRequest) -> PromoteRequest:
        """Lets the version's own note stand in the history where nothing else was said."""
        if request.note or request.hotfix:
            return request
        view = await self._desk.versions.load(visit.call, visit.path("slug"), request.version)
        return replace(request, note=view.version.note)

    async def _ask_promotion(self, visit: Visit, number: int | None, refusal: Refusal, said: str = "") -> Response:
        slug, alias = visit.path("slug"), visit.path("alias")
        shell = await load_shell(visit, slug, "Promote", "environments", alias=alias, names=True)
        versions = await self._desk.versions.list(visit.call, slug, None, 50)
        plan, skips = None, False
        if number is not None:
            try:
                plan, skips = await self._plan_promotion(visit, number)
            except GreenroomError as wrong:
                refusal = refusal or refusal_of(wrong)
        return self._sheet(
            shell,
            "releases/_promote.html",
            refusal,
            plan,
            number=number,
            versions=versions,
            skips_a_step=skips,
            said=said,
        )

    async def _plan_promotion(self, visit: Visit, number: int) -> tuple[Plan, bool]:
        """Returns what a promotion would do, and whether its reason as a hotfix is still to be said, in the dialog."""
        slug, alias, plan = visit.path("slug"), visit.path("alias"), self._desk.releases.plan_promotion
        request = replace(_promotion(visit.form, number), expected_seq=None, in_flight=PolicyChoice())
        try:
            return await plan(visit.call, slug, alias, request), False
        except Refused as wrong:
            if wrong.code != "skips_a_step" or not visit.may("releases.hotfix"):
                raise
        return await plan(visit.call, slug, alias, replace(request, hotfix="to be said")), True

    async def ask_rollback(self, visit: Visit) -> Response:
        """Shows what a rollback would do."""
        return await self._ask_rollback(visit, visit.number("to"), Refusal())

    async def roll_back(self, visit: Visit) -> Response:
        """Rolls back; nothing but an outdated view of what is served stops it."""
        slug, alias, form = visit.path("slug"), visit.path("alias"), visit.form
        to, reason = form.number("to"), form.text("reason").strip()
        try:
            if len(reason) < MIN_REASON:
                message = "say why: whoever looks at the history next week will want to know"
                raise Invalid("no_reason", message, errors=[Fault("/reason", message)])
            request = RollbackRequest(reason[:500], to, form.number("seq"), read_policy(form))
            done = await self._desk.releases.roll_back(visit.call, slug, alias, request)
        except (NotFound, NotAllowed):
            raise
        except GreenroomError as wrong:
            return await self._ask_rollback(visit, to, refusal_of(wrong))
        await self._door.catch_up()
        return self._door.go(visit, f"/projects/{slug}/environments/{alias}/releases/{done.release.seq}?done=1")

    async def _ask_rollback(self, visit: Visit, to: int | None, refusal: Refusal) -> Response:
        slug, alias = visit.path("slug"), visit.path("alias")
        shell = await load_shell(visit, slug, "Roll back", "environments", alias=alias, names=True)
        served = await self._desk.versions.list(visit.call, slug, None, 50, environment=alias)
        plan = None
        try:
            plan = await self._desk.releases.plan_rollback(visit.call, slug, alias, RollbackRequest("", to))
        except GreenroomError as wrong:
            refusal = refusal or refusal_of(wrong)
        return self._sheet(shell, "releases/_rollback.html", refusal, plan, to=to, versions=served)

    def _sheet(self, shell: Shell, template: str, refusal: Refusal, plan: Plan | None, **context: object) -> Response:
        return self._door.sheet(
            shell,
            template,
            422 if refusal else 200,
            place=shell.here,
            refusal=refusal,
            plan=plan,
            findings=draw_readiness(plan.readiness, shell, plan.cautions) if plan else [],
            kinds=self._desk.kinds,
            form=shell.visit.form,
            **context,
        )

    async def release(self, visit: Visit) -> Response:
        """Shows one release: what came, what went, what happened to running conversations, and how to undo it."""
        slug, alias, seq = visit.path("slug"), visit.path("alias"), read_number(visit.path("seq"))
        found = await self._desk.environments.list_releases(visit.call, slug, alias, seq + 1, 1) if seq else []
        if not found or found[0].release.seq != seq:
            raise NotFound("release_not_found", f"{alias} has no release {visit.path('seq')[:20]}")
        shell = await load_shell(visit, slug, f"Release {seq}", "environments", alias=alias, names=True)
        release = found[0].release
        version = await self._desk.versions.load(visit.call, slug, release.version)
        return self._door.page(
            shell,
            "releases/release.html",
            release=release,
            version=version.version,
            done=visit.query("done") == "1",
            current=shell.here is not None and shell.here.environment.seq == seq,
        )


def _promotion(form: Form, number: int) -> PromoteRequest:
    """Returns what a form asks for. The ticked box restates the version that the dialog showed."""
    return PromoteRequest(
        version=number,
        expected_seq=form.number("seq"),
        confirm_version=form.number("confirm"),
        note=form.text("note").strip()[:500],
        hotfix=form.text("hotfix").strip()[:500] or None,
        in_flight=read_policy(form),
        acknowledged=form.all("acknowledged"),
    )


def read_policy(form: Form) -> PolicyChoice:
    """Returns what is to happen to running conversations; nothing chosen is the usual."""
    chosen = form.text("in_flight")
    if chosen not in POLICIES:
        return PolicyChoice()
    until = _read_time(form.text("drain_until")) if chosen == "drain" else None
    return PolicyChoice(cast(Policy, chosen), until)


def _read_time(text: str) -> datetime | None:
    """Returns the time that a browser's field says, in UTC; None for anything else."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
