"""The release checklist: what a person should try before a release, from what changed (R18)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from greenroom.domain.canonical import digest_of
from greenroom.domain.changes import Change
from greenroom.domain.entities import Address
from greenroom.domain.kind import Registry

BOTH: Final = ("chat", "voice")
"""R18 asks for every test in chat and in a call."""


@dataclass(frozen=True, slots=True)
class CheckItem:
    """One thing to try, and the channels to try it in (none: it is done by looking).

    The id depends on address and text only, so that a tick survives another save of something else.
    """

    id: str
    address: Address | None
    text: str
    channels: tuple[str, ...] = BOTH


ALWAYS: Final = (
    CheckItem("always-faq", None, "Ask a few of the most frequent questions; the answers are right"),
    CheckItem("always-out-of-scope", None, "Ask for something out of scope; the agent declines politely"),
    CheckItem("always-hand-off", None, "Ask for a person; the hand-off arrives where it should"),
    CheckItem("always-compare", None, "Compare with what is served; it shows only these changes", ()),
)
"""What is tried before every release, whatever changed."""


def checklist(changes: Sequence[Change], kinds: Registry) -> tuple[CheckItem, ...]:
    """Returns the tests for every change, in the order of the changes, then what is always tried."""
    items: dict[str, CheckItem] = {}
    for change in changes:
        for text in _tests_for(change, kinds):
            identity = digest_of([str(change.address), text]).removeprefix("sha256:")[:16]
            items.setdefault(identity, CheckItem(identity, change.address, text))
    return (*items.values(), *ALWAYS)


def _tests_for(change: Change, kinds: Registry) -> tuple[str, ...]:
    # A change that no test covers must still be looked at by somebody.
    kind = kinds.get(change.address.kind)
    found = kind.tests_for(change) if kind else ()
    return found or (f"Try what {change.name} does now that it was {change.op}",)
