"""What belongs to no workspace yet, in a memory store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from greenroom.domain.access import Principal
from greenroom.domain.events import AuditRecord
from greenroom.domain.ids import WorkspaceId
from greenroom.storage.memory.accounts import AccountSystem
from greenroom.storage.memory.tables import Rows, State
from greenroom.storage.refusals import check_texts, duplicate


class MemorySystem(AccountSystem):
    """`ports.System` over a fork of the whole state."""

    def __init__(self, state: State) -> None:
        self._state = state

    def insert_workspace(self, workspace: WorkspaceId, name: str, at: datetime) -> None:
        check_texts(name)
        if workspace in self._state.workspaces:
            raise duplicate("workspace")
        self._state.workspaces[workspace] = Rows(name=name, created_at=at)

    def list_workspaces(self) -> Sequence[WorkspaceId]:
        return tuple(sorted(self._state.workspaces))

    def find_principal_by_key(self, key_hash: str) -> Principal | None:
        return self.list_key_principals().get(key_hash)

    def list_key_principals(self) -> Mapping[str, Principal]:
        return {
            key.key_hash: Principal(key.id, workspace, key.name, key.role)
            for workspace, rows in self._state.workspaces.items()
            for key in rows.keys.rows()
            if key.revoked_at is None
        }

    def forget_expired(self, now: datetime, answers_before: datetime) -> int:
        count = 0
        for rows in self._state.workspaces.values():
            over = [token for token, session in rows.sessions.items() if session.expires_at <= now]
            rows.sessions.drop_where(over)
            paid = [key for key, free_at in rows.tries.items() if free_at <= now]
            rows.tries.drop_where(paid)
            count += len(over) + len(paid)
            old = [key for key, (_, at) in rows.replays.items() if at < answers_before]
            rows.replays.drop_where(old)
            count += len(old)
        return count

    def list_undelivered(self, limit: int) -> Sequence[tuple[WorkspaceId, AuditRecord]]:
        found = [
            (workspace, record)
            for workspace, rows in sorted(self._state.workspaces.items())
            for record, _ in rows.audit.rows()
            if record.seq > rows.delivered
        ]
        return tuple(found[: max(limit, 0)])

    def mark_delivered(self, workspace: WorkspaceId, up_to: int) -> None:
        rows = self._state.workspaces.get(workspace)
        if rows is not None:
            rows.delivered = min(max(rows.delivered, up_to), len(rows.audit))
