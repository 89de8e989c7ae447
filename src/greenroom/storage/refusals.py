"""What every store refuses in the same words."""

from __future__ import annotations

from greenroom.domain.errors import Conflict, Invalid, NotFound, Unavailable


def no_such(noun: str) -> NotFound:
    """Returns the refusal of a write that names something which is not in this workspace."""
    return NotFound("not_found", f"there is no such {noun} here")


def duplicate(noun: str) -> Conflict:
    """Returns the refusal of a row whose key is taken."""
    return Conflict("duplicate", f"there is such a {noun} already")


def draft_exists() -> Conflict:
    """Returns the refusal of a second open draft."""
    return Conflict("draft_exists", "you have an open draft there already")


def idempotency_race() -> Conflict:
    """Returns the refusal of a request whose twin committed first."""
    return Conflict("idempotency_race", "the same request was answered a moment ago; read that answer")


def unavailable(why: str, **extra: str) -> Unavailable:
    """Returns what a caller hears while the database cannot be used."""
    return Unavailable("store_unavailable", f"the database cannot be used just now: {why}", extra=extra)


def is_storable(text: str) -> bool:
    """Says whether every database can hold a text: not NUL (PostgreSQL) nor lone surrogates (none can)."""
    if "\0" in text:
        return False
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            return False
    return True


def check_texts(*texts: str | None) -> None:
    """Refuses text that not every database can hold."""
    for text in texts:
        if text is not None and not is_storable(text):
            raise Invalid("text_not_storable", "text may not hold U+0000 or half of a surrogate pair")
