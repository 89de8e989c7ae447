"""What belongs to no workspace yet: the only statements that do not begin with one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection, bindparam, delete, select, update

from greenroom.domain.access import Principal, Session
from greenroom.domain.events import GENESIS, AuditRecord
from greenroom.domain.ids import PrincipalId, WorkspaceId
from greenroom.storage.refusals import check_texts, is_storable
from greenroom.storage.sql import rows as r
from greenroom.storage.sql import tables as t
from greenroom.storage.sql.accounts import AccountSystem, session_from_row, session_to_row
from greenroom.storage.sql.caches import Caches
from greenroom.storage.sql.work import Work

_HASH = bindparam("w_hash")
_NOW = bindparam("w_now")

key, ses, mem, aud, out = t.api_keys.c, t.sessions.c, t.members.c, t.audit.c, t.outbox.c

_KEYS = select(key.workspace, key.id, key.name, key.role, key.key_hash).where(key.revoked_at.is_(None))
_FIND_KEY = _KEYS.where(key.key_hash == _HASH)
_TAKE_LINK = (
    delete(t.sessions)
    .where(ses.token_hash == _HASH, ses.kind == "link", ses.expires_at > _NOW)
    .returning(*t.sessions.columns)
)
_FIND_SESSION = (
    select(t.sessions, mem.name, mem.role)
    .join(t.members, (mem.workspace == ses.workspace) & (mem.id == ses.member))
    .where(ses.token_hash == _HASH, ses.kind == "session", ses.expires_at > _NOW)
)
_DELETE_SESSION = delete(t.sessions).where(ses.token_hash == _HASH)
_FORGET_SESSIONS = delete(t.sessions).where(ses.expires_at <= _NOW)
_FORGET_ANSWERS = delete(t.idempotency).where(t.idempotency.c.at < bindparam("w_before"))
_LIST_WORKSPACES = select(t.workspaces.c.workspace).order_by(t.workspaces.c.workspace)
_LIST_UNDELIVERED = (
    select(t.audit)
    .join(t.outbox, (out.workspace == aud.workspace) & (aud.seq > out.delivered))
    .order_by(aud.workspace, aud.seq)
    .limit(bindparam("w_limit"))
)
_HEAD = select(t.workspace_chains.c.seq).where(t.workspace_chains.c.workspace == bindparam("w_workspace"))
_MARK_DELIVERED = update(t.outbox).where(
    out.workspace == bindparam("w_workspace"), out.delivered < bindparam("w_up_to")
)


class SqlSystem(AccountSystem):
    """`ports.System` over one transaction."""

    def __init__(self, connection: Connection, caches: Caches) -> None:
        self._connection = connection
        self._caches = caches
        self.announced = False
        """Whether those who wait for a change should hear of the commit at once."""

    def insert_workspace(self, workspace: WorkspaceId, name: str, at: datetime) -> None:
        check_texts(workspace, name)
        self.announced = True
        work = self._scope(workspace)
        work.insert(t.workspaces, {"name": name, "created_at": r.to_us(at)})
        work.insert(t.workspace_chains, {"seq": 0, "digest": GENESIS})
        work.insert(t.outbox, {"delivered": 0})

    def list_workspaces(self) -> Sequence[WorkspaceId]:
        return tuple(WorkspaceId(name) for name in self._connection.execute(_LIST_WORKSPACES).scalars())

    def find_principal_by_key(self, key_hash: str) -> Principal | None:
        if not is_storable(key_hash):
            return None
        row = self._connection.execute(_FIND_KEY, {"w_hash": key_hash}).mappings().first()
        return None if row is None else _principal(row)

    def list_key_principals(self) -> Mapping[str, Principal]:
        return {row["key_hash"]: _principal(row) for row in self._connection.execute(_KEYS).mappings()}

    def insert_session(self, session: Session) -> None:
        self._scope(session.workspace).insert(t.sessions, session_to_row(session))

    def take_link(self, token_hash: str, now: datetime) -> Session | None:
        if not is_storable(token_hash):
            return None
        values = {"w_hash": token_hash, "w_now": r.to_us(now)}
        row = self._connection.execute(_TAKE_LINK, values).mappings().first()
        return None if row is None else session_from_row(row)

    def find_session(self, token_hash: str, now: datetime) -> tuple[Session, Principal] | None:
        if not is_storable(token_hash):
            return None
        values = {"w_hash": token_hash, "w_now": r.to_us(now)}
        row = self._connection.execute(_FIND_SESSION, values).mappings().first()
        if row is None:
            return None
        session = session_from_row(row)
        return session, Principal(session.member, session.workspace, row["name"], row["role"])

    def delete_session(self, token_hash: str) -> None:
        if is_storable(token_hash):
            self._connection.execute(_DELETE_SESSION, {"w_hash": token_hash})

    def forget_expired(self, now: datetime, answers_before: datetime) -> int:
        over = self._connection.execute(_FORGET_SESSIONS, {"w_now": r.to_us(now)}).rowcount + self._clear_tries(now)
        return over + self._connection.execute(_FORGET_ANSWERS, {"w_before": r.to_us(answers_before)}).rowcount

    def list_undelivered(self, limit: int) -> Sequence[tuple[WorkspaceId, AuditRecord]]:
        found = self._connection.execute(_LIST_UNDELIVERED, {"w_limit": max(limit, 0)}).mappings()
        return tuple((WorkspaceId(row["workspace"]), r.audit_from_row(row)) for row in found)

    def mark_delivered(self, workspace: WorkspaceId, up_to: int) -> None:
        head = self._connection.execute(_HEAD, {"w_workspace": workspace}).scalar()
        if head is not None:
            reached = min(up_to, head)
            values = {"w_workspace": workspace, "w_up_to": reached, "delivered": reached}
            self._connection.execute(_MARK_DELIVERED, values)

    def _scope(self, workspace: WorkspaceId) -> Work:
        return Work(self._connection, workspace, self._caches)


def _principal(row: r.Row) -> Principal:
    return Principal(PrincipalId(row["id"]), WorkspaceId(row["workspace"]), row["name"], row["role"])
