"""What a kind of entity must say about itself. The kinds themselves live one floor up."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from greenroom.domain.entities import Address, Body
from greenroom.domain.errors import Fault

TextForm = Literal["value", "text", "code"]
"""How a changed field is shown: as before → after, word by word, or as a code diff by lines."""


@dataclass(frozen=True, slots=True)
class Shape:
    """Facts about a value that diff and merge need.

    A mapping has `fields`; a list has `items` and, when its elements have an identity, `identity`: the name
    of the field that identifies an object, or `"value"` for a list of unique scalars. `ordered=False` says
    that the order of such a list means nothing. Without an identity a list is one value.
    """

    form: TextForm = "value"
    label: str = ""
    fields: Mapping[str, Shape] = field(default_factory=dict[str, "Shape"])
    items: Shape | None = None
    identity: str | None = None
    ordered: bool = True


@dataclass(frozen=True, slots=True)
class Mention:
    """One place in a body that names another entity. `optional` mentions may dangle (warned, not refused)."""

    pointer: str
    target: Address
    optional: bool = False


class Kind(Protocol):
    """The facts about one kind; every method is pure.

    Nothing here says how an entity is stored or sent.
    """

    @property
    def name(self) -> str:
        """Returns the word in addresses: `topic`."""
        ...

    @property
    def title(self) -> str:
        """Returns the word for people: `Topic`."""
        ...

    @property
    def plural(self) -> str:
        """Returns the words for several of them in a sentence: `topics`."""
        ...

    @property
    def schema(self) -> int:
        """Returns the number of the schema that new bodies are written with."""
        ...

    @property
    def singleton(self) -> str | None:
        """Returns the only slug this kind may have, or None."""
        ...

    @property
    def shape(self) -> Shape:
        """Returns the shape of the body's fields."""
        ...

    @property
    def sample(self) -> Body:
        """Returns a complete, valid body for tests, documentation and empty forms."""
        ...

    def upgrade(self, body: Body) -> Body:
        """Returns the body as the present schema would write it; never stored back."""
        ...

    def validate(self, body: Body) -> tuple[Fault, ...]:
        """Returns what is wrong with a body, with pointers; nothing when it is sound."""
        ...

    def complete(self, body: Body) -> Body:
        """Returns a valid body with `schema`, defaults left out, in the one form that is stored.

        Raises Invalid with a pointer for each fault.
        """
        ...

    def mentions(self, body: Body) -> tuple[Mention, ...]:
        """Returns every place where the body names another entity."""
        ...

    def describe_change(self, change: Any) -> str:
        """Returns a change of one entity in plain words: `voice stability 0.6 → 0.8`."""
        ...

    def tests_for(self, change: Any) -> tuple[str, ...]:
        """Returns the tests that a person should make for a change, for the release checklist."""
        ...


Registry = Mapping[str, Kind]
"""Kind name → kind, in the order of the one list."""

Upgrade = Callable[[dict[str, Any]], dict[str, Any]]
