"""Merging one environment into another on the network, also as a preview."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Final

from starlette.responses import Response

from greenroom.api.asking import Given, ProjectPath, reply
from greenroom.api.environments import DryRun, deletion_out, warnings_out
from greenroom.api.nouns import Noun
from greenroom.api.releases import plan_fields, policy_of, release_out
from greenroom.api.versions import version_out
from greenroom.services.merges import MergeOutcome, MergeRequest
from greenroom.services.work import Call
from greenroom.wire.merges import MergeIn, MergeOut, MergePlanOut

NOUN: Final = Noun("merges")


@NOUN.verb("POST", "/projects/{project}/merges", "make", MergeOut | MergePlanOut, 201)
async def make(ask: Given, project: ProjectPath, body: MergeIn, dry_run: DryRun = False) -> Response:
    """Merges a source into an environment: three-way, with their common ancestor as base.

    With `dry_run` nothing is written: the preview shows what changes and every conflict (ours is the target, theirs
    the source), to be settled by `resolutions`. The result is a new version of the target with both parents.
    """
    request = MergeRequest(
        source=body.source,
        target=body.target,
        note=body.note,
        details=body.details,
        strategy=body.strategy,
        resolutions=[one.model_dump() for one in body.resolutions],
        delete_source=body.delete_source,
        expected_seq=body.expected_seq,
        expected_source_seq=body.expected_source_seq,
        confirm_digest=body.confirm.digest if body.confirm else None,
        in_flight=policy_of(body),
        acknowledged=body.acknowledged,
    )
    names = await ask.desk.history.load_names(ask.call)
    if dry_run:
        planned = await ask.desk.merges.plan(ask.call, project, request)

        def convert() -> MergePlanOut:
            return MergePlanOut(
                **plan_fields(ask, planned.plan, "digest" if planned.plan.public else "none", names),
                source=planned.source.ref,
                source_version=planned.source.version,
                base=planned.base,
                deletion=deletion_out(planned.deletion, dry_run=True) if planned.deletion else None,
            )

        return reply(await asyncio.to_thread(convert))

    async def counted(call: Call) -> MergeOutcome:
        done = await ask.desk.merges.make(call, project, request)
        ask.door.metrics.releases.labels("merge").inc()
        return done

    return await ask.write(counted, lambda done: merge_out(done, names), status=201, moves=True)


def merge_out(done: MergeOutcome, names: Mapping[str, str]) -> MergeOut:
    """Returns a merge as it is sent."""
    return MergeOut(
        version=version_out(done.version, names),
        release=release_out(done.release, names),
        source=done.source.ref,
        base=done.base,
        deletion=deletion_out(done.deletion) if done.deletion else None,
        warnings=warnings_out(done.cautions),
    )
