"""What the server tells beside its answers: that a name which was used is an old one. Each is told once."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from datetime import UTC, datetime

from greenroom.sdk.exchange import Reply

Tell = Callable[[str], None]
_SINCE = re.compile(r"@([0-9]{1,12})")
_LINK = re.compile(r'<([^<>]*)>;\s*rel="successor-version"(?:;\s*title="([^"]*)")?')


class DeprecatedAliasWarning(FutureWarning):
    """An environment was called by an alias that goes on answering and should not be used any more."""


class Notices:
    """What one client was told already. Without `tell`, Python's warnings show it, on standard error by default."""

    def __init__(self, tell: Tell | None = None) -> None:
        self._tell = tell or _warn
        self._told: set[str] = set()

    def hear(self, reply: Reply) -> None:
        """Tells what a reply says of the names that were used."""
        text = read_notice(reply)
        if text is not None and text not in self._told:
            self._told.add(text)
            self._tell(text)


def read_notice(reply: Reply) -> str | None:
    """Returns in words what a reply says of an old alias, None where it says nothing."""
    since, link = _SINCE.fullmatch(reply.deprecation), _LINK.search(reply.link)
    if since is None:
        return None
    told = f"deprecated since {datetime.fromtimestamp(int(since.group(1)), UTC):%Y-%m-%d}"
    if link is None:
        return told
    return f"{told}: {link.group(2) or f'use {link.group(1)}'}"


def _warn(text: str) -> None:
    warnings.warn(text, DeprecatedAliasWarning, stacklevel=2)
