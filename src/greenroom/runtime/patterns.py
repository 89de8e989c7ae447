"""Patterns that users write (RE2), behind one wrapper: linear time, bounded memory, clear refusals."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import re2

from greenroom.domain.errors import Fault, Invalid

MAX_PATTERN = 2_000
MAX_PATTERN_MEMORY = 2 * 1024 * 1024
MAX_GROWTH = 8
"""A replacement may make a text at most this many times longer (and 2,000 characters more)."""

_GROUP = re.compile(r"\\g<(\w+)>|\\([1-9][0-9]?)|\$\{(\w+)\}|\$([1-9][0-9]?)|\\(.)", re.DOTALL)
_HINTS = (
    ("(?=", "look-ahead is not supported; match the words around it and keep them with a group"),
    ("(?!", "negative look-ahead is not supported; use two patterns, the narrower first"),
    (
        "(?<=",
        "look-behind is not supported; put what comes before in a group and keep it: (before)word, \\1new",
    ),
    ("(?<!", "negative look-behind is not supported; use \\b, or put what comes before in a group"),
    ("(?>", "atomic groups are not supported and not needed: matching never backtracks"),
    ("(?#", "comments are not supported inside a pattern"),
    ("\\Z", "write \\z for the end of the text"),
)


@dataclass(frozen=True, slots=True)
class Pattern:
    """A compiled pattern."""

    text: str
    _compiled: Any = field(repr=False)

    def found_in(self, text: str) -> bool:
        """Says whether the pattern matches anywhere in a text without surrogates."""
        return self._compiled.search(text) is not None

    def matches_in(self, text: str) -> Iterator[Any]:
        """Yields all matches, left to right, none overlapping."""
        return self._compiled.finditer(text)

    def first_in(self, text: str) -> str | None:
        """Returns the first piece of the text that matches."""
        match = self._compiled.search(text)
        return None if match is None else match.group()


Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Replacement:
    """A pattern with what takes its place.

    `parts` are literal texts and numbers or names of groups; `whole` matches whole words only.
    """

    pattern: Pattern
    parts: tuple[str | int, ...]
    whole: bool = False

    def apply(self, text: str, taken: Sequence[Span] = ()) -> tuple[str, tuple[Span, ...], int]:
        """Returns the text with matches replaced, the spans of it that are taken now, and how many were made.

        Matches that touch a taken span stay. A replacement that would blow the text up is not made at all.
        """
        pieces: list[str] = []
        spans: list[Span] = []
        at = size = count = 0
        left = list(taken)
        for match in self.pattern.matches_in(text):
            begin, end = match.span()
            if begin < at or end == begin or (self.whole and not _is_whole(text, begin, end)):
                continue
            if any(begin < last and first < end for first, last in taken):
                continue
            while left and left[0][1] <= begin:
                first, last = left.pop(0)
                spans.append((first + size - at, last + size - at))
            new = "".join(part if isinstance(part, str) else match.group(part) or "" for part in self.parts)
            pieces += (text[at:begin], new)
            size += begin - at + len(new)
            spans.append((size - len(new), size))
            at, count = end, count + 1
            if size > MAX_GROWTH * len(text) + 2_000:
                return text, tuple(taken), 0
        spans += [(first + size - at, last + size - at) for first, last in left]
        return "".join((*pieces, text[at:])), tuple(spans), count


def _is_whole(text: str, begin: int, end: int) -> bool:
    """Says whether no word goes on beyond the span on either side."""
    before = begin > 0 and text[begin - 1].isalnum() and text[begin].isalnum()
    after = end < len(text) and text[end - 1].isalnum() and text[end].isalnum()
    return not before and not after


def compile_pattern(text: str, *, case_sensitive: bool = True) -> Pattern:
    """Returns the compiled pattern.

    Raises Invalid `invalid_pattern`, or `unsupported_pattern` with a hint for what other engines know and RE2
    leaves out.
    """
    if not text:
        raise _invalid(text, "is empty")
    if len(text) > MAX_PATTERN:
        raise _invalid(text, f"is {len(text):,} characters long; at most {MAX_PATTERN:,} are allowed")
    options = re2.Options()
    options.log_errors = False
    options.max_mem = MAX_PATTERN_MEMORY
    options.case_sensitive = case_sensitive
    try:
        return Pattern(text, re2.compile(text, options))
    except re2.error as wrong:
        reason = wrong.args[0] if wrong.args else b""
        raise _invalid(text, _explain(reason.decode() if isinstance(reason, bytes) else str(reason))) from None
    except UnicodeEncodeError:
        raise _invalid(text, "holds characters that are not text") from None


def compile_replacement(
    pattern: str, replacement: str, *, case_sensitive: bool = True, whole: bool = False
) -> Replacement:
    r"""Returns a compiled replacement; groups are written `\1`, `$1`, `\g<name>` or `${name}`, `$$` is a `$`.

    Raises Invalid `invalid_pattern`, also for a group that the pattern does not have.
    """
    compiled = compile_pattern(pattern, case_sensitive=case_sensitive)
    groups, names = compiled._compiled.groups, compiled._compiled.groupindex
    parts: list[str | int] = []
    for part in _parts(replacement):
        number = names.get(part[1:], -1) if isinstance(part, str) and part.startswith("\0") else part
        if isinstance(number, int) and not 0 <= number <= groups:
            raise _invalid(pattern, f"has {groups} groups; the replacement names another ({replacement[:80]})")
        parts.append(number)
    return Replacement(compiled, tuple(parts), whole)


def _parts(replacement: str) -> list[str | int]:
    r"""Splits a replacement into literals, group numbers and group names (marked with \0)."""
    parts: list[str | int] = []
    at = 0
    text = replacement.replace("\0", "").replace("$$", "\\$")
    for match in _GROUP.finditer(text):
        parts.append(text[at : match.start()])
        named, number, braced, dollar, escaped = match.groups()
        word = named or number or braced or dollar
        if word is None:
            parts.append({"n": "\n", "t": "\t"}.get(escaped, escaped))
        else:
            parts.append(int(word) if word.isdigit() else f"\0{word}")
        at = match.end()
    parts.append(text[at:])
    return [part for part in parts if part != ""]


def _invalid(pattern: str, message: str) -> Invalid:
    hint = next((hint for sign, hint in _HINTS if sign in pattern), "")
    if not hint and re.search(r"\\[1-9]|\(\?P=", pattern):
        hint = "a pattern cannot refer back to its own groups (\\1); only a replacement can"
    code = "unsupported_pattern" if hint else "invalid_pattern"
    detail = f"the pattern {message}: {pattern[:120]}"
    return Invalid(code, detail, errors=[Fault("", detail, code, hint)])


def _explain(reason: str) -> str:
    if "too large" in reason:
        return "is too large when spelled out; use smaller repetitions"
    return f"is not understood ({reason[:160]})"
