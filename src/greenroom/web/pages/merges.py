"""Merging: what it brings, what meets and how that is settled, who hears it, and how to undo it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace

from starlette.responses import Response
from starlette.routing import Route

from greenroom.domain.errors import GreenroomError, NotAllowed, Refused, Stale
from greenroom.services.merge_plans import MergeOutcome, MergePlan, MergeRequest, Strategy
from greenroom.web.differences import KindDiff, Wanted, draw
from greenroom.web.door import Door
from greenroom.web.fixes import draw_readiness
from greenroom.web.forms import Form, Refusal, refusal_of
from greenroom.web.pages.releases import read_policy
from greenroom.web.previews import Preview, preview, read_choices
from greenroom.web.session import Visit
from greenroom.web.shell import Shell, load_shell

VERSIONS = 50
SHOWN = 100
"""Conflicts on one page; the others follow when these are settled."""


@dataclass(frozen=True)
class Wish:
    """What somebody wants to merge, as the address or the form says it."""

    source: str
    target: str
    strategy: Strategy
    delete_source: bool


class MergePages:
    """The page of merging."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._desk = door.desk

    def routes(self) -> list[Route]:
        """Returns the routes."""
        return [self._door.route("/projects/{slug}/merge", self.ask, self.make)]

    async def ask(self, visit: Visit) -> Response:
        """Asks what to merge into what; when the address says it, shows what that gives."""
        visit.call.need("merges.make")
        return await self._show(visit, None, Refusal())

    async def make(self, visit: Visit) -> Response:
        """Merges what was looked at; anything else shows the page again with all that was chosen and typed."""
        visit.call.need("merges.make")
        if not visit.form.has("make"):
            return await self._show(visit, None, Refusal())
        found = await self._preview(visit)
        try:
            _check_seen(visit.form, found)
            done = await self._desk.merges.make(visit.call, visit.path("slug"), _request(visit, found))
        except NotAllowed:
            raise
        except GreenroomError as wrong:
            return await self._show(visit, found, refusal_of(wrong))
        await self._door.catch_up()
        release = done.release
        path = f"/projects/{visit.path('slug')}/environments/{release.alias}/releases/{release.release.seq}?done=1"
        return self._door.go(visit, path, _say(done))

    async def _preview(self, visit: Visit) -> Preview[MergePlan]:
        wish, form = _wish(visit), visit.form
        request = MergeRequest(
            wish.source, wish.target, form.text("note"), strategy=wish.strategy, delete_source=wish.delete_source
        )
        return await preview(
            read_choices(form),
            lambda made: self._desk.merges.plan(visit.call, visit.path("slug"), replace(request, resolutions=made)),
            lambda plan: plan.plan.conflicts,
        )

    async def _show(self, visit: Visit, found: Preview[MergePlan] | None, refusal: Refusal) -> Response:
        wish, slug = _wish(visit), visit.path("slug")
        title = "Replace" if wish.strategy == "replace" else "Merge"
        shell = await load_shell(visit, slug, title, "merge", alias=wish.target, names=True)
        if found is None and wish.source and wish.target:
            found = await self._preview(visit)
        refusal = refusal or (found.refusal if found else Refusal())
        plan = found.plan if found else None
        drawn = found.draw(self._desk.kinds, plan.plan.compared if plan else None) if found else []
        refused = bool(refusal or (found and found.wrong))
        return self._door.page(
            shell,
            "merges/merge.html",
            422 if refused else 200,
            wish=_suggest(shell, wish),
            place=shell.here,
            source=shell.place(wish.source),
            found=found,
            merge=plan,
            plan=plan.plan if plan else None,
            conflicts=drawn[:SHOWN],
            unseen=drawn[SHOWN:],
            groups=await self._draw(plan, shell) if plan else [],
            settled_changes=_count_settled(plan) if plan else 0,
            refusal=refusal,
            findings=draw_readiness(plan.plan.readiness, shell, plan.plan.cautions) if plan else [],
            form=visit.form,
            kinds=self._desk.kinds,
            suggestion=_suggestion(plan, refusal),
            versions=await self._desk.versions.list(visit.call, slug, None, VERSIONS),
        )

    async def _draw(self, plan: MergePlan, shell: Shell) -> list[KindDiff]:
        compared = plan.plan.compared
        if compared is None:
            return []
        groups = await asyncio.to_thread(draw, compared, self._desk.kinds, shell.names, Wanted())
        # Where a conflict is open the plan holds what both began with: shown, it would look like a change.
        waiting = {conflict.address for conflict in plan.plan.conflicts}
        left = [replace(g, entities=[e for e in g.entities if e.change.address not in waiting]) for g in groups]
        return [group for group in left if group.entities]


def _wish(visit: Visit) -> Wish:
    """Returns what the form says, or, before there is one, the address."""
    said = visit.form.text if visit.form.pairs else visit.query
    strategy: Strategy = "replace" if said("strategy") == "replace" else "merge"
    return Wish(said("source").strip(), said("target").strip(), strategy, said("delete_source") == "1")


def _suggest(shell: Shell, wish: Wish) -> Wish:
    """Returns what is most often merged: what is edited beside the public's environment, into that one."""
    live = shell.live
    into = [live, *shell.editable] if live and live.environment.editable else shell.editable
    target = wish.target or next((place.alias for place in into if place.alias != wish.source), "")
    beside = [place for place in shell.places if place.version and place.alias != target]
    beside.sort(key=lambda place: not place.environment.editable)
    return replace(wish, source=wish.source or next((place.alias for place in beside), ""), target=target)


def _count_settled(plan: MergePlan) -> int:
    """Returns how many changes are known already: those of entities without an open conflict."""
    waiting = {conflict.address for conflict in plan.plan.conflicts}
    changes = plan.plan.compared.comparison.changes if plan.plan.compared else ()
    return sum(change.address not in waiting for change in changes)


def _check_seen(form: Form, found: Preview[MergePlan]) -> None:
    """Refuses what was not looked at as it would be made. Raises Invalid `not_settled`, Stale `stale_preview`."""
    if found.refusal or found.plan is None:
        raise Refused(found.refusal.code, found.refusal.detail, errors=found.refusal.faults)
    found.check_settled()
    if form.text("digest") != found.plan.plan.digest:
        raise Stale("stale_preview", "this gives something else than what you looked at; look again, then confirm")


def _request(visit: Visit, found: Preview[MergePlan]) -> MergeRequest:
    wish, form = _wish(visit), visit.form
    return MergeRequest(
        wish.source,
        wish.target,
        form.text("note"),
        form.text("details"),
        wish.strategy,
        found.resolutions,
        wish.delete_source,
        expected_seq=form.number("seq"),
        expected_source_seq=form.number("source_seq"),
        confirm_digest=form.text("confirm") or None,
        in_flight=read_policy(form),
        acknowledged=form.all("acknowledged"),
    )


def _suggestion(plan: MergePlan | None, refusal: Refusal) -> str:
    """Returns a note that fits what is merged."""
    told = refusal.hints.get("suggestion", "")
    if told or plan is None:
        return told
    vague = next((caution.message for caution in plan.plan.cautions if caution.code == "vague_note"), "")
    return vague.rpartition("for example: ")[2]


def _say(done: MergeOutcome) -> str:
    gone = f" {done.deletion.environment.name} is deleted." if done.deletion else ""
    return f"{done.source.ref} is merged into {done.release.alias} as v{done.version.version.number}.{gone}"
