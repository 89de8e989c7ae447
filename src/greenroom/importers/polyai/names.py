"""What things are called: there by name, here by slug."""

from __future__ import annotations

from dataclasses import dataclass, field

from greenroom.domain.entities import Address, slugify
from greenroom.importers.polyai.desk import Desk

VARIANTS = Address("variant", "default")
UNDECLARED = "not declared anywhere, as is usual; made because this file uses it"
ONE_VARIABLE = "the collected entity and the state variable of this name are one variable here"

MAX_SLUG = 80


@dataclass(slots=True)
class Names:
    """One table per sort of thing that a `{{prefix:name}}` can name, filled before any text is rewritten.

    `functions` and `steps` are keyed by (flow, name), with flow '' for functions of the whole project.
    """

    desk: Desk
    functions: dict[tuple[str, str], str] = field(default_factory=dict[tuple[str, str], str])
    handoffs: dict[str, str] = field(default_factory=dict[str, str])
    templates: dict[str, str] = field(default_factory=dict[str, str])
    topics: dict[str, str] = field(default_factory=dict[str, str])
    translations: dict[str, str] = field(default_factory=dict[str, str])
    attributes: dict[str, str] = field(default_factory=dict[str, str])
    variants: dict[str, str] = field(default_factory=dict[str, str])
    collected: dict[str, str] = field(default_factory=dict[str, str])
    variables: dict[str, str] = field(default_factory=dict[str, str])
    types: dict[str, str] = field(default_factory=dict[str, str])
    _taken: dict[str, dict[str, str]] = field(default_factory=dict[str, dict[str, str]])

    def assign(self, kind: str, name: str, path: str, as_written: bool = False) -> str:
        """Returns a slug of `kind` for a name, with a number behind it (and a row) when it is taken.

        The rows and attributes of the table of variants have names of their own: kinds `row`, `attribute`.
        """
        taken = self._taken.setdefault(kind, {})
        plain = name if as_written else slugify(name)
        address = VARIANTS if kind in ("row", "attribute") else None
        return self.pick(plain, name, path, taken, kind, address)

    def pick(self, plain: str, name: str, path: str, taken: dict[str, str], kind: str, address: Address | None) -> str:
        """Returns `plain`, or the free one nearest to it after reporting why."""
        slug = choose_free(plain or kind, taken)
        if slug != plain:
            why = f"'{plain}' is taken" if plain else f"'{name[:60]}' has no letter for a slug"
            home = address or Address(kind, slug)
            self.desk.note(path, f"renamed {kind}", "read", f"{why}; this one is {slug}", address=home)
        taken[slug] = name
        return slug

    def declare_collected(self, name: str, path: str) -> str:
        """Returns the variable of an entity that the caller is asked for."""
        slug = self.assign("variable", name, path)
        self.collected[name] = slug
        return slug

    def use_variable(self, name: str, path: str) -> str:
        """Returns the variable of a state name, made on its first use."""
        if name in self.variables:
            return self.variables[name]
        if name in self.collected:
            self.variables[name] = self.collected[name]
            address = Address("variable", self.collected[name])
            self.desk.read(path, "state variable", address, reason=ONE_VARIABLE)
            return self.variables[name]
        slug = self.assign("variable", name, path)
        self.variables[name] = slug
        address = Address("variable", slug)
        self.desk.put(address, path, {"name": name, "type": self.types.get(name, "text")})
        self.desk.read(path, "state variable", address, reason=UNDECLARED)
        return slug


def choose_free(wanted: str, taken: dict[str, str]) -> str:
    """Returns `wanted`, or `wanted-2`, `-3` … whichever is not taken first."""
    slug, number = wanted, 1
    while slug in taken:
        number += 1
        tail = f"-{number}"
        slug = wanted[: MAX_SLUG - len(tail)] + tail
    return slug


def clean(name: str) -> str:
    """Returns a name as the ADK spells it in paths: lower case, punctuation as single underscores."""
    return slugify(name).replace("-", "_")
