"""Entity tags: what a reader saw, and what a writer says it saw."""

from __future__ import annotations

import re
from typing import Final

from greenroom.domain.errors import Fault, Invalid

_TAG = re.compile(r'"([\x21\x23-\x7e]*)"')
_LISTED = re.compile(r'(?:W/)?"([\x21\x23-\x7e]*)"')
ANY: Final = "*"


def quote_tag(revision: str) -> str:
    """Returns a revision as a strong ETag."""
    return f'"{revision}"'


def parse_if_match(header: str | None) -> str | None:
    """Returns the one revision in an If-Match header, `*` as it is, None without the header.

    Raises Invalid `invalid_header` for a weak tag (a precondition needs a strong one), a list, or no tag at all.
    """
    if header is None:
        return None
    text = header.strip()
    if text == ANY:
        return ANY
    found = _TAG.fullmatch(text)
    if found is None:
        why = "a weak tag is not enough" if text.startswith("W/") else "send one revision in quotes, or *"
        detail = f"If-Match: {text[:120]} cannot be used: {why}"
        raise Invalid("invalid_header", detail, errors=[Fault("/If-Match", why)])
    return found.group(1)


def matches(if_none_match: str | None, tag: str) -> bool:
    """Says whether an If-None-Match header names a tag (weak comparison, as RFC 9110 has it)."""
    if if_none_match is None:
        return False
    return if_none_match.strip() == ANY or tag in _LISTED.findall(if_none_match)
