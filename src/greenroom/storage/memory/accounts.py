"""Accounts, sessions and tries in a memory store."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime

from greenroom.domain.access import Principal, Session
from greenroom.domain.accounts import Account
from greenroom.domain.ids import PrincipalId, WorkspaceId
from greenroom.storage.memory.tables import Rows, State
from greenroom.storage.refusals import check_texts, duplicate, no_such


class AccountReading:
    """`ports.AccountReading` over dictionaries."""

    _rows: Rows

    def find_account(self, member: PrincipalId) -> Account | None:
        return self._rows.accounts.find(member)

    def list_sessions(self, member: PrincipalId, now: datetime) -> Sequence[Session]:
        mine = [s for s in self._rows.sessions.rows() if s.member == member and s.kind == "session"]
        mine.sort(key=lambda session: session.token_hash)
        return tuple(sorted((s for s in mine if s.expires_at > now), key=lambda s: s.created_at, reverse=True))


class AccountWriting:
    """`ports.AccountWriting` over dictionaries. `_everybody` holds the rows of all workspaces."""

    _rows: Rows
    _everybody: Iterable[Rows]
    _workspace: WorkspaceId

    def put_account(self, account: Account) -> None:
        check_texts(account.name)
        if account.workspace != self._workspace or account.member not in self._rows.members:
            raise no_such("member")
        for rows in self._everybody:
            for other in rows.accounts.rows():
                mine = (other.workspace, other.member) == (account.workspace, account.member)
                if other.name == account.name and not mine:
                    raise duplicate("account")
        self._rows.accounts.put(account.member, account)

    def delete_sessions(self, member: PrincipalId, token_hashes: Collection[str]) -> int:
        found = [key for key, s in self._rows.sessions.items() if s.member == member and key in token_hashes]
        self._rows.sessions.drop_where(found)
        return len(found)


class AccountSystem:
    """`ports.AccountSystem`, and sessions, over a fork of the whole state."""

    _state: State

    def find_account_by_name(self, name: str) -> tuple[Account, Principal] | None:
        for workspace, rows in self._state.workspaces.items():
            for account in rows.accounts.rows():
                if account.name == name:
                    member = rows.members.find(account.member)
                    assert member is not None, "members are not removed"
                    return account, Principal(member.id, workspace, member.name, member.role)
        return None

    def find_tries(self, workspace: WorkspaceId, key: str) -> datetime | None:
        rows = self._state.workspaces.get(workspace)
        return rows.tries.find(key) if rows else None

    def swap_tries(self, workspace: WorkspaceId, key: str, expected: datetime | None, free_at: datetime) -> bool:
        rows = self._state.workspaces.get(workspace)
        if rows is None:
            raise no_such("workspace")
        if rows.tries.find(key) != expected:
            return False
        rows.tries.put(key, free_at)
        return True

    def drop_tries(self, workspace: WorkspaceId, key: str) -> None:
        rows = self._state.workspaces.get(workspace)
        if rows is not None:
            rows.tries.drop(key)

    def insert_session(self, session: Session) -> None:
        rows = self._state.workspaces.get(session.workspace)
        if rows is None or session.member not in rows.members:
            raise no_such("member")
        if self._holder(session.token_hash) is not None:
            raise duplicate("session")
        rows.sessions.put(session.token_hash, session)

    def take_link(self, token_hash: str, now: datetime) -> Session | None:
        rows = self._holder(token_hash)
        link = rows.sessions.find(token_hash) if rows else None
        if rows is None or link is None or link.kind != "link" or link.expires_at <= now:
            return None
        return rows.sessions.drop(token_hash)

    def find_session(self, token_hash: str, now: datetime) -> tuple[Session, Principal] | None:
        rows = self._holder(token_hash)
        session = rows.sessions.find(token_hash) if rows else None
        if rows is None or session is None or session.kind != "session" or session.expires_at <= now:
            return None
        member = rows.members.find(session.member)
        assert member is not None, "members are not removed"
        return session, Principal(member.id, session.workspace, member.name, member.role)

    def delete_session(self, token_hash: str) -> None:
        rows = self._holder(token_hash)
        if rows is not None:
            rows.sessions.drop(token_hash)

    def _holder(self, token_hash: str) -> Rows | None:
        return next((rows for rows in self._state.workspaces.values() if token_hash in rows.sessions), None)
