"""Evaluations: questions asked of every finished conversation, run, followed and read."""

from __future__ import annotations

from datetime import timedelta
from typing import Final, cast

from starlette.responses import Response
from starlette.routing import Route

from greenroom.domain.errors import Fault, GreenroomError, Invalid, NotAllowed
from greenroom.domain.evaluations import EVALUATION, MAX_RUN, Evaluation, RunChoice
from greenroom.domain.results import Better
from greenroom.services.evaluations import EvaluationView
from greenroom.services.result_rows import Question
from greenroom.web.door import Door
from greenroom.web.forms import Form, Refusal, refusal_of
from greenroom.web.measures import say_value
from greenroom.web.periods import DAYS, read_period
from greenroom.web.session import Visit, read_number
from greenroom.web.shell import Shell, load_shell

PAGE: Final = 50
USUAL_RUN: Final = 500
BETTER: Final = {"higher": "more is better", "lower": "less is better", "": "neither is better"}


class EvaluationPages:
    """The pages of evaluations."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._desk = door.desk

    def routes(self) -> list[Route]:
        """Returns the routes."""
        base = "/projects/{slug}/evaluations"
        return [
            self._door.route(base, self.list, self.create),
            self._door.route(base + "/{name}", self.evaluation, self.run),
            self._door.route(base + "/{name}/edit", self.edit, self.save),
            self._door.route(base + "/{name}/progress", self.progress),
        ]

    async def list(self, visit: Visit) -> Response:
        """Shows all evaluations and how far their runs are."""
        return await self._list(visit, Refusal())

    async def create(self, visit: Visit) -> Response:
        """Makes an evaluation; refused, what was typed stays."""
        slug = visit.path("slug")
        try:
            made = await self._desk.evaluations.save(visit.call, slug, read_evaluation(visit.form), "*")
        except NotAllowed:
            raise
        except GreenroomError as wrong:
            taken = wrong.code == "stale_revision"
            fault = Fault("/name", "an evaluation has this name already; choose another")
            return await self._list(
                visit, Refusal(fault.message, "name_taken", [fault]) if taken else refusal_of(wrong)
            )
        name = made.evaluation.name
        return self._door.go(visit, f"/projects/{slug}/evaluations/{name}", f"{name} is made. Run it now.")

    async def _list(self, visit: Visit, refusal: Refusal) -> Response:
        shell = await self._shell(visit, "Evaluations")
        return self._door.page(
            shell,
            "evaluations/list.html",
            422 if refusal else 200,
            views=await self._desk.evaluations.list(visit.call, visit.path("slug")),
            wanted=read_evaluation(visit.form),
            refusal=refusal,
            better=BETTER,
            connections=await self._connections(visit),
        )

    async def evaluation(self, visit: Visit) -> Response:
        """Shows an evaluation: its last run, its scores, and what came of conversations."""
        return await self._evaluation(visit, Refusal())

    async def run(self, visit: Visit) -> Response:
        """Begins a run, ends one, or removes the evaluation."""
        slug, name, form = visit.path("slug"), visit.path("name"), visit.form
        here, said = f"/projects/{slug}/evaluations/{name}", ""
        try:
            if form.has("remove"):
                await self._desk.evaluations.remove(visit.call, slug, name, form.text("revision") or None)
                here, said = f"/projects/{slug}/evaluations", f"{name} is removed with its results."
            elif form.has("cancel"):
                await self._desk.evaluations.cancel(visit.call, slug, name)
                said = "The run is ended; what was judged is kept."
            else:
                await self._desk.evaluations.run(visit.call, slug, name, self._choice(visit, form))
        except NotAllowed:
            raise
        except GreenroomError as wrong:
            return await self._evaluation(visit, refusal_of(wrong))
        return self._door.go(visit, here, said)

    @staticmethod
    def _choice(visit: Visit, form: Form) -> RunChoice:
        """Returns which conversations a form wants judged. Raises Invalid for a version that is none."""
        typed = form.text("version").strip()
        version = read_number(typed.removeprefix("v"))
        if typed and version is None:
            message = "is a version such as v3"
            raise Invalid("invalid_run", message, errors=[Fault("/version", message)])
        days = form.number("days")
        since = visit.desk.clock.now() - timedelta(days=days) if days in DAYS else None
        return RunChoice(
            since=since,
            environment=form.text("environment"),
            version=version,
            limit=form.number("limit") or USUAL_RUN,
        )

    async def _evaluation(self, visit: Visit, refusal: Refusal) -> Response:
        slug, name, call = visit.path("slug"), visit.path("name"), visit.call
        shell = await self._shell(visit, name)
        view = await self._desk.evaluations.load(call, slug, name)
        environment = visit.query("environment") if shell.place(visit.query("environment")) else ""
        version = read_number(visit.query("version").strip().removeprefix("v"))
        after = visit.query("after") or None
        results = await self._desk.evaluations.list_results(
            call, slug, name, after, PAGE, environment=environment or None, version=version
        )
        period = read_period(visit)
        asked = Question(("environment", "version"), None, (EVALUATION + name,), period.since, period.until)
        table = await self._desk.results.load(call, slug, asked)
        metric = view.evaluation.metric
        return self._door.page(
            shell,
            "evaluations/evaluation.html",
            422 if refusal else 200,
            view=view,
            rows=[row for row in table.rows if metric.name in row.metrics],
            metric=metric,
            say_value=say_value,
            period=period,
            days=DAYS,
            results=results,
            more=results[-1].conversation if len(results) == PAGE else "",
            wanted={"environment": environment, "version": f"v{version}" if version else ""},
            form=visit.form,
            most=MAX_RUN,
            usual=USUAL_RUN,
            better=BETTER,
            refusal=refusal,
        )

    async def progress(self, visit: Visit) -> Response:
        """Shows how far a run is; while it goes on, the page asks again."""
        shell = await self._shell(visit, visit.path("name"))
        view = await self._desk.evaluations.load(visit.call, visit.path("slug"), visit.path("name"))
        if view.run is None or view.run.state != "running":
            return self._door.go(visit, f"/projects/{visit.path('slug')}/evaluations/{visit.path('name')}")
        return self._door.part(shell, "evaluations/_progress.html", 200, view=view)

    async def edit(self, visit: Visit) -> Response:
        """Shows the form of an evaluation."""
        return await self._edit(visit, Refusal())

    async def save(self, visit: Visit) -> Response:
        """Saves the evaluation that was seen; refused, what was typed stays."""
        slug, name, form = visit.path("slug"), visit.path("name"), visit.form
        try:
            wanted = read_evaluation(form, name)
            await self._desk.evaluations.save(visit.call, slug, wanted, form.text("revision") or None)
        except NotAllowed:
            raise
        except GreenroomError as wrong:
            return await self._edit(visit, refusal_of(wrong))
        return self._door.go(visit, f"/projects/{slug}/evaluations/{name}", f"{name} is saved.")

    async def _edit(self, visit: Visit, refusal: Refusal) -> Response:
        slug, name, form = visit.path("slug"), visit.path("name"), visit.form
        visit.call.need("evaluations.edit")
        shell = await self._shell(visit, f"Edit {name}")
        view: EvaluationView = await self._desk.evaluations.load(visit.call, slug, name)
        stale, typed = refusal.code == "stale_revision", form.has("revision")
        return self._door.page(
            shell,
            "evaluations/edit.html",
            422 if refusal else 200,
            view=view,
            wanted=read_evaluation(form, name) if typed else view.evaluation,
            # Whoever was told that it changed, and saves again, means it.
            revision=view.evaluation.revision if stale or not typed else form.text("revision"),
            stale=stale,
            refusal=refusal,
            better=BETTER,
            connections=await self._connections(visit),
        )

    async def _connections(self, visit: Visit) -> list[str]:
        """Returns the connections to models, by name, for those who may see them."""
        if not visit.may("connections.read"):
            return []
        found = await self._desk.connections.list(visit.call, visit.path("slug"))
        return [each.slug for each in found if each.kind == "model"]

    @staticmethod
    async def _shell(visit: Visit, title: str) -> Shell:
        return await load_shell(visit, visit.path("slug"), title, "evaluations", names=True)


def read_evaluation(form: Form, name: str = "") -> Evaluation:
    """Returns the evaluation that a form holds; what belongs to the other judge is left out when it is saved."""
    by_model = form.text("judge") == "model"
    better = form.text("better", "higher")
    return Evaluation(
        name or form.text("name").strip(),
        form.text("description").strip(),
        "model" if by_model else "rules",
        "" if by_model else form.text("rules").strip(),
        form.text("provider").strip() if by_model else "",
        form.text("connection").strip() if by_model else "",
        form.text("question").strip() if by_model else "",
        "score" if by_model and form.text("answer") == "score" else "yes_no",
        cast(Better, better if better in BETTER else "higher"),
    )
