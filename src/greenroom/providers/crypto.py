"""Sealing of what must not lie about: AES-256-GCM under a key derived from the server's secret key.

Sealed bytes are a format byte, four bytes that name the key, a nonce of twelve bytes, and the sealed text. To
change the key, start with the new one and name the old ones as former: what they sealed can still be opened.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from greenroom.domain.errors import Invalid
from greenroom.providers.clock import random_bytes

_FORMAT = b"\x01"
_NONCE = 12
_KEY_ID = 4


class EnvelopeCipher:
    """`ports.Cipher` with one key for sealing and any number of former ones for opening."""

    def __init__(
        self, key: str, former: Sequence[str] = (), random_bytes: Callable[[int], bytes] = random_bytes
    ) -> None:
        self._random_bytes = random_bytes
        self._id = _key_id(key)
        self._keys = {_key_id(each): _derive(each) for each in (*former, key)}

    def seal(self, text: bytes, about: str) -> bytes:
        """Returns the text sealed; it opens only with the same `about`."""
        nonce = self._random_bytes(_NONCE)
        return _FORMAT + self._id + nonce + self._keys[self._id].encrypt(nonce, text, about.encode())

    def open(self, data: bytes, about: str) -> bytes:
        """Returns what was sealed. Raises Invalid `unsealable`."""
        head, rest = data[: 1 + _KEY_ID], data[1 + _KEY_ID :]
        cipher = self._keys.get(head[1:]) if head[:1] == _FORMAT else None
        if cipher is None:
            raise Invalid("unsealable", "this was sealed with a key that this server does not have")
        try:
            return cipher.decrypt(rest[:_NONCE], rest[_NONCE:], about.encode())
        except (InvalidTag, ValueError):
            raise Invalid("unsealable", "this was changed, or belongs to something else") from None

    def is_current(self, data: bytes) -> bool:
        """Says whether something was sealed with the present key."""
        return data[: 1 + _KEY_ID] == _FORMAT + self._id


def _derive(key: str) -> AESGCM:
    # The secret key is random (made by the server, or by whoever sets it), so one extraction is enough.
    return AESGCM(HKDF(SHA256(), 32, None, b"greenroom envelope 1").derive(key.encode()))


def _key_id(key: str) -> bytes:
    return hashlib.sha256(b"greenroom key id\0" + key.encode()).digest()[:_KEY_ID]
