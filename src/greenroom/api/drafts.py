"""Drafts on the network: read, saved one entity at a time, discarded and restored, loaded, rebased."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final

import orjson
from fastapi import Body, Header
from starlette.responses import Response

from greenroom.api.asking import AliasPath, Given, KindPath, ProjectPath, SlugPath, reply
from greenroom.api.bodies import ENTITY_LIMIT
from greenroom.api.content import read_address, state_out
from greenroom.api.etags import parse_if_match, quote_tag
from greenroom.api.nouns import Noun
from greenroom.api.paging import DEFAULT_LIMIT, Cursor, Limit, page_of, read_text_cursor
from greenroom.api.problems import pointer_of
from greenroom.domain.entities import Address, parse_address
from greenroom.domain.errors import Fault, Invalid
from greenroom.domain.merges import Conflict, Resolution
from greenroom.services.discards import DiscardedDraft
from greenroom.services.draft_loads import Loaded
from greenroom.services.drafts import Discarded, DraftView, Saved
from greenroom.services.plans import TakenBack
from greenroom.services.presence import Present
from greenroom.services.publishing import RebaseOutcome
from greenroom.wire.drafts import (
    CarriedOut,
    ConflictOut,
    DiscardedOut,
    DiscardIn,
    DiscardOut,
    DraftChangeOut,
    DraftOut,
    EditorOut,
    LoadedChangeOut,
    LoadedOut,
    LoadIn,
    PresenceIn,
    PresenceOut,
    PresentOut,
    RebaseIn,
    RebaseOut,
    ResolutionIn,
    RestoreIn,
    SavedOut,
    TakenBackOut,
)
from greenroom.wire.model import Page

NOUN: Final = Noun("drafts")
_DRAFT = "/projects/{project}/environments/{alias}/draft"
_ENTITY = _DRAFT + "/{kind}/{slug}"
IfMatch = Annotated[
    str | None,
    Header(alias="If-Match", max_length=200, description="The revision that was read, in quotes; * to create."),
]


@NOUN.verb("GET", _DRAFT, "load", DraftOut)
async def load(ask: Given, project: ProjectPath, alias: AliasPath) -> Response:
    """Loads the draft that the caller edits, with who is editing now; one that was never begun is empty."""
    view = await ask.desk.drafts.load(ask.call, project, alias)
    names = await ask.desk.history.load_names(ask.call)
    return reply(draft_out(view, names), quote_tag(view.snapshot.digest))


@NOUN.verb("PUT", _ENTITY, "save", SavedOut, json=ENTITY_LIMIT)
async def save(
    ask: Given,
    project: ProjectPath,
    alias: AliasPath,
    kind: KindPath,
    slug: SlugPath,
    body: Annotated[dict[str, Any], Body(description="The entity's fields; see its kind.")],
    if_match: IfMatch = None,
) -> Response:
    """Saves one entity in the caller's draft, at once.

    A save that did not see the present revision is refused with both sides (412); one that does not say what
    it saw is refused too (428).
    """
    address, seen = read_address(kind, slug), parse_if_match(if_match)
    return await ask.write(
        lambda call: ask.desk.drafts.save(call, project, alias, address, body, seen), saved_out, tag=_revision_tag
    )


@NOUN.verb("DELETE", _ENTITY, "remove", SavedOut)
async def remove(
    ask: Given, project: ProjectPath, alias: AliasPath, kind: KindPath, slug: SlugPath, if_match: IfMatch = None
) -> Response:
    """Takes an entity out in the caller's draft."""
    address, seen = read_address(kind, slug), parse_if_match(if_match)
    return await ask.write(lambda call: ask.desk.drafts.remove(call, project, alias, address, seen), saved_out)


@NOUN.verb("POST", _DRAFT + "/discard", "discard", DiscardOut)
async def discard(ask: Given, project: ProjectPath, alias: AliasPath, body: DiscardIn) -> Response:
    """Puts the caller's draft away; what the environment serves is the starting point again."""
    return await ask.write(lambda call: ask.desk.drafts.discard(call, project, alias, body.revision), discard_out)


@NOUN.verb("GET", _DRAFT + "/discarded", "list_discarded", Page[DiscardedOut])
async def list_discarded(
    ask: Given, project: ProjectPath, alias: AliasPath, cursor: Cursor = None, limit: Limit = DEFAULT_LIMIT
) -> Response:
    """Lists the drafts that were discarded here in the last 30 days, last discarded first."""
    before = read_text_cursor("discarded", cursor)
    found = await ask.desk.discards.list_discarded(ask.call, project, alias, before, limit + 1)
    names = await ask.desk.history.load_names(ask.call)
    return reply(page_of("discarded", found, limit, lambda d: d.draft.id, lambda d: discarded_out(d, names)))


@NOUN.verb("POST", _DRAFT + "/restore", "restore", LoadedOut)
async def restore(ask: Given, project: ProjectPath, alias: AliasPath, body: RestoreIn) -> Response:
    """Brings a discarded draft back, beside what the present draft changes.

    Where both change the same thing nothing is written (409 `draft_in_the_way`, with the addresses); after 30
    days there is nothing to bring back (404).
    """
    names = await ask.desk.history.load_names(ask.call)
    return await ask.write(
        lambda call: ask.desk.discards.restore(call, project, alias, body.discarded_id, body.revision),
        lambda done: loaded_out(done, names),
    )


@NOUN.verb("POST", _DRAFT + "/load", "load_ref", LoadedOut)
async def load_ref(ask: Given, project: ProjectPath, alias: AliasPath, body: LoadIn) -> Response:
    """Makes the draft what a ref holds ("edit this version"), or takes single entities from there.

    A draft with changes that is replaced whole is put away and can be restored.
    """
    names = await ask.desk.history.load_names(ask.call)
    only = None if body.only is None else [_read_only(index, text) for index, text in enumerate(body.only)]
    return await ask.write(
        lambda call: ask.desk.draft_loads.load_ref(call, project, alias, body.ref, only, body.revision),
        lambda done: loaded_out(done, names),
    )


@NOUN.verb("POST", _DRAFT + "/presence", "announce", PresenceOut)
async def announce(ask: Given, project: ProjectPath, alias: AliasPath, body: PresenceIn) -> Response:
    """Says that the caller is editing here, for a minute, and lists everybody who is."""
    names = await ask.desk.history.load_names(ask.call)
    return await ask.write(
        lambda call: ask.desk.presence.announce(call, project, alias, body.entity),
        lambda found: PresenceOut(present=present_out(found, names)),
    )


@NOUN.verb("POST", _DRAFT + "/rebase", "rebase", RebaseOut)
async def rebase(ask: Given, project: ProjectPath, alias: AliasPath, body: RebaseIn) -> Response:
    """Brings the caller's draft onto what its environment serves now.

    While conflicts are open nothing is written; they are listed, to be settled by `resolutions`.
    """
    names = await ask.desk.history.load_names(ask.call)
    resolutions = resolutions_of(body.resolutions)
    return await ask.write(
        lambda call: ask.desk.publishing.rebase(call, project, alias, resolutions, body.taken_back, body.revision),
        lambda outcome: rebase_out(outcome, names),
    )


def resolutions_of(given: Sequence[ResolutionIn]) -> list[Resolution]:
    """Returns resolutions as the domain has them."""
    return [Resolution(one.conflict_id, one.take, one.value) for one in given]


def draft_out(view: DraftView, names: Mapping[str, str]) -> DraftOut:
    """Returns a draft as it is sent."""
    changes = [
        DraftChangeOut(
            address=str(change.address),
            op=view.op_of(change),
            revision=change.digest,
            at=change.at,
            by=change.by or view.owner,
            by_name=names.get(change.by or view.owner, ""),
        )
        for change in view.changes
    ]
    others = [
        EditorOut(
            owner=other.owner,
            owner_name=names.get(other.owner, ""),
            changes=other.changes,
            updated_at=other.updated_at,
        )
        for other in view.others
    ]
    return DraftOut(
        environment=view.environment.alias,
        mode=view.environment.draft_mode,
        owner=view.owner,
        base=state_out(view.base),
        revision=view.revision,
        digest=view.snapshot.digest,
        changes=changes,
        others_editing=others,
        behind=view.behind,
        nudge=view.nudge,
        present=present_out(view.present, names),
    )


def present_out(found: Sequence[Present], names: Mapping[str, str]) -> list[PresentOut]:
    """Returns who is editing as it is sent."""
    return [PresentOut(id=p.id, name=names.get(p.id, ""), entity=p.entity, seen_at=p.seen_at) for p in found]


def carried_out(carries: Mapping[str, int], names: Mapping[str, str]) -> list[CarriedOut]:
    """Returns whose edits something holds as it is sent."""
    return [CarriedOut(by=who, by_name=names.get(who, ""), changes=count) for who, count in carries.items()]


def discarded_out(found: DiscardedDraft, names: Mapping[str, str]) -> DiscardedOut:
    """Returns a draft that was put away as it is sent."""
    draft = found.draft
    authors = Counter(change.by or draft.owner for change in found.changes)
    return DiscardedOut(
        discarded_id=draft.id,
        changes=len(found.changes),
        discarded_at=found.at,
        until=found.until,
        base_version=draft.base_version,
        addresses=[str(change.address) for change in found.changes],
        carries=carried_out(dict(authors.most_common()), names),
    )


def loaded_out(done: Loaded, names: Mapping[str, str]) -> LoadedOut:
    """Returns what a load did as it is sent."""
    changes = [LoadedChangeOut(address=str(c.address), op=c.op, revision=c.digest) for c in done.changes]
    return LoadedOut(
        draft=draft_out(done.draft, names),
        changes=changes,
        warnings=list(done.warnings),
        discarded_id=done.discarded,
    )


def _read_only(index: int, text: str) -> Address:
    try:
        return parse_address(text)
    except Invalid as wrong:
        raise Invalid(wrong.code, wrong.detail, errors=[Fault(f"/only/{index}", wrong.detail, wrong.code)]) from None


def saved_out(saved: Saved) -> SavedOut:
    """Returns a saved entity as it is sent."""
    return SavedOut(
        address=str(saved.address),
        revision=saved.revision,
        draft_revision=saved.draft_revision,
        warnings=list(saved.warnings),
    )


def discard_out(done: Discarded) -> DiscardOut:
    """Returns a discarded draft as it is sent."""
    return DiscardOut(discarded_id=done.draft, changes=done.changes)


def rebase_out(done: RebaseOutcome, names: Mapping[str, str]) -> RebaseOut:
    """Returns a rebase as it is sent."""
    return RebaseOut(
        draft=draft_out(done.draft, names),
        rebased=done.rebased,
        conflicts=[conflict_out(conflict) for conflict in done.conflicts],
        taken_back=taken_back_out(done.taken_back),
    )


def conflict_out(conflict: Conflict) -> ConflictOut:
    """Returns a conflict with all its sides as it is sent."""
    return ConflictOut(
        id=conflict.id,
        address=str(conflict.address),
        pointer=pointer_of(conflict.pointer),
        kind=conflict.kind,
        base=conflict.base,
        ours=conflict.ours,
        theirs=conflict.theirs,
        absent=sorted(conflict.absent),
        label=conflict.label,
    )


def taken_back_out(taken_back: TakenBack | None) -> TakenBackOut | None:
    """Returns what a rollback took back beneath a draft as it is sent."""
    if taken_back is None:
        return None
    return TakenBackOut(
        versions=list(taken_back.versions), addresses=list(taken_back.addresses), choice=taken_back.choice
    )


def _revision_tag(body: bytes) -> str | None:
    revision = orjson.loads(body)["revision"]
    return quote_tag(revision) if revision else None
