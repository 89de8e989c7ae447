"""How a conversation came in, kept with it for ever so that "why this one?" has an answer (R22)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from greenroom.domain.splits import Share, SplitChange, choose_share, format_weight, say_weights, weights_of

PARTS: Mapping[str, str] = {
    "user_id": "the user id",
    "caller": "the caller's number",
    "conversation": "the conversation's own id",
}


@dataclass(frozen=True, slots=True)
class Past:
    """What is known of a conversation's beginning. `aliases` names environments by id, deleted ones too."""

    alias: str
    version: int | None
    seq: int
    ref: str | None
    entry: Mapping[str, Any]
    change: SplitChange | None = None
    """The change that made the split which decided."""
    shares_now: tuple[Share, ...] = ()
    changes_since: int = 0
    aliases: Mapping[str, str] = field(default_factory=dict[str, str])


def explain(past: Past) -> list[str]:
    """Returns in sentences why a conversation is where it is."""
    said = [_say_entry(past)]
    if past.change is not None and past.entry.get("by") == "split":
        said += _say_slot(past, past.change)
    if past.ref is None:
        said.append(f"{past.alias} answered it with v{past.version} from the start (release {past.seq}).")
    return said


def _say_entry(past: Past) -> str:
    alias, entry = past.alias, past.entry
    if past.ref is not None and entry.get("by") != "number":
        return f"It was opened on {past.ref}, which asks no rule of traffic; its context is {alias}."
    match entry.get("by"):
        case "alias":
            return f"It asked for {alias} by name, which goes past the split."
        case "tester":
            who = PARTS.get(str(entry.get("key")), "who it was with")
            return f"By {who} it was with a tester, and testers of {alias} were led there past the split."
        case "number":
            rule = "" if entry.get("rule") is None else f", by its SIP rule {int(entry['rule']) + 1}"
            return f"It called {entry.get('number')}, which leads to {alias}{rule}."
        case "share_link":
            return f"It came by the share link {entry.get('link')}, which leads to {alias} past the split."
        case "default":
            return f"It came by the default entry while no split was set, and all of that went to {alias}."
        case "split":
            return "It came by the default entry, which followed the split."
        case None:
            return f"It came in to {alias} before it was recorded how conversations come in."
        case other:
            return f"It came by {other}, which led to {alias} past the split."


def _say_slot(past: Past, change: SplitChange) -> list[str]:
    slot, part = past.entry.get("slot", -1), PARTS.get(str(past.entry.get("key")), "its key")
    weights = weights_of(change.shares)
    share = choose_share(change.shares, slot)
    owned = "" if share is None else f" {past.alias} owned that slot and {format_weight(share.weight)} of all slots."
    said = [
        f"Split {change.revision}, set on {_say_time(change.at)}, was {say_weights(weights, past.aliases)}.",
        f"Its traffic key, {part}, is at slot {slot:,} of 10,000.{owned}",
    ]
    if past.changes_since:
        times = "once" if past.changes_since == 1 else f"{past.changes_since} times"
        owner = choose_share(past.shares_now, slot)
        now = "nobody" if owner is None else past.aliases.get(owner.environment, owner.environment)
        said.append(f"The split has changed {times} since, and that slot is {now}'s now; conversations stay.")
    return said


def _say_time(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d at %H:%M} UTC"
