"""The entities of a version while they are compiled, and the problems met."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

from greenroom.domain.entities import Address, Body
from greenroom.domain.errors import Fault, Invalid
from greenroom.runtime import bodies
from greenroom.runtime.conditions import compile_condition
from greenroom.runtime.patterns import Pattern, compile_pattern
from greenroom.runtime.plans import ALWAYS, Guard

MAX_PATTERNS = 2_000
T = TypeVar("T")


def name_of(slug: str, body: Body) -> str:
    """Returns the display name of an entity."""
    return bodies.text(body, "name") or slug.replace("-", " ").replace("_", " ")


class Compiling:
    """The entities by kind, and the problems met so far."""

    def __init__(self, entities: Mapping[Address, Body]) -> None:
        self.kinds: dict[str, list[tuple[str, Body]]] = {}
        for address in sorted(entities):
            self.kinds.setdefault(address.kind, []).append((address.slug, bodies.mapping(entities[address])))
        self.problems: list[Fault] = []
        self.patterns = 0

    def each(self, kind: str, build: Callable[[str, Body], T]) -> dict[str, T]:
        """Builds the plans of one kind; an entity that cannot be read at all is left out."""
        plans: dict[str, T] = {}
        for slug, body in self.kinds.get(kind, ()):
            try:
                plans[slug] = build(slug, body)
            except (TypeError, ValueError, KeyError, AttributeError, RecursionError) as wrong:
                self.note(f"/{kind}/{slug}", f"cannot be used: {wrong!r}"[:300])
        return plans

    def note(self, pointer: str, message: str) -> None:
        self.problems.append(Fault(pointer, message, "left_out"))

    def guard(self, text: str, pointer: str, *, in_workflow: bool = False) -> Guard:
        """Returns a body's condition; a broken one never holds."""
        if not text.strip():
            return ALWAYS
        try:
            return Guard(text, compile_condition(text, in_workflow=in_workflow))
        except Invalid as wrong:
            self.note(pointer, wrong.detail)
            return Guard(text, None, wrong.detail)

    def pattern(self, build: Callable[[], T], pointer: str) -> T | None:
        """Returns a compiled pattern, or None (and a problem) when it cannot be."""
        self.patterns += 1
        if self.patterns > MAX_PATTERNS:
            if self.patterns == MAX_PATTERNS + 1:
                self.note(pointer, f"more than {MAX_PATTERNS:,} patterns in one version; the rest is left out")
            return None
        try:
            return build()
        except Invalid as wrong:
            self.note(pointer, wrong.detail)
            return None

    def patterns_in(self, texts: tuple[str, ...], pointer: str, *, case_sensitive: bool = True) -> tuple[Pattern, ...]:
        """Returns those of the patterns that can be used."""
        made = (
            self.pattern(lambda text=text: compile_pattern(text, case_sensitive=case_sensitive), f"{pointer}/{at}")
            for at, text in enumerate(texts)
        )
        return tuple(pattern for pattern in made if pattern is not None)
