"""The split: which environment the default entry leads a traffic key to (R22).

A split owns 10,000 slots, so a share of 0.01 % is exactly one slot. Which slots a share owns is stored, never computed
from the weights: an edit moves the surplus and nothing else. docs/reference/traffic.md says all of this for readers
in other languages, tests/golden/traffic.json for their tests.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from hashlib import blake2b
from typing import Generic, Literal, TypeVar

from greenroom.domain.environments import SLOTS, SlotRange
from greenroom.domain.errors import Fault, Invalid
from greenroom.domain.ids import EnvironmentId

T = TypeVar("T")

MAX_SHARES = 10
MAX_NOTE = 500
NOBODY = 255
WHOLE: tuple[SlotRange, ...] = ((0, SLOTS - 1),)
_ALL_TO_THE_FIRST = bytes(SLOTS)

StickyPolicy = Literal["user", "caller", "conversation"]
StickyPart = Literal["user_id", "caller", "conversation"]
STICKY_POLICIES: tuple[StickyPolicy, ...] = ("user", "caller", "conversation")
DEFAULT_POLICY: StickyPolicy = "user"
_PARTS: Mapping[StickyPolicy, tuple[StickyPart, ...]] = {
    "user": ("user_id", "caller"),
    "caller": ("caller", "user_id"),
    "conversation": (),
}


@dataclass(frozen=True, slots=True)
class Share:
    """An environment's part of the default entry's traffic.

    `weight` is in hundredths of a percent, `slots` are its slots as sorted ranges that neither meet nor touch.
    """

    environment: EnvironmentId
    weight: int
    slots: tuple[SlotRange, ...]


@dataclass(frozen=True, slots=True)
class Split:
    """A project's split. The salt survives every edit but a restart; revision 0 is what nobody has set yet."""

    salt: str
    sticky_key: StickyPolicy
    shares: tuple[Share, ...]
    note: str = ""
    by: str = ""
    revision: int = 0
    changed_at: datetime | None = None
    salted: int = 0
    """The revision at which the salt was drawn: whoever was led by an earlier one had another slot."""

    def find_share(self, environment: str) -> Share | None:
        """Returns an environment's share, None where it has none."""
        return next((share for share in self.shares if share.environment == environment), None)


@dataclass(frozen=True, slots=True)
class SplitChange:
    """One change of a split, as it is remembered for ever: what weighed how much before, and who owns what since."""

    revision: int
    at: datetime
    by: str
    note: str
    sticky_key: StickyPolicy
    weights_before: Mapping[EnvironmentId, int]
    shares: tuple[Share, ...]
    moved_slots: int
    restarted: bool = False
    """Whether a new salt was drawn, so that every key got another slot."""


@dataclass(frozen=True, slots=True)
class Flow:
    """How much of the traffic goes to `target` that went to `source`; `weight` is in hundredths of a percent."""

    source: EnvironmentId
    target: EnvironmentId
    weight: int


class Decider(Generic[T]):
    """Who owns a key's slot, in constant time: a slot's owner is looked up in 10,000 bytes.

    Every process that decides keeps one for each split or rollout, made anew when that changes. `choose` returns the
    owner of a key's slot, and the slot; the owner is None where nobody has it.
    """

    __slots__ = ("choose",)
    choose: Callable[[str], tuple[T | None, int]]

    def __init__(self, salt: str, owned: Sequence[tuple[T, Sequence[SlotRange]]]) -> None:
        assert len(owned) < NOBODY
        self.choose = _compile(
            salt,
            _lay_out([tuple(ranges) for _, ranges in owned]),
            (*(owner for owner, _ in owned), *([None] * (NOBODY + 1 - len(owned)))),
        )


def _compile(salt: str, table: bytes, owners: tuple[T | None, ...]) -> Callable[[str], tuple[T | None, int]]:
    """Returns the look-up with everything at hand: as a method it would take a third longer."""
    # What is hashed first is the same for every key, and hashed once.
    copy_salted = blake2b(f"{salt}\0".encode(), digest_size=8).copy
    read = int.from_bytes

    def choose(key: str) -> tuple[T | None, int]:
        state = copy_salted()
        state.update(key.encode())
        slot = (read(state.digest(), "big") * SLOTS) >> 64
        return owners[table[slot]], slot

    return choose


def _lay_out(owned: Sequence[tuple[SlotRange, ...]]) -> bytes:
    """Returns the number of the owner of every slot. All tables of a single owner are one."""
    if owned == [WHOLE]:
        return _ALL_TO_THE_FIRST
    table = bytearray([NOBODY]) * SLOTS
    for number, ranges in enumerate(owned):
        for first, last in ranges:
            table[first : last + 1] = bytes([number]) * (last + 1 - first)
    return bytes(table)


def parse_weight(value: float | str, pointer: str) -> int:
    """Returns a weight in hundredths of a percent. Raises Invalid `invalid_weight` outside 0.00 to 100.00 %."""
    try:
        hundredths = Decimal(str(value)) * 100
        whole = int(hundredths)
    except (ArithmeticError, ValueError):
        raise _invalid_weight(value, pointer) from None
    if whole != hundredths or not 0 <= whole <= SLOTS:
        raise _invalid_weight(value, pointer)
    return whole


def decide_weights(wanted: Sequence[tuple[EnvironmentId, int]], default: EnvironmentId) -> Mapping[EnvironmentId, int]:
    """Returns the weights of a new split, in the order given.

    Raises Invalid `too_many_shares`, `environment_twice`, `default_entry_missing` and `weights_not_whole`, which says
    by how much they miss 100.00 %.
    """
    if len(wanted) > MAX_SHARES:
        raise _invalid("too_many_shares", f"a split has at most {MAX_SHARES} shares; these are {len(wanted)}")
    weights: dict[EnvironmentId, int] = {}
    for number, (environment, weight) in enumerate(wanted):
        if environment in weights:
            message = "this environment has a share already; give each one once"
            raise _invalid("environment_twice", message, f"/shares/{number}/environment")
        weights[environment] = weight
    if default not in weights:
        message = "the default entry's environment must stay one of the shares; give it 0 to send nobody there"
        raise _invalid("default_entry_missing", message)
    total = sum(weights.values())
    if total != SLOTS:
        missing = SLOTS - total
        how = f"{format_weight(missing)} are missing" if missing > 0 else f"{format_weight(-missing)} too much"
        raise _invalid("weights_not_whole", f"the weights sum to {format_weight(total)}, not to 100 %: {how}")
    return weights


def choose_allocation(old: Sequence[Share], weights: Mapping[EnvironmentId, int]) -> tuple[Share, ...]:
    """Returns the shares of new weights (hundredths of a percent, 10,000 in all), in the order of the weights.

    The fewest possible slots move: half the sum of what the weights differ by. A share that shrinks gives up its
    highest slots; those that grow take of what is free from the lowest slot on, one environment after the other by
    id, so that the order in which shares are listed decides nothing.
    """
    held = {share.environment: list_slots(share.slots) for share in old}
    kept = {environment: held.get(environment, [])[:weight] for environment, weight in weights.items()}
    taken = {slot for slots in kept.values() for slot in slots}
    free = [slot for slot in range(SLOTS) if slot not in taken]
    for environment in sorted(weights):
        needed = weights[environment] - len(kept[environment])
        kept[environment] = sorted(kept[environment] + free[:needed])
        free = free[needed:]
    return tuple(Share(environment, weights[environment], join_slots(kept[environment])) for environment in weights)


def count_moved(old: Sequence[Share], new: Sequence[Share]) -> int:
    """Returns how many slots have another owner than before."""
    before = {slot: share.environment for share in old for slot in list_slots(share.slots)}
    return sum(before.get(slot) != share.environment for share in new for slot in list_slots(share.slots))


def expect_flows(old: Sequence[Share], new: Sequence[Share], rekeyed: bool = False) -> tuple[Flow, ...]:
    """Returns who goes where, the largest part first; what stays is left out.

    Where keys are read anew, each goes to a share by chance alone, so what is expected are the products of weights.
    """
    moved: Counter[tuple[EnvironmentId, EnvironmentId]] = Counter()
    if rekeyed:
        for one in old:
            for other in new:
                moved[one.environment, other.environment] += (one.weight * other.weight + SLOTS // 2) // SLOTS
    else:
        before = {slot: share.environment for share in old for slot in list_slots(share.slots)}
        moved.update((before[slot], share.environment) for share in new for slot in list_slots(share.slots))
    flows = [Flow(*pair, weight) for pair, weight in moved.items() if pair[0] != pair[1] and weight]
    return tuple(sorted(flows, key=lambda flow: (-flow.weight, flow.source, flow.target)))


def choose_share(shares: Sequence[Share], slot: int) -> Share | None:
    """Returns the share that owns a slot; slow, for looking back. Whoever decides keeps a `Decider`."""
    for share in shares:
        if any(first <= slot <= last for first, last in share.slots):
            return share
    return None


def choose_sticky_key(
    policy: StickyPolicy, user_id: str | None, caller: str | None, conversation: str
) -> tuple[str, StickyPart]:
    """Returns what a conversation sticks by, and which part of it that is.

    `user`: the user id, else the caller's number, else the conversation. `caller`: the caller's number, else the user
    id, else the conversation. `conversation`: nothing sticks, every conversation is drawn anew.
    """
    given: Mapping[StickyPart, str | None] = {"user_id": user_id, "caller": caller}
    for part in _PARTS[policy]:
        if value := given[part]:
            return value, part
    return conversation, "conversation"


def list_slots(ranges: Iterable[SlotRange]) -> list[int]:
    """Returns the slots of ranges, in their order."""
    return [slot for first, last in ranges for slot in range(first, last + 1)]


def join_slots(slots: Iterable[int]) -> tuple[SlotRange, ...]:
    """Returns rising slots as the fewest ranges."""
    found: list[SlotRange] = []
    for slot in slots:
        if found and found[-1][1] == slot - 1:
            found[-1] = (found[-1][0], slot)
        else:
            found.append((slot, slot))
    return tuple(found)


def format_weight(weight: int) -> str:
    """Returns hundredths of a percent as people write them: 9000 is `90 %`, 3333 is `33.33 %`."""
    return f"{Decimal(weight) / 100:f} %"


def weights_of(shares: Iterable[Share]) -> dict[EnvironmentId, int]:
    """Returns the weights of shares by environment."""
    return {share.environment: share.weight for share in shares}


def say_weights(weights: Mapping[EnvironmentId, int], aliases: Mapping[str, str]) -> str:
    """Returns weights in words: `live 90 %, b 10 %`."""
    return ", ".join(f"{aliases.get(one, one)} {format_weight(weight)}" for one, weight in weights.items())


def _invalid_weight(value: object, pointer: str) -> Invalid:
    message = f"'{str(value)[:40]}' is no weight: 0 to 100 percent with at most two decimals"
    return Invalid("invalid_weight", message, errors=[Fault(pointer, message)])


def _invalid(code: str, message: str, pointer: str = "/shares") -> Invalid:
    return Invalid(code, message, errors=[Fault(pointer, message)])
