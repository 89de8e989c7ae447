"""What a merge or a rebase would give with the choices made so far: its conflicts, which are open, what is wrong."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Generic, TypeVar

from greenroom.domain.errors import Fault, GreenroomError, Invalid, NotAllowed
from greenroom.domain.kind import Registry
from greenroom.domain.merges import Conflict
from greenroom.services.comparisons import Compared
from greenroom.web.conflicts import TAKES, Chosen, ConflictDrawing, check_written, draw_conflict, read_value
from greenroom.web.forms import Form, Refusal, refusal_of

P = TypeVar("P")
Resolutions = Sequence[Mapping[str, object]]

ROUNDS: Final = 50
"""Settling one conflict may bring up another, and every value that is refused costs a look."""


@dataclass(frozen=True)
class Choices:
    """What a form says of conflicts: `take:<id>` and `value:<id>`; `rest` is the side for all that are open."""

    take: Mapping[str, str]
    typed: Mapping[str, str]
    rest: str = ""

    def of(self, conflict: Conflict) -> str:
        """Returns what is taken for a conflict, '' where nobody has chosen."""
        chosen = self.take.get(conflict.id, "")
        if chosen or not self.rest:
            return chosen
        barred = self.rest in conflict.absent and conflict.kind == "broken_reference"
        return "" if barred else self.rest


def read_choices(form: Form) -> Choices:
    """Returns the choices that a form holds."""
    take = {name[5:]: value for name, value in form.pairs if name.startswith("take:") and value in TAKES}
    typed = {name[6:]: value for name, value in form.pairs if name.startswith("value:")}
    rest = form.text("rest")
    return Choices(take, typed, rest if rest in ("ours", "theirs") else "")


@dataclass
class Preview(Generic[P]):
    """A plan, and every conflict that came up on the way to it, settled or not."""

    choices: Choices
    plan: P | None = None
    conflicts: dict[str, Conflict] = field(default_factory=dict[str, Conflict])
    open: dict[str, Conflict] = field(default_factory=dict[str, Conflict])
    wrong: dict[str, str] = field(default_factory=dict[str, str])
    refusal: Refusal = field(default_factory=Refusal)
    _applied: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])

    @property
    def resolutions(self) -> list[Mapping[str, object]]:
        """Returns the choices that hold, as a merge takes them."""
        return list(self._applied.values())

    @property
    def is_settled(self) -> bool:
        """Says whether nothing is left to choose or to mend."""
        return self.plan is not None and not (self.open or self.wrong or self.refusal)

    def check_settled(self) -> None:
        """Raises Invalid `not_settled` while anything is left to choose or to mend."""
        left = len(self.open.keys() | self.wrong.keys())
        if left:
            detail = f"{left} conflict{'s are' if left > 1 else ' is'} not settled yet; choose below what each becomes"
            raise Invalid("not_settled", detail)

    def see(self, plan: P, conflicts: Sequence[Conflict]) -> bool:
        """Keeps a plan and applies what was chosen about its open conflicts; says whether that was anything."""
        self.plan = plan
        self.open = {conflict.id: conflict for conflict in conflicts}
        blamed = [self._blame_whole(conflict) for conflict in conflicts]
        if any(blamed):
            return True
        self.conflicts |= {id_: one for id_, one in self.open.items() if id_ not in self.conflicts}
        applied = [self._apply(one) for id_, one in self.open.items() if id_ not in self.wrong]
        return any(applied)

    def draw(self, kinds: Registry, compared: Compared | None) -> list[ConflictDrawing]:
        """Returns the conflicts with what was chosen about them, those that are open first."""
        names = {str(change.address): change.name for change in compared.comparison.changes} if compared else {}
        drawn = [
            draw_conflict(
                conflict,
                kinds,
                names,
                Chosen(
                    self.choices.of(conflict), self.choices.typed.get(id_), self.wrong.get(id_, ""), id_ in self.open
                ),
            )
            for id_, conflict in self.conflicts.items()
        ]
        return sorted(drawn, key=lambda each: not (each.is_open or each.wrong))

    def _blame_whole(self, whole: Conflict) -> bool:
        """Takes back values that make an entity unsound: asked about as a whole, people would not know why."""
        if whole.pointer or whole.kind != "both_changed":
            return False
        own = [
            id_
            for id_, made in self._applied.items()
            if made["take"] == "value" and self.conflicts[id_].address == whole.address and id_ != whole.id
        ]
        said = whole.label.removeprefix("merged, it is not sound: ")
        named = [id_ for id_ in own if any(f"'{step}'" in said for step in self.conflicts[id_].pointer[-1:])]
        for id_ in named or own:
            del self._applied[id_]
            self.wrong[id_] = said
        return bool(own)

    def _apply(self, conflict: Conflict) -> bool:
        take = self.choices.of(conflict)
        if not take:
            return False
        resolution: dict[str, Any] = {"conflict_id": conflict.id, "take": take}
        if take == "value":
            typed = self.choices.typed.get(conflict.id, "")
            unreadable = check_written(conflict, typed)
            if unreadable:
                self.wrong[conflict.id] = unreadable
                return False
            resolution["value"] = read_value(conflict, typed)
        self._applied[conflict.id] = resolution
        return True

    def blame(self, wrong: Invalid) -> bool:
        """Takes back the choices that a refusal is about and keeps what it says of them; says whether there are any."""
        found: dict[str, list[str]] = {}
        for fault in wrong.errors:
            for id_ in self._find(fault):
                found.setdefault(id_, []).append(f"{fault.message} ({fault.hint})" if fault.hint else fault.message)
        for id_, said in found.items():
            del self._applied[id_]
            if wrong.code == "unknown_conflict":
                # Another choice has settled it already.
                self.conflicts.pop(id_)
                continue
            self.wrong[id_] = "; ".join(dict.fromkeys(said))
        return bool(found)

    def _find(self, fault: Fault) -> list[str]:
        ids = list(self._applied)
        parts = fault.pointer.split("/")
        if fault.pointer.startswith("/resolutions/"):
            index = int(parts[2]) if parts[2].isdigit() else len(ids)
            return [ids[index]] if index < len(ids) else []
        same = [id_ for id_ in ids if parts[1:3] == str(self.conflicts[id_].address).split("/")]
        places = {id_: f"/{self.conflicts[id_].address}{self.conflicts[id_].place}" for id_ in same}
        inside = [id_ for id_, place in places.items() if fault.pointer.startswith(place)]
        return inside or same


async def preview(
    choices: Choices, ask: Callable[[Resolutions], Awaitable[P]], conflicts_of: Callable[[P], Sequence[Conflict]]
) -> Preview[P]:
    """Returns what resolutions would give. A choice that is refused is told beside its conflict; the others hold.

    `ask` makes a plan. Raises NotAllowed.
    """
    found: Preview[P] = Preview(choices)
    for _ in range(ROUNDS):
        try:
            plan = await ask(found.resolutions)
        except NotAllowed:
            raise
        except GreenroomError as wrong:
            if isinstance(wrong, Invalid) and found.blame(wrong):
                continue
            found.refusal = refusal_of(wrong)
            break
        if not found.see(plan, conflicts_of(plan)):
            break
    return found
