"""How much of a file is read, and how a file that is too much is refused."""

from __future__ import annotations

from typing import NoReturn

from greenroom.domain.errors import Fault, Invalid

MAX_BYTES = 25 * 1024 * 1024
MAX_TEXT = 2_000_000
MAX_PAGES = 500
MAX_ROWS = 20_000
MAX_COLUMNS = 200
MAX_LINKS = 5_000
MAX_UNPACKED = 100 * 1024 * 1024
MAX_MEMBERS = 3_000
MAX_NODES = 400_000
MAX_TITLE = 300


def refuse(code: str, message: str, hint: str = "", pointer: str = "") -> NoReturn:
    """Raises Invalid."""
    raise Invalid(code, f"{message}; {hint}" if hint else message, errors=[Fault(pointer, message, code, hint)])


class Writer:
    """Collects text up to the limit."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._size = 0

    def add(self, text: str, where: str = "") -> None:
        """Adds a piece. Raises Invalid `document_too_long`."""
        self._size += len(text)
        if self._size > MAX_TEXT:
            message = f"holds more than {MAX_TEXT:,} characters of text" + (f" (reached at {where})" if where else "")
            refuse("document_too_long", message, "split it into several documents")
        self._parts.append(text)

    def text(self) -> str:
        """Returns what was collected."""
        return "".join(self._parts)
