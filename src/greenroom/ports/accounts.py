"""What a store promises about signing in: accounts, sessions, and how often somebody tried."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Protocol

from greenroom.domain.access import Principal, Session
from greenroom.domain.accounts import Account
from greenroom.domain.ids import PrincipalId, WorkspaceId


class AccountReading(Protocol):
    """Accounts and sessions of one workspace."""

    def find_account(self, member: PrincipalId) -> Account | None: ...
    def list_sessions(self, member: PrincipalId, now: datetime) -> Sequence[Session]:
        """Returns the sessions that are not over; links are none."""
        ...


class AccountWriting(Protocol):
    """The same, to change."""

    def put_account(self, account: Account) -> None:
        """Raises Conflict when the name is another member's, of any workspace."""
        ...

    def delete_sessions(self, member: PrincipalId, token_hashes: Collection[str]) -> int:
        """Ends sessions of a member; returns how many there were."""
        ...


class AccountSystem(Protocol):
    """What is asked before anybody is known."""

    def find_account_by_name(self, name: str) -> tuple[Account, Principal] | None: ...
    def find_tries(self, workspace: WorkspaceId, key: str) -> datetime | None: ...
    def swap_tries(self, workspace: WorkspaceId, key: str, expected: datetime | None, free_at: datetime) -> bool:
        """Keeps when tries will be paid for; returns False when somebody else tried meanwhile.

        Times are kept to the microsecond. `forget_expired` removes those that are paid for.
        """
        ...

    def drop_tries(self, workspace: WorkspaceId, key: str) -> None: ...
