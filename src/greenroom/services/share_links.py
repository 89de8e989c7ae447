"""Share links: tokens that lead to one environment until they expire or are revoked (R23).

A record's key is the link's id, its owner the environment. The token is shown once and kept as its SHA-256.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from greenroom.domain.environments import Environment
from greenroom.domain.errors import NotFound, Refused
from greenroom.domain.events import format_time
from greenroom.domain.ids import ProjectId
from greenroom.domain.projects import Project
from greenroom.domain.records import Record
from greenroom.domain.share_links import MAX_TOKEN, ShareLink, check_expiry, check_open, read_link_id
from greenroom.domain.testers import check_label
from greenroom.ports import Reading, Writing
from greenroom.services.keys import hash_token
from greenroom.services.states import load_environment, load_project
from greenroom.services.work import Call, Work

NOUN = "share_link"
MOST = 1_000
"""Links of one project; those that are over for a month make room."""
_KEPT_OVER = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class ShareLinkView:
    """A link with the alias of where it leads; '' where that was deleted."""

    link: ShareLink
    alias: str


@dataclass(frozen=True, slots=True)
class NewShareLink:
    """A link that was just made, with the only sight of its token."""

    link: ShareLink
    alias: str
    token: str


class ShareLinks:
    """The verbs of share links."""

    def __init__(self, work: Work) -> None:
        self._work = work

    async def list(
        self, call: Call, slug: str, before: str | None, limit: int, environment: str | None = None
    ) -> Sequence[ShareLinkView]:
        """Returns links, newest first, also those that are over; `environment` keeps one environment's."""
        call.need("share_links.read")

        def work(tx: Reading) -> Sequence[ShareLinkView]:
            project = load_project(tx, slug)
            owner = None if environment is None else load_environment(tx, project, environment).id
            found = tx.list_records(project.id, NOUN, owner=owner, after=before, limit=limit, newest_first=True)
            aliases = {str(e.id): e.alias for e in tx.list_environments(project.id)}
            return [ShareLinkView(_read(record), aliases.get(record.owner, "")) for record in found]

        return await self._work.read(call, work)

    async def create(self, call: Call, slug: str, alias: str, expires_at: datetime, label: str = "") -> NewShareLink:
        """Makes a link to an environment, internal ones too. Raises Invalid, NotFound, Refused."""
        call.need("share_links.manage")
        clock = self._work.clock
        now = clock.now()
        check_expiry(expires_at, now)
        until = expires_at.astimezone(UTC)
        check_label(label)
        id_ = clock.new_id("share_link")
        token = f"{id_}.{clock.new_token()}"

        def work(tx: Writing) -> NewShareLink:
            project = load_project(tx, slug)
            environment = load_environment(tx, project, alias)
            if tx.count_records(project.id, NOUN) >= MOST:
                _make_room(tx, project, now)
            link = ShareLink(id_, environment.id, hash_token(token), label.strip(), now, str(call.principal.id), until)
            tx.put_record(_record(project, link, now))
            self._append(tx, call, project, "share_link.created", link)
            return NewShareLink(link, environment.alias, token)

        return await self._work.change(call, work)

    async def revoke(self, call: Call, slug: str, id_: str) -> ShareLinkView:
        """Ends a link at once; conversations begun by it go on. Revoking twice is the same as once. Raises NotFound."""
        call.need("share_links.manage")
        now = self._work.clock.now()

        def work(tx: Writing) -> ShareLinkView:
            project = load_project(tx, slug)
            record = tx.find_record(project.id, NOUN, id_)
            if record is None:
                message = f"{project.slug} has no share link '{id_[:80]}'; `share-links list` shows them"
                raise NotFound("share_link_not_found", message)
            environment = tx.find_environment(project.id, record.owner)
            link, alias = _read(record), environment.alias if environment else ""
            if link.revoked_at is not None:
                return ShareLinkView(link, alias)
            body = {**record.body, "revoked_at": format_time(now)}
            revoked = Record(project.id, NOUN, id_, record.at, now, body, record.owner, record.revision + 1)
            tx.put_record(revoked)
            self._append(tx, call, project, "share_link.revoked", link)
            return ShareLinkView(_read(revoked), alias)

        return await self._work.change(call, work)

    def _append(self, tx: Writing, call: Call, project: Project, action: str, link: ShareLink) -> None:
        data = {"expires_at": f"{link.expires_at:%Y-%m-%d %H:%M} UTC"}
        tx.append(
            self._work.event(call, action, project=project.id, environment=link.environment, subject=link.id, data=data)
        )


def load_linked(tx: Reading, project: Project, token: str, now: datetime) -> tuple[ShareLink, Environment]:
    """Returns the link of a token and where it leads. Raises NotFound, and Refused `share_link_over`."""
    record = tx.find_record(project.id, NOUN, read_link_id(token)) if len(token) <= MAX_TOKEN else None
    link = check_token(None if record is None else _read(record), token, now)
    return link, load_environment(tx, project, link.environment)


def check_token(link: ShareLink | None, token: str, now: datetime) -> ShareLink:
    """Returns the link if the token is its own and it is open. Raises NotFound, Refused `share_link_over`."""
    if link is None or not hmac.compare_digest(link.token_hash, hash_token(token)):
        raise NotFound(
            "share_link_not_found", "this is no share link of this project; look whether it was copied whole"
        )
    check_open(link, now)
    return link


def load_links(tx: Reading, project: ProjectId) -> Mapping[str, ShareLink]:
    """Returns a project's links by id, also those that are over: whoever still has one is told so."""
    return {record.key: _read(record) for record in tx.list_records(project, NOUN, limit=MOST)}


def _make_room(tx: Writing, project: Project, now: datetime) -> None:
    links = [_read(record) for record in tx.list_records(project.id, NOUN, limit=MOST)]
    over = [link.id for link in links if (link.revoked_at or link.expires_at) < now - _KEPT_OVER]
    if not over:
        raise Refused(
            "too_many_share_links", f"a project has at most {MOST:,} share links; revoked ones go after a month"
        )
    for id_ in over:
        tx.delete_record(project.id, NOUN, id_)


def _record(project: Project, link: ShareLink, now: datetime) -> Record:
    body = {
        "hash": link.token_hash,
        "label": link.label,
        "by": link.created_by,
        "expires_at": format_time(link.expires_at),
    }
    return Record(project.id, NOUN, link.id, now, now, body, link.environment)


def _read(record: Record) -> ShareLink:
    body = record.body
    revoked = body.get("revoked_at")
    return ShareLink(
        record.key,
        record.owner,
        str(body["hash"]),
        str(body["label"]),
        record.at,
        str(body["by"]),
        datetime.fromisoformat(body["expires_at"]),
        None if revoked is None else datetime.fromisoformat(revoked),
    )
