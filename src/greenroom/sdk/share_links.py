"""Share links: list, create, revoke."""

from __future__ import annotations

from datetime import datetime

from greenroom.sdk.exchange import Call, as_model, as_nothing, fill, path_of, read_call, write_call
from greenroom.sdk.verb import ListVerb, Noun, S_co, Verb
from greenroom.wire.model import Page
from greenroom.wire.share_links import NewShareLinkOut, ShareLinkIn, ShareLinkOut


class ShareLinks(Noun[S_co]):
    """Tokens that lead to one environment for a while."""

    @ListVerb
    def list(
        self, project: str, *, environment: str | None = None, cursor: str | None = None, limit: int | None = None
    ) -> Call[Page[ShareLinkOut]]:
        """Lists links, newest first, without their tokens."""
        query = {"environment": environment, "cursor": cursor, "limit": limit}
        return read_call(as_model(Page[ShareLinkOut]), path_of("projects", project, "share-links"), query)

    @Verb
    def create(
        self, project: str, environment: str, *, expires_at: datetime | str, label: str | None = None
    ) -> Call[NewShareLinkOut]:
        """Makes a link that lasts 90 days at most; the answer alone holds the token."""
        body = fill(ShareLinkIn, environment=environment, expires_at=expires_at, label=label)
        return write_call("POST", as_model(NewShareLinkOut), path_of("projects", project, "share-links"), body=body)

    @Verb
    def revoke(self, project: str, link: str) -> Call[None]:
        """Ends a link at once."""
        return write_call("DELETE", as_nothing, path_of("projects", project, "share-links", link))
