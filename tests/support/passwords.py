"""Passwords without the slowness, for tests that are not about it."""

from __future__ import annotations

import asyncio


class QuickPasswords:
    """`ports.Passwords`; counts how often it was asked."""

    def __init__(self) -> None:
        self.asked = 0

    async def hash(self, password: str) -> str:
        return f"quick {password}"

    async def matches(self, password: str, kept: str | None) -> bool:
        self.asked += 1
        await asyncio.sleep(0)
        return kept == f"quick {password}"
