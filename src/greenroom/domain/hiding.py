"""Takes secrets out of what comes back: as they are, and as other systems spell them when they echo a request."""

from __future__ import annotations

import base64
import json
from collections.abc import Collection, Iterator, Mapping
from typing import Any, cast

MASK = "•••"
SHORTEST = 4
"""Secrets below this length would take ordinary words with them; they are not hidden."""
_SHORTEST_ENCODED = 6
_PLAIN = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")


def hide_secrets(value: Any, secrets: Collection[str], *, cut: bool = False) -> Any:
    """Returns a JSON value in which no secret stands: raw, JSON-escaped, URL-encoded or in base64.

    `cut` says that texts may end in the middle of one, where they were truncated.
    """
    known = [secret for secret in secrets if len(secret) >= SHORTEST]
    if not known:
        return value
    forms = sorted({form for secret in known for form in _forms(secret)}, key=len, reverse=True)
    return _hide(value, forms, known if cut else [])


def _hide(value: Any, forms: list[str], ends: list[str]) -> Any:
    if isinstance(value, str):
        for form in forms:
            if form in value:
                value = value.replace(form, MASK)
        return _hide_end(value, ends)
    if isinstance(value, Mapping):
        found = cast(Mapping[Any, Any], value)
        return {_hide(key, forms, ends): _hide(item, forms, ends) for key, item in found.items()}
    if isinstance(value, list | tuple):
        return [_hide(item, forms, ends) for item in cast(list[Any], value)]
    return value


def _hide_end(text: str, secrets: list[str]) -> str:
    for secret in secrets:
        for length in range(min(len(secret) - 1, len(text)), SHORTEST - 1, -1):
            if text.endswith(secret[:length]):
                return text[:-length] + MASK
    return text


def _forms(secret: str) -> Iterator[str]:
    """Yields a secret in every spelling that is looked for."""
    yield secret
    yield json.dumps(secret)[1:-1]
    yield json.dumps(secret, ensure_ascii=False)[1:-1]
    yield json.dumps(secret)[1:-1].replace("/", "\\/")
    raw = secret.encode("utf-8", "surrogatepass")
    for template in ("%{:02X}", "%{:02x}"):
        quoted = "".join(chr(each) if each in _PLAIN else template.format(each) for each in raw)
        yield quoted
        yield quoted.replace("%20", "+")
    yield from _in_base64(raw)


def _in_base64(raw: bytes) -> Iterator[str]:
    """Yields what base64 makes of a secret at each of its three places, without what neighbours decide."""
    for before in range(3):
        text = base64.b64encode(b"\0" * before + raw).decode()
        sure = text[(0, 2, 3)[before] : (before + len(raw)) * 8 // 6]
        if len(sure) >= _SHORTEST_ENCODED:
            yield sure
            yield sure.replace("+", "-").replace("/", "_")
