"""Reads sources again: one task for each, with a record that tells how far it is and survives the server."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import structlog

from greenroom.domain.access import Principal
from greenroom.domain.entities import Address, Body
from greenroom.domain.errors import Conflict, GreenroomError, Invalid, NotFound
from greenroom.domain.ids import PrincipalId, ProjectId
from greenroom.domain.knowledge import KIND, MAX_TAG, MAX_TITLE, Edit
from greenroom.domain.projects import Project
from greenroom.domain.refs import DraftRef, parse_ref
from greenroom.ports import Reading, Writing
from greenroom.services.crawling import Trouble
from greenroom.services.knowledge_contents import DOCUMENT, document_of, drop_document, each_record, put_document
from greenroom.services.knowledge_sources import (
    STATE,
    Gathered,
    Gatherer,
    SourceView,
    SyncState,
    each_source,
    record_of,
    state_of,
    view_of,
)
from greenroom.services.states import load_bodies, load_context_environment, load_project, load_state
from greenroom.services.work import Call, Work

BEAT_SECONDS = 5.0
MAX_ERRORS = 50
SPARED_SHARE = 0.5
SPARED_FROM = 10
"""A sync that would remove more than half of so many documents removes none: the site is broken, not empty."""
BACKGROUND = "system"
STOPPED = "the server stopped; begin it again"
SaveDraft = Callable[[Call, str, str, Address, Body, str | None], Awaitable[object]]
"""Saves an entity in the caller's draft: (call, project, alias, address, body, revision seen)."""
_log = structlog.get_logger("greenroom.knowledge")


class Over(Exception):
    """The sync was ended or taken over elsewhere."""


@dataclass(slots=True)
class Job:
    """One sync under way."""

    call: Call
    project: Project
    slug: str
    body: Body
    state: SyncState
    alias: str
    """The environment whose draft lists what is found; '' for none."""
    revision: int = 1
    seen: dict[str, str] = field(default_factory=dict[str, str])
    """Documents found with their titles."""
    task: asyncio.Task[None] | None = None


class SyncJobs:
    """Starts syncs and carries them out. `close` ends what runs here; it is then interrupted and can be begun again."""

    def __init__(self, work: Work, gatherer: Gatherer, save_draft: SaveDraft) -> None:
        self._work = work
        self._gatherer = gatherer
        self._save_draft = save_draft
        self._jobs: dict[tuple[ProjectId, str], Job] = {}

    async def start(
        self, call: Call, slug: str, source: str, ref: str | None = None, *, list_documents: bool = False
    ) -> SourceView:
        """Begins a sync and returns at once. Raises Conflict `sync_running`, NotFound, Invalid, Refused."""
        now = self._work.clock.now()

        def work(tx: Writing) -> tuple[Job, SourceView]:
            project = load_project(tx, slug)
            named = ref or f"draft:{load_context_environment(tx, project).alias}"
            body = self._load(tx, project, source, named, call.principal, now)
            before = tx.find_record(project.id, STATE, source)
            known = state_of(before, now)
            if known is not None and known.state == "running":
                raise Conflict("sync_running", f"'{source}' is being read already: {known.done} of {known.of} are done")
            state = SyncState("running", named, call.principal.id, now, None)
            alias = _draft_alias(named) if list_documents else ""
            job = Job(Call(call.principal, call.request), project, source, body, state, alias)
            job.revision = before.revision + 1 if before else 1
            tx.put_record(record_of(project.id, source, state, now, job.revision))
            tx.append(
                self._work.event(call, "source.sync_started", project=project.id, subject=source, data={"ref": named})
            )
            return job, view_of(tx, project.id, source, body, (named,), now)

        job, view = await self._work.change(call, work)
        self._jobs[job.project.id, source] = job
        job.task = asyncio.create_task(self._carry_out(job))
        return view

    async def sync_due(self, now: datetime) -> int:
        """Begins the syncs whose time has come, of all workspaces; returns how many. For the background."""
        begun = 0
        for workspace in await self._work.store.system(lambda tx: tx.list_workspaces()):
            who = Principal(PrincipalId(BACKGROUND), workspace, "Greenroom", "editor")
            call = Call(who, self._work.clock.new_id("request"))
            for project, slug, ref in await self._work.read(call, lambda tx: self._find_due(tx, now)):
                try:
                    await self.start(call, project, slug, ref)
                    begun += 1
                except GreenroomError as wrong:
                    _log.warning("sync_not_begun", source=slug, error=wrong.detail)
        return begun

    def see(self, project: ProjectId, view: SourceView) -> SourceView:
        """Returns a source with its sync as far as it is, where it is under way here; else as it was last written."""
        job = self._jobs.get((project, view.slug))
        return view if job is None or job.state.state != "running" else replace(view, sync=job.state)

    async def wait(self, project: ProjectId, source: str) -> None:
        """Waits until a sync that runs here is over."""
        job = self._jobs.get((project, source))
        if job is not None and job.task is not None:
            await asyncio.wait([job.task])

    async def close(self) -> None:
        """Ends what runs here."""
        tasks = [job.task for job in self._jobs.values() if job.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for job in list(self._jobs.values()):  # cancelled before they had begun
            await self._end(job, "interrupted", STOPPED)
        self._jobs.clear()

    def _load(self, tx: Reading, project: Project, slug: str, ref: str, who: Principal, now: datetime) -> Body:
        state = load_state(tx, project, ref, who, now)
        address = Address(KIND, slug)
        if address not in state.snapshot:
            raise NotFound("source_not_found", f"{ref} has no knowledge '{slug[:80]}'")
        return self._work.kinds[KIND].upgrade(load_bodies(tx, state.snapshot, [address])[address])

    def _find_due(self, tx: Reading, now: datetime) -> list[tuple[str, str, str]]:
        due: dict[tuple[str, str], str] = {}
        after = ""
        while projects := tx.list_projects(after, 100):
            for project in projects:
                for place, slug, body in each_source(tx, project, self._work.kinds):
                    hours = (body.get("refresh") or {}).get("every_hours")
                    if hours and body.get("enabled", True) and _is_due(tx, project, slug, hours, now):
                        due[project.slug, slug] = place
            after = projects[-1].slug
        return [(project, slug, ref) for (project, slug), ref in due.items()]

    async def _carry_out(self, job: Job) -> None:
        beat = asyncio.create_task(self._beat(job))
        try:
            whole = await self._gather(job)
            await self._finish(job, whole)
        except Over:
            pass
        except asyncio.CancelledError:
            await self._end(job, "interrupted", STOPPED)
            raise
        except GreenroomError as wrong:
            await self._end(job, "failed", wrong.detail)
        except Exception as wrong:  # noqa: BLE001  whoever looks must see that it came to no good end
            _log.error("sync_broke", source=job.slug, exc_info=wrong)
            await self._end(job, "failed", f"it broke with {type(wrong).__name__}; the server's log says more")
        finally:
            beat.cancel()
            self._jobs.pop((job.project.id, job.slug), None)

    async def _gather(self, job: Job) -> bool:
        whole = False
        async for step in self._gatherer.gather(job.slug, job.body, job.call.workspace, job.project.id):
            job.state = replace(job.state, done=step.done, of=max(step.of, step.done))
            whole = step.whole
            if step.trouble is not None:
                self._note(job, step.trouble)
            if step.item is not None:
                await self._keep(job, step.item)
        return whole

    async def _keep(self, job: Job, item: Gathered) -> None:
        edit = Edit(
            item.id,
            item.text,
            item.title[:MAX_TITLE] or item.id,
            item.uri[:2_000],
            item.mime,
            job.slug,
            tuple(tag[:MAX_TAG] for tag in item.tags if tag.strip())[:50],
        )
        now = self._work.clock.now()
        try:
            _, outcome = await self._work.change(job.call, lambda tx: put_document(tx, job.project.id, edit, now))
        except (Invalid, Conflict) as wrong:
            self._note(job, Trouble(item.uri or item.id, wrong.detail))
            return
        job.seen[item.id] = edit.title
        job.state = replace(job.state, **{outcome: getattr(job.state, outcome) + 1})

    @staticmethod
    def _note(job: Job, trouble: Trouble) -> None:
        if len(job.state.errors) < MAX_ERRORS:
            job.state = replace(job.state, errors=(*job.state.errors, (trouble.url[:500], trouble.message[:500])))

    async def _finish(self, job: Job, whole: bool) -> None:
        now = self._work.clock.now()
        if job.alias:
            await self._list(job)

        def work(tx: Writing) -> None:
            removed, note = (
                self._remove_gone(tx, job, now) if whole else (0, "not everything could be read: nothing is removed")
            )
            job.state = replace(job.state, state="finished", finished_at=now, removed=removed, note=note)
            self._put(tx, job, now)
            state = job.state
            data = {"added": state.added, "changed": state.changed, "removed": removed, "errors": len(state.errors)}
            tx.append(
                self._work.event(job.call, "source.sync_finished", project=job.project.id, subject=job.slug, data=data)
            )

        await self._work.change(job.call, work)

    @staticmethod
    def _remove_gone(tx: Writing, job: Job, now: datetime) -> tuple[int, str]:
        records = list(each_record(tx, job.project.id, DOCUMENT, job.slug))
        gone = [record for record in records if record.key not in job.seen]
        if gone and not job.seen:
            return 0, "nothing was found at all; nothing is removed: look at the source"
        if len(gone) >= SPARED_FROM and len(gone) > SPARED_SHARE * len(records):
            return (
                0,
                f"{len(gone)} of {len(records)} documents are gone; none was removed: look at the source",
            )
        for record in gone:
            drop_document(tx, job.project.id, document_of(record), now)
        return len(gone), ""

    async def _list(self, job: Job) -> None:
        """Lists what was found in the caller's draft; what is listed already keeps its tags and its pin."""
        now = self._work.clock.now()
        address = Address(KIND, job.slug)

        def work(tx: Reading) -> tuple[Body, str]:
            ref, who = f"draft:{job.alias}", job.call.principal
            body = self._load(tx, job.project, job.slug, ref, who, now)
            return body, load_state(tx, job.project, ref, who, now).snapshot[address]

        body, revision = await self._work.read(job.call, work)
        listed = {each["document"]: each for each in body.get("documents") or ()}
        fresh = [{"document": id_, "title": title} for id_, title in job.seen.items() if id_ not in listed]
        if fresh:
            changed = {**body, "documents": [*listed.values(), *fresh]}
            await self._save_draft(job.call, job.project.slug, job.alias, address, changed, revision)

    async def _end(self, job: Job, state: str, note: str) -> None:
        now = self._work.clock.now()
        job.state = replace(job.state, state=state, finished_at=now, note=note[:500])

        def work(tx: Writing) -> None:
            self._put(tx, job, now)
            tx.append(
                self._work.event(
                    job.call, "source.sync_failed", project=job.project.id, subject=job.slug, data={"why": state}
                )
            )

        try:
            await self._work.change(job.call, work)
        except Over:
            pass
        except GreenroomError as wrong:
            _log.warning("sync_end_not_kept", source=job.slug, error=wrong.detail)

    async def _beat(self, job: Job) -> None:
        """Writes how far the sync is, which also says that it is alive."""
        while True:
            await asyncio.sleep(BEAT_SECONDS)
            try:
                now = self._work.clock.now()
                await self._work.change(job.call, lambda tx, at=now: self._put(tx, job, at))
            except Over:
                if job.task is not None:
                    job.task.cancel()
                return
            except GreenroomError as wrong:
                _log.warning("will_try_again", source=job.slug, error=wrong.detail)

    @staticmethod
    def _put(tx: Writing, job: Job, now: datetime) -> None:
        """Writes the state. Raises Over when another sync took the source over."""
        if not tx.put_record(record_of(job.project.id, job.slug, job.state, now, job.revision), job.revision):
            raise Over


def _draft_alias(ref: str) -> str:
    named = parse_ref(ref)
    if not isinstance(named, DraftRef) or named.owner is not None:
        raise Invalid(
            "invalid_ref", "documents can be listed in your own draft only: sync with ref draft:<environment>"
        )
    return named.alias


def _is_due(tx: Reading, project: Project, slug: str, hours: int, now: datetime) -> bool:
    state = state_of(tx.find_record(project.id, STATE, slug), now)
    if state is None:
        return True
    last = state.finished_at or state.started_at
    return state.state != "running" and now - last >= timedelta(hours=hours)
