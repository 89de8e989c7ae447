"""The only file on the server that knows the time or invents an id."""

from __future__ import annotations

import secrets
import time
from datetime import UTC, datetime

from greenroom.domain.ids import PREFIXES

_ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyz"
_TIME_DIGITS = 9
_RANDOM_DIGITS = 13


def random_bytes(count: int) -> bytes:
    """Returns bytes that nobody can guess."""
    return secrets.token_bytes(count)


def random_share() -> float:
    """Returns a number from 0 to 1, to spread what would otherwise come at once."""
    return secrets.randbelow(1_000_001) / 1_000_000


class SystemClock:
    """Real time and ids. Ids sort by the millisecond they were made in; 67 random bits tell twins apart."""

    def now(self) -> datetime:
        """Returns the time, aware and in UTC."""
        return datetime.now(UTC)

    def monotonic_ms(self) -> float:
        """Returns a reading for measuring spans, in milliseconds."""
        return time.monotonic() * 1000

    def new_id(self, noun: str) -> str:
        """Returns `prefix_` and 22 characters."""
        millis = int(time.time() * 1000)
        return f"{PREFIXES[noun]}_{_digits(millis, _TIME_DIGITS)}{_digits(secrets.randbits(67), _RANDOM_DIGITS)}"

    def new_token(self) -> str:
        """Returns 40 characters with 200 random bits."""
        return _digits(secrets.randbits(200), 40)


def _digits(number: int, width: int) -> str:
    out: list[str] = []
    for _ in range(width):
        number, digit = divmod(number, 36)
        out.append(_ALPHABET[digit])
    return "".join(reversed(out))
