"""The split of the default entry's traffic on the network, and why a conversation came in where it did."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Final

import orjson
from fastapi import Header, Query
from starlette.responses import Response

from greenroom.api.asking import Given, IdPath, ProjectPath, reply
from greenroom.api.etags import parse_if_match, quote_tag
from greenroom.api.nouns import Noun
from greenroom.api.paging import DEFAULT_LIMIT, Cursor, Limit, page_of, read_cursor
from greenroom.domain.splits import Share, weights_of
from greenroom.services.entries import Explained
from greenroom.services.splits import ShareRequest, SplitChangeView, SplitPlan, SplitRequest, SplitView
from greenroom.wire.model import Page
from greenroom.wire.splits import FlowOut, ShareOut, SplitChangeOut, SplitIn, SplitOut, SplitPlanOut, WeightOut, WhyOut

NOUN: Final = Noun("splits")
_SPLIT: Final = "/projects/{project}/split"
DryRun = Annotated[bool, Query(description="Returns what would happen, and writes nothing.")]
IfMatch = Annotated[
    str | None,
    Header(alias="If-Match", max_length=200, description="The revision that was read, in quotes; * where it is 0."),
]


@NOUN.verb("GET", _SPLIT, "load", SplitOut)
async def load(ask: Given, project: ProjectPath) -> Response:
    """Loads the split with everything that a decision needs; its revision is the ETag, where it is not 0."""
    found = await ask.desk.splits.load(ask.call, project)
    return reply(split_out(found), quote_tag(str(found.split.revision)) if found.split.revision else None)


@NOUN.verb("PUT", _SPLIT, "set", SplitOut | SplitPlanOut)
async def set_(
    ask: Given, project: ProjectPath, body: SplitIn, dry_run: DryRun = False, if_match: IfMatch = None
) -> Response:
    """Changes the split whose revision was seen, for new conversations; the fewest possible keys move."""
    shares = [ShareRequest(share.environment, share.weight) for share in body.shares]
    request, seen = SplitRequest(shares, body.sticky_key, body.note, body.restart), parse_if_match(if_match)
    if dry_run:
        return reply(plan_out(await ask.desk.splits.plan(ask.call, project, request, seen)))
    return await ask.write(
        lambda call: ask.desk.splits.set(call, project, request, seen), split_out, moves=True, tag=_revision_tag
    )


@NOUN.verb("GET", _SPLIT + "/history", "list_changes", Page[SplitChangeOut])
async def list_changes(
    ask: Given, project: ProjectPath, cursor: Cursor = None, limit: Limit = DEFAULT_LIMIT
) -> Response:
    """Lists what the split was and who changed it, newest first."""
    before = read_cursor("split", cursor)
    found = await ask.desk.splits.list_changes(ask.call, project, before, limit + 1)
    return reply(page_of("split", found, limit, lambda view: view.change.revision, change_out))


@NOUN.verb("GET", "/conversations/{id}/why", "explain", WhyOut)
async def explain(ask: Given, id: IdPath) -> Response:  # noqa: A002 - the API's word
    """Explains why a conversation came in where it did, whatever has changed since."""
    return reply(why_out(await ask.desk.entries.explain(ask.call, id)))


def _revision_tag(body: bytes) -> str | None:
    return quote_tag(str(orjson.loads(body)["revision"]))


def split_out(view: SplitView) -> SplitOut:
    """Returns a split as it is sent."""
    split = view.split
    return SplitOut(
        revision=split.revision,
        sticky_key=split.sticky_key,
        salt=split.salt,
        shares=shares_out(split.shares, view.aliases),
        note=split.note,
        changed_at=split.changed_at,
        changed_by=split.by,
    )


def plan_out(plan: SplitPlan) -> SplitPlanOut:
    """Returns a plan as it is sent."""
    return SplitPlanOut(
        revision=plan.before.revision,
        before=weights_out(weights_of(plan.before.shares).items(), plan.aliases),
        after=shares_out(plan.after.shares, plan.aliases),
        moved_slots=plan.moved_slots,
        moved_percent=plan.moved_slots / 100,
        rekeyed=plan.rekeyed,
        running=plan.running,
        flows=[
            FlowOut(
                source=plan.aliases.get(flow.source, flow.source),
                target=plan.aliases.get(flow.target, flow.target),
                weight=flow.weight / 100,
            )
            for flow in plan.flows
        ],
    )


def change_out(view: SplitChangeView) -> SplitChangeOut:
    """Returns a change as it is sent."""
    change = view.change
    return SplitChangeOut(
        revision=change.revision,
        at=change.at,
        by=change.by,
        note=change.note,
        sticky_key=change.sticky_key,
        before=weights_out(change.weights_before.items(), view.aliases),
        after=shares_out(change.shares, view.aliases),
        moved_slots=change.moved_slots,
        restarted=change.restarted,
    )


def why_out(found: Explained) -> WhyOut:
    """Returns an explanation as it is sent."""
    conversation, entry = found.conversation, found.entry
    return WhyOut(
        conversation=conversation.id,
        environment=found.alias,
        version=conversation.started_version,
        by="ref" if conversation.ref is not None else str(entry.get("by", "")),
        split=entry.get("split"),
        slot=entry.get("slot"),
        key=entry.get("key"),
        share_link=entry.get("link"),
        shares=weights_out(found.shares.items(), {}),
        changes_since=found.changes_since,
        sentences=found.sentences,
    )


def shares_out(shares: Iterable[Share], aliases: Mapping[str, str]) -> list[ShareOut]:
    """Returns shares as they are sent."""
    return [
        ShareOut(
            environment=aliases.get(share.environment, share.environment),
            weight=share.weight / 100,
            slots=list(share.slots),
        )
        for share in shares
    ]


def weights_out(weights: Iterable[tuple[str, int]], aliases: Mapping[str, str]) -> list[WeightOut]:
    """Returns weights as they are sent."""
    return [WeightOut(environment=aliases.get(one, one), weight=weight / 100) for one, weight in weights]
