"""What a comparison says: the values that diffs make and that kinds, summaries and checklists read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal, NamedTuple

from greenroom.domain.canonical import Digest
from greenroom.domain.entities import Address, Body
from greenroom.domain.kind import TextForm

Operation = Literal["added", "removed", "edited"]
FieldOperation = Literal["added", "removed", "edited", "reordered"]


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One change inside a body.

    `pointer` holds field names and, for elements of keyed lists, the value of the identity field (for lists
    of unique texts: the text). `label` is the same for people. An added field or element has no `before`, a
    removed one no `after` (both None; null is a value, so ask `op`). `index` is the place of an added element
    in the list after, of a removed one in the list before; None outside keyed lists. `reordered` points at
    the list itself; its `before` and `after` are the keys of the elements that are in both.
    """

    pointer: tuple[str, ...]
    label: str
    op: FieldOperation
    before: Any = None
    after: Any = None
    index: int | None = None
    form: TextForm = "value"


class Rewired(NamedTuple):
    """The entities that a body names now and did not before, and the other way round; each sorted."""

    added: tuple[Address, ...] = ()
    removed: tuple[Address, ...] = ()


NOT_REWIRED: Final = Rewired()


@dataclass(frozen=True, slots=True)
class SnapshotChange:
    """An entity that is not the same in two snapshots; None where it does not exist."""

    address: Address
    before: Digest | None
    after: Digest | None

    @property
    def op(self) -> Operation:
        """Returns what happened to the entity between the two."""
        if self.before is None:
            return "added"
        return "removed" if self.after is None else "edited"


@dataclass(frozen=True, slots=True)
class Change:
    """An entity that was added, removed or edited, with both bodies as the present schema would write them.

    `name` is the display name (the later one). `fields` is empty unless the entity was edited.
    """

    address: Address
    op: Operation
    name: str
    fields: tuple[FieldChange, ...] = ()
    before: Body | None = None
    after: Body | None = None
    rewired: Rewired = NOT_REWIRED


@dataclass(frozen=True, slots=True)
class Comparison:
    """Everything that differs between two states, in the order of the kinds and then of slugs.

    `unchanged_kinds` are the names of kinds that exist in either state and have no change; `unchanged` says
    so in words ("no rule or voice changes"). `same_meaning` are entities that were only written differently
    (an older schema): they are no changes.
    """

    changes: tuple[Change, ...]
    unchanged_kinds: tuple[str, ...]
    summary: str
    unchanged: str
    same_meaning: tuple[Address, ...] = ()
