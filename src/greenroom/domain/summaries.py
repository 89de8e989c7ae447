"""Changes in plain words: the summary of a comparison, what did not change, and a note to publish with."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Final

from greenroom.domain.changes import Change
from greenroom.domain.kind import Registry
from greenroom.domain.notes import MIN_NOTE, is_vague, split_tags

MAX_SUMMARY: Final = 300
MAX_SUGGESTION: Final = 120
_LONGEST_TAIL: Final = 80
NOTHING: Final = "No changes"


def summarise(changes: Sequence[Change], kinds: Registry, limit: int = MAX_SUMMARY) -> str:
    """Returns what changed in at most `limit` characters: `…; voice stability 0.6 → 0.8; and 12 more topics`.

    Describes only as many changes as have room; the rest are counted by kind.
    """
    if not changes:
        return NOTHING
    described = list(islice((describe(change, kinds) for change in changes), limit // 3))
    shown = 0
    room = limit
    while shown < len(described) and room >= len(described[shown]):
        room -= len(described[shown]) + 2
        shown += 1
    text = _assemble(described[:shown], changes[shown:], kinds, limit)
    while shown > 1 and len(text) > limit:
        shown -= 1
        text = _assemble(described[:shown], changes[shown:], kinds, limit)
    if shown < 1 or len(text) > limit:
        tail = f"; {_count(changes[1:], kinds, limit)}" if len(changes) > 1 else ""
        text = cut(described[0], limit - len(tail)) + tail
    return _capitalise(text)


def describe(change: Change, kinds: Registry) -> str:
    """Returns one change in one line of plain words."""
    kind = kinds.get(change.address.kind)
    text = kind.describe_change(change) if kind else f"{change.address} {change.op}"
    return " ".join(text.split()) or f"{change.address} {change.op}"


def say_unchanged(unchanged: Iterable[str], kinds: Registry) -> str:
    """Returns the sentence on kinds without changes: `no rule or voice changes`; '' when there are none."""
    titles = [in_sentence(kinds[name].title) if name in kinds else name for name in unchanged]
    if not titles:
        return ""
    listed = f"{', '.join(titles[:-1])} or {titles[-1]}" if len(titles) > 1 else titles[0]
    return f"no {listed} changes"


def suggest_note(changes: Sequence[Change], kinds: Registry) -> str:
    """Returns a note that fits the changes: 10 to 120 characters, one that `check_note` accepts."""
    text = summarise(changes, kinds, MAX_SUGGESTION)
    tags, _ = split_tags(text)
    if tags or len(text) < MIN_NOTE or is_vague(text):
        # A name in square brackets would be read as a tag, a short one as no note at all.
        count = f"{len(changes)} entities changed" if len(changes) != 1 else "One entity changed"
        text = cut(f"{count}: {text}", MAX_SUGGESTION)
    return text


def in_sentence(title: str) -> str:
    """Returns a title as it is written inside a sentence: `test set`, but `SMS`."""
    return " ".join(word if any(map(str.isupper, word[1:])) else word.lower() for word in title.split())


def cut(text: str, limit: int) -> str:
    """Returns a text of at most `limit` characters, with an ellipsis where something was left off."""
    return text if len(text) <= limit else text[: max(limit - 1, 0)].rstrip() + "…"


def _assemble(described: Sequence[str], rest: Sequence[Change], kinds: Registry, limit: int) -> str:
    parts = [*described, _count(rest, kinds, limit)] if rest else described
    return "; ".join(parts)


def _count(rest: Sequence[Change], kinds: Registry, limit: int) -> str:
    counts = Counter(change.address.kind for change in rest)
    order = {name: place for place, name in enumerate(kinds)}
    parts: list[str] = []
    for name in sorted(counts, key=lambda name: (order.get(name, len(order)), name)):
        number, kind = counts[name], kinds.get(name)
        words = (in_sentence(kind.title) if number == 1 else kind.plural) if kind else name
        parts.append(f"{number:,} more {words}")
    listed = f"{', '.join(parts[:-1])} and {parts[-1]}" if len(parts) > 1 else parts[0]
    if len(listed) > min(_LONGEST_TAIL, limit // 2):
        listed = f"{len(rest):,} more changes"
    return f"and {listed}"


def _capitalise(text: str) -> str:
    first, capital = text.split(" ", 1)[0], text[:1].upper()
    # Some letters have no capital of one letter ("ß"); they stay.
    return capital + text[1:] if first.isalpha() and first.islower() and len(capital) == 1 else text
