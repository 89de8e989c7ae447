"""What an answer hides is stored so that only its asker reads it again."""

from __future__ import annotations

from greenroom.api.seals import seal, unseal


def test_only_the_credential_that_sealed_opens() -> None:
    sealed = seal(b'{"key":"gr_secret"}', "gr_mine", "nonce")
    assert b"gr_secret" not in sealed
    assert unseal(sealed, "gr_mine") == b'{"key":"gr_secret"}'
    assert unseal(sealed, "gr_other") is None
    assert unseal(sealed[:-1] + b"x", "gr_mine") is None
    assert seal(b"same", "gr_mine", "a") != seal(b"same", "gr_mine", "b")
