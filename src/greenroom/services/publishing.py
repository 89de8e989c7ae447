"""Publish: a draft becomes an immutable version, validated, rebased and compiled before it is served."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from greenroom.domain.drafts import Draft, authors_of, count_carried, name_draft
from greenroom.domain.entities import Address, Body
from greenroom.domain.environments import Environment
from greenroom.domain.errors import Fault, Invalid, Refused, Stale
from greenroom.domain.knowledge import KIND, digests_for
from greenroom.domain.merges import Resolution
from greenroom.domain.notes import Note, check_note
from greenroom.domain.projects import Project
from greenroom.domain.promotion import Caution, check_acknowledged, check_confirmed, check_sequence, decide_in_flight
from greenroom.domain.readiness import Item, cautions_of, check_ready
from greenroom.domain.releases import InFlight
from greenroom.domain.summaries import suggest_note
from greenroom.domain.versions import Snapshot, Version
from greenroom.ports import Reading, Writing
from greenroom.services.code_checks import CodeChecks
from greenroom.services.comparisons import BodyReader, Compared, compare_states
from greenroom.services.drafts import Drafts, DraftView, load_editable, put_bodies, say_carried
from greenroom.services.environments import ReleaseView, count_running, is_public
from greenroom.services.knowledge_contents import find_lost_pins, find_stamp, load_digests, load_knowledge
from greenroom.services.plans import Choice, Plan, PublishRequest, TakenBack
from greenroom.services.programs import Programs
from greenroom.services.readiness import Readiness
from greenroom.services.rebases import Rebased, rebase_draft
from greenroom.services.releases import RETRIES, record_release
from greenroom.services.resolutions import parse_resolutions, refuse_conflicts, say_faults
from greenroom.services.states import State, find_draft, load_project
from greenroom.services.validation import Entities, check_snapshot
from greenroom.services.versions import VersionView, view_versions
from greenroom.services.work import Call, Work


class _Moved(Exception):
    """The environment or the draft changed between decision and commit; decide again."""


@dataclass(frozen=True, slots=True)
class Published:
    """A new version, its release unless only the version was asked for, and whose edits it carries."""

    version: VersionView
    release: ReleaseView | None
    rebased: bool
    taken_back: TakenBack | None
    cautions: Sequence[Caution]
    carries: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class RebaseOutcome:
    """A draft after a rebase; with conflicts left, nothing was written."""

    draft: DraftView
    rebased: bool
    conflicts: Sequence[Any]
    taken_back: TakenBack | None


@dataclass(frozen=True, slots=True)
class _Prepared:
    project: Project
    environment: Environment
    draft: Draft
    rebased: Rebased
    compared: Compared
    carries: Mapping[str, int]
    note: Note
    cautions: Sequence[Caution]
    in_flight: InFlight
    entities: Mapping[Address, Body]
    """Every body of the new version; empty when its program is ready already."""
    readiness: Sequence[Item]


class Publishing:
    """The verbs that turn drafts into versions."""

    def __init__(
        self,
        work: Work,
        drafts: Drafts,
        programs: Programs,
        readiness: Readiness,
        code: CodeChecks | None = None,
    ) -> None:
        self._work = work
        self._readiness = readiness
        self._drafts = drafts
        self._programs = programs
        self._code = code or CodeChecks(work, None)

    async def plan(self, call: Call, slug: str, alias: str, request: PublishRequest) -> Plan:
        """Returns what `publish` would do, conflicts included."""
        call.need("releases.publish")
        told = await self._code.find_cautions(call, slug, alias)

        def work(tx: Reading) -> Plan:
            prepared = self._prepare(tx, call, slug, alias, request, told, dry_run=True)
            return Plan(
                operation="publish",
                project=prepared.project,
                environment=prepared.environment,
                public=is_public(tx, prepared.project, prepared.environment),
                version=None,
                digest=prepared.rebased.snapshot.digest,
                compared=prepared.compared,
                included=(),
                cautions=prepared.cautions,
                running=count_running(tx, prepared.environment, self._work.clock.now()),
                policy=prepared.in_flight.policy,
                brings_back=prepared.rebased.served.version,
                rebased=prepared.rebased.rebased,
                taken_back=prepared.rebased.taken_back,
                conflicts=prepared.rebased.conflicts,
                readiness=prepared.readiness,
                draft_revision=prepared.draft.revision,
                carries=prepared.carries,
            )

        return await self._work.read(call, work)

    async def publish(self, call: Call, slug: str, alias: str, request: PublishRequest) -> Published:
        """Publishes the caller's draft and releases it in its environment (R3, R4, R7, R11, R12).

        Raises Refused `nothing_to_publish`, `vague_note` or `not_ready`, Conflict `merge_conflicts`, Invalid
        `not_publishable` with a pointer for each fault, Missing or Stale for revision, sequence and confirmation.
        """
        call.need("releases.publish")
        for attempt in range(RETRIES):
            told = await self._code.find_cautions(call, slug, alias)
            prepared = await self._work.read(
                call, lambda tx, known=told: self._prepare(tx, call, slug, alias, request, known, dry_run=False)
            )
            digest = prepared.rebased.snapshot.digest
            if prepared.entities:
                await self._programs.prepare(call.workspace, digest, prepared.entities)
            try:
                return await self._work.change(call, lambda tx, now=prepared: self._commit(tx, call, now, request))
            except _Moved as moved:
                if attempt == RETRIES - 1:
                    raise Stale("draft_moved", "the draft or its environment keeps changing; try again") from moved
        raise AssertionError("the last attempt returns or raises")

    async def rebase(
        self,
        call: Call,
        slug: str,
        alias: str,
        resolutions: Sequence[Resolution],
        choice: Choice | None,
        revision: int | None = None,
    ) -> RebaseOutcome:
        """Brings the draft onto what is served; with unresolved conflicts it only lists them.

        Raises Stale when the draft is not at `revision`; Missing without it, where resolutions would settle
        conflicts in somebody else's edits.
        """
        call.need("drafts.edit")

        def work(tx: Writing) -> RebaseOutcome:
            project = load_project(tx, slug)
            environment = load_editable(tx, project, alias)
            draft = find_draft(tx, environment, call.principal)
            self._drafts.check_revision(tx, call, environment, draft, revision, required=bool(resolutions))
            if draft is None:
                return RebaseOutcome(self._drafts.view(tx, call, slug, alias), False, (), None)
            reader = BodyReader(tx)
            found = rebase_draft(tx, project, environment, draft, self._work.kinds, reader, resolutions, choice)
            if not found.conflicts and draft.base_seq != environment.seq:
                put_bodies(tx, project, found.bodies, self._work.kinds)
                wanted = {a: new for a, _, new in found.served.snapshot.differing(found.snapshot)}
                by = authors_of(found.changes, call.principal.id)
                draft = self._drafts.replace_changes(tx, draft, wanted, found.served, environment.seq, by)
                tx.append(
                    self._work.event(
                        call,
                        "draft.rebased",
                        project=project.id,
                        environment=environment.id,
                        subject=draft.id,
                        data=_taken_back_data(found.taken_back) | {"onto": found.served.version},
                    )
                )
            view = self._drafts.view(tx, call, slug, alias)
            return RebaseOutcome(view, found.rebased, found.conflicts, found.taken_back)

        return await self._drafts.retry(call, slug, alias, work)

    def _prepare(
        self,
        tx: Reading,
        call: Call,
        slug: str,
        alias: str,
        request: PublishRequest,
        told: Sequence[Caution],
        *,
        dry_run: bool,
    ) -> _Prepared:
        project = load_project(tx, slug)
        environment = load_editable(tx, project, alias)
        public = is_public(tx, project, environment)
        check_sequence(environment, request.expected_seq, required=public and request.release and not dry_run)
        draft = self._load_changed(tx, call, environment, request, guarded=dry_run or (public and request.release))
        reader = BodyReader(tx)
        resolutions = parse_resolutions(request.resolutions)
        rebased = rebase_draft(
            tx, project, environment, draft, self._work.kinds, reader, resolutions, request.taken_back
        )
        self._check_conflicts(rebased, alias, dry_run)
        if rebased.snapshot == rebased.served.snapshot:
            raise Refused("nothing_to_publish", f"{name_draft(environment)} says what is served already")
        head = State(f"draft:{alias}", rebased.snapshot, None, environment, draft)
        compared = compare_states(tx, project, rebased.served, head, self._work.kinds, reader)
        findings = check_snapshot(tx, project, rebased.served.snapshot, rebased.snapshot, reader, self._work.kinds)
        errors = (*findings.errors, *_find_lost_pins(tx, project, rebased))
        if errors and not rebased.conflicts:
            raise Invalid("not_publishable", say_faults(errors), errors=errors)
        items: Sequence[Item] = ()
        if request.release:
            items = self._readiness.find_items(tx, call, project, environment, rebased.snapshot, reader)
        cautions = [*(Caution(f.code, f.message) for f in findings.warnings), *told]
        cautions += cautions_of(items, must_acknowledge=public)
        note = self._check_note(request, compared, cautions, dry_run)
        if not dry_run:
            check_ready(environment.alias, items)
            if public and request.release:
                check_confirmed("digest", request.confirm_digest, rebased.snapshot.digest, "/confirm/digest")
            check_acknowledged(cautions, request.acknowledged)
        in_flight = decide_in_flight(
            "publish", request.in_flight.policy, request.in_flight.drain_until, self._work.clock.now()
        )
        entities = {} if dry_run else self._read_new(call, rebased, reader)
        carries = count_carried(rebased.changes, rebased.served.snapshot, rebased.snapshot, call.principal.id)
        return _Prepared(
            project, environment, draft, rebased, compared, carries, note, cautions, in_flight, entities, items
        )

    def _load_changed(
        self, tx: Reading, call: Call, environment: Environment, request: PublishRequest, *, guarded: bool
    ) -> Draft:
        """Returns the caller's draft, which has changes; `guarded`: a confirmed digest says what was looked at."""
        draft = find_draft(tx, environment, call.principal)
        self._drafts.check_revision(tx, call, environment, draft, request.revision, required=not guarded)
        if draft is None or not tx.load_draft_changes(draft.id):
            detail = f"{name_draft(environment)} has no changes; there is nothing to publish"
            raise Refused("nothing_to_publish", detail)
        return draft

    def _read_new(self, call: Call, rebased: Rebased, reader: BodyReader) -> Mapping[Address, Body]:
        """Returns every body of a snapshot that is to be compiled, nothing of one whose program is ready."""
        if self._programs.find(call.workspace, rebased.snapshot.digest) is not None:
            return {}
        reader.fetch(set(rebased.snapshot.values()))
        return dict(Entities(rebased.snapshot, reader, self._work.kinds))

    @staticmethod
    def _check_conflicts(rebased: Rebased, alias: str, dry_run: bool) -> None:
        if rebased.conflicts and not dry_run:
            count = len(rebased.conflicts)
            raise refuse_conflicts(
                rebased.conflicts,
                f"{alias} moved on since your draft began, and {count} change{'s' if count > 1 else ''} meet; "
                "settle each with `resolutions`",
                _taken_back_data(rebased.taken_back),
            )

    def _check_note(self, request: PublishRequest, compared: Compared, cautions: list[Caution], dry_run: bool) -> Note:
        suggestion = suggest_note(compared.comparison.changes, self._work.kinds)
        try:
            return check_note(request.note, suggestion, request.details)
        except Refused as vague:
            if not dry_run:
                raise
            cautions.append(Caution("vague_note", vague.detail))
            return Note(suggestion)

    def _commit(self, tx: Writing, call: Call, prepared: _Prepared, request: PublishRequest) -> Published:
        project, rebased = prepared.project, prepared.rebased
        environment = tx.find_environment(project.id, prepared.environment.id)
        draft = tx.find_draft_by_id(prepared.draft.id)
        if environment is None or environment.seq != prepared.environment.seq:
            raise _Moved
        if draft is None or draft.revision != prepared.draft.revision or draft.closed_at is not None:
            raise _Moved
        put_bodies(tx, project, rebased.bodies, self._work.kinds)
        tx.put_snapshot(rebased.snapshot)
        version = self._insert_version(tx, call, prepared)
        release = None
        if request.release:
            release = self._release(tx, call, prepared, version)
        self._drafts.close(tx, draft, f"v{version.number}")
        self._append(tx, call, prepared, version)
        return Published(
            view_versions(tx, project, [version])[0],
            release,
            rebased.rebased,
            rebased.taken_back,
            prepared.cautions,
            prepared.carries,
        )

    def _insert_version(self, tx: Writing, call: Call, prepared: _Prepared) -> Version:
        version = Version(
            number=tx.take_version_number(prepared.project.id),
            digest=prepared.rebased.snapshot.digest,
            note=prepared.note.text,
            details=prepared.note.details,
            tags=prepared.note.tags,
            author=call.principal.id,
            created_at=self._work.clock.now(),
            parents=prepared.rebased.parents,
            published_in=prepared.environment.id,
            documents=documents_of(tx, prepared.project, prepared.rebased.snapshot),
        )
        tx.insert_version(prepared.project.id, version)
        return version

    def _release(self, tx: Writing, call: Call, prepared: _Prepared, version: Version) -> ReleaseView:
        environment = prepared.environment
        try:
            release = record_release(
                self._work,
                tx,
                call,
                prepared.project,
                environment,
                operation="publish",
                version=version.number,
                in_flight=prepared.in_flight,
                beneath=environment.seq or None,
                reason=version.note,
            )
        except Stale as stale:
            raise _Moved from stale
        return ReleaseView(release, environment.alias)

    def _append(self, tx: Writing, call: Call, prepared: _Prepared, version: Version) -> None:
        tx.append(
            self._work.event(
                call,
                "version.published",
                project=prepared.project.id,
                environment=prepared.environment.id,
                subject=f"v{version.number}",
                data={
                    "digest": version.digest,
                    "note": version.note,
                    "tags": list(version.tags),
                    "parents": list(version.parents),
                    "draft": prepared.draft.id,
                    "rebased": prepared.rebased.rebased,
                    "carries": say_carried(prepared.carries),
                }
                | _taken_back_data(prepared.rebased.taken_back),
            )
        )


def _find_lost_pins(tx: Reading, project: Project, rebased: Rebased) -> Sequence[Fault]:
    """Returns the pins of changed knowledge to contents that are not kept."""
    changes = rebased.served.snapshot.differing(rebased.snapshot)
    if not any(address.kind == KIND and after is not None for address, _, after in changes):
        return ()
    return find_lost_pins(tx, project.id, load_knowledge(tx, rebased.snapshot))


def documents_of(tx: Reading, project: Project, snapshot: Snapshot) -> Mapping[str, str]:
    """Returns the listed documents with the digests of what they hold now (R33); cheap where there are none."""
    if not find_stamp(tx, project.id):
        return {}
    return digests_for(load_knowledge(tx, snapshot), load_digests(tx, project.id))


def _taken_back_data(taken_back: TakenBack | None) -> dict[str, Any]:
    if taken_back is None:
        return {}
    return {"taken_back": {"versions": list(taken_back.versions), "choice": taken_back.choice}}
