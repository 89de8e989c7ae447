"""Folders in and out: an import fills the caller's draft whole or not at all, an export is deterministic."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from greenroom.domain.canonical import Digest
from greenroom.domain.drafts import check_seen, name_draft
from greenroom.domain.entities import Address, Body, EntityBody, freeze_body
from greenroom.domain.errors import Fault, GreenroomError, Invalid, Missing, NotFound, Stale
from greenroom.domain.projects import Project
from greenroom.domain.versions import EMPTY_SNAPSHOT, Snapshot
from greenroom.ports import Reading, Writing
from greenroom.services.drafts import Drafts, DraftView, put_bodies
from greenroom.services.states import State, load_bodies, load_project, load_state
from greenroom.services.work import Call, Work
from greenroom.wire.archives import pack, unpack
from greenroom.wire.folder import MANIFEST, MANIFEST_TEXT, from_files, to_files
from greenroom.wire.imports import Imported, ReportRow

Reader = Callable[[Mapping[str, bytes]], Imported]
"""Reads another system's files. Raises Invalid with every fault, `path:line`."""


@dataclass(frozen=True, slots=True)
class ImportOutcome:
    """What an import did (or, as a dry run, would do) to the caller's draft."""

    environment: str
    revision: int
    digest: Digest
    added: int
    edited: int
    removed: int
    unchanged: int
    overwritten: Sequence[Address]
    """Entities that the draft had changed in another way."""
    report: Sequence[ReportRow]
    dry_run: bool


@dataclass(frozen=True, slots=True)
class Export:
    """An archive and the state it holds."""

    state: State
    archive: bytes


class Imports:
    """The verbs of importing and exporting."""

    def __init__(self, work: Work, drafts: Drafts, readers: Mapping[str, Reader]) -> None:
        self._work = work
        self._drafts = drafts
        self._readers = readers

    async def import_folder(
        self,
        call: Call,
        slug: str,
        archive: bytes,
        format_: str,
        *,
        environment: str | None = None,
        path: str | None = None,
        overlay: bool = False,
        dry_run: bool = False,
        revision: int | None = None,
    ) -> ImportOutcome:
        """Reads a zip or tar.gz of a folder into the caller's draft (default: of the first editable environment).

        With `path`, `archive` is the one file of that path, and everything else stays. Without `overlay` a
        folder becomes the whole draft. Raises Invalid with every fault, and then nothing is written; Missing
        without the draft's `revision` where edits in it would be overwritten, Stale when it is another one (R5).
        """
        call.need("drafts.edit")
        overlay = overlay or path is not None
        imported, bodies = await asyncio.to_thread(self._read_upload, archive, path, format_)

        def work(tx: Reading) -> tuple[Project, DraftView, Snapshot]:
            project = load_project(tx, slug)
            alias = environment or _first_editable(tx, project)
            mine = self._drafts.view(tx, call, slug, alias)
            digests: dict[Address, Digest | None] = {a: frozen.digest for a, (frozen, _) in bodies.items()}
            after = (mine.snapshot if overlay else EMPTY_SNAPSHOT).with_changes(digests)
            return project, mine, after

        def look(tx: Reading) -> ImportOutcome:
            _, mine, after = work(tx)
            return _outcome(mine, mine.revision, after, imported.report, dry_run=True)

        def write(tx: Writing) -> ImportOutcome:
            project, mine, after = work(tx)
            _check_seen(mine, revision, _find_overwritten(mine, after))
            reached = self._write(tx, call, project, mine, after, bodies, format_)
            return _outcome(mine, reached, after, imported.report, dry_run=False)

        if dry_run:
            return await self._work.read(call, look)
        return await self._drafts.retry(call, slug, environment or "", write)

    def _read_upload(
        self, upload: bytes, path: str | None, format_: str
    ) -> tuple[Imported, dict[Address, tuple[EntityBody, Body]]]:
        files = unpack(upload) if path is None else {MANIFEST: MANIFEST_TEXT, path: upload}
        imported = self.read(files, format_)
        return imported, self._complete(imported.entities)

    def read(self, files: Mapping[str, bytes], format_: str) -> Imported:
        """Returns the entities of a folder in one of the known formats. Raises Invalid."""
        if format_ == "greenroom":
            entities = from_files(files, self._work.kinds)
            rows = [ReportRow(path=str(a), item="entity", status="read", address=a) for a in sorted(entities)]
            return Imported(entities, tuple(rows))
        reader = self._readers.get(format_)
        if reader is None:
            known = ", ".join(["greenroom", *self._readers])
            raise Invalid(
                "unknown_format",
                f"'{format_[:40]}' is not a format that can be imported; formats are: {known}",
                errors=[Fault("/format", f"formats are: {known}")],
            )
        return reader(files)

    async def export(self, call: Call, slug: str, ref: str) -> Export:
        """Returns a state as a deterministic zip of YAML and code files."""
        call.need("content.read")

        def work(tx: Reading) -> tuple[State, Mapping[Address, Body]]:
            state = load_state(tx, load_project(tx, slug), ref, call.principal, self._work.clock.now())
            return state, load_bodies(tx, state.snapshot, state.snapshot)

        state, bodies = await self._work.read(call, work)
        return Export(state, pack(to_files(bodies, self._work.kinds)))

    def _complete(self, entities: Mapping[Address, Body]) -> dict[Address, tuple[EntityBody, Body]]:
        bodies: dict[Address, tuple[EntityBody, Body]] = {}
        faults: list[Fault] = []
        for address, body in entities.items():
            try:
                complete = self._drafts.check_address(address).complete(body)
                bodies[address] = (freeze_body(complete), complete)
            except GreenroomError as wrong:
                inner = wrong.errors or (Fault("", wrong.detail),)
                faults.extend(Fault(f"/{address}{f.pointer}", f.message, f.code, f.hint) for f in inner)
        if faults:
            raise Invalid("import_refused", f"{len(faults)} things are wrong; nothing was imported", errors=faults)
        return bodies

    def _write(
        self,
        tx: Writing,
        call: Call,
        project: Project,
        mine: DraftView,
        after: Snapshot,
        bodies: Mapping[Address, tuple[EntityBody, Body]],
        format_: str,
    ) -> int:
        draft, _ = self._drafts.begin(tx, call, project, mine.environment)
        put_bodies(tx, project, bodies, self._work.kinds)
        wanted = {address: new for address, _, new in mine.base.snapshot.differing(after)}
        author = call.principal.id
        draft = self._drafts.replace_changes(tx, draft, wanted, mine.base, draft.base_seq, lambda _: author)
        tx.append(
            self._work.event(
                call,
                "draft.imported",
                project=project.id,
                environment=mine.environment.id,
                subject=draft.id,
                data={"format": format_, "entities": len(bodies), "digest": after.digest},
            )
        )
        return draft.revision


def _first_editable(tx: Reading, project: Project) -> str:
    for environment in tx.list_environments(project.id):
        if environment.editable:
            return environment.alias
    raise NotFound("nothing_editable", f"{project.slug} has no editable environment to import into")


def _find_overwritten(mine: DraftView, after: Snapshot) -> list[Address]:
    """Returns the entities that a draft changes and an import would change again."""
    return [change.address for change in mine.changes if after.get(change.address) != change.digest]


def _check_seen(mine: DraftView, seen: int | None, overwritten: Sequence[Address]) -> None:
    """Refuses to overwrite edits in a draft that the caller did not see as they are now."""
    named, changes = name_draft(mine.environment), {change.address: change for change in mine.changes}
    listed = [str(address) for address in overwritten]
    why = f"the import would overwrite {', '.join(listed[:10])}" if listed else ""
    try:
        check_seen(named, mine.revision, seen, changes, why)
    except (Missing, Stale) as unseen:
        raise type(unseen)(
            unseen.code,
            unseen.detail,
            errors=[Fault(f"/{address}", "would be overwritten") for address in listed],
            extra={**unseen.extra, "would_overwrite": listed},
        ) from None


def _outcome(
    mine: DraftView, revision: int, after: Snapshot, report: Sequence[ReportRow], *, dry_run: bool
) -> ImportOutcome:
    added = edited = removed = 0
    for _, old, new in mine.snapshot.differing(after):
        added += old is None
        removed += new is None
        edited += old is not None and new is not None
    unchanged = len(after) - added - edited
    alias = mine.environment.alias
    overwritten = _find_overwritten(mine, after)
    return ImportOutcome(alias, revision, after.digest, added, edited, removed, unchanged, overwritten, report, dry_run)
