"""Accounts, sessions and tries, on either database."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, delete, select, update

from greenroom.domain.access import Principal, Session
from greenroom.domain.accounts import Account
from greenroom.domain.ids import PrincipalId, WorkspaceId
from greenroom.storage.refusals import check_texts, is_storable, no_such
from greenroom.storage.sql import rows as r
from greenroom.storage.sql import tables as t
from greenroom.storage.sql.work import WORKSPACE, Work

_MEMBER = bindparam("w_member")
_KEY = bindparam("w_key")

acc, ses, mem, tri = t.accounts.c, t.sessions.c, t.members.c, t.tries.c

_FIND_ACCOUNT = select(t.accounts).where(acc.workspace == WORKSPACE, acc.member == _MEMBER)
_FIND_NAME = (
    select(t.accounts, mem.name.label("member_name"), mem.role)
    .join(t.members, (mem.workspace == acc.workspace) & (mem.id == acc.member))
    .where(acc.name == bindparam("w_name"))
)
_LIST_SESSIONS = (
    select(t.sessions)
    .where(
        ses.workspace == WORKSPACE,
        ses.member == _MEMBER,
        ses.kind == "session",
        ses.expires_at > bindparam("w_now"),
    )
    .order_by(ses.created_at.desc(), ses.token_hash)
)
_DELETE_SESSIONS = delete(t.sessions).where(
    ses.workspace == WORKSPACE, ses.member == _MEMBER, ses.token_hash == bindparam("w_hash")
)
_FIND_TRIES = select(tri.free_at).where(tri.workspace == WORKSPACE, tri.key == _KEY)
_SWAP_TRIES = update(t.tries).where(tri.workspace == WORKSPACE, tri.key == _KEY, tri.free_at == bindparam("w_expected"))
_DROP_TRIES = delete(t.tries).where(tri.workspace == WORKSPACE, tri.key == _KEY)
_CLEAR_TRIES = delete(t.tries).where(tri.free_at <= bindparam("w_now"))


class AccountReading:
    """`ports.AccountReading` over one transaction."""

    _work: Work

    def find_account(self, member: PrincipalId) -> Account | None:
        row = self._work.first(_FIND_ACCOUNT, w_member=member)
        return None if row is None else _account(row)

    def list_sessions(self, member: PrincipalId, now: datetime) -> Sequence[Session]:
        return tuple(map(session_from_row, self._work.all(_LIST_SESSIONS, w_member=member, w_now=r.to_us(now))))


class AccountWriting:
    """`ports.AccountWriting` over one transaction."""

    _work: Work

    def put_account(self, account: Account) -> None:
        check_texts(account.name)
        if account.workspace != self._work.workspace:
            raise no_such("member")
        row = {
            "member": account.member,
            "name": account.name,
            "password": account.password,
            "changed_at": r.to_us(account.changed_at),
        }
        self._work.insert(t.accounts, row, how="replace")

    def delete_sessions(self, member: PrincipalId, token_hashes: Collection[str]) -> int:
        return sum(self._work.change(_DELETE_SESSIONS, w_member=member, w_hash=each) for each in set(token_hashes))


class AccountSystem(ABC):
    """`ports.AccountSystem` over one transaction."""

    _connection: Connection

    def find_account_by_name(self, name: str) -> tuple[Account, Principal] | None:
        if not is_storable(name):
            return None
        row = self._connection.execute(_FIND_NAME, {"w_name": name}).mappings().first()
        if row is None:
            return None
        account = _account(row)
        return account, Principal(account.member, account.workspace, row["member_name"], row["role"])

    def find_tries(self, workspace: WorkspaceId, key: str) -> datetime | None:
        found = self._connection.execute(_FIND_TRIES, {"w_workspace": workspace, "w_key": key}).scalar()
        return r.from_us_or_none(found)

    def swap_tries(self, workspace: WorkspaceId, key: str, expected: datetime | None, free_at: datetime) -> bool:
        if expected is None:
            row = {"key": key, "free_at": r.to_us(free_at)}
            return self._scope(workspace).insert(t.tries, row, how="if new")
        values = {"w_workspace": workspace, "w_key": key, "w_expected": r.to_us(expected), "free_at": r.to_us(free_at)}
        return self._connection.execute(_SWAP_TRIES, values).rowcount == 1

    def drop_tries(self, workspace: WorkspaceId, key: str) -> None:
        self._connection.execute(_DROP_TRIES, {"w_workspace": workspace, "w_key": key})

    def _clear_tries(self, now: datetime) -> int:
        return self._connection.execute(_CLEAR_TRIES, {"w_now": r.to_us(now)}).rowcount

    @abstractmethod
    def _scope(self, workspace: WorkspaceId) -> Work: ...


def _account(row: r.Row) -> Account:
    member, workspace = PrincipalId(row["member"]), WorkspaceId(row["workspace"])
    return Account(member, workspace, row["name"], row["password"], r.from_us(row["changed_at"]))


def session_to_row(session: Session) -> dict[str, Any]:
    return {
        "workspace": session.workspace,
        "token_hash": session.token_hash,
        "kind": session.kind,
        "member": session.member,
        "created_at": r.to_us(session.created_at),
        "expires_at": r.to_us(session.expires_at),
        "by": session.by,
        "device": session.device,
    }


def session_from_row(row: r.Row) -> Session:
    return Session(
        row["token_hash"],
        row["kind"],
        PrincipalId(row["member"]),
        WorkspaceId(row["workspace"]),
        r.from_us(row["created_at"]),
        r.from_us(row["expires_at"]),
        row["by"],
        row["device"],
    )
