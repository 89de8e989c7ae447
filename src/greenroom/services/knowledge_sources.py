"""Sources: where documents come from, as versions say, and what is found there."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from greenroom.domain.access import Principal
from greenroom.domain.entities import Body
from greenroom.domain.errors import GreenroomError, Invalid, Refused
from greenroom.domain.ids import ProjectId, WorkspaceId
from greenroom.domain.kind import Registry
from greenroom.domain.knowledge import KIND, choose_id
from greenroom.domain.projects import Project
from greenroom.domain.records import Record
from greenroom.ports import Feed, FeedAccess, Outbound, Parser, Reading
from greenroom.services.crawling import Crawl, Page, Site, Step, Trouble, clean_url, fetch_politely, type_of
from greenroom.services.knowledge_contents import DOCUMENT, load_knowledge
from greenroom.services.states import find_draft, load_draft_snapshot, load_snapshot

STATE = "source_state"
SILENT_FOR = timedelta(seconds=60)
"""A sync that has written nothing for so long is interrupted: its server went away."""
FOLDER = "folder"
AccessOf = Callable[[WorkspaceId, ProjectId, str], Awaitable[FeedAccess]]
"""Returns how to reach a connection by its slug. Raises NotFound."""


@dataclass(frozen=True, slots=True)
class SyncState:
    """How the last sync of a source went, or goes."""

    state: str
    """running, finished, failed, interrupted."""
    ref: str
    by: str
    started_at: datetime
    finished_at: datetime | None
    done: int = 0
    of: int = 0
    added: int = 0
    changed: int = 0
    removed: int = 0
    unchanged: int = 0
    errors: tuple[tuple[str, str], ...] = ()
    note: str = ""


@dataclass(frozen=True, slots=True)
class SourceView:
    """A source, the environments that serve it, and its last sync."""

    slug: str
    name: str
    type: str
    environments: tuple[str, ...]
    documents: int
    every_hours: int | None
    sync: SyncState | None
    extra: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True)
class Gathered:
    """A document of a source, read."""

    id: str
    title: str
    uri: str
    mime: str
    text: str
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Progress:
    """One document or one failure, and how far it is. The last one says whether nothing was left out."""

    item: Gathered | None
    trouble: Trouble | None
    done: int
    of: int
    whole: bool = False


@dataclass(frozen=True, slots=True)
class Gatherer:
    """Finds the documents of a source. `feeds` are by what a connection's provider is called, and `folder`."""

    outbound: Outbound | None
    parser: Parser | None
    feeds: Mapping[str, Feed]
    access: AccessOf | None = None
    pause: float = 0.2

    async def gather(
        self, slug: str, body: Body, workspace: WorkspaceId, project: ProjectId
    ) -> AsyncIterator[Progress]:
        """Yields what a source holds. Raises Refused, Invalid, Unavailable when it cannot be read at all."""
        source: Mapping[str, Any] = body.get("source") or {}
        kind = str(source.get("type", "upload"))
        if kind == "upload":
            raise Refused("nothing_to_sync", f"'{slug}' holds uploaded documents: there is nothing to read them from")
        if self.parser is None or (self.outbound is None and kind != FOLDER):
            raise Refused("not_available", "this installation has no way out, so it cannot read sources")
        if kind == "site":
            steps = self._read_site(slug, source)
        elif kind == "urls":
            steps = self._read_urls(slug, source)
        else:
            steps = self._read_feed(slug, source, kind, workspace, project)
        async for step in steps:
            yield step

    async def _read_site(self, slug: str, source: Mapping[str, Any]) -> AsyncIterator[Progress]:
        assert self.outbound is not None, "gather asked for it"
        assert self.parser is not None, "gather asked for it"
        facts: Mapping[str, Any] = source.get("site") or {}
        site = Site(
            str(facts.get("url", "")),
            int(facts.get("max_pages", 100)),
            int(facts.get("max_depth", 3)),
            facts.get("include") or (),
            facts.get("exclude") or (),
        )
        crawl = Crawl(self.outbound, self.parser, site, self.pause)
        done = 0
        async for step in crawl.steps():
            done = step.done
            yield _progress(slug, step)
        yield Progress(None, None, done, done, crawl.is_whole)

    async def _read_urls(self, slug: str, source: Mapping[str, Any]) -> AsyncIterator[Progress]:
        urls: list[str] = list(dict.fromkeys(source.get("urls") or ()))
        whole = True
        for number, url in enumerate(urls, 1):
            page, trouble = await self._read_page(url)
            whole = whole and (trouble is None or trouble.gone)
            yield _progress(slug, Step(page, trouble, number, len(urls)))
        yield Progress(None, None, len(urls), len(urls), whole)

    async def _read_page(self, url: str) -> tuple[Page | None, Trouble | None]:
        assert self.outbound is not None, "gather asked for it"
        assert self.parser is not None, "gather asked for it"
        try:
            response = await fetch_politely(self.outbound, url)
            if response.status >= 400:
                return None, Trouble(url, f"answered with status {response.status}", response.status in {404, 410})
            if response.truncated:
                return None, Trouble(url, "is too large")
            mime = type_of(response)
            parsed = await self.parser.parse(response.body, mime, response.url)
        except GreenroomError as wrong:
            return None, Trouble(url, wrong.detail)
        return Page(clean_url(url) or url, parsed.title, parsed.text, mime), None

    async def _read_feed(
        self, slug: str, source: Mapping[str, Any], kind: str, workspace: WorkspaceId, project: ProjectId
    ) -> AsyncIterator[Progress]:
        assert self.parser is not None, "gather asked for it"
        access = FeedAccess(FOLDER)
        if kind != FOLDER:
            if self.access is None:
                raise Refused("not_available", "this installation has no connections")
            access = await self.access(workspace, project, str(source.get("connection", "")))
        feed = self.feeds.get(access.provider)
        if feed is None:
            known = ", ".join(sorted(self.feeds)) or "none"
            raise Refused("no_such_feed", f"documents cannot be read from '{access.provider[:40]}'; known are: {known}")
        done, whole = 0, True
        async for found in feed.read(access, str(source.get("filter", ""))):
            done += 1
            try:
                parsed = await self.parser.parse(found.data, found.mime, found.uri or found.id)
            except Invalid as wrong:
                whole = False
                yield Progress(None, Trouble(found.uri or found.id, wrong.detail), done, done)
                continue
            title = found.title or parsed.title
            item = Gathered(choose_id(f"{slug}/{found.id}"), title, found.uri, found.mime, parsed.text, found.tags)
            yield Progress(item, None, done, done)
        yield Progress(None, None, done, done, whole)


def _progress(slug: str, step: Step) -> Progress:
    page = step.page
    if page is None:
        return Progress(None, step.trouble, step.done, step.of)
    place = page.url.partition("://")[2].partition("/")[2]
    mime = page.mime.partition(";")[0].strip()
    item = Gathered(choose_id(f"{slug}/{place or 'index'}"), page.title, page.url, mime, page.text)
    return Progress(item, None, step.done, step.of)


def state_of(record: Record | None, now: datetime) -> SyncState | None:
    """Returns what is kept of a source's sync; one that fell silent is interrupted."""
    if record is None:
        return None
    body = record.body
    state = str(body["state"])
    if state == "running" and now - record.changed_at > SILENT_FOR:
        state = "interrupted"
    ended = body.get("finished_at")
    return SyncState(
        state,
        body["ref"],
        body["by"],
        datetime.fromisoformat(body["started_at"]),
        datetime.fromisoformat(ended) if ended else None,
        body["done"],
        body["of"],
        body["added"],
        body["changed"],
        body["removed"],
        body["unchanged"],
        tuple((each["uri"], each["message"]) for each in body["errors"]),
        body["note"],
    )


def record_of(project: ProjectId, slug: str, state: SyncState, now: datetime, revision: int) -> Record:
    """Returns the record of a source's sync."""
    body = {
        "state": state.state,
        "ref": state.ref,
        "by": state.by,
        "started_at": state.started_at.isoformat(),
        "finished_at": state.finished_at.isoformat() if state.finished_at else None,
        "done": state.done,
        "of": state.of,
        "added": state.added,
        "changed": state.changed,
        "removed": state.removed,
        "unchanged": state.unchanged,
        "errors": [{"uri": uri, "message": message} for uri, message in state.errors],
        "note": state.note,
    }
    return Record(project, STATE, slug, state.started_at, now, body, revision=revision)


def list_sources(
    tx: Reading, project: Project, who: Principal, now: datetime, kinds: Registry
) -> tuple[SourceView, ...]:
    """Returns the sources of what environments serve and of the caller's drafts, by slug."""
    bodies: dict[str, Body] = {}
    places: dict[str, list[str]] = {}
    for place, slug, body in each_source(tx, project, kinds, who):
        bodies.setdefault(slug, body)
        places.setdefault(slug, []).append(place)
    return tuple(view_of(tx, project.id, slug, bodies[slug], tuple(places[slug]), now) for slug in sorted(bodies))


def each_source(
    tx: Reading, project: Project, kinds: Registry, who: Principal | None = None
) -> list[tuple[str, str, Body]]:
    """Returns (alias or draft, slug, body) of each source that is served or, for somebody, in their draft."""
    found: list[tuple[str, str, Body]] = []
    for environment in tx.list_environments(project.id):
        snapshots = [
            (environment.alias, load_snapshot(tx, version.digest))
            for number in sorted({arm.version for arm in environment.arms})
            if (version := tx.find_version(project.id, number)) is not None
        ]
        draft = find_draft(tx, environment, who) if who is not None and environment.editable else None
        if draft is not None:
            snapshots.append((f"draft:{environment.alias}", load_draft_snapshot(tx, draft)[0]))
        for place, snapshot in snapshots:
            for address, body in sorted(load_knowledge(tx, snapshot).items()):
                found.append((place, address.slug, kinds[KIND].upgrade(body)))
    return found


def view_of(
    tx: Reading, project: ProjectId, slug: str, body: Body, places: tuple[str, ...], now: datetime
) -> SourceView:
    """Returns a source as it is shown."""
    source: Mapping[str, Any] = body.get("source") or {}
    refresh: Mapping[str, Any] = body.get("refresh") or {}
    return SourceView(
        slug,
        str(body.get("name", slug)),
        str(source.get("type", "upload")),
        tuple(dict.fromkeys(places)),
        tx.count_records(project, DOCUMENT, slug),
        refresh.get("every_hours"),
        state_of(tx.find_record(project, STATE, slug), now),
    )
