"""Personal data in texts, made unreadable before anything is kept (R36).

Always masked: values of variables that the version declares personal, and payment card numbers (13 to 19 digits
with a valid check digit, however they are grouped). E-mail addresses, IBANs and phone numbers are masked where the
version asks for it: a guardrail of category `personal_data`, or the setting `personal_data`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, Literal

MASK = "•••"
SHORTEST = 3
"""Shorter values would mask half of every text."""

Sort = Literal["card", "email", "iban", "phone"]
ALWAYS: frozenset[Sort] = frozenset({"card"})
ALL: frozenset[Sort] = frozenset({"card", "email", "iban", "phone"})

_CARD = re.compile(r"(?<![\w.-])\d(?:[ -]?\d){12,18}(?![\w-]|\.\d)")
_EMAIL = re.compile(r"[\w.+%-]{1,64}@(?:[\w-]{1,63}\.){1,8}[^\W\d_]{2,24}")
_IBAN = re.compile(r"(?<!\w)[A-Za-z]{2}\d{2}(?: ?[A-Za-z0-9]){11,30}(?!\w)")
_PHONE = re.compile(r"(?<![\w.])(?:\+|00|\(?0)[\d(](?:[ ./()-]{0,2}\d){6,13}(?!\w|\.\d)")
_TELLING = re.compile(r"[\d@]")
_LEAST_OF_CARD = 13
_MAX_DIGITS_OF_PHONE = 15
_LEAST_DIGITS_OF_PHONE = 8


def mask_personal(text: str, values: Collection[str] = (), sorts: Collection[Sort] = ALWAYS) -> str:
    """Returns a text without personal data: without `values` (in any case), and without what looks like `sorts`."""
    return masking_of(values, sorts)(text)


def mask_value(value: Any, values: Collection[str] = (), sorts: Collection[Sort] = ALWAYS) -> Any:
    """Returns a JSON value with every text in it masked, keys left as they are."""
    return _mask_within(value, masking_of(values, sorts))


def masking_of(values: Collection[str] = (), sorts: Collection[Sort] = ALWAYS) -> Callable[[Any], Any]:
    """Returns what masks a text, made once for many of them; a value that is no text is masked within."""
    personal = [re.compile(re.escape(value), re.IGNORECASE) for value in _longest_first(values)]
    looks = [(pattern, fits) for sort, pattern, fits in _PATTERNS if sort in sorts]
    least = 0 if set(sorts) - ALWAYS else _LEAST_OF_CARD

    def mask(value: Any) -> Any:
        if not isinstance(value, str):
            return _mask_within(value, mask)
        text = value
        for pattern in personal:
            text = pattern.sub(MASK, text)
        # Every look that is looked for holds a digit or an @: most texts of a record have neither.
        if len(text) < least or _TELLING.search(text) is None:
            return text
        for pattern, fits in looks:
            text = pattern.sub(lambda match, fits=fits: _mask_start(match.group(), fits), text)
        return text

    return mask


def _mask_within(value: Any, mask: Callable[[Any], Any]) -> Any:
    kind = type(value)
    if kind is int or kind is float or kind is bool or value is None:  # half of a record; a look at ABCs costs more
        return value
    if isinstance(value, str):
        return mask(value)
    if isinstance(value, dict | Mapping):
        return {key: _mask_within(item, mask) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_mask_within(item, mask) for item in value]
    return value


def is_card_number(text: str) -> bool:
    """Says whether the digits of a text are a payment card's: 13 to 19, not all the same, with a valid check digit."""
    digits = [int(sign) for sign in text if sign.isdecimal()]
    if not 13 <= len(digits) <= 19 or len(set(digits)) == 1:
        return False
    total = 0
    for place, digit in enumerate(reversed(digits)):
        doubled = digit * 2 if place % 2 else digit
        total += doubled - 9 if doubled > 9 else doubled
    return total % 10 == 0


def is_iban(text: str) -> bool:
    """Says whether a text is an IBAN with a valid checksum."""
    plain = "".join(text.split()).upper()
    if not 15 <= len(plain) <= 34 or not plain.isascii():
        return False
    moved = plain[4:] + plain[:4]
    return int("".join(str(int(sign, 36)) for sign in moved)) % 97 == 1


def is_phone_number(text: str) -> bool:
    """Says whether a text has as many digits as a phone number with its prefix has."""
    digits = sum(sign.isdecimal() for sign in text)
    return _LEAST_DIGITS_OF_PHONE <= digits <= _MAX_DIGITS_OF_PHONE


def _mask_start(text: str, fits: Callable[[str], bool]) -> str:
    """Masks the longest start of a text that fits and ends a word: what follows may be a word of its own."""
    ends = [len(text), *(at for at in range(len(text) - 1, 0, -1) if text[at].isspace())]
    end = next((end for end in ends if fits(text[:end])), 0)
    return MASK + text[end:] if end else text


def _longest_first(values: Iterable[str]) -> list[str]:
    kept = {value.strip() for value in values}
    return sorted((value for value in kept if len(value) >= SHORTEST), key=lambda value: (-len(value), value))


_PATTERNS: tuple[tuple[Sort, re.Pattern[str], Callable[[str], bool]], ...] = (
    ("email", _EMAIL, lambda _: True),
    ("iban", _IBAN, is_iban),
    ("card", _CARD, is_card_number),
    ("phone", _PHONE, is_phone_number),
)
