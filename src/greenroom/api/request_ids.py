"""The name of a request: the caller's own, where it can be trusted to be a name, or a new one."""

from __future__ import annotations

import re
from itertools import count
from typing import Final

from greenroom.services.desk import Desk

HEADER: Final = "x-request-id"
MAX_LENGTH: Final = 80
_SOUND = re.compile(rb"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")


class RequestIds:
    """Names that no other process gives: a random beginning, then a count, because dice cost 5 µs a throw."""

    def __init__(self, desk: Desk) -> None:
        self._head = desk.clock.new_id("request")
        self._count = count(1)

    def new(self) -> str:
        """Returns a name that was not given before."""
        return f"{self._head}{next(self._count):x}"

    def take(self, given: bytes | None) -> bytes:
        """Returns the caller's name for the request when it is one, else a new one."""
        if given is not None and ((given.isalnum() and len(given) <= MAX_LENGTH) or _SOUND.fullmatch(given)):
            return given
        return self.new().encode()
