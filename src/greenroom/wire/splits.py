"""The split of the default entry's traffic on the network, and why a conversation came in where it did."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from greenroom.domain.splits import MAX_NOTE
from greenroom.wire.model import In, Moment, Out

StickyName = Literal["user", "caller", "conversation"]
Percent = Annotated[float, Field(strict=True, ge=0, le=100, allow_inf_nan=False)]
"""A number with at most two decimals; 33.333 is refused, not rounded."""


class ShareIn(In):
    """How much of the default entry's traffic an environment is to have, in percent."""

    environment: Annotated[str, Field(min_length=1, max_length=80)]
    weight: Percent


class SplitIn(In):
    """A whole split: the weights sum to 100.00. Without `sticky_key` the present one stays."""

    shares: Annotated[list[ShareIn], Field(min_length=1, max_length=100)]
    sticky_key: StickyName | None = None
    note: Annotated[str, Field(max_length=MAX_NOTE)] = ""
    restart: bool = False
    """Draws a new salt, so that every key gets another slot and new conversations are assigned anew."""


class WeightOut(Out):
    """An environment's part of the traffic, in percent."""

    environment: str
    weight: float


class ShareOut(WeightOut):
    """A share with the slots it owns: sorted ranges, first and last included."""

    slots: list[tuple[int, int]]


class SplitOut(Out):
    """The split. At revision 0 nobody has set one, and all goes to the default environment.

    `salt`, `sticky_key` and the slots are all that a decision needs (docs/reference/traffic.md).
    """

    revision: int
    sticky_key: StickyName
    salt: str
    shares: list[ShareOut]
    note: str
    changed_at: Moment | None
    changed_by: str


class FlowOut(Out):
    """A part of the traffic, in percent, that goes to another environment than before."""

    source: str
    target: str
    weight: float


class SplitPlanOut(Out):
    """What a change would do; nothing was written. Running conversations stay where they are."""

    revision: int
    """The revision that this was worked out on: send it as If-Match to do it."""
    before: list[WeightOut]
    after: list[ShareOut]
    moved_slots: int
    moved_percent: float
    rekeyed: bool
    """Whether keys are read or drawn anew, so that any of them may land elsewhere."""
    running: int
    flows: list[FlowOut]
    """Who is expected to go where, the largest part first."""


class SplitChangeOut(Out):
    """One change of the split."""

    revision: int
    at: Moment
    by: str
    note: str
    sticky_key: StickyName
    before: list[WeightOut]
    after: list[ShareOut]
    moved_slots: int
    restarted: bool
    """Whether every key got another slot."""


class WhyOut(Out):
    """Why a conversation came in where it did: the facts, and in words."""

    conversation: str
    environment: str
    version: int | None
    by: str
    """split, default, alias, tester, share_link, ref …; empty for one from before this was recorded."""
    split: int | None
    slot: int | None
    key: str | None
    """Which part of it was the traffic key: user_id, caller or conversation."""
    share_link: str | None
    shares: list[WeightOut]
    """The split that decided, as it was then."""
    changes_since: int
    sentences: list[str]
