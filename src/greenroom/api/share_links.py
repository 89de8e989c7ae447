"""Share links on the network: tokens that lead to one environment for a while."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import Path, Query
from starlette.responses import Response

from greenroom.api.asking import Given, ProjectPath, reply
from greenroom.api.nouns import Noun
from greenroom.api.paging import DEFAULT_LIMIT, Cursor, Limit, page_of, read_text_cursor
from greenroom.domain.share_links import ShareLink
from greenroom.services.share_links import NewShareLink, ShareLinkView
from greenroom.wire.model import Page
from greenroom.wire.share_links import NewShareLinkOut, ShareLinkIn, ShareLinkOut

NOUN: Final = Noun("share_links")
_ALL: Final = "/projects/{project}/share-links"
LinkPath = Annotated[str, Path(min_length=1, max_length=80, description="Id of the link, from the list.")]


@NOUN.verb("GET", _ALL, "list", Page[ShareLinkOut])
async def list_(
    ask: Given,
    project: ProjectPath,
    environment: Annotated[str | None, Query(max_length=80, description="Keeps one environment's.")] = None,
    cursor: Cursor = None,
    limit: Limit = DEFAULT_LIMIT,
) -> Response:
    """Lists share links, newest first, also those that are over; never a token."""
    before = read_text_cursor("share_links", cursor)
    found = await ask.desk.share_links.list(ask.call, project, before, limit + 1, environment)
    return reply(page_of("share_links", found, limit, lambda view: view.link.id, link_out))


@NOUN.verb("POST", _ALL, "create", NewShareLinkOut, 201)
async def create(ask: Given, project: ProjectPath, body: ShareLinkIn) -> Response:
    """Makes a share link; this answer is the only place where its token is shown."""
    return await ask.write(
        lambda call: ask.desk.share_links.create(call, project, body.environment, body.expires_at, body.label),
        new_link_out,
        status=201,
        secret=True,
        moves=True,
    )


@NOUN.verb("DELETE", _ALL + "/{link}", "revoke", None, 204)
async def revoke(ask: Given, project: ProjectPath, link: LinkPath) -> Response:
    """Ends a share link at once; conversations that began by it go on."""
    return await ask.write(
        lambda call: ask.desk.share_links.revoke(call, project, link), lambda _: None, status=204, moves=True
    )


def link_out(view: ShareLinkView) -> ShareLinkOut:
    """Returns a link as it is sent."""
    link: ShareLink = view.link
    return ShareLinkOut(
        id=link.id,
        environment=view.alias,
        label=link.label,
        created_at=link.created_at,
        created_by=link.created_by,
        expires_at=link.expires_at,
        revoked_at=link.revoked_at,
    )


def new_link_out(new: NewShareLink) -> NewShareLinkOut:
    """Returns a link that was just made as it is sent."""
    return NewShareLinkOut(**link_out(ShareLinkView(new.link, new.alias)).model_dump(), token=new.token)
