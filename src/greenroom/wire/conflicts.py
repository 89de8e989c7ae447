"""Both sides of a conflict in one text, between the marks that git made familiar."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import groupby

from greenroom.domain.texts import line_hunks

YOURS = "<<<<<<< yours"
MIDDLE = "======="
SERVER = ">>>>>>> server"

_WHOLE = 1_000_000_000
_BEGIN = re.compile(r"<{7}(?: .*)?")
_END = re.compile(r">{7}(?: .*)?")


def mark(yours: str, server: str) -> str:
    """Returns a text that holds both: lines that differ stand between marks, yours first.

    Taking one side everywhere gives that side back, but for a newline at its very end.
    """
    if yours == server:
        return yours
    lines = [line for hunk in line_hunks(yours, server, _WHOLE) for line in hunk.lines]
    return "".join(_marked([(line.op, line.text + ("\n" if line.ended else "")) for line in lines]))


def _marked(lines: list[tuple[str, str]]) -> Iterator[str]:
    for is_same, group in groupby(lines, key=lambda line: line[0] == "same"):
        if is_same:
            yield from (text for _, text in group)
            continue
        found = list(group)
        yield f"{YOURS}\n"
        yield from (_ended(text) for op, text in found if op == "removed")
        yield f"{MIDDLE}\n"
        yield from (_ended(text) for op, text in found if op == "added")
        yield f"{SERVER}\n"


def _ended(text: str) -> str:
    return text if text.endswith("\n") else text + "\n"


def find_marks(text: str) -> list[int]:
    """Returns the lines, from 1, on which a conflict begins; git's own count too, and an end without a beginning."""
    found: list[int] = []
    is_open = False
    for number, line in enumerate(text.split("\n"), 1):
        line = line.removesuffix("\r")
        if _BEGIN.fullmatch(line):
            found.append(number)
            is_open = True
        elif _END.fullmatch(line):
            if not is_open:
                found.append(number)
            is_open = False
    return found
