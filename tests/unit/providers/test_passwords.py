"""Passwords are hashed slowly, each with a salt of its own, and a name that nobody has takes as long."""

from __future__ import annotations

import time

from greenroom.providers.passwords import ArgonPasswords


async def test_a_password_is_the_one_that_was_kept_or_not() -> None:
    passwords = ArgonPasswords()
    kept = [await passwords.hash("four blue horses") for _ in range(2)]
    assert kept[0] != kept[1]
    assert all(each.startswith("$argon2id$") and "horses" not in each for each in kept)
    assert await passwords.matches("four blue horses", kept[0])
    assert not await passwords.matches("four blue horse", kept[0])
    assert not await passwords.matches("four blue horses", "not a hash")


async def test_nobody_matches_after_just_as_long() -> None:
    passwords = ArgonPasswords()
    kept = await passwords.hash("four blue horses")
    assert not await passwords.matches("nobody has this password", None)

    async def fastest(against: str | None) -> float:
        spans = []
        for _ in range(5):
            begun = time.perf_counter()
            await passwords.matches("wrong", against)
            spans.append(time.perf_counter() - begun)
        return min(spans)

    somebody, nobody = await fastest(kept), await fastest(None)
    assert 0.5 < nobody / somebody < 2, (somebody, nobody)
