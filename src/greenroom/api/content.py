"""Entities at a ref, and the kinds they are of, on the network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final

from fastapi import Query
from starlette.responses import Response

from greenroom.api.asking import Given, KindPath, ProjectPath, SlugPath, reply
from greenroom.api.etags import quote_tag
from greenroom.api.nouns import Noun
from greenroom.api.paging import (
    DEFAULT_LIMIT,
    Cursor,
    Limit,
    cut_page,
    make_cursor,
    page_of,
    read_cursor,
    read_text_cursor,
)
from greenroom.api.projects import RefQuery, choose_ref
from greenroom.domain.entities import Address, parse_address
from greenroom.domain.errors import Fault, Invalid
from greenroom.domain.kind import Kind
from greenroom.services.content import EntityChange, EntityLine, EntityView, LastChange
from greenroom.services.states import State
from greenroom.wire.content import EntityChangeOut, EntityOut, EntitySummary, KindOut, LastChangeOut, StateOut
from greenroom.wire.model import Page

NOUN: Final = Noun("content")
KINDS_NOUN: Final = Noun("kinds")


@NOUN.verb("GET", "/projects/{project}/content", "list", Page[EntitySummary])
async def list_(
    ask: Given,
    project: ProjectPath,
    ref: RefQuery = None,
    kind: Annotated[str | None, Query(max_length=80, description="Keeps the entities of one kind.")] = None,
    cursor: Cursor = None,
    limit: Limit = DEFAULT_LIMIT,
) -> Response:
    """Lists the entities at a ref, by kind and slug."""
    after = read_text_cursor("content", cursor) or ""
    where = await choose_ref(ask, project, ref)
    _, lines, last = await ask.desk.content.list(ask.call, project, where, kind, after, limit)
    following = make_cursor("content", last) if last else None
    return reply(Page(items=[summary_out(line) for line in lines], next_cursor=following))


@NOUN.verb("GET", "/projects/{project}/content/{kind}/{slug}", "load", EntityOut)
async def load(ask: Given, project: ProjectPath, kind: KindPath, slug: SlugPath, ref: RefQuery = None) -> Response:
    """Loads one entity at a ref. Its ETag is its revision: send it as If-Match to change it in a draft."""
    where = await choose_ref(ask, project, ref)
    view = await ask.desk.content.load(ask.call, project, read_address(kind, slug), where)
    names = await ask.desk.history.load_names(ask.call) if view.last_changed else {}
    return reply(entity_out(view, names), quote_tag(view.revision))


@NOUN.verb("GET", "/projects/{project}/content/{kind}/{slug}/history", "list_history", Page[EntityChangeOut])
async def list_history(
    ask: Given,
    project: ProjectPath,
    kind: KindPath,
    slug: SlugPath,
    cursor: Cursor = None,
    limit: Limit = DEFAULT_LIMIT,
) -> Response:
    """Lists the versions that changed one entity, newest first, and where each of its bodies is served."""
    before = read_cursor("entity_history", cursor)
    address = read_address(kind, slug)
    found = await ask.desk.content.list_history(ask.call, project, address, before, limit + 1)
    names = await ask.desk.history.load_names(ask.call)
    return reply(
        page_of("entity_history", found, limit, lambda c: c.version.number, lambda c: entity_change_out(c, names))
    )


@KINDS_NOUN.verb("GET", "/projects/{project}/kinds", "list", Page[KindOut])
async def list_kinds(ask: Given, project: ProjectPath, cursor: Cursor = None, limit: Limit = DEFAULT_LIMIT) -> Response:
    """Lists the kinds of entities, each with a sample body."""
    await ask.desk.projects.load(ask.call, project)
    kinds = list(ask.desk.kinds.values())
    return reply(cut_page("kinds", kinds, cursor, limit, lambda kind: kind.name, kind_out))


def read_address(kind: str, slug: str) -> Address:
    """Returns the address in a path. Raises Invalid that points at its slug."""
    try:
        return parse_address(f"{kind}/{slug}")
    except Invalid as wrong:
        raise Invalid(
            wrong.code, wrong.detail, errors=[Fault("/slug", fault.message, wrong.code) for fault in wrong.errors]
        ) from None


def state_out(state: State) -> StateOut:
    """Returns the state a ref names as it is sent."""
    return StateOut(ref=state.ref, digest=state.digest, version=state.version, entities=len(state.snapshot))


def summary_out(line: EntityLine) -> EntitySummary:
    """Returns an entity of a list as it is sent."""
    address = line.address
    return EntitySummary(
        address=str(address), kind=address.kind, slug=address.slug, name=line.name, revision=line.revision
    )


def entity_out(view: EntityView, names: Mapping[str, str]) -> EntityOut:
    """Returns a whole entity as it is sent."""
    address = view.address
    return EntityOut(
        address=str(address),
        kind=address.kind,
        slug=address.slug,
        name=str(view.body.get("name", address.slug)),
        revision=view.revision,
        body=dict(view.body),
        mentions=[str(found) for found in view.mentions],
        where_used=[str(found) for found in view.where_used],
        last_changed=last_change_out(view.last_changed, names),
    )


def last_change_out(last: LastChange | None, names: Mapping[str, str]) -> LastChangeOut | None:
    """Returns who changed an entity last as it is sent."""
    if last is None:
        return None
    name = names.get(last.by, "")
    return LastChangeOut(version=last.version, by=last.by, by_name=name, at=last.at, note=last.note)


def entity_change_out(change: EntityChange, names: Mapping[str, str]) -> EntityChangeOut:
    """Returns a version that changed an entity as it is sent."""
    version = change.version
    return EntityChangeOut(
        version=version.number,
        op=change.op,
        revision=change.digest,
        author=version.author,
        author_name=names.get(version.author, ""),
        edited_by=change.edited_by,
        edited_by_name=names.get(change.edited_by, ""),
        at=version.created_at,
        note=version.note,
        served_by=list(change.served_by),
    )


def kind_out(kind: Kind) -> KindOut:
    """Returns a kind as it is sent."""
    return KindOut(
        name=kind.name,
        title=kind.title,
        plural=kind.plural,
        schema_number=kind.schema,
        singleton=kind.singleton,
        sample=dict(kind.sample),
    )
