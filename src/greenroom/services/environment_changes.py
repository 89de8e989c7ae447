"""Environments come and change: made, cloned from any version, renamed, given an alias (R16, R19)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from greenroom.domain.canonical import Digest
from greenroom.domain.drafts import Draft, owner_of_draft
from greenroom.domain.environments import (
    DraftMode,
    Environment,
    advise_on_room,
    check_environment_name,
    check_room,
    revision_of_settings,
    suggest_alias,
)
from greenroom.domain.errors import Conflict, Fault, Invalid, Missing, Refused, Stale
from greenroom.domain.ids import DraftId, EnvironmentId
from greenroom.domain.projects import Project
from greenroom.domain.refs import DraftRef, ServedRef, check_alias
from greenroom.domain.releases import InFlight
from greenroom.ports import Reading, Writing
from greenroom.services.environments import Environments, EnvironmentView, is_public
from greenroom.services.programs import Programs
from greenroom.services.releases import RETRIES, record_release
from greenroom.services.secrets import Secrets
from greenroom.services.states import (
    find_draft,
    hold_project,
    load_environment,
    load_project,
    load_served,
    load_state,
    load_version,
    parse_ref_at,
)
from greenroom.services.work import Call, Work


@dataclass(frozen=True, slots=True)
class NewEnvironment:
    """What a caller says of a new environment; without `clone_from` it serves nothing yet."""

    name: str
    alias: str | None = None
    clone_from: str | None = None
    include_draft: bool = False
    editable: bool = True
    internal: bool = False
    promotes_from: str | None = None
    draft_mode: DraftMode | None = None


@dataclass(frozen=True, slots=True)
class EnvironmentChange:
    """What a caller changes of an environment; None leaves a setting as it is, '' ends `promotes_from`."""

    name: str | None = None
    add_alias: str | None = None
    draft_mode: DraftMode | None = None
    editable: bool | None = None
    internal: bool | None = None
    promotes_from: str | None = None


@dataclass(frozen=True, slots=True)
class Created:
    """A new environment, and what was copied into it."""

    view: EnvironmentView
    copied_secrets: int
    copied_changes: int
    advice: str


@dataclass(frozen=True, slots=True)
class Room:
    """How many environments a project has and may have; `advice` is '' while there is room enough."""

    count: int
    most: int
    advice: str


@dataclass(frozen=True, slots=True)
class _Origin:
    """What a clone begins with: a version, and the environment it was taken from where there is one."""

    version: int | None = None
    digest: Digest | None = None
    environment: Environment | None = None
    draft: Draft | None = None


class EnvironmentChanges:
    """The verbs that make and change environments."""

    def __init__(self, work: Work, programs: Programs, environments: Environments, secrets: Secrets, most: int) -> None:
        self._work = work
        self._programs = programs
        self._environments = environments
        self._secrets = secrets
        self._most = most

    async def load_room(self, call: Call, slug: str) -> Room:
        """Returns how near a project is to its limit of environments."""
        call.need("projects.read")

        def work(tx: Reading) -> Room:
            count = len(tx.list_environments(load_project(tx, slug).id))
            return Room(count, self._most, advise_on_room(count, self._most))

        return await self._work.read(call, work)

    async def create(self, call: Call, slug: str, wanted: NewEnvironment) -> Created:
        """Makes an environment, empty or as a clone: by reference, so nothing is copied but what R19 names.

        Raises Invalid for a bad name, alias or ref, Conflict `name_taken` or `alias_taken`, Refused
        `too_many_environments` or `not_a_version`.
        """
        call.need("environments.manage")
        for attempt in range(RETRIES):
            origin = await self._work.read(call, lambda tx: self._find_origin(tx, call, load_project(tx, slug), wanted))
            if origin.digest is not None:
                await self._programs.load(call.workspace, origin.digest)
            try:
                return await self._work.change(call, lambda tx, seen=origin: self._create(tx, call, slug, wanted, seen))
            except Stale:
                if attempt == RETRIES - 1:
                    raise
        raise AssertionError("the last attempt returns or raises")

    async def change(
        self, call: Call, slug: str, alias: str, wanted: EnvironmentChange, if_match: str | None
    ) -> EnvironmentView:
        """Changes what an environment is called or is; what it serves, and what its aliases mean, stay.

        Raises Missing and Stale for `if_match`, Conflict for a taken name or alias, Refused where drafts or
        the public are in the way.
        """
        call.need("environments.manage")

        def work(tx: Writing) -> EnvironmentView:
            project = hold_project(tx, slug)
            environment = load_environment(tx, project, alias)
            _check_revision(environment, if_match)
            changed = self._decide_change(tx, project, environment, wanted)
            if wanted.add_alias is not None:
                _insert_alias(tx, project, environment, check_alias(wanted.add_alias, "/add_alias"))
            tx.update_environment(changed)
            data = _differences(environment, changed) | ({"add_alias": wanted.add_alias} if wanted.add_alias else {})
            tx.append(
                self._work.event(
                    call,
                    "environment.changed",
                    project=project.id,
                    environment=environment.id,
                    subject=environment.alias,
                    data=data,
                )
            )
            return self._environments.view(tx, call, project, changed)

        return await self._work.change(call, work)

    def _find_origin(self, tx: Reading, call: Call, project: Project, wanted: NewEnvironment) -> _Origin:
        if wanted.clone_from is None:
            return _Origin()
        pointer = "/clone_from"
        ref = parse_ref_at(wanted.clone_from, pointer)
        if isinstance(ref, DraftRef) or (isinstance(ref, ServedRef) and not ref.back and not ref.incoming):
            source = load_environment(tx, project, ref.alias)
            served = load_served(tx, project, source)
            draft = None
            if isinstance(ref, DraftRef):
                draft = self._find_draft(tx, call, project, wanted.clone_from, pointer)
            elif wanted.include_draft:
                draft = find_draft(tx, source, call.principal)
            return _Origin(served.version, served.digest if served.version else None, source, draft)
        state = load_state(tx, project, wanted.clone_from, call.principal, self._work.clock.now(), pointer)
        if state.version is None:
            message = f"{wanted.clone_from} is no version: publish it first, or clone the environment with its draft"
            raise Refused("not_a_version", message, errors=[Fault(pointer, message)])
        if wanted.include_draft:
            message = "only an environment has a draft to include; name one in clone_from"
            raise Invalid("no_draft_to_include", message, errors=[Fault("/include_draft", message)])
        return _Origin(state.version, state.digest, state.environment)

    def _find_draft(self, tx: Reading, call: Call, project: Project, ref: str, pointer: str) -> Draft | None:
        """Returns the draft that a ref names: the caller's, or somebody's with permission."""
        return load_state(tx, project, ref, call.principal, self._work.clock.now(), pointer).draft

    def _create(self, tx: Writing, call: Call, slug: str, wanted: NewEnvironment, seen: _Origin) -> Created:
        project = hold_project(tx, slug)
        origin = self._find_origin(tx, call, project, wanted)
        if origin.digest != seen.digest:
            raise Stale("origin_moved", f"{wanted.clone_from} keeps changing; try again")
        environment = self._draw_up(tx, project, wanted)
        if not tx.insert_environment(environment):
            raise _alias_taken(tx, project, environment.alias, wanted.name)
        copied_secrets = copied_changes = 0
        if origin.environment is not None:
            copied_secrets = self._secrets.copy_overrides(tx, call, project, origin.environment.id, environment.id)
        if origin.version is not None:
            self._release(tx, call, project, environment, origin.version, wanted.clone_from or "")
        if origin.draft is not None:
            copied_changes = self._copy_draft(tx, call, environment, origin)
        tx.append(
            self._work.event(
                call,
                "environment.created",
                project=project.id,
                environment=environment.id,
                subject=environment.alias,
                data={
                    "cloned_from": wanted.clone_from,
                    "version": origin.version,
                    "secrets": copied_secrets,
                    "draft_changes": copied_changes,
                },
            )
        )
        now = tx.find_environment(project.id, environment.id) or environment
        count = len(tx.list_environments(project.id))
        view = self._environments.view(tx, call, project, now)
        return Created(view, copied_secrets, copied_changes, advise_on_room(count, self._most))

    def _draw_up(self, tx: Reading, project: Project, wanted: NewEnvironment) -> Environment:
        others = tx.list_environments(project.id)
        check_room(others, self._most)
        name = check_environment_name(wanted.name, others)
        taken = tx.list_aliases(project.id)
        alias = suggest_alias(name, taken.keys()) if wanted.alias is None else check_alias(wanted.alias)
        source = load_environment(tx, project, wanted.promotes_from) if wanted.promotes_from else None
        modes: Sequence[DraftMode] = [e.draft_mode for e in others if e.editable]
        clock = self._work.clock
        return Environment(
            id=EnvironmentId(clock.new_id("environment")),
            project=project.id,
            alias=alias,
            name=name,
            position=max((e.position for e in others), default=-1) + 1,
            editable=wanted.editable,
            internal=wanted.internal,
            promotes_from=source.id if source else None,
            draft_mode=wanted.draft_mode or (modes[0] if modes else "private"),
            salt=clock.new_token()[:16],
        )

    def _release(
        self, tx: Writing, call: Call, project: Project, environment: Environment, version: int, origin: str
    ) -> None:
        load_version(tx, project, version)
        record_release(
            self._work,
            tx,
            call,
            project,
            environment,
            operation="clone",
            version=version,
            in_flight=InFlight("finish"),
            beneath=None,
            reason=f"cloned from {origin}",
        )

    def _copy_draft(self, tx: Writing, call: Call, environment: Environment, origin: _Origin) -> int:
        """Gives the clone a draft with the same changes on the same base; later publishing rebases it (R7)."""
        assert origin.draft is not None
        changes = tx.load_draft_changes(origin.draft.id)
        if not changes:
            return 0
        now = self._work.clock.now()
        draft = replace(
            origin.draft,
            id=DraftId(self._work.clock.new_id("draft")),
            environment=environment.id,
            owner=owner_of_draft(environment, call.principal.id),
            base_seq=1 if origin.draft.base_version == origin.version else 0,
            revision=1,
            started_at=now,
            updated_at=now,
        )
        tx.insert_draft(draft)
        tx.put_draft_changes(draft.id, [replace(change, revision=1) for change in changes.values()])
        return len(changes)

    def _decide_change(
        self, tx: Reading, project: Project, environment: Environment, wanted: EnvironmentChange
    ) -> Environment:
        others = [e for e in tx.list_environments(project.id) if e.id != environment.id]
        name = environment.name if wanted.name is None else check_environment_name(wanted.name, others)
        editable = environment.editable if wanted.editable is None else wanted.editable
        internal = environment.internal if wanted.internal is None else wanted.internal
        mode = wanted.draft_mode or environment.draft_mode
        if (environment.editable and not editable) or mode != environment.draft_mode:
            _check_no_drafts(tx, environment)
        if internal and is_public(tx, project, environment):
            message = f"{environment.alias} is public: an internal environment takes no public traffic"
            raise Refused("is_public", message, errors=[Fault("/internal", message)])
        promotes_from = environment.promotes_from
        if wanted.promotes_from is not None:
            promotes_from = _find_step(tx, project, environment, wanted.promotes_from)
        return replace(
            environment,
            name=name,
            editable=editable,
            internal=internal,
            draft_mode=mode,
            promotes_from=promotes_from,
        )


def _find_step(tx: Reading, project: Project, environment: Environment, alias: str) -> EnvironmentId | None:
    """Returns the environment before this one. Raises Invalid for a circle."""
    if not alias:
        return None
    step = load_environment(tx, project, alias)
    seen: Environment | None = step
    while seen is not None:
        if seen.id == environment.id:
            message = f"{environment.alias} cannot come after {step.alias}: that would be a circle"
            raise Invalid("circular_promotion", message, errors=[Fault("/promotes_from", message)])
        seen = tx.find_environment(project.id, seen.promotes_from) if seen.promotes_from else None
    return step.id


def _check_no_drafts(tx: Reading, environment: Environment) -> None:
    with_changes = [d.owner for d in tx.list_open_drafts(environment.id) if tx.load_draft_changes(d.id)]
    if with_changes:
        raise Refused(
            "open_drafts",
            f"{len(with_changes)} open drafts of {environment.alias} have changes; publish or discard them first",
            extra={"owners": with_changes},
        )


def _check_revision(environment: Environment, if_match: str | None) -> None:
    present = revision_of_settings(environment)
    if if_match is None:
        message = f"say with If-Match which revision of {environment.alias} you saw"
        raise Missing("precondition_required", message, extra={"revision": present})
    if if_match != present:
        message = f"{environment.alias} was changed since you read it; read it again, then repeat"
        raise Stale("stale_revision", message, extra={"revision": present})


def _insert_alias(tx: Writing, project: Project, environment: Environment, alias: str) -> None:
    if not tx.insert_alias(project.id, alias, environment.id):
        raise _alias_taken(tx, project, alias, alias, "/add_alias")


def _alias_taken(tx: Reading, project: Project, alias: str, name: str, pointer: str = "/alias") -> Conflict:
    owner = tx.find_environment(project.id, alias)
    state = f"was deleted on {owner.deleted_at:%Y-%m-%d}" if owner and owner.deleted_at else "uses it"
    free = suggest_alias(name, tx.list_aliases(project.id).keys())
    message = (
        f"the alias '{alias}' is taken: {owner.name if owner else 'an environment'} {state}, and an alias never "
        f"comes to mean another place; '{free}' is free"
    )
    return Conflict("alias_taken", message, errors=[Fault(pointer, message)], extra={"free": free})


def _differences(before: Environment, after: Environment) -> dict[str, Any]:
    names = ("name", "editable", "internal", "promotes_from", "draft_mode")
    return {
        name: {"from": getattr(before, name), "to": getattr(after, name)}
        for name in names
        if getattr(before, name) != getattr(after, name)
    }
