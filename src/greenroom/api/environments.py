"""Environments on the network: what each serves, and what a rollback would bring back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Final, Literal

import orjson
from fastapi import Header, Query
from starlette.responses import Response

from greenroom.api.asking import AliasPath, Given, ProjectPath, reply
from greenroom.api.etags import parse_if_match, quote_tag
from greenroom.api.nouns import Noun
from greenroom.api.paging import DEFAULT_LIMIT, Cursor, Limit, cut_page
from greenroom.domain.environments import Arm, Dependant, revision_of_settings
from greenroom.domain.promotion import Caution
from greenroom.services.deletions import Deletion, DeletionRequest
from greenroom.services.environment_changes import Created, EnvironmentChange, NewEnvironment
from greenroom.services.environments import EnvironmentView
from greenroom.services.migrations import AliasView
from greenroom.services.plans import PolicyChoice
from greenroom.wire.environments import (
    AliasOut,
    AliasUseOut,
    ArmOut,
    CreatedOut,
    DeletionOut,
    DependantOut,
    EnvironmentChangeIn,
    EnvironmentIn,
    EnvironmentOut,
    RunningOut,
    ServedOut,
)
from greenroom.wire.model import Page, WarningOut

NOUN: Final = Noun("environments")
_ONE: Final = "/projects/{project}/environments/{alias}"
IfMatch = Annotated[
    str | None, Header(alias="If-Match", max_length=200, description="The revision of the settings that was read.")
]
DryRun = Annotated[bool, Query(description="Returns what would happen, and writes nothing.")]


@NOUN.verb("GET", "/projects/{project}/environments", "list", Page[EnvironmentOut])
async def list_(ask: Given, project: ProjectPath, cursor: Cursor = None, limit: Limit = DEFAULT_LIMIT) -> Response:
    """Lists a project's environments by position."""
    found = await ask.desk.environments.list(ask.call, project)
    names = await ask.desk.history.load_names(ask.call)
    return reply(
        cut_page(
            "environments", found, cursor, limit, lambda v: v.environment.alias, lambda v: environment_out(v, names)
        )
    )


@NOUN.verb("GET", "/projects/{project}/environments/{alias}", "load", EnvironmentOut)
async def load(ask: Given, project: ProjectPath, alias: AliasPath) -> Response:
    """Loads one environment by alias."""
    view = await ask.desk.environments.load(ask.call, project, alias)
    out = environment_out(view, await ask.desk.history.load_names(ask.call))
    return reply(out, quote_tag(out.revision))


@NOUN.verb("POST", "/projects/{project}/environments", "create", CreatedOut, 201)
async def create(ask: Given, project: ProjectPath, body: EnvironmentIn) -> Response:
    """Makes an environment: empty, or a clone of any version, at once and by reference.

    Secret overrides are copied, and with `include_draft` the caller's draft; numbers, split share, schedules and
    protections are not. Its alias is its own for ever, also after it is deleted.
    """
    wanted = NewEnvironment(**body.model_dump())
    names = await ask.desk.history.load_names(ask.call)
    return await ask.write(
        lambda call: ask.desk.environment_changes.create(call, project, wanted),
        lambda done: created_out(done, names),
        status=201,
        moves=True,
    )


@NOUN.verb("PATCH", _ONE, "change", EnvironmentOut)
async def change(
    ask: Given, project: ProjectPath, alias: AliasPath, body: EnvironmentChangeIn, if_match: IfMatch = None
) -> Response:
    """Changes what an environment is called or is, or gives it one more alias; what it serves stays."""
    wanted, seen = EnvironmentChange(**body.model_dump()), parse_if_match(if_match)
    names = await ask.desk.history.load_names(ask.call)
    return await ask.write(
        lambda call: ask.desk.environment_changes.change(call, project, alias, wanted, seen),
        lambda view: environment_out(view, names),
        moves=True,
        tag=lambda answer: quote_tag(orjson.loads(answer)["revision"]),
    )


@NOUN.verb("DELETE", _ONE, "delete", DeletionOut)
async def delete(
    ask: Given,
    project: ProjectPath,
    alias: AliasPath,
    expected_seq: Annotated[int | None, Query(description="The sequence that was looked at.")] = None,
    move_to: Annotated[str | None, Query(max_length=80, description="Where what depends on it goes.")] = None,
    confirm: Annotated[
        int | None, Query(ge=1, description="The version that `move_to` serves, where the public will hear it.")
    ] = None,
    in_flight: Annotated[
        Literal["finish", "switch", "drain"] | None, Query(description="What becomes of running conversations.")
    ] = None,
    drain_until: Annotated[datetime | None, Query(description="With drain: when they end.")] = None,
    acknowledged: Annotated[list[str] | None, Query(max_length=20, description="Codes of warnings.")] = None,
    dry_run: DryRun = False,
) -> Response:
    """Deletes an environment. What depends on it is listed and refused, or moved to `move_to`.

    Its releases and conversations stay in the records, and its aliases never lead anywhere else. Conversations
    finish, or end at once (`switch`) or at the deadline (`drain`).
    """
    request = DeletionRequest(
        expected_seq=expected_seq,
        move_to=move_to,
        confirm_version=confirm,
        in_flight=PolicyChoice(in_flight, drain_until),
        acknowledged=acknowledged or [],
    )
    if dry_run:
        plan = await ask.desk.deletions.plan(ask.call, project, alias, request)
        return reply(deletion_out(plan, dry_run=True))
    return await ask.write(
        lambda call: ask.desk.deletions.delete(call, project, alias, request), deletion_out, moves=True
    )


@NOUN.verb("GET", "/projects/{project}/aliases", "list_aliases", Page[AliasOut])
async def list_aliases(
    ask: Given, project: ProjectPath, cursor: Cursor = None, limit: Limit = DEFAULT_LIMIT
) -> Response:
    """Lists every alias that answers; for deprecated ones, what to use instead and who still calls them."""
    found = await ask.desk.migrations.list_aliases(ask.call, project)
    names = await ask.desk.history.load_names(ask.call)
    return reply(cut_page("aliases", found, cursor, limit, lambda v: v.alias, lambda v: alias_out(v, names)))


def environment_out(view: EnvironmentView, names: Mapping[str, str]) -> EnvironmentOut:
    """Returns an environment as it is sent."""
    environment = view.environment
    return EnvironmentOut(
        id=environment.id,
        alias=environment.alias,
        name=environment.name,
        position=environment.position,
        editable=environment.editable,
        internal=environment.internal,
        public=view.public,
        default_entry=view.default_entry,
        promotes_from=view.promotes_from,
        draft_mode=environment.draft_mode,
        seq=environment.seq,
        salt=environment.salt,
        serves=_served_out(view, names),
        arms=arms_out(environment.arms),
        rollback_to=view.rollback_to,
        running=running_out(view.running),
        draft_changes=view.draft_changes,
        revision=revision_of_settings(environment),
    )


def created_out(done: Created, names: Mapping[str, str]) -> CreatedOut:
    """Returns a new environment as it is sent."""
    return CreatedOut(
        environment=environment_out(done.view, names),
        copied_secrets=done.copied_secrets,
        copied_changes=done.copied_changes,
        advice=done.advice,
    )


def deletion_out(deletion: Deletion, *, dry_run: bool = False) -> DeletionOut:
    """Returns a deletion, or the plan of one, as it is sent."""
    return DeletionOut(
        environment=deletion.environment.alias,
        moved_to=deletion.target.alias if deletion.target else None,
        moved=[_dependant_out(d) for d in deletion.moved],
        in_the_way=[_dependant_out(d) for d in deletion.left],
        conversations_end_at=deletion.ends_at,
        warnings=warnings_out(deletion.cautions),
        seq=deletion.environment.seq,
        dry_run=dry_run,
    )


def alias_out(view: AliasView, names: Mapping[str, str]) -> AliasOut:
    """Returns an alias as it is sent."""
    uses = [
        AliasUseOut(principal=use.principal, name=names.get(use.principal, ""), last_at=use.last_at)
        for use in view.uses
    ]
    return AliasOut(
        alias=view.alias,
        environment=view.environment.alias,
        primary=view.alias == view.environment.alias,
        deprecated_at=view.deprecated_at,
        successor=view.successor,
        uses=uses,
    )


def warnings_out(cautions: Sequence[Caution]) -> list[WarningOut]:
    """Returns warnings as they are sent."""
    return [WarningOut(code=c.code, message=c.message, must_acknowledge=c.must_acknowledge) for c in cautions]


def _dependant_out(dependant: Dependant) -> DependantOut:
    return DependantOut(
        what=dependant.what,
        name=dependant.name,
        count=dependant.count,
        movable=dependant.movable,
        remedy=dependant.remedy,
    )


def arms_out(arms: Sequence[Arm]) -> list[ArmOut]:
    """Returns arms as they are sent."""
    return [ArmOut(version=arm.version, slots=list(arm.slots)) for arm in arms]


def running_out(running: Mapping[int, int]) -> list[RunningOut]:
    """Returns counts of running conversations as they are sent."""
    return [RunningOut(version=version, conversations=count) for version, count in running.items()]


def _served_out(view: EnvironmentView, names: Mapping[str, str]) -> ServedOut | None:
    release = view.release
    if release is None or view.digest is None:
        return None
    return ServedOut(
        version=release.version,
        digest=view.digest,
        since=release.at,
        by=release.actor,
        by_name=names.get(release.actor, ""),
        operation=release.operation,
    )
