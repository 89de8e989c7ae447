"""The note of a version: what makes one worth reading, and the tags at its head (R3)."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Final

from greenroom.domain.errors import Fault, Invalid, Refused

MIN_NOTE: Final = 10
MAX_NOTE: Final = 200
MAX_DETAILS: Final = 5_000
MAX_TAGS: Final = 5

_VAGUE: Final = (
    "a again all also an and any asdf bug bugfix bugfixes bugs change changed changes changing cleanup "
    "commit content copy debug deploy draft edit edited edits etc few final fix fixed fixes fixing foo "
    "general hotfix hotfixes improve improved improvement improvements in it its just latest little lots "
    "made make many minor misc miscellaneous modification modifications more my n new next note of on ok "
    "other our patch patches publish published publishing quick release released save saved several small "
    "some stuff test tested testing tests the these thing things this tidy tiny tmp todo tweak tweaked "
    "tweaks up update updated updates updating various version versions we wip with work working xxx "
)
VAGUE_WORDS: Final = frozenset(_VAGUE.split())
"""A note made of nothing but these says nothing."""

_TAG = re.compile(r"\s*\[\s*([^\W_][\w -]{0,29}?)\s*\]")
_NOT_WORD = re.compile(r"[\W_]+")


@dataclass(frozen=True, slots=True)
class Note:
    """A note that was accepted: the text after its tags, the tags in capitals, the details."""

    text: str
    tags: tuple[str, ...] = ()
    details: str = ""


def check_note(note: str, suggestion: str, details: str = "") -> Note:
    """Returns the note in one line, its leading `[TAG]`s apart.

    Raises Refused `vague_note` with the suggestion; Invalid `note_too_long`, `details_too_long`,
    `too_many_tags`.
    """
    line = " ".join(note.split())
    if len(line) > MAX_NOTE:
        raise _invalid("note_too_long", "/note", f"the note has {len(line)} characters; at most {MAX_NOTE} are allowed")
    if len(details) > MAX_DETAILS:
        message = f"the details have {len(details):,} characters; at most {MAX_DETAILS:,} are allowed"
        raise _invalid("details_too_long", "/details", message)
    tags, text = split_tags(line)
    if len(tags) > MAX_TAGS:
        raise _invalid("too_many_tags", "/note", f"the note has {len(tags)} tags; at most {MAX_TAGS} are allowed")
    if is_vague(text):
        message = f"the note does not say what changed: '{text}'" if text else "the note is empty"
        fault = Fault("/note", message, "vague_note", hint=suggestion)
        raise Refused(
            "vague_note",
            f"{message}; for example: {suggestion}",
            errors=[fault],
            extra={"suggestion": suggestion},
        )
    return Note(text, tags, details.strip())


def split_tags(note: str) -> tuple[tuple[str, ...], str]:
    """Returns the tags at the head of a note, in capitals and without repeats, and what follows them."""
    tags: dict[str, None] = {}
    position = 0
    while match := _TAG.match(note, position):
        tags[match.group(1).upper()] = None
        position = match.end()
    return tuple(tags), note[position:].strip()


def is_vague(text: str) -> bool:
    """Says whether a note (without its tags) is too short, repeats itself, or is made of empty words.

    Letters that are twice as wide (Chinese, Japanese, Korean) count as two.
    """
    length = sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)
    words = [word for word in _NOT_WORD.split(unicodedata.normalize("NFKC", text).casefold()) if word]
    if length < MIN_NOTE or not words:
        return True
    if len(set("".join(words))) == 1 or (len(words) > 1 and len(set(words)) == 1):
        return True
    return all(word in VAGUE_WORDS or word.isdecimal() for word in words)


def _invalid(code: str, pointer: str, message: str) -> Invalid:
    return Invalid(code, message, errors=[Fault(pointer, message, code)])
