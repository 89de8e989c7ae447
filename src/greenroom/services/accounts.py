"""Signing in with a name and a password, and the browsers that somebody is signed in with."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from greenroom.domain.access import Session
from greenroom.domain.accounts import (
    EVERY,
    MAX_PASSWORD,
    Account,
    decide_try,
    fold_name,
    fold_password,
    read_name,
    read_password,
)
from greenroom.domain.errors import Conflict, Fault, Invalid, LimitReached, NotFound, Unauthenticated, Unavailable
from greenroom.domain.ids import WorkspaceId
from greenroom.ports import Passwords, System, Writing
from greenroom.services.access import SignedIn, begin_session, note_sign_in
from greenroom.services.keys import hash_token
from greenroom.services.work import Call, Work

FRESH = timedelta(minutes=30)
"""How long after signing in by a link a password may be set without the one before: that is how one is recovered."""
MAX_TYPED = 4 * MAX_PASSWORD
RACES = 8
WRONG = "The name or the password is not right."


@dataclass(frozen=True, slots=True)
class Attempt:
    """What somebody typed to sign in, and where. `former` is the token of the session that the browser had."""

    name: str
    password: str
    address: str
    device: str = ""
    former: str = ""


@dataclass(frozen=True, slots=True)
class NewPassword:
    """What somebody typed to set a password. `current` may be left out after signing in by a link."""

    name: str
    password: str
    current: str = ""


@dataclass(frozen=True, slots=True)
class OwnAccount:
    """One's own account: how one signs in, where one is signed in, and whether a change asks for the password."""

    name: str
    sessions: Sequence[Session]
    here: Session
    asks_current: bool


class Accounts:
    """The verbs of one's own account. They ask for no permission: everybody has one."""

    def __init__(self, work: Work, passwords: Passwords | None) -> None:
        self._work = work
        self._store = work.store
        self._clock = work.clock
        self._passwords = passwords

    async def sign_in(self, attempt: Attempt) -> SignedIn:
        """Begins a session in place of the former one.

        Raises Unauthenticated `wrong_password`, alike and as late for a name that nobody has, and LimitReached
        `rate_limited` after too many tries for a name or from an address.
        """
        name = fold_name(attempt.name)
        keys = (_key("address", attempt.address), _key("name", name))
        for key in keys:
            await self._count_try(key)
        found = await self._store.system(lambda tx: tx.find_account_by_name(name))
        right = await self._matches(attempt.password, found[0].password if found else None)

        def work(tx: System) -> SignedIn | None:
            now = tx.find_account_by_name(name)
            # Another password may have been set while this one was looked at.
            if found is None or not right or now is None or now[0] != found[0]:
                return None
            self._give_back(tx, *keys)
            tx.delete_session(hash_token(attempt.former))
            return begin_session(tx, self._clock, now[1], "password", attempt.device)

        signed_in = await self._store.system(work)
        if signed_in is None:
            raise Unauthenticated("wrong_password", WRONG)
        return await note_sign_in(self._store, self._clock, signed_in, "password")

    async def load(self, call: Call, token: str) -> OwnAccount:
        """Returns the account of a session. Raises Unauthenticated when it is over."""
        now, me = self._clock.now(), call.principal.id
        account = await self._work.read(call, lambda tx: tx.find_account(me))
        sessions = await self._work.read(call, lambda tx: tx.list_sessions(me, now))
        here = next((each for each in sessions if each.token_hash == hash_token(token)), None)
        if here is None:
            raise Unauthenticated("session_ended", "this session is over; sign in again")
        asks = account is not None and not (here.by == "link" and now - here.created_at <= FRESH)
        return OwnAccount(account.name if account else "", sessions, here, asks)

    async def set_password(self, call: Call, token: str, new: NewPassword) -> SignedIn:
        """Sets the name and the password, ends every other session, and returns one in place of this one.

        Raises Invalid with what is wrong with which of them, Conflict `name_taken`, LimitReached `rate_limited`.
        """
        mine = await self.load(call, token)
        name = read_name(new.name)
        password = read_password(new.password[:MAX_TYPED], name)
        if mine.asks_current:
            await self._check_current(call, mine.name, new.current)
        hashed = await self._need_passwords().hash(password)
        account = Account(call.principal.id, call.workspace, name, hashed, self._clock.now())

        def work(tx: Writing) -> None:
            tx.put_account(account)
            others = {each.token_hash for each in tx.list_sessions(account.member, account.changed_at)}
            tx.delete_sessions(account.member, others - {mine.here.token_hash})
            tx.append(self._work.event(call, "account.password_set", subject=account.member))

        try:
            await self._work.change(call, work)
        except Conflict:
            fault = Fault("/name", "is somebody else's already", "name_taken")
            raise Conflict("name_taken", "somebody else signs in with this name", errors=[fault]) from None

        def renew(tx: System) -> SignedIn:
            tx.delete_session(mine.here.token_hash)
            return begin_session(tx, self._clock, call.principal, "password", mine.here.device)

        return await self._store.system(renew)

    async def sign_out(self, call: Call, session_id: str) -> None:
        """Ends one of one's own sessions. Raises NotFound."""
        if not await self._end(call, lambda session: session.id == session_id):
            raise NotFound("session_not_found", "this browser is signed out already")

    async def sign_out_others(self, call: Call, token: str) -> int:
        """Ends all of one's own sessions but this one; returns how many."""
        kept = hash_token(token)
        return await self._end(call, lambda session: session.token_hash != kept)

    async def _end(self, call: Call, wanted: Callable[[Session], bool]) -> int:
        now, me = self._clock.now(), call.principal.id

        def work(tx: Writing) -> int:
            found = [session.token_hash for session in tx.list_sessions(me, now) if wanted(session)]
            count = tx.delete_sessions(me, found)
            if count:
                tx.append(self._work.event(call, "account.signed_out", subject=me, data={"count": count}))
            return count

        return await self._work.change(call, work)

    async def _check_current(self, call: Call, name: str, current: str) -> None:
        key = _key("name", name)
        await self._count_try(key)
        account = await self._work.read(call, lambda tx: tx.find_account(call.principal.id))
        if not await self._matches(current, account.password if account else None):
            message = "is not your present password"
            raise Invalid("wrong_password", f"this {message}", errors=[Fault("/current", message, "wrong_password")])
        await self._store.system(lambda tx: tx.drop_tries(_home(tx), key))

    async def _count_try(self, key: str) -> None:
        """Counts a try before it is looked at, so that many at once count as many."""

        def work(tx: System) -> bool:
            home = _home(tx)
            kept = tx.find_tries(home, key)
            return tx.swap_tries(home, key, kept, decide_try(kept, self._clock.now()))

        for _ in range(RACES):
            if await self._store.system(work):
                return
        raise LimitReached("rate_limited", "There are too many tries at once.", extra={"retry_after": 1})

    def _give_back(self, tx: System, address: str, name: str) -> None:
        """Forgets the tries of a name that was right, and one of those from its address."""
        home = _home(tx)
        tx.drop_tries(home, name)
        kept = tx.find_tries(home, address)
        if kept is not None:
            tx.swap_tries(home, address, kept, kept - EVERY)

    async def _matches(self, typed: str, kept: str | None) -> bool:
        return await self._need_passwords().matches(fold_password(typed[:MAX_TYPED]), kept)

    def _need_passwords(self) -> Passwords:
        if self._passwords is None:
            raise Unavailable("no_passwords", "this server keeps no passwords; sign in with a link")
        return self._passwords


def _home(tx: System) -> WorkspaceId:
    """Returns where tries are counted: the first workspace, because a stranger belongs to none."""
    return tx.list_workspaces()[0]


def _key(sort: str, text: str) -> str:
    return hashlib.sha256(f"{sort} {text}".encode("utf-8", "replace")).hexdigest()
