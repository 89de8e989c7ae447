"""Who is asking: keys, one-time sign-in links and sessions, and the first owner."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from greenroom.domain.access import ApiKey, Member, Principal, Session
from greenroom.domain.errors import Unauthenticated
from greenroom.domain.events import Event
from greenroom.domain.ids import PrincipalId, WorkspaceId
from greenroom.ports import Clock, Store, System, Writing
from greenroom.services.keys import hash_token, is_well_formed

LINK_LIFE = timedelta(minutes=30)
SESSION_LIFE = timedelta(hours=12)
ANSWERS_KEPT = timedelta(days=2)
MAX_DEVICE = 300
FIRST_WORKSPACE = "main"


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A session that was just made; `token` goes into the browser's cookie."""

    principal: Principal
    token: str


def csrf_token(session_token: str) -> str:
    """Returns what a page of ours sends with a session to prove that it is ours; it does not lead back to it."""
    return hmac.new(session_token.encode(), b"greenroom csrf", hashlib.sha256).hexdigest()


def begin_session(tx: System, clock: Clock, who: Principal, by: Literal["link", "password"], device: str) -> SignedIn:
    """Makes a session with a token of its own; no session ever goes on under another's token."""
    token = clock.new_token()
    tx.insert_session(_session_of(who.id, who.workspace, token, clock.now(), by, device))
    return SignedIn(who, token)


async def note_sign_in(store: Store, clock: Clock, signed_in: SignedIn, by: Literal["link", "password"]) -> SignedIn:
    """Writes into the audit that somebody came in; until that is durable, nobody is handed the session's token."""
    who = signed_in.principal
    event = Event("account.signed_in", who.id, clock.now(), "sign-in", subject=who.id, data={"by": by})
    await store.write(who.workspace, lambda tx: tx.append(event))
    return signed_in


def _session_of(
    member: PrincipalId,
    workspace: WorkspaceId,
    token: str,
    now: datetime,
    by: Literal["link", "password"],
    device: str,
) -> Session:
    said = device.encode("ascii", "replace").decode().replace("\0", "")[:MAX_DEVICE]
    return Session(hash_token(token), "session", member, workspace, now, now + SESSION_LIFE, by, said)


class Access:
    """The verbs of signing in. Everything else asks a Principal that came from here."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def identify(self, key: str) -> Principal:
        """Returns the owner of an API key. Raises Unauthenticated `invalid_key`."""
        found = None
        if key:
            hashed = hash_token(key)
            found = await self._store.system(lambda tx: tx.find_principal_by_key(hashed))
        if found is None:
            hint = (
                "" if not key.startswith("gr_") or is_well_formed(key) else " (it is mistyped: its checksum is wrong)"
            )
            raise Unauthenticated("invalid_key", f"this API key is not known or was revoked{hint}")
        return found

    async def found_workspace(self, bootstrap_key: str | None) -> Principal:
        """Makes the first workspace and its owner where there are none, and returns the owner.

        With `bootstrap_key`, that key is an owner's from now on; the same key on a later start changes nothing.
        """
        workspaces = await self._store.system(lambda tx: tx.list_workspaces())
        if not workspaces:
            workspace = WorkspaceId(self._clock.new_id("workspace"))
            await self._store.system(lambda tx: tx.insert_workspace(workspace, FIRST_WORKSPACE, self._clock.now()))
        else:
            workspace = workspaces[0]
        owner = await self._store.write(workspace, lambda tx: self._ensure_owner(tx, workspace))
        if bootstrap_key:
            await self._store.write(workspace, lambda tx: self._ensure_key(tx, workspace, bootstrap_key))
        return Principal(owner.id, workspace, owner.name, owner.role)

    def _ensure_owner(self, tx: Writing, workspace: WorkspaceId) -> Member:
        for member in tx.list_members():
            if member.role == "owner":
                return member
        member = Member(PrincipalId(self._clock.new_id("member")), workspace, "Owner", "owner", self._clock.now())
        tx.insert_member(member)
        tx.append(Event("member.created", member.id, self._clock.now(), "start", subject=member.id))
        return member

    def _ensure_key(self, tx: Writing, workspace: WorkspaceId, key: str) -> None:
        hashed = hash_token(key)
        if any(k.key_hash == hashed for k in tx.list_keys()):
            return
        now = self._clock.now()
        record = ApiKey(PrincipalId(self._clock.new_id("api_key")), workspace, "bootstrap", "owner", hashed, now)
        tx.insert_key(record)
        tx.append(Event("key.created", record.id, now, "start", subject=record.id, data={"role": "owner"}))

    async def make_link(self, owner: Principal) -> str:
        """Returns the token of a link that signs its bearer in once, within 30 minutes."""
        token, now = self._clock.new_token(), self._clock.now()
        link = Session(hash_token(token), "link", owner.id, owner.workspace, now, now + LINK_LIFE)
        await self._store.system(lambda tx: tx.insert_session(link))
        return token

    async def sign_in(self, link_token: str, device: str = "", former: str = "") -> SignedIn:
        """Uses up a one-time link; a former session of the same browser ends. Raises Unauthenticated `invalid_link`."""
        now, token = self._clock.now(), self._clock.new_token()

        def work(tx: System) -> SignedIn | None:
            link = tx.take_link(hash_token(link_token), now)
            if link is None:
                return None
            tx.delete_session(hash_token(former))
            session = _session_of(link.member, link.workspace, token, now, "link", device)
            tx.insert_session(session)
            found = tx.find_session(session.token_hash, now)
            return SignedIn(found[1], token) if found else None

        signed_in = await self._store.system(work)
        if signed_in is None:
            detail = "this sign-in link was used already or is too old; `greenroom sign-in-link` makes a new one"
            raise Unauthenticated("invalid_link", detail)
        return await note_sign_in(self._store, self._clock, signed_in, "link")

    async def find_session(self, token: str) -> Principal | None:
        """Returns who a session belongs to, None when it is over."""
        now = self._clock.now()
        found = await self._store.system(lambda tx: tx.find_session(hash_token(token), now))
        return found[1] if found else None

    async def forget_expired(self) -> int:
        """Removes sessions that are over and answers kept for repeated requests for two days; returns how many."""
        now = self._clock.now()
        return await self._store.system(lambda tx: tx.forget_expired(now, now - ANSWERS_KEPT))

    async def sign_out(self, token: str) -> None:
        """Ends a session."""
        await self._store.system(lambda tx: tx.delete_session(hash_token(token)))
