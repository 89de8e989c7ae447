"""Publish, promote, roll back on the network, each also as a dry run; and what was released."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated, Any, Final, Literal, TypeVar

from fastapi import Query
from starlette.responses import Response

from greenroom.api.asking import AliasPath, Ask, Given, ProjectPath, reply
from greenroom.api.comparisons import comparison_out
from greenroom.api.drafts import carried_out, conflict_out, taken_back_out
from greenroom.api.environments import arms_out, running_out, warnings_out
from greenroom.api.nouns import Noun
from greenroom.api.paging import DEFAULT_LIMIT, Cursor, Limit, page_of, read_cursor
from greenroom.api.readiness import items_out
from greenroom.api.versions import version_out
from greenroom.domain.environments import choose_stable
from greenroom.services.environments import ReleaseView
from greenroom.services.plans import Plan, PolicyChoice, PromoteRequest, PublishRequest, RollbackRequest
from greenroom.services.publishing import Published
from greenroom.services.work import Call
from greenroom.wire.model import Page
from greenroom.wire.releases import (
    InFlightFields,
    PlanOut,
    PromoteIn,
    PublishIn,
    PublishOut,
    ReleaseOut,
    RollbackIn,
)

R = TypeVar("R")

NOUN: Final = Noun("releases")
_ENVIRONMENT = "/projects/{project}/environments/{alias}"
DryRun = Annotated[bool, Query(description="Returns what would happen, and writes nothing.")]
Confirmation = Literal["none", "version", "digest"]


@NOUN.verb("GET", _ENVIRONMENT + "/releases", "list", Page[ReleaseOut])
async def list_(
    ask: Given, project: ProjectPath, alias: AliasPath, cursor: Cursor = None, limit: Limit = DEFAULT_LIMIT
) -> Response:
    """Lists an environment's releases, newest first."""
    before = read_cursor("releases", cursor)
    found = await ask.desk.environments.list_releases(ask.call, project, alias, before, limit + 1)
    names = await ask.desk.history.load_names(ask.call)
    return reply(page_of("releases", found, limit, lambda v: v.release.seq, lambda v: release_out(v, names)))


@NOUN.verb("POST", _ENVIRONMENT + "/publish", "publish", PublishOut | PlanOut)
async def publish(
    ask: Given, project: ProjectPath, alias: AliasPath, body: PublishIn, dry_run: DryRun = False
) -> Response:
    """Publishes the caller's draft as a version and releases it in its environment.

    `expected_seq` and `confirm` are required where the environment is public. A draft whose environment moved on
    is rebased first; conflicts are listed and settled by `resolutions`.
    """
    request = PublishRequest(
        note=body.note,
        details=body.details,
        release=body.release,
        expected_seq=body.expected_seq,
        confirm_digest=body.confirm.digest if body.confirm else None,
        resolutions=[one.model_dump() for one in body.resolutions],
        taken_back=body.taken_back,
        in_flight=policy_of(body),
        acknowledged=body.acknowledged,
        revision=body.revision,
    )
    if dry_run:
        plan = await ask.desk.publishing.plan(ask.call, project, alias, request)
        return await _reply_plan(ask, plan, "digest" if plan.public and body.release else "none")
    names = await ask.desk.history.load_names(ask.call)
    return await _release(
        ask,
        lambda call: ask.desk.publishing.publish(call, project, alias, request),
        lambda done: publish_out(done, names),
        lambda done: done.release,
    )


@NOUN.verb("POST", _ENVIRONMENT + "/promote", "promote", ReleaseOut | PlanOut)
async def promote(
    ask: Given, project: ProjectPath, alias: AliasPath, body: PromoteIn, dry_run: DryRun = False
) -> Response:
    """Releases an existing version: same number, same digest, never rebuilt.

    `expected_seq` says what was looked at; `confirm` restates the version where the environment is public.
    Skipping a step needs `hotfix` with a reason, and its own permission.
    """
    request = PromoteRequest(
        version=body.version,
        expected_seq=body.expected_seq,
        confirm_version=body.confirm.version if body.confirm else None,
        note=body.note,
        hotfix=body.hotfix.reason if body.hotfix else None,
        in_flight=policy_of(body),
        acknowledged=body.acknowledged,
    )
    if dry_run:
        plan = await ask.desk.releases.plan_promotion(ask.call, project, alias, request)
        return await _reply_plan(ask, plan, "version" if plan.public else "none")
    names = await ask.desk.history.load_names(ask.call)
    return await _release(
        ask,
        lambda call: ask.desk.releases.promote(call, project, alias, request),
        lambda view: release_out(view, names),
        lambda view: view,
    )


@NOUN.verb("POST", _ENVIRONMENT + "/rollback", "roll_back", ReleaseOut | PlanOut)
async def roll_back(
    ask: Given, project: ProjectPath, alias: AliasPath, body: RollbackIn, dry_run: DryRun = False
) -> Response:
    """Puts back a version that the environment served before: `to`, or what lies beneath `expected_seq`.

    No gate stops it, no draft is touched, no version is deleted.
    """
    request = RollbackRequest(reason=body.reason, to=body.to, expected_seq=body.expected_seq, in_flight=policy_of(body))
    if dry_run:
        plan = await ask.desk.releases.plan_rollback(ask.call, project, alias, request)
        return await _reply_plan(ask, plan, "none")
    names = await ask.desk.history.load_names(ask.call)
    return await _release(
        ask,
        lambda call: ask.desk.releases.roll_back(call, project, alias, request),
        lambda view: release_out(view, names),
        lambda view: view,
    )


def release_out(view: ReleaseView, names: Mapping[str, str]) -> ReleaseOut:
    """Returns a release as it is sent."""
    release = view.release
    return ReleaseOut(
        id=release.id,
        environment=view.alias,
        seq=release.seq,
        operation=release.operation,
        version=release.version,
        from_version=choose_stable(release.from_arms),
        arms=arms_out(release.to_arms),
        from_arms=arms_out(release.from_arms),
        in_flight=release.in_flight.policy,
        drain_until=release.in_flight.drain_until,
        actor=release.actor,
        actor_name=names.get(release.actor, ""),
        at=release.at,
        reason=release.reason,
        takes_back=list(release.takes_back),
        caused_by=release.caused_by,
    )


def publish_out(done: Published, names: Mapping[str, str]) -> PublishOut:
    """Returns a new version, and its release, as they are sent."""
    return PublishOut(
        version=version_out(done.version, names),
        release=release_out(done.release, names) if done.release else None,
        rebased=done.rebased,
        taken_back=taken_back_out(done.taken_back),
        warnings=warnings_out(done.cautions),
        carries=carried_out(done.carries, names),
    )


async def _release(
    ask: Ask,
    verb: Callable[[Call], Awaitable[R]],
    convert: Callable[[R], ReleaseOut | PublishOut],
    release_of: Callable[[R], ReleaseView | None],
) -> Response:
    async def counted(call: Call) -> R:
        done = await verb(call)
        view = release_of(done)
        if view is not None:
            ask.door.metrics.releases.labels(view.release.operation).inc()
        return done

    return await ask.write(counted, convert, moves=True)


async def _reply_plan(ask: Ask, plan: Plan, confirmation: Confirmation) -> Response:
    names = await ask.desk.history.load_names(ask.call)
    return reply(await asyncio.to_thread(lambda: PlanOut(**plan_fields(ask, plan, confirmation, names))))


def plan_fields(ask: Ask, plan: Plan, confirmation: Confirmation, names: Mapping[str, str]) -> dict[str, Any]:
    """Returns what a plan says, as it is sent; a large comparison takes long, so call it in a thread."""
    compared = plan.compared
    return {
        "operation": plan.operation,
        "environment": plan.environment.alias,
        "public": plan.public,
        "version": plan.version,
        "from_version": plan.from_version,
        "digest": plan.digest,
        "expected_seq": plan.environment.seq,
        "confirmation": confirmation,
        "comparison": comparison_out(compared, ask.desk.kinds, names) if compared else None,
        "versions_included": [version_out(view, names) for view in plan.included],
        "takes_back": list(plan.takes_back),
        "warnings": warnings_out(plan.cautions),
        "readiness": items_out(plan.readiness),
        "running": running_out(plan.running),
        "in_flight": plan.policy,
        "rollback_would_bring_back": plan.brings_back,
        "rebased": plan.rebased,
        "taken_back": taken_back_out(plan.taken_back),
        "conflicts": [conflict_out(conflict) for conflict in plan.conflicts],
        "draft_revision": plan.draft_revision,
        "carries": carried_out(plan.carries, names),
    }


def policy_of(body: InFlightFields) -> PolicyChoice:
    """Returns the in-flight policy that a request asks for."""
    return PolicyChoice(body.in_flight, body.drain_until)
