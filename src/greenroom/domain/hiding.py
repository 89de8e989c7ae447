"""Takes secrets out of what comes back: as they are, and as other systems spell them when they echo a request."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, cast

MASK = "•••"
SHORTEST = 4
"""Secrets below this length would take ordinary words with them; they are not hidden."""
_SHORTEST_ENCODED = 6
_WORD = re.compile(r"[A-Za-z0-9]+")
_PLAIN = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_PLAIN_IN_URLS = _PLAIN | frozenset(b"/?:@!$&'()*+,;=%")
_ENTITIES = {'"': "quot|#34|#x22", "&": "amp|#38|#x26", "<": "lt|#60|#x3c", ">": "gt|#62|#x3e", "'": "apos|#39|#x27"}
_SLASHES = r"(?:\\|%(?:25){0,5}5[cC]){0,15}"
"""Bounded, so that a text of slashes alone costs no more than another."""
_LETTERS = {"\n": "n", "\r": "r", "\t": "t", "\b": "b", "\f": "f"}


class _Spelling:
    """One text to hide, however its signs are escaped: in URLs, JSON, JSON in JSON, HTML."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._sure = max(_WORD.findall(text), key=len, default="")
        """The longest part that nobody escapes: a text without it needs no closer look."""

    def take_from(self, text: str) -> str:
        """Returns a text with a mask in every place."""
        if self._sure not in text:
            return text
        return re.sub("".join(map(_any_escape, self.text)), MASK, text)


def _any_escape(sign: str) -> str:
    if sign.isascii() and sign.isalnum():
        return sign
    quoted = "".join(f"%(?:25){{0,5}}(?i:{byte:02x})" for byte in sign.encode("utf-8", "surrogatepass"))
    units = sign.encode("utf-16-be", "surrogatepass")
    escaped = "".join(f"{_SLASHES}u(?i:{units[at : at + 2].hex()})" for at in range(0, len(units), 2))
    ways = [f"{_SLASHES}(?:{re.escape(sign)}|{quoted})", escaped]
    if sign in _LETTERS:
        ways.append(f"{_SLASHES}{_LETTERS[sign]}")
    if sign in _ENTITIES:
        ways.append(f"&(?i:{_ENTITIES[sign]});")
    if sign == " ":
        ways.append(r"\+")
    return f"(?:{'|'.join(ways)})"


def hide_secrets(value: Any, secrets: Collection[str], *, cut: bool = False) -> Any:
    """Returns a JSON value in which no secret stands: raw, escaped, URL-encoded or in base64.

    `cut` says that texts may end in the middle of one, where they were truncated.
    """
    known = {secret for secret in secrets if len(secret) >= SHORTEST}
    if not known:
        return value
    texts = {form for secret in known for form in (secret, *_in_base64(secret))}
    spellings = [_Spelling(text) for text in sorted(texts, key=len, reverse=True)]
    return _hide(value, spellings, cut)


def _hide(value: Any, spellings: Sequence[_Spelling], cut: bool) -> Any:
    if isinstance(value, str):
        for spelling in spellings:
            value = spelling.take_from(value)
        return _hide_end(value, spellings) if cut else value
    if isinstance(value, Mapping):
        found = cast(Mapping[Any, Any], value)
        return {_hide(key, spellings, cut): _hide(item, spellings, cut) for key, item in found.items()}
    if isinstance(value, list | tuple):
        return [_hide(item, spellings, cut) for item in cast(list[Any], value)]
    return value


def _hide_end(text: str, spellings: Sequence[_Spelling]) -> str:
    for spelling in spellings:
        for part in {spelling.text, json.dumps(spelling.text)[1:-1], _quote(spelling.text, _PLAIN)}:
            for length in range(min(len(part) - 1, len(text)), SHORTEST - 1, -1):
                if text.endswith(part[:length]):
                    return text[:-length] + MASK
    return text


def _in_base64(secret: str) -> Iterator[str]:
    """Yields what base64 makes of a secret and of its usual spellings, without what neighbours decide."""
    quoted = _quote(secret, _PLAIN)
    forms = {secret, json.dumps(secret)[1:-1], quoted, quoted.replace("%20", "+"), _quote(secret, _PLAIN_IN_URLS)}
    for raw in (form.encode("utf-8", "surrogatepass") for form in forms):
        for before in range(3):
            text = base64.b64encode(b"\0" * before + raw).decode()
            sure = text[(0, 2, 3)[before] : (before + len(raw)) * 8 // 6]
            if len(sure) >= _SHORTEST_ENCODED:
                yield sure
                yield sure.replace("+", "-").replace("/", "_")


def _quote(text: str, plain: frozenset[int]) -> str:
    raw = text.encode("utf-8", "surrogatepass")
    return "".join(chr(byte) if byte in plain else f"%{byte:02X}" for byte in raw)
