"""API keys: each a person of its own, shown once, kept as a hash."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

from greenroom.domain.access import ROLES, ApiKey, Role
from greenroom.domain.errors import NotAllowed, NotFound
from greenroom.domain.ids import PrincipalId
from greenroom.ports import Writing
from greenroom.services.work import Call, Work


def hash_token(token: str) -> str:
    """Returns what is kept of a key or link: its SHA-256 in hex."""
    return hashlib.sha256(token.encode()).hexdigest()


def make_key(random_part: str) -> str:
    """Returns `gr_<random>_<checksum>`; the CRC lets a typo be told apart without a look-up."""
    return f"gr_{random_part}_{zlib.crc32(random_part.encode()):08x}"


def is_well_formed(key: str) -> bool:
    """Says whether a key has the right form and checksum."""
    head, _, checksum = key.rpartition("_")
    return head.startswith("gr_") and f"{zlib.crc32(head[3:].encode()):08x}" == checksum


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key that was just made, with the only sight of it."""

    record: ApiKey
    key: str


class Keys:
    """The verbs of API keys."""

    def __init__(self, work: Work) -> None:
        self._work = work

    async def create(self, call: Call, name: str, role: Role) -> NewKey:
        """Makes a key. Raises NotAllowed for a role above the caller's own."""
        call.need("keys.manage")
        if ROLES.index(role) > ROLES.index(call.principal.role):
            raise NotAllowed("role_too_high", f"you are {call.principal.role} and cannot give the role {role}")
        clock = self._work.clock
        key = make_key(clock.new_token())
        record = ApiKey(
            PrincipalId(clock.new_id("api_key")), call.workspace, name.strip(), role, hash_token(key), clock.now()
        )

        def work(tx: Writing) -> NewKey:
            tx.insert_key(record)
            tx.append(self._work.event(call, "key.created", subject=record.id, data={"role": role}))
            return NewKey(record, key)

        return await self._work.change(call, work)

    async def list(self, call: Call) -> Sequence[ApiKey]:
        """Returns all keys, revoked ones too."""
        call.need("keys.manage")
        return await self._work.read(call, lambda tx: tx.list_keys())

    async def revoke(self, call: Call, key_id: str) -> ApiKey:
        """Ends a key at once. Revoking twice is the same as once. Raises NotFound, and NotAllowed above one's role."""
        call.need("keys.manage")

        def work(tx: Writing) -> ApiKey:
            found = next((k for k in tx.list_keys() if k.id == key_id), None)
            if found is None:
                raise NotFound("key_not_found", f"there is no API key '{key_id[:80]}'")
            if found.revoked_at is not None:
                return found
            if ROLES.index(found.role) > ROLES.index(call.principal.role):
                raise NotAllowed("role_too_high", f"you are {call.principal.role} and cannot revoke {found.role} keys")
            revoked = replace(found, revoked_at=self._work.clock.now())
            tx.update_key(revoked)
            tx.append(self._work.event(call, "key.revoked", subject=found.id))
            return revoked

        return await self._work.change(call, work)
