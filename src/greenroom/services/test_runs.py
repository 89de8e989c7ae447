"""Test runs: test sets played against any ref, with results bound to exactly what was tested."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from greenroom.domain.asks import Place
from greenroom.domain.canonical import Digest
from greenroom.domain.entities import Address, Body
from greenroom.domain.errors import Fault, Invalid, LimitReached, NotFound
from greenroom.domain.ids import TestRunId
from greenroom.domain.knowledge import digests_for, listings_of
from greenroom.domain.projects import Project
from greenroom.domain.test_runs import CaseResult, Run, Selection, SetUse, Subject, read_case, see_state
from greenroom.ports import Outside, Reading, Writing
from greenroom.runtime.cases import (
    MAX_REPEAT,
    Case,
    choose_cases,
    find_knowledge,
    find_test_sets,
    name_of_set,
    read_cases,
)
from greenroom.runtime.judging import choose_judge
from greenroom.runtime.mocks import Confine
from greenroom.runtime.plays import Theatre
from greenroom.runtime.program import Program
from greenroom.services.conversations import replace_answer
from greenroom.services.knowledge_contents import load_digests
from greenroom.services.programs import Programs
from greenroom.services.states import State, load_bodies, load_context_environment, load_project, load_state
from greenroom.services.test_jobs import CASES, NOUN, Job, Jobs, find_run, record_of, run_of
from greenroom.services.work import Call, Work

MAX_RUNNING = 8
MAX_ATTEMPTS = 5_000


@dataclass(frozen=True, slots=True)
class SetLine:
    """A test set of a state, with what can be chosen of it."""

    address: Address
    name: str
    digest: Digest
    cases: int
    tags: Sequence[str]


@dataclass(frozen=True, slots=True)
class _Prepared:
    """What a run is about, as it was read."""

    project: Project
    state: State
    subject: Subject
    cases: tuple[Case, ...]


class TestRuns:
    """The verbs of test runs."""

    # pytest would take the name for a class of tests.
    __test__ = False

    def __init__(self, work: Work, programs: Programs, outside: Outside, confine: Confine | None = None) -> None:
        self._work = work
        self._programs = programs
        self._outside = outside
        self._confine = confine
        self._jobs = Jobs(work)

    async def start(self, call: Call, slug: str, selection: Selection) -> Run:
        """Begins a run and returns at once; `load` shows how far it is.

        Raises NotFound for refs and test sets that are not there, Invalid for a repeat out of range, LimitReached
        for too many runs at once or too many conversations in one.
        """
        call.need("test_runs.start")
        _check(selection)
        if self._jobs.count(call.workspace) >= MAX_RUNNING:
            raise LimitReached("too_many_runs", f"{MAX_RUNNING} test runs are under way; wait for one, or cancel one")
        prepared = await self._work.read(call, lambda tx: self._prepare(tx, call, slug, selection))
        if prepared.state.draft is not None:
            await self._work.change(replace_answer(call), lambda tx: tx.put_snapshot(prepared.state.snapshot))
        program = await self._programs.load(call.workspace, prepared.state.digest)
        run, job = self._make(call, selection, prepared, program)

        def work(tx: Writing) -> Run:
            tx.put_record(record_of(run), 0)
            facts = {"ref": selection.ref, "digest": run.subject.digest, "cases": len(prepared.cases)}
            tx.append(
                self._work.event(
                    call,
                    "test_run.started",
                    project=run.project,
                    environment=run.subject.environment,
                    subject=run.id,
                    data=facts,
                )
            )
            return run

        await self._work.change(call, work)
        self._jobs.begin(job)
        return run

    async def load(
        self, call: Call, slug: str, id_: str, after: str | None = None, limit: int = 200
    ) -> tuple[Run, Sequence[tuple[str, CaseResult]]]:
        """Returns a run as it stands and a page of its cases, each with its place in the list."""
        call.need("test_runs.read")

        def work(tx: Reading) -> tuple[Run, Sequence[tuple[str, CaseResult]]]:
            project = load_project(tx, slug)
            run = self._see(_load(tx, project, id_))
            rows = tx.list_records(project.id, CASES, owner=run.id, after=after, limit=limit)
            return run, [(row.key, read_case(row.body)) for row in rows]

        return await self._work.read(call, work)

    async def list(
        self, call: Call, slug: str, before: str | None, limit: int, digest: str | None = None
    ) -> Sequence[Run]:
        """Returns runs, latest first; those of one snapshot with its digest."""
        call.need("test_runs.read")

        def work(tx: Reading) -> Sequence[Run]:
            project = load_project(tx, slug)
            rows = tx.list_records(project.id, NOUN, owner=digest, after=before, limit=limit, newest_first=True)
            return [self._see(run_of(row)) for row in rows]

        return await self._work.read(call, work)

    async def list_sets(self, call: Call, slug: str, ref: str) -> Sequence[SetLine]:
        """Returns the test sets of a state by slug. Raises NotFound, Invalid for a bad ref."""
        call.need("test_runs.read")

        def work(tx: Reading) -> Sequence[SetLine]:
            state = load_state(tx, load_project(tx, slug), ref, call.principal, self._work.clock.now())
            bodies = self._bodies(tx, state, find_test_sets(state.snapshot))
            lines: list[SetLine] = []
            for address, body in bodies.items():
                cases = read_cases(address.slug, body)
                tags = sorted({tag for case in cases for tag in case.tags})
                name = name_of_set(address.slug, body)
                lines.append(SetLine(address, name, state.snapshot[address], len(cases), tags))
            return lines

        return await self._work.read(call, work)

    async def cancel(self, call: Call, slug: str, id_: str) -> Run:
        """Ends a run; its results so far stay. One that is over stays as it is."""
        call.need("test_runs.start")

        def work(tx: Writing) -> Run:
            project = load_project(tx, slug)
            run = _load(tx, project, id_)
            if run.state != "running":
                return run
            now = self._work.clock.now()
            ended = replace(run, state="cancelled", changed_at=now, finished_at=now, cancelled_by=call.principal.id)
            tx.put_record(record_of(ended))
            where = {"project": run.project, "environment": run.subject.environment, "subject": run.id}
            tx.append(self._work.event(call, "test_run.cancelled", **where))
            return ended

        ended = await self._work.change(call, work)
        self._jobs.stop(ended.id)
        return ended

    async def wait(self, id_: TestRunId) -> None:
        """Waits for a run of this process to be over; returns at once for others."""
        await self._jobs.wait(id_)

    async def close(self) -> None:
        """Stops what runs, which then says that it was interrupted."""
        await self._jobs.close()

    def _prepare(self, tx: Reading, call: Call, slug: str, selection: Selection) -> _Prepared:
        """Reads what is tested, the test sets, and what results will be bound to."""
        project = load_project(tx, slug)
        now = self._work.clock.now()
        state = load_state(tx, project, selection.ref, call.principal, now)
        sets_state = state
        if selection.sets_from:
            sets_state = load_state(tx, project, selection.sets_from, call.principal, now, "/sets_from")
        environment = state.environment or load_context_environment(tx, project)
        bodies = self._bodies(tx, sets_state, find_test_sets(sets_state.snapshot))
        chosen = _choose_sets(bodies, selection)
        uses = [SetUse(a.slug, name_of_set(a.slug, body), sets_state.snapshot[a]) for a, body in chosen.items()]
        cases = [case for a, body in chosen.items() for case in read_cases(a.slug, body)]
        subject = Subject(
            digest=state.digest,
            version=state.version,
            environment=environment.id,
            alias=environment.alias,
            sets=tuple(uses),
            brain={},
            knowledge=self._knowledge(tx, project, state),
        )
        return _Prepared(project, state, subject, tuple(choose_cases(cases, selection.tags)))

    def _bodies(self, tx: Reading, state: State, addresses: Sequence[Address]) -> dict[Address, Body]:
        kinds = self._work.kinds
        found = load_bodies(tx, state.snapshot, addresses)
        return {address: kinds[address.kind].upgrade(found[address]) for address in addresses}

    def _knowledge(self, tx: Reading, project: Project, state: State) -> Mapping[str, str]:
        """Returns the documents of a state with the digests of what they hold now, or are pinned to."""
        bodies = self._bodies(tx, state, find_knowledge(state.snapshot))
        floating = any(not listing.pinned for listing in listings_of(bodies))
        return digests_for(bodies, load_digests(tx, project.id) if floating else {})

    def _make(self, call: Call, selection: Selection, prepared: _Prepared, program: Program) -> tuple[Run, Job]:
        clock = self._work.clock
        judge = choose_judge(program, selection.judge, selection.connection)
        subject = replace(
            prepared.subject,
            brain={slug: agent.brain for slug, agent in program.agents.items()} or {"": program.agent.brain},
            judge=judge.provider if judge else "",
            matcher=program.matcher.name,
        )
        repeats = [selection.repeat or case.repeat for case in prepared.cases if not case.skip]
        if sum(repeats) > MAX_ATTEMPTS:
            message = f"this run would hold {sum(repeats):,} conversations; at most {MAX_ATTEMPTS:,} are held in one"
            raise LimitReached("run_too_large", f"{message}; choose test sets or tags, or repeat less")
        now = clock.now()
        run = Run(
            id=TestRunId(clock.new_id("test_run")),
            project=prepared.project.id,
            actor=call.principal.id,
            selection=selection,
            subject=subject,
            state="running",
            started_at=now,
            changed_at=now,
            total=sum(repeats),
        )
        # A test sees what its draft's tests see: never the secrets of live traffic (R32).
        place = Place(
            call.workspace,
            run.project,
            subject.environment,
            subject.alias,
            "draft",
            subject.digest,
            conversation=run.id,
            origin="test",
        )
        theatre = Theatre(program, place, clock, self._outside, self._confine, judge)
        return run, Job(call, run, prepared.cases, theatre)

    def _see(self, run: Run) -> Run:
        """Returns a run as it stands; one of this process is as far as it is, not as it was last written."""
        job = self._jobs.find(run.id)
        if job is not None and run.state == "running":
            return replace(run, done=job.done)
        return see_state(run, self._work.clock.now())


def _check(selection: Selection) -> None:
    if selection.repeat is not None and not 1 <= selection.repeat <= MAX_REPEAT:
        message = f"a case is played 1 to {MAX_REPEAT} times"
        raise Invalid("invalid_repeat", message, errors=[Fault("/repeat", message)])


def _choose_sets(bodies: Mapping[Address, Body], selection: Selection) -> dict[Address, Body]:
    """Returns the test sets that were asked for, all of them when none was named."""
    by_slug = {address.slug: address for address in bodies}
    for index, slug in enumerate(selection.test_sets):
        if slug not in by_slug:
            there = ", ".join(by_slug) or "none"
            message = f"{selection.sets_from or selection.ref} has no test set '{slug[:80]}'; it has: {there}"
            raise NotFound("test_set_not_found", message, errors=[Fault(f"/test_sets/{index}", message)])
    wanted = dict.fromkeys(selection.test_sets) or by_slug
    return {by_slug[slug]: bodies[by_slug[slug]] for slug in wanted}


def _load(tx: Reading, project: Project, id_: str) -> Run:
    found = find_run(tx, project.id, id_)
    if found is None:
        raise NotFound("test_run_not_found", f"{project.slug} has no test run '{id_[:80]}'")
    return found
