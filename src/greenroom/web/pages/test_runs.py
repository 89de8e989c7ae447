"""Tests: the sets of a draft, runs of them against any state, two runs side by side, a set through time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from starlette.responses import Response
from starlette.routing import Route

from greenroom.domain.errors import GreenroomError, NotFound
from greenroom.domain.test_runs import CaseResult, Run, Selection
from greenroom.services.test_runs import SetLine
from greenroom.web.door import Door
from greenroom.web.forms import Refusal, refusal_of
from greenroom.web.session import Visit
from greenroom.web.shell import Shell, load_shell

PAGE = 50
CASES = 200
MOST_CASES: Final = 2_000
"""So many cases of a run are compared."""
LOOKED: Final = 20
"""So many runs of a set are looked into."""
OF_SET: Final = 200
NEWS: Final = ("broke", "changed", "mended", "new", "gone")
"""What may be new of a case, what matters most first."""


@dataclass(frozen=True)
class CasePair:
    """A case in two runs; None where a run did not play it."""

    before: CaseResult | None
    after: CaseResult | None

    @property
    def case(self) -> CaseResult:
        """Returns the case as the later run has it, else as the earlier one."""
        found = self.after or self.before
        assert found is not None, "a pair has a side"
        return found

    @property
    def news(self) -> str:
        """Returns what is new of it: broke, mended, new, gone, changed; '' where it came to the same."""
        if self.before is None or self.after is None:
            return "new" if self.before is None else "gone"
        if self.before.status == self.after.status:
            return "" if self.before.rate == self.after.rate else "changed"
        if self.after.status == "passed":
            return "mended"
        return "broke" if self.before.status == "passed" else "changed"


@dataclass(frozen=True)
class SetRun:
    """What a test set came to in one run."""

    run: Run
    digest: str
    passed: int
    failed: int
    others: int


class TestRunPages:
    """The pages of tests."""

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
            self._door.route(base + "/compare", self.compare),
            self._door.route(base + "/sets/{set}", self.set_history),
            self._door.route(base + "/{id}", self.run, self.cancel),
        ]

    async def list(self, visit: Visit) -> Response:
        """Shows the test sets, and the runs, latest first."""
        return await self._list(visit, Refusal())

    async def start(self, visit: Visit) -> Response:
        """Begins a run."""
        slug, form = visit.path("slug"), visit.form
        tags = tuple(tag.strip() for tag in form.text("tags").split(",") if tag.strip())
        sets = tuple(dict.fromkeys(form.all("set")))
        sets_from = form.text("sets_from").strip()
        selection = Selection(
            form.text("ref").strip(), sets, tags, form.number("repeat"), "" if sets_from == "same" else sets_from
        )
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
        return self._door.page(
            shell,
            "test_runs/list.html",
            422 if refusal else 200,
            runs=runs,
            more=runs[-1].id if len(runs) == PAGE else "",
            versions=versions,
            sets=await self._list_sets(visit, shell),
            wanted=visit.form.text("ref") or visit.query("ref"),
            chosen=visit.form.all("set") or ([visit.query("set")] if visit.query("set") else []),
            refusal=refusal,
        )

    async def _list_sets(self, visit: Visit, shell: Shell) -> Sequence[SetLine]:
        """Returns the test sets of the first draft, which is where they are edited."""
        if not shell.editable:
            return ()
        return await self._desk.test_runs.list_sets(visit.call, visit.path("slug"), f"draft:{shell.editable[0].alias}")

    async def run(self, visit: Visit) -> Response:
        """Shows a run with its cases; while it goes on, the page asks again."""
        slug, id_ = visit.path("slug"), visit.path("id")
        shell = await load_shell(visit, slug, "Test run", "tests", names=True)
        run, cases = await self._desk.test_runs.load(visit.call, slug, id_, visit.query("after") or None, CASES)
        template = "test_runs/_run.html" if visit.in_dialog else "test_runs/run.html"
        draw = self._door.part if visit.in_dialog else self._door.page
        before = await self._find_before(visit, run)
        more = cases[-1][0] if len(cases) == CASES else ""
        return draw(shell, template, 200, run=run, cases=[case for _, case in cases], more=more, before=before)

    async def _find_before(self, visit: Visit, run: Run) -> Run | None:
        """Returns the run before this one, which is what one most often compares with."""
        found = await self._desk.test_runs.list(visit.call, visit.path("slug"), str(run.id), 1)
        return found[0] if found else None

    async def cancel(self, visit: Visit) -> Response:
        """Ends a run; what it found stays."""
        slug, id_ = visit.path("slug"), visit.path("id")
        await self._desk.test_runs.cancel(visit.call, slug, id_)
        return self._door.go(visit, f"/projects/{slug}/tests/{id_}", "The run is ended; what it found stays.")

    async def compare(self, visit: Visit) -> Response:
        """Shows two runs side by side: what broke, what is mended, what is new."""
        slug = visit.path("slug")
        picked = visit.request.query_params.getlist("pick")
        ids = [visit.query("base"), visit.query("head")] if visit.query("base") else [*picked[:2], "", ""][:2]
        shell = await load_shell(visit, slug, "Compare runs", "tests", names=True)
        sides = [await self._load_whole(visit, id_) for id_ in ids]
        if not visit.query("base"):
            sides.sort(key=lambda side: side[0].started_at)
        (before, first), (after, second) = sides
        pairs = pair_cases(first, second)
        counts = {news: sum(pair.news == news for pair in pairs) for news in NEWS}
        same = sum(not pair.news for pair in pairs)
        shown = pairs if visit.query("show") == "all" else [pair for pair in pairs if pair.news]
        return self._door.page(
            shell,
            "test_runs/compare.html",
            before=before,
            after=after,
            pairs=shown,
            counts=counts,
            same=same,
            all=visit.query("show") == "all",
        )

    async def _load_whole(self, visit: Visit, id_: str) -> tuple[Run, Sequence[CaseResult]]:
        if not id_:
            raise NotFound("test_run_not_found", "choose two runs to compare")
        found: list[CaseResult] = []
        after: str | None = None
        while True:
            run, cases = await self._desk.test_runs.load(visit.call, visit.path("slug"), id_, after, CASES)
            found += [case for _, case in cases]
            if len(cases) < CASES or len(found) >= MOST_CASES:
                return run, found
            after = cases[-1][0]

    async def set_history(self, visit: Visit) -> Response:
        """Shows a test set through time: its runs by version, and how it was written for each."""
        slug, name = visit.path("slug"), visit.path("set")
        shell = await load_shell(visit, slug, "Test set", "tests", names=True)
        line = next((each for each in await self._list_sets(visit, shell) if each.address.slug == name), None)
        runs = await self._desk.test_runs.list(visit.call, slug, None, OF_SET)
        used = [run for run in runs if any(use.slug == name for use in run.subject.sets)]
        if line is None and not used:
            raise NotFound("test_set_not_found", f"there is no test set '{name[:80]}' in your draft, nor in a run")
        found = [await self._look(visit, run, name) for run in used[:LOOKED]]
        return self._door.page(shell, "test_runs/set.html", line=line, name=name, found=found, total=len(used))

    async def _look(self, visit: Visit, run: Run, name: str) -> SetRun:
        _, cases = await self._load_whole(visit, str(run.id))
        mine = [case for case in cases if case.test_set == name]
        passed, failed = (sum(case.status == status for case in mine) for status in ("passed", "failed"))
        digest = next(use.digest for use in run.subject.sets if use.slug == name)
        return SetRun(run, digest, passed, failed, len(mine) - passed - failed)


def pair_cases(before: Sequence[CaseResult], after: Sequence[CaseResult]) -> list[CasePair]:
    """Returns the cases of two runs by set and case: those of the later run first, in its order, what broke on top."""
    old: Mapping[tuple[str, str], CaseResult] = {(case.test_set, case.case): case for case in before}
    new = {(case.test_set, case.case): case for case in after}
    pairs = [CasePair(old.get(key), case) for key, case in new.items()]
    pairs += [CasePair(case, None) for key, case in old.items() if key not in new]
    order = (*NEWS, "")
    return sorted(pairs, key=lambda pair: order.index(pair.news))
