"""Documents in pieces: small enough to be an answer, whole enough to be understood.

A chunk is a span of its document's text. It begins where a heading, a paragraph or a sentence does, as far as there
is one in reach; what goes on from the chunk before begins with its last sentences again. Equal texts give equal chunks.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from greenroom.domain.canonical import Digest, digest_of_bytes

MAX_CHUNK = 900
"""Characters of a chunk, its overlap included."""
OVERLAP = 180
MIN_SPLIT = 200
"""A heading begins a new chunk only if the one before has so many characters; a heading alone is no answer."""
MAX_HEADINGS = 4
MAX_HEADING = 120
_LINE = re.compile(r"[^\n]*(?:\n+|\Z)")
_HEADING = re.compile(r"(#{1,6})[ \t]+(\S.*)")
_SENTENCE_END = re.compile(r"[.!?…]+[)\"'»”’\]]*[ \t]+|[。！？]+|[ \t]*\n")
_SPACE = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class Chunk:
    """One piece. `text` is the document's from `start` to `end`; what is before `fresh` is in the chunk before, too."""

    number: int
    headings: tuple[str, ...]
    text: str
    start: int
    fresh: int
    end: int

    @property
    def digest(self) -> Digest:
        """Returns the digest of the text beneath its headings."""
        return digest_of_bytes("\n".join((*self.headings, self.text)).encode("utf-8", "surrogatepass"))

    @property
    def new_text(self) -> str:
        """Returns what no chunk before has: those of all chunks, joined, are the document."""
        return self.text[self.fresh - self.start :]


@dataclass(frozen=True, slots=True)
class _Span:
    start: int
    end: int
    level: int = 0
    """1 to 6 for a heading."""
    title: str = ""


def split_document(text: str, most: int = MAX_CHUNK, overlap: int = OVERLAP) -> tuple[Chunk, ...]:
    """Returns the chunks of a text, in their order; each has at most `most` characters."""
    chunks: list[Chunk] = []
    waiting: list[_Span] = []
    trail: list[tuple[int, str]] = []
    begun: tuple[str, ...] = ()

    def close(carry: bool) -> None:
        nonlocal waiting
        _append(chunks, text, waiting, begun, overlap if carry else 0, most)
        waiting = []

    carry = False
    for span in _spans(text, most):
        size = span.end - waiting[0].start if waiting else 0
        splits = bool(span.level) and size - (span.end - span.start) >= MIN_SPLIT
        if waiting and (splits or size > (most - overlap if carry else most)):
            close(carry)
            carry = not span.level
        if span.level:
            trail = [each for each in trail if each[0] < span.level] + [(span.level, span.title)]
        if not waiting:
            begun = tuple(title for _, title in trail)[-MAX_HEADINGS:]
        waiting.append(span)
    if waiting:
        close(carry)
    return tuple(chunks)


def _append(
    chunks: list[Chunk], text: str, spans: Sequence[_Span], headings: tuple[str, ...], overlap: int, most: int
) -> None:
    fresh, end = spans[0].start, spans[-1].end
    start = fresh
    if overlap and chunks:
        room = min(overlap, most - (end - fresh))
        start = _begin_overlap(text, chunks[-1].fresh, fresh, room)
    chunks.append(Chunk(len(chunks), headings, text[start:end], start, fresh, end))


def _begin_overlap(text: str, earliest: int, fresh: int, room: int) -> int:
    """Returns where the repeated end of the chunk before begins: with a sentence, else a word; else nowhere."""
    lowest = max(earliest, fresh - room)
    if lowest >= fresh:
        return fresh
    ends = [match.end() for match in _SENTENCE_END.finditer(text, lowest, fresh) if match.end() < fresh]
    if ends:
        return ends[0]
    spaces = [match.end() for match in _SPACE.finditer(text, lowest, fresh) if match.end() < fresh]
    return spaces[0] if spaces else fresh


def _spans(text: str, most: int) -> Iterator[_Span]:
    """Yields headings and sentences, one after another without a gap."""
    for match in _LINE.finditer(text):
        start, end = match.span()
        if start == end:
            continue
        heading = _HEADING.match(text, start, end)
        if heading and end - start <= most:
            title = heading[2].strip().rstrip("#").strip()[:MAX_HEADING]
            yield _Span(start, end, len(heading[1]), title)
        else:
            yield from _sentences(text, start, end, most)


def _sentences(text: str, start: int, end: int, most: int) -> Iterator[_Span]:
    begun = start
    for match in _SENTENCE_END.finditer(text, start, end):
        if match.end() > begun:
            yield from _pieces(text, begun, match.end(), most)
            begun = match.end()
    if begun < end:
        yield from _pieces(text, begun, end, most)


def _pieces(text: str, start: int, end: int, most: int) -> Iterator[_Span]:
    """Yields a sentence; one that is too long is cut between words, and where there is none, anywhere."""
    while end - start > most:
        cut = max(text.rfind(" ", start, start + most), text.rfind("\n", start, start + most)) + 1
        if cut <= start:
            cut = start + most
        yield _Span(start, cut)
        start = cut
    if start < end:
        yield _Span(start, end)
