"""How a conversation came in, kept with it for ever so that "why this one?" has an answer (R22)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from greenroom.domain.splits import Share, Split, SplitChange, choose_share, format_weight, say_weights, weights_of

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
    restarted_at: int = 0
    """The revision at which the slots were drawn anew since, 0 where they were not."""
    aliases: Mapping[str, str] = field(default_factory=dict[str, str])


def explain(past: Past) -> list[str]:
    """Returns in sentences why a conversation is where it is."""
    number = past.entry.get("number")
    follows = number is not None and past.entry.get("by") != "number"
    said = [f"It called {number}, which follows the default entry."] if follows else []
    said.append(_say_entry(past))
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
            where = alias if past.ref is None else f"{past.ref} as a test, in the context of {alias}"
            return f"It called {entry.get('number')}, which leads to {where}{rule}."
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
        if past.restarted_at:
            drawn = f"and split {past.restarted_at} drew the slots of all keys anew"
            return [*said, f"The split has changed {times} since, {drawn}; conversations stay."]
        owner = choose_share(past.shares_now, slot)
        now = "nobody" if owner is None else past.aliases.get(owner.environment, owner.environment)
        said.append(f"The split has changed {times} since, and that slot is {now}'s now; conversations stay.")
    return said


@dataclass(frozen=True, slots=True)
class Coming:
    """Where somebody would come in now. `slot` is the split's, where it decides; `drawn` says that nothing sticks."""

    alias: str
    version: int | None
    entry: Mapping[str, Any]
    seq: int = 0
    ref: str | None = None
    split: Split | None = None
    aliases: Mapping[str, str] = field(default_factory=dict[str, str])
    arms: int = 1
    """How many versions are served there at once."""

    @property
    def drawn(self) -> bool:
        """Says whether every conversation of this caller is drawn anew."""
        return self.entry.get("by") == "split" and self.entry.get("key") == "conversation"


def foresee(coming: Coming) -> list[str]:
    """Returns in sentences where somebody would be led, step by step, and why."""
    entry = coming.entry
    said = _say_number(coming)
    match entry.get("by"):
        case "alias":
            said.append(f"{coming.alias} is asked for by name, which goes past the split.")
        case "share_link":
            said.append(f"The share link leads to {coming.alias} past the split.")
        case "tester":
            who = PARTS.get(str(entry.get("key")), "who it is").capitalize()
            said.append(f"{who} is that of a tester, and is led to {coming.alias} past the split.")
        case "split":
            said += _say_drawing(coming)
        case "default":
            said.append(f"No split is set: all of the default entry's traffic goes to {coming.alias}.")
        case _:
            pass
    if coming.version is None:
        return [*said, f"{coming.alias} serves nothing yet, so nobody would answer."]
    if coming.ref is not None:
        return said
    if coming.drawn:
        return said
    if coming.arms > 1:
        said.append(f"{coming.alias} serves {coming.arms} versions just now; this caller is given v{coming.version}.")
    else:
        said.append(f"{coming.alias} serves v{coming.version} to everybody (release {coming.seq}).")
    return said


def _say_number(coming: Coming) -> list[str]:
    entry = coming.entry
    number = entry.get("number")
    if number is None:
        return []
    if entry.get("by") != "number":
        return [f"{number} follows the default entry."]
    where = coming.alias if coming.ref is None else f"{coming.ref} as a test, in the context of {coming.alias}"
    if entry.get("rule") is None:
        return [f"{number} is assigned to {where}; none of its SIP rules holds."]
    return [f"SIP rule {int(entry['rule']) + 1} of {number} holds, and leads to {where}."]


def _say_drawing(coming: Coming) -> list[str]:
    split, entry = coming.split, coming.entry
    if split is None:
        return []
    weights = say_weights(weights_of(split.shares), coming.aliases)
    if coming.drawn:
        why = (
            "Nothing is known that conversations could stick by" if split.sticky_key != "conversation" else "By choice"
        )
        return [f"{why}, so every conversation is drawn anew: {weights}."]
    slot, part = int(entry["slot"]), PARTS.get(str(entry.get("key")), "the key")
    share = choose_share(split.shares, slot)
    owned = "" if share is None else f", which {coming.alias} owns with {format_weight(share.weight)} of all slots"
    return [f"The split is {weights}.", f"The traffic key, {part}, is at slot {slot:,} of 10,000{owned}."]


def _say_time(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d at %H:%M} UTC"
