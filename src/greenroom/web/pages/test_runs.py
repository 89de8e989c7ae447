"""Test runs: test sets played against any state, with every case and what it came to."""

from __future__ import annotations

from starlette.responses import Response
from starlette.routing import Route

from greenroom.domain.errors import GreenroomError
from greenroom.domain.test_runs import Selection
from greenroom.web.door import Door
from greenroom.web.forms import Refusal, refusal_of
from greenroom.web.session import Visit
from greenroom.web.shell import load_shell

PAGE = 50
CASES = 200


class TestRunPages:
    """The pages of test runs."""

    # pytest would take the name for a class of tests.
    __test__ = False

    def __init__(self, door: Door) -> None:
        self._door = door
        self._desk = door.desk

    def routes(self) -> list[Route]:
        """Returns the routes."""
        base = "/projects/{slug}/tests"
        return [
            self._door.route(base, self.list, self.start),
            self._door.route(base + "/{id}", self.run, self.cancel),
        ]

    async def list(self, visit: Visit) -> Response:
        """Shows the runs, latest first."""
        return await self._list(visit, Refusal())

    async def start(self, visit: Visit) -> Response:
        """Begins a run."""
        slug, form = visit.path("slug"), visit.form
        tags = tuple(tag.strip() for tag in form.text("tags").split(",") if tag.strip())
        selection = Selection(form.text("ref").strip(), tags=tags, repeat=form.number("repeat"))
        try:
            run = await self._desk.test_runs.start(visit.call, slug, selection)
        except GreenroomError as wrong:
            return await self._list(visit, refusal_of(wrong))
        return self._door.go(visit, f"/projects/{slug}/tests/{run.id}")

    async def _list(self, visit: Visit, refusal: Refusal) -> Response:
        slug = visit.path("slug")
        shell = await load_shell(visit, slug, "Tests", "tests", names=True)
        runs = await self._desk.test_runs.list(visit.call, slug, visit.query("before") or None, PAGE)
        versions = await self._desk.versions.list(visit.call, slug, None, 30)
        more = runs[-1].id if len(runs) == PAGE else ""
        status = 422 if refusal else 200
        return self._door.page(
            shell, "test_runs/list.html", status, runs=runs, more=more, versions=versions, refusal=refusal
        )

    async def run(self, visit: Visit) -> Response:
        """Shows a run with its cases; while it goes on, the page asks again."""
        slug, id_ = visit.path("slug"), visit.path("id")
        shell = await load_shell(visit, slug, "Test run", "tests", names=True)
        run, cases = await self._desk.test_runs.load(visit.call, slug, id_, visit.query("after") or None, CASES)
        template = "test_runs/_run.html" if visit.in_dialog else "test_runs/run.html"
        draw = self._door.part if visit.in_dialog else self._door.page
        more = cases[-1][0] if len(cases) == CASES else ""
        return draw(shell, template, 200, run=run, cases=[case for _, case in cases], more=more)

    async def cancel(self, visit: Visit) -> Response:
        """Ends a run; what it found stays."""
        slug, id_ = visit.path("slug"), visit.path("id")
        await self._desk.test_runs.cancel(visit.call, slug, id_)
        return self._door.go(visit, f"/projects/{slug}/tests/{id_}", "The run is ended; what it found stays.")
