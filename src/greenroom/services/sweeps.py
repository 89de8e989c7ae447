"""What nothing needs any more, removed everywhere. For the background: in portions, and harmless to repeat."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from greenroom.domain.ids import ProjectId, TestRunId, WorkspaceId
from greenroom.domain.test_runs import Standing, choose_forgotten, see_state, standing_of
from greenroom.ports import Clock, Reading, Store, Writing
from greenroom.services.knowledge_contents import collect_contents
from greenroom.services.test_jobs import CASES, NOUN, run_of

PORTION = 100
RUNS_PORTION = 10
"""So many runs are removed in one transaction; each has a record for every case."""


async def collect_everywhere(store: Store, clock: Clock) -> int:
    """Removes replaced contents whose time is over and that no version or draft pins; returns how many."""
    gone = 0
    async for workspace, project in _each_project(store):
        now = clock.now()
        gone += await store.write(workspace, lambda tx, p=project, n=now: collect_contents(tx, p, n))
    return gone


async def forget_test_runs(store: Store, clock: Clock, kept: int) -> int:
    """Removes test runs beyond the latest `kept` of each project with their results; returns how many.

    Each version's latest run that came to its end stays, and so does what runs.
    """
    gone = 0
    async for workspace, project in _each_project(store):
        if await store.read(workspace, lambda tx, p=project: tx.count_records(p, NOUN)) <= kept:
            continue
        standings = await _stand_of_runs(store, clock, workspace, project)
        forgotten = choose_forgotten(standings, kept)
        for start in range(0, len(forgotten), RUNS_PORTION):
            some = forgotten[start : start + RUNS_PORTION]
            await store.write(workspace, lambda tx, p=project, ids=some: _forget(tx, p, ids))
        gone += len(forgotten)
    return gone


async def _each_project(store: Store) -> AsyncIterator[tuple[WorkspaceId, ProjectId]]:
    for workspace in await store.system(lambda tx: tx.list_workspaces()):
        after = ""
        while projects := await store.read(workspace, lambda tx, a=after: tx.list_projects(a, PORTION)):
            for project in projects:
                yield workspace, project.id
            after = projects[-1].slug


async def _stand_of_runs(store: Store, clock: Clock, workspace: WorkspaceId, project: ProjectId) -> list[Standing]:
    """Returns a project's runs as they stand now, latest first."""
    standings: list[Standing] = []
    before: str | None = None

    def work(tx: Reading) -> Sequence[Standing]:
        rows = tx.list_records(project, NOUN, after=before, limit=PORTION, newest_first=True)
        return [standing_of(see_state(run_of(row), clock.now())) for row in rows]

    while portion := await store.read(workspace, work):
        standings += portion
        before = portion[-1].id
    return standings


def _forget(tx: Writing, project: ProjectId, runs: Sequence[TestRunId]) -> None:
    for id_ in runs:
        tx.delete_record(project, NOUN, id_)
        tx.delete_records(project, CASES, id_)
