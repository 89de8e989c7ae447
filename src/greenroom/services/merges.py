"""One environment's work is brought into another: three-way, previewed, with every conflict a choice (R20)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from greenroom.domain.entities import Address, Body
from greenroom.domain.environments import Environment
from greenroom.domain.errors import Fault, Invalid, Refused, Stale
from greenroom.domain.notes import Note, check_note
from greenroom.domain.projects import Project
from greenroom.domain.promotion import Caution, check_acknowledged, check_confirmed, check_sequence, decide_in_flight
from greenroom.domain.readiness import Item, cautions_of, check_ready
from greenroom.domain.refs import ServedRef, parse_ref
from greenroom.domain.releases import InFlight, Release
from greenroom.domain.summaries import suggest_note
from greenroom.domain.versions import EMPTY_SNAPSHOT, Version, find_parting
from greenroom.ports import Reading, Writing
from greenroom.services.comparisons import BodyReader, Compared, compare_states, versions_between
from greenroom.services.deletions import Deletion, DeletionRequest, Deletions
from greenroom.services.drafts import load_editable, put_bodies
from greenroom.services.environments import ReleaseView, count_running, is_public
from greenroom.services.merge_plans import MergeOutcome, MergePlan, MergeRequest
from greenroom.services.merging import Merged, Sides, merge_sides
from greenroom.services.plans import Plan, PolicyChoice
from greenroom.services.programs import Programs
from greenroom.services.publishing import documents_of
from greenroom.services.readiness import Readiness
from greenroom.services.releases import RETRIES, record_release
from greenroom.services.resolutions import parse_resolutions, refuse_conflicts, say_faults
from greenroom.services.states import (
    State,
    hold_project,
    load_environment,
    load_project,
    load_served,
    load_snapshot,
    load_state,
    load_version,
)
from greenroom.services.validation import Entities, check_snapshot
from greenroom.services.versions import view_versions
from greenroom.services.work import Call, Work


class _Moved(Exception):
    """One of the environments changed between decision and commit; decide again."""


@dataclass(frozen=True, slots=True)
class _Prepared:
    project: Project
    target: Environment
    public: bool
    served: State
    source: State
    base: int | None
    merged: Merged
    compared: Compared
    note: Note
    cautions: Sequence[Caution]
    in_flight: InFlight
    deletion: Deletion | None
    items: Sequence[Item]
    entities: Mapping[Address, Body]


class Merges:
    """The verbs of merging environments."""

    def __init__(self, work: Work, programs: Programs, deletions: Deletions, readiness: Readiness) -> None:
        self._work = work
        self._readiness = readiness
        self._programs = programs
        self._deletions = deletions

    async def plan(self, call: Call, slug: str, request: MergeRequest) -> MergePlan:
        """Returns what `make` would do, conflicts included; writes nothing."""
        call.need("merges.make")

        def work(tx: Reading) -> MergePlan:
            found = self._prepare(tx, call, slug, request, dry_run=True)
            included = versions_between(tx, found.project, found.served.version, found.source.version or 0)
            plan = Plan(
                operation="merge",
                project=found.project,
                environment=found.target,
                public=found.public,
                version=None,
                digest=found.merged.snapshot.digest,
                compared=found.compared,
                included=view_versions(tx, found.project, [load_version(tx, found.project, n) for n in included]),
                cautions=found.cautions,
                running=count_running(tx, found.target, self._work.clock.now()),
                policy=found.in_flight.policy,
                brings_back=found.served.version,
                conflicts=found.merged.conflicts,
                readiness=found.items,
            )
            return MergePlan(plan, found.source, found.base, found.deletion)

        return await self._work.read(call, work)

    async def make(self, call: Call, slug: str, request: MergeRequest) -> MergeOutcome:
        """Merges, publishes the result as a version with both parents, and releases it in the target.

        Raises Conflict `merge_conflicts` with every open one, Refused `nothing_to_merge`, Invalid
        `not_publishable`, Missing or Stale for sequences and confirmation, and what a deletion raises.
        """
        call.need("merges.make")
        for attempt in range(RETRIES):
            found = await self._work.read(call, lambda tx: self._prepare(tx, call, slug, request, dry_run=False))
            if found.entities:
                await self._programs.prepare(call.workspace, found.merged.snapshot.digest, found.entities)
            try:
                return await self._work.change(call, lambda tx, now=found: self._commit(tx, call, now, request))
            except _Moved as moved:
                if attempt == RETRIES - 1:
                    detail = f"{request.source} or {request.target} keeps changing; try again"
                    raise Stale("environment_moved", detail) from moved
        raise AssertionError("the last attempt returns or raises")

    def _prepare(self, tx: Reading, call: Call, slug: str, request: MergeRequest, *, dry_run: bool) -> _Prepared:
        project = load_project(tx, slug)
        target = load_editable(tx, project, request.target)
        served, source = load_served(tx, project, target), self._load_source(tx, call, project, request)
        public = _is_heard(tx, project, target, source, request)
        check_sequence(target, request.expected_seq, required=public and not dry_run)
        reader = BodyReader(tx)
        base, sides = _find_sides(tx, project, served, source)
        merged = merge_sides(
            tx, project, sides, self._work.kinds, reader, parse_resolutions(request.resolutions), request.strategy
        )
        _check_conflicts(merged, request, dry_run)
        # A merge that settles everything as `ours` is still worth recording: nobody is asked again.
        if merged.snapshot == served.snapshot and not merged.conflicts and base == source.version:
            raise _nothing(source, target, request)
        head = State(f"{request.source} into {target.alias}", merged.snapshot, None, target)
        compared = compare_states(tx, project, served, head, self._work.kinds, reader)
        cautions = [*_cautions(tx, project, target, served, source)]
        if not merged.conflicts:
            findings = check_snapshot(tx, project, served.snapshot, merged.snapshot, reader, self._work.kinds)
            if findings.errors:
                raise Invalid("not_publishable", say_faults(findings.errors), errors=findings.errors)
            cautions.extend(Caution(f.code, f.message) for f in findings.warnings)
        items = self._readiness.find_items(tx, call, project, target, merged.snapshot, reader)
        cautions.extend(cautions_of(items, must_acknowledge=public))
        note = self._check_note(request, compared, cautions, dry_run)
        deletion = self._decide_deletion(tx, call, project, request, source, dry_run)
        cautions.extend(deletion.cautions if deletion else ())
        if not dry_run:
            check_ready(target.alias, items)
            _check_said(request, merged, cautions, public=public)
        choice = request.in_flight
        in_flight = decide_in_flight("merge", choice.policy, choice.drain_until, self._work.clock.now())
        entities = {} if dry_run else self._read_entities(call, merged, reader)
        return _Prepared(
            project,
            target,
            public,
            served,
            source,
            base,
            merged,
            compared,
            note,
            cautions,
            in_flight,
            deletion,
            items,
            entities,
        )

    def _read_entities(self, call: Call, merged: Merged, reader: BodyReader) -> Mapping[Address, Body]:
        """Returns every body of the result; none where its program is ready."""
        if self._programs.find(call.workspace, merged.snapshot.digest) is not None:
            return {}
        reader.fetch(set(merged.snapshot.values()))
        return dict(Entities(merged.snapshot, reader, self._work.kinds))

    def _load_source(self, tx: Reading, call: Call, project: Project, request: MergeRequest) -> State:
        source = load_state(tx, project, request.source, call.principal, self._work.clock.now(), "/source")
        if source.version is None:
            message = f"{request.source} is no version yet: publish it first, then merge"
            raise Refused("not_a_version", message, errors=[Fault("/source", message)])
        if source.environment is not None and request.expected_source_seq is not None:
            check_sequence(source.environment, request.expected_source_seq, required=True)
        return source

    def _decide_deletion(
        self, tx: Reading, call: Call, project: Project, request: MergeRequest, source: State, dry_run: bool
    ) -> Deletion | None:
        if not request.delete_source:
            return None
        call.need("environments.manage")
        ref = parse_ref(request.source)
        if not isinstance(ref, ServedRef) or ref.back or ref.incoming:
            message = f"{request.source} is no environment, so there is none to delete; name it by its alias"
            raise Invalid("no_environment_to_delete", message, errors=[Fault("/delete_source", message)])
        environment = load_environment(tx, project, ref.alias)
        wanted = DeletionRequest(
            expected_seq=environment.seq if request.expected_source_seq is None else request.expected_source_seq,
            move_to=request.target,
            in_flight=PolicyChoice(request.in_flight.policy or "finish", request.in_flight.drain_until),
            acknowledged=request.acknowledged,
        )
        # What the public hears afterwards is confirmed by the digest of the merge.
        return self._deletions.decide(tx, project, environment, wanted, dry_run=dry_run, merging=True)

    def _check_note(self, request: MergeRequest, compared: Compared, cautions: list[Caution], dry_run: bool) -> Note:
        suggestion = suggest_note(compared.comparison.changes, self._work.kinds)
        try:
            return check_note(request.note, suggestion, request.details)
        except Refused as vague:
            if not dry_run:
                raise
            cautions.append(Caution("vague_note", vague.detail))
            return Note(suggestion)

    def _commit(self, tx: Writing, call: Call, found: _Prepared, request: MergeRequest) -> MergeOutcome:
        project, snapshot = hold_project(tx, found.project.id), found.merged.snapshot
        # Not their sequences alone: who may edit there and who hears it may have changed as well.
        for seen in (found.target, found.source.environment):
            if seen is not None and tx.find_environment(project.id, seen.id) != seen:
                raise _Moved
        if _is_heard(tx, project, found.target, found.source, request) != found.public:
            raise _Moved
        # What depends on the source is looked at again: drafts, numbers and conversations began meanwhile.
        deletion = self._decide_deletion(tx, call, project, request, found.source, dry_run=False)
        found = replace(found, project=project, deletion=deletion)
        put_bodies(tx, project, found.merged.bodies, self._work.kinds)
        tx.put_snapshot(snapshot)
        version = self._insert_version(tx, call, found)
        release = self._release(tx, call, found, version)
        if deletion is not None:
            self._deletions.carry_out(tx, call, project, deletion)
        self._append(tx, call, found, version)
        return MergeOutcome(
            view_versions(tx, project, [version])[0],
            ReleaseView(release, found.target.alias),
            found.source,
            found.base,
            deletion,
            found.cautions,
        )

    def _release(self, tx: Writing, call: Call, found: _Prepared, version: Version) -> Release:
        try:
            return record_release(
                self._work,
                tx,
                call,
                found.project,
                found.target,
                operation="merge",
                version=version.number,
                in_flight=found.in_flight,
                beneath=found.target.seq or None,
                reason=version.note,
            )
        except Stale as stale:
            raise _Moved from stale

    def _insert_version(self, tx: Writing, call: Call, found: _Prepared) -> Version:
        parents = [n for n in (found.served.version, found.source.version) if n is not None]
        version = Version(
            number=tx.take_version_number(found.project.id),
            digest=found.merged.snapshot.digest,
            note=found.note.text,
            details=found.note.details,
            tags=found.note.tags,
            author=call.principal.id,
            created_at=self._work.clock.now(),
            parents=tuple(dict.fromkeys(parents)),
            published_in=found.target.id,
            documents=documents_of(tx, found.project, found.merged.snapshot),
        )
        tx.insert_version(found.project.id, version)
        return version

    def _append(self, tx: Writing, call: Call, found: _Prepared, version: Version) -> None:
        tx.append(
            self._work.event(
                call,
                "version.merged",
                project=found.project.id,
                environment=found.target.id,
                subject=f"v{version.number}",
                data={
                    "digest": version.digest,
                    "note": version.note,
                    "tags": list(version.tags),
                    "source": found.source.ref,
                    "base": found.base,
                    "parents": list(version.parents),
                    "deleted": found.deletion.environment.alias if found.deletion else None,
                },
            )
        )


def _is_heard(tx: Reading, project: Project, target: Environment, source: State, request: MergeRequest) -> bool:
    """Says whether the public hears the result: a target takes over what is public of a source that is deleted."""
    ended = source.environment if request.delete_source else None
    return is_public(tx, project, target) or (ended is not None and is_public(tx, project, ended))


def _find_sides(tx: Reading, project: Project, served: State, source: State) -> tuple[int | None, Sides]:
    """Returns the common ancestor's number and the three snapshots."""
    number = find_parting(tx.load_parents(project.id), served.version, source.version).common
    base = load_snapshot(tx, load_version(tx, project, number).digest) if number else EMPTY_SNAPSHOT
    return number, Sides(base, served.snapshot, source.snapshot)


def _check_conflicts(merged: Merged, request: MergeRequest, dry_run: bool) -> None:
    if not merged.conflicts or dry_run:
        return
    count = len(merged.conflicts)
    raise refuse_conflicts(
        merged.conflicts,
        f"{count} change{'s' if count > 1 else ''} of {request.source} and {request.target} meet; "
        "settle each with `resolutions`: ours is the target, theirs the source",
        {},
    )


def _check_said(request: MergeRequest, merged: Merged, cautions: Sequence[Caution], *, public: bool) -> None:
    """Refuses a merge whose result the caller did not restate, or whose warnings are open."""
    if public:
        check_confirmed("digest", request.confirm_digest, merged.snapshot.digest, "/confirm/digest")
    check_acknowledged(cautions, request.acknowledged)


def _nothing(source: State, target: Environment, request: MergeRequest) -> Refused:
    detail = f"{target.alias} has everything of {source.ref} already; there is nothing to merge"
    if request.delete_source:
        detail += f"; to be rid of {source.ref}, delete it and name {target.alias} in move_to"
    return Refused("nothing_to_merge", detail)


def _cautions(tx: Reading, project: Project, target: Environment, served: State, source: State) -> list[Caution]:
    """Says what a merge brings besides its changes: what was rolled back, what is known bad, what stays behind."""
    brought = find_parting(tx.load_parents(project.id), served.version, source.version).second
    cautions: list[Caution] = []
    again = sorted(number for number in brought if tx.was_full_arm(target.id, number))
    if again:
        names = ", ".join(f"v{number}" for number in again)
        message = f"this brings back {names}, which {target.alias} served before and no longer does"
        cautions.append(Caution("brings_back_rolled_back", message, must_acknowledge=True))
    bad = sorted(number for number in brought if load_version(tx, project, number).mark == "bad")
    if bad:
        names = ", ".join(f"v{number}" for number in bad)
        cautions.append(Caution("version_marked_bad", f"{names} is marked as known bad", must_acknowledge=True))
    if source.environment is not None:
        drafts = [d for d in tx.list_open_drafts(source.environment.id) if tx.load_draft_changes(d.id)]
        if drafts:
            where = "1 draft" if len(drafts) == 1 else f"{len(drafts)} drafts"
            message = f"{source.ref} has unpublished changes in {where}; they are not merged"
            cautions.append(Caution("unpublished_changes", message))
    return cautions
