"""Passwords as Argon2id keeps them: 64 MiB and three passes for each look, so that guessing is dear."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pwdlib.hashers.argon2 import Argon2Hasher

AT_ONCE = 2
"""Looks at one time; more would only take memory and cores from callers."""


class ArgonPasswords:
    """`ports.Passwords` with the parameters that pwdlib recommends; a hash carries those that it was made with."""

    def __init__(self) -> None:
        self._made: Argon2Hasher | None = None
        self._nobody: str | None = None
        self._places = asyncio.Semaphore(AT_ONCE)

    async def hash(self, password: str) -> str:
        """Returns what is kept of a password."""
        async with self._places:
            return await asyncio.to_thread(self._hasher().hash, password)

    async def matches(self, password: str, kept: str | None) -> bool:
        """Says whether a password is the one kept; without one, False after just as long."""
        if kept is None and self._nobody is None:
            self._nobody = await self.hash("nobody has this password")
        against = kept if kept is not None else self._nobody
        assert against is not None, "made above"
        async with self._places:
            found = await asyncio.to_thread(self._hasher().verify, password, against)
        return found and kept is not None

    def _hasher(self) -> Argon2Hasher:
        if self._made is None:
            from pwdlib.hashers.argon2 import Argon2Hasher

            self._made = Argon2Hasher()
        return self._made
