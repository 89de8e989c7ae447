"""Traffic: who hears which environment, what a change would move, and how the shares do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, cast

from starlette.responses import Response
from starlette.routing import Route

from greenroom.domain.errors import Fault, GreenroomError, Invalid, NotAllowed, NotFound
from greenroom.domain.splits import STICKY_POLICIES, StickyPolicy, format_weight
from greenroom.services.keeping import Beginning
from greenroom.services.splits import ShareRequest, SplitChangeView, SplitPlan, SplitRequest, SplitView
from greenroom.web.contests import compare_shares
from greenroom.web.door import Door
from greenroom.web.forms import Form, Refusal, refusal_of
from greenroom.web.periods import DAYS
from greenroom.web.session import Visit
from greenroom.web.shell import Place, Shell, load_shell

LAST: Final = 5
PAGE: Final = 50
STICKY: Final[Mapping[StickyPolicy, tuple[str, str]]] = {
    "user": ("the user, else the number that calls", "Whoever comes back is led to the same environment."),
    "caller": ("the number that calls, else the user", "Whoever calls again is led to the same environment."),
    "conversation": ("nothing", "Every conversation is drawn anew: one person may meet several environments."),
}
STICKY_SHORT: Final = {"user": "the user", "caller": "the caller's number", "conversation": "nothing"}


@dataclass(frozen=True)
class Lane:
    """An environment as the editor shows it. `now` is its weight in hundredths of a percent, None without a share;
    `typed` what its field holds; `barred` why no share may lead there."""

    place: Place
    now: int | None
    typed: str
    barred: str = ""
    wrong: str = ""

    @property
    def whole(self) -> int:
        """Returns the typed weight in hundredths of a percent, 0 for what is none."""
        try:
            return min(max(round(float(self.typed.replace(",", ".")) * 100), 0), 10_000)
        except (ValueError, OverflowError):
            return 0


class SplitPages:
    """The pages of the split."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._desk = door.desk

    def routes(self) -> list[Route]:
        """Returns the routes."""
        base = "/projects/{slug}/traffic"
        return [
            self._door.route(base, self.traffic, self.save),
            self._door.route(base + "/movement", write=self.movement),
            self._door.route(base + "/restart", self.ask_restart, self.restart),
            self._door.route(base + "/results", self.results),
            self._door.route(base + "/history", self.history),
            self._door.route(base + "/why", self.why, self.explain),
        ]

    async def traffic(self, visit: Visit) -> Response:
        """Shows the split, its editor, how the shares do, and the last changes."""
        return await self._traffic(visit, Refusal())

    async def save(self, visit: Visit) -> Response:
        """Sets the split that was seen; `look` only says what would move. Refused, what was typed stays."""
        slug, form = visit.path("slug"), visit.form
        shell = await self._shell(visit)
        try:
            request = read_request(form, shell)
            if form.has("look"):
                plan = await self._desk.splits.plan(visit.call, slug, request, None)
                return await self._traffic(visit, Refusal(), plan)
            done = await self._desk.splits.set(visit.call, slug, request, form.text("seen") or None)
        except NotAllowed:
            raise
        except GreenroomError as wrong:
            return await self._traffic(visit, refusal_of(wrong))
        await self._door.catch_up()
        said = ", ".join(say_shares(done, shell))
        return self._door.go(visit, f"/projects/{slug}/traffic", f"New conversations: {said}.")

    async def movement(self, visit: Visit) -> Response:
        """Says what the weights that are typed just now would move."""
        shell = await self._shell(visit)
        moves, unmoved = [], ""
        try:
            request = read_request(visit.form, shell)
            moves = say_movement(await self._desk.splits.plan(visit.call, visit.path("slug"), request, None), shell)
        except NotAllowed:
            raise
        except GreenroomError as wrong:
            unmoved = wrong.detail
        return self._door.part(shell, "splits/_movement.html", 200, moves=moves, unmoved=unmoved)

    async def _shell(self, visit: Visit, title: str = "Traffic") -> Shell:
        return await load_shell(visit, visit.path("slug"), title, "traffic", names=True)

    async def _traffic(self, visit: Visit, refusal: Refusal, plan: SplitPlan | None = None) -> Response:
        slug, form = visit.path("slug"), visit.form
        shell = await self._shell(visit)
        view = await self._desk.splits.load(visit.call, slug)
        history = await self._desk.splits.list_changes(visit.call, slug, None, LAST + 1)
        lanes = draw_lanes(shell, view, await self._typed(visit, shell, view), refusal)
        stale = refusal.code == "stale_revision"
        return self._door.page(
            shell,
            "splits/traffic.html",
            422 if refusal else 200,
            view=view,
            lanes=[lane for lane in lanes if not lane.barred],
            barred=[lane for lane in lanes if lane.barred],
            total=sum(lane.whole for lane in lanes if not lane.barred),
            # Whoever was told what is there now, and saves again, means it.
            seen=seen_of(view) if stale or not form.has("seen") else form.text("seen"),
            stale=stale,
            again=visit.number("again") if not form.has("seen") else None,
            moves=[] if plan is None else say_movement(plan, shell),
            unmoved="",
            sticky_key=form.text("sticky_key") or view.split.sticky_key,
            policies=STICKY,
            policy_short=STICKY_SHORT,
            note=form.text("note"),
            refusal=refusal,
            history=[draw_change(change, shell) for change in history[:LAST]],
            more=len(history) > LAST,
            compared=sum(share.weight > 0 for share in view.split.shares) > 1,
            days=visit.number("days") if visit.number("days") in DAYS else 0,
            format_weight=format_weight,
        )

    async def results(self, visit: Visit) -> Response:
        """Shows how the shares do: apart from the editor, which need not wait until every conversation is counted."""
        shell = await self._shell(visit, "How the shares do")
        contested = await compare_shares(visit, shell, await self._desk.splits.load(visit.call, visit.path("slug")))
        facts: dict[str, Any] = {"contested": contested, "days": DAYS, "format_weight": format_weight}
        if visit.in_dialog:
            return self._door.part(shell, "splits/_results.html", 200, **facts)
        return self._door.page(shell, "splits/results.html", 200, **facts)

    async def _typed(self, visit: Visit, shell: Shell, view: SplitView) -> dict[str, str]:
        """Returns what stands in each environment's field: what was typed, else an earlier split, else the present."""
        form, again = visit.form, visit.number("again")
        if form.has("seen"):
            return {place.alias: form.text(f"w:{place.alias}") for place in shell.places}
        if again is not None:
            found = await self._desk.splits.list_changes(visit.call, visit.path("slug"), again + 1, 1)
            if found and found[0].change.revision == again:
                return {found[0].aliases.get(s.environment, ""): plain(s.weight) for s in found[0].change.shares}
        return {view.aliases.get(s.environment, ""): plain(s.weight) for s in view.split.shares}

    async def ask_restart(self, visit: Visit) -> Response:
        """Says what it means to draw anew who goes where."""
        return await self._ask_restart(visit, Refusal())

    async def restart(self, visit: Visit) -> Response:
        """Draws a new salt when it is confirmed; the weights stay."""
        slug, form = visit.path("slug"), visit.form
        try:
            if not form.has("confirm"):
                message = "tick that you know it"
                raise Invalid("not_confirmed", message, errors=[Fault("/confirm", message)])
            reason = form.text("reason").strip()
            if not reason:
                message = "say why: whoever reads the results next week will want to know"
                raise Invalid("no_reason", message, errors=[Fault("/reason", message)])
            view = await self._desk.splits.load(visit.call, slug)
            request = replace(_same(view), note=reason, restart=True)
            await self._desk.splits.set(visit.call, slug, request, form.text("seen") or None)
        except NotAllowed:
            raise
        except GreenroomError as wrong:
            return await self._ask_restart(visit, refusal_of(wrong))
        await self._door.catch_up()
        return self._door.go(visit, f"/projects/{slug}/traffic", "Who goes where is drawn anew from now on.")

    async def _ask_restart(self, visit: Visit, refusal: Refusal) -> Response:
        slug = visit.path("slug")
        visit.call.need("splits.set")
        shell = await self._shell(visit, "Restart the assignment")
        view = await self._desk.splits.load(visit.call, slug)
        moves: list[str] = []
        try:
            plan = await self._desk.splits.plan(visit.call, slug, replace(_same(view), restart=True), None)
            moves = say_movement(plan, shell)
        except GreenroomError as wrong:
            refusal = refusal or refusal_of(wrong)
        return self._door.sheet(
            shell,
            "splits/_restart.html",
            422 if refusal else 200,
            seen=seen_of(view),
            view=view,
            shares=say_shares(view, shell),
            moves=moves,
            refusal=refusal,
        )

    async def history(self, visit: Visit) -> Response:
        """Shows every split that there was, newest first."""
        shell = await self._shell(visit, "History of the split")
        found = await self._desk.splits.list_changes(visit.call, visit.path("slug"), visit.number("before"), PAGE)
        more = found[-1].change.revision if len(found) == PAGE else 0
        history = [draw_change(change, shell) for change in found]
        return self._door.page(shell, "splits/history.html", 200, history=history, more=more)

    async def why(self, visit: Visit) -> Response:
        """Asks whose way is meant."""
        return await self._why(visit, Refusal())

    async def explain(self, visit: Visit) -> Response:
        """Says which environment somebody is led to and why; who they are is in no address and in no log."""
        slug, form = visit.path("slug"), visit.form
        talk, user, caller = (form.text(name).strip() for name in ("conversation", "user", "caller"))
        try:
            if talk:
                view, _ = await self._desk.conversations.load(visit.call, talk, -1, 1)
                project = await self._desk.projects.load(visit.call, slug)
                if view.conversation.project != project.project.id:
                    raise NotFound("conversation_not_found", f"there is no conversation '{talk[:80]}' here")
                told = await self._desk.entries.explain(visit.call, talk)
                return await self._why(visit, Refusal(), told.sentences, told.alias, told.conversation.started_version)
            token = form.text("link").strip().rpartition("/")[2]  # of the link's address, or the token alone
            begin = Beginning(user_id=user or None, caller=caller, share_link=token or None)
            seen = await self._desk.entries.foresee(visit.call, slug, begin)
        except NotAllowed:
            raise
        except NotFound as wrong:
            fault = Fault("/conversation" if talk else "/link", wrong.detail)
            return await self._why(visit, Refusal(wrong.detail, wrong.code, [fault]))
        except GreenroomError as wrong:
            return await self._why(visit, refusal_of(wrong))
        alias = "" if seen.coming.drawn else seen.coming.alias
        return await self._why(visit, Refusal(), seen.sentences, alias, seen.coming.version)

    async def _why(
        self, visit: Visit, refusal: Refusal, told: Sequence[str] = (), alias: str = "", version: int | None = None
    ) -> Response:
        shell = await self._shell(visit, "Why this one?")
        context: dict[str, Any] = {"told": told, "led": shell.place(alias), "version": version}
        return self._door.page(
            shell, "splits/why.html", 422 if refusal else 200, form=visit.form, refusal=refusal, alias=alias, **context
        )


def read_request(form: Form, shell: Shell) -> SplitRequest:
    """Returns the split that a form asks for; an empty field is no share. Raises Invalid beside its field."""
    shares: list[ShareRequest] = []
    for place in shell.places:
        typed = form.text(f"w:{place.alias}").strip().replace(",", ".").removesuffix("%").strip()
        if typed:
            shares.append(ShareRequest(place.alias, typed))
    chosen = form.text("sticky_key")
    sticky = cast(StickyPolicy, chosen) if chosen in STICKY_POLICIES else None
    return SplitRequest(shares, sticky, form.text("note").strip())


def draw_lanes(shell: Shell, view: SplitView, typed: Mapping[str, str], refusal: Refusal) -> list[Lane]:
    """Returns all environments, those that may be shares and those that may not, with why."""
    now = {view.aliases.get(share.environment, ""): share.weight for share in view.split.shares}
    asked = [place.alias for place in shell.places if typed.get(place.alias, "").strip()]
    lanes: list[Lane] = []
    for place in shell.places:
        barred = ""
        if place.environment.internal:
            barred = "internal: the public is never led there; testers and share links are"
        elif place.version is None:
            barred = "serves nothing yet; release a version there first"
        wrong = ""
        if place.alias in asked:
            at = f"/shares/{asked.index(place.alias)}"
            wrong = "; ".join(filter(None, (refusal.at(f"{at}/weight"), refusal.at(f"{at}/environment"))))
        lanes.append(Lane(place, now.get(place.alias), typed.get(place.alias, ""), barred, wrong))
    return lanes


@dataclass(frozen=True)
class Change:
    """One line of the history: the change, its weights in words, and what it moved."""

    view: SplitChangeView
    shares: Sequence[str]
    moved: str


def draw_change(view: SplitChangeView, shell: Shell) -> Change:
    """Returns a change as the history shows it."""
    change = view.change
    weights = [(view.aliases.get(share.environment, ""), share.weight) for share in change.shares]
    moved = "all drawn anew" if change.restarted else f"{format_weight(change.moved_slots)} moved"
    if not change.moved_slots and not change.restarted:
        moved = "nobody moved"
    return Change(view, [_say_share(shell, alias, weight) for alias, weight in weights], moved)


def say_shares(view: SplitView, shell: Shell) -> list[str]:
    """Returns the shares of a split in words: `Live 90 %`."""
    return [_say_share(shell, view.aliases.get(s.environment, ""), s.weight) for s in view.split.shares]


def say_movement(plan: SplitPlan, shell: Shell) -> list[str]:
    """Returns what a change would move, and what it leaves, in sentences."""
    who = "new conversations" if plan.after.sticky_key == "conversation" else "callers"
    parts = [
        f"{format_weight(flow.weight)} of {who} move from {_name(shell, plan, flow.source)} to "
        f"{_name(shell, plan, flow.target)}"
        for flow in plan.flows
    ]
    if plan.rekeyed:
        said = "Everybody is drawn anew"
        said += f": about {_join(parts)}; the others happen to stay." if parts else "; with one share all stay there."
    elif parts:
        said = f"About {_join(parts)}; everybody else stays."
    else:
        said = "Nobody moves."
    running = plan.running
    talks = "1 running conversation stays" if running == 1 else f"{running:,} running conversations stay"
    end = f"{talks} where they are to the end." if running > 1 else f"{talks} where it is to the end."
    return [said, end if running else "No conversation is running just now; those that run are never moved."]


def seen_of(view: SplitView) -> str:
    """Returns what a form says it has seen."""
    return str(view.split.revision) if view.split.revision else "*"


def plain(weight: int) -> str:
    """Returns hundredths of a percent as a field holds them: `33.33`."""
    return format_weight(weight).removesuffix(" %")


def _same(view: SplitView) -> SplitRequest:
    shares = [ShareRequest(str(share.environment), plain(share.weight)) for share in view.split.shares]
    return SplitRequest(shares)


def _say_share(shell: Shell, alias: str, weight: int) -> str:
    place = shell.place(alias)
    return f"{place.name if place else alias or 'a deleted environment'} {format_weight(weight)}"


def _name(shell: Shell, plan: SplitPlan, environment: str) -> str:
    alias = plan.aliases.get(environment, "")
    place = shell.place(alias)
    return place.name if place else alias or "a deleted environment"


def _join(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
