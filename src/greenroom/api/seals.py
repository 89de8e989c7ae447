"""Answers that hold a secret are remembered sealed: only who showed the same credential can have them again."""

from __future__ import annotations

import hashlib

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_NONCE = 12
_PURPOSE = b"greenroom replayed answer\0"


def seal(body: bytes, credential: str, nonce: str) -> bytes:
    """Returns an answer that opens with `credential` alone. `nonce` is a fresh random text."""
    salt = hashlib.sha256(nonce.encode()).digest()[:_NONCE]
    return salt + AESGCM(_key(credential)).encrypt(salt, body, _PURPOSE)


def unseal(sealed: bytes, credential: str) -> bytes | None:
    """Returns the answer, None when another credential sealed it."""
    try:
        return AESGCM(_key(credential)).decrypt(sealed[:_NONCE], sealed[_NONCE:], _PURPOSE)
    except InvalidTag:
        return None


def _key(credential: str) -> bytes:
    # Keys and sessions hold 200 random bits, so one hash is enough; only their plain SHA-256 is ever stored.
    return hashlib.sha256(_PURPOSE + credential.encode()).digest()
