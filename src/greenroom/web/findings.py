"""What is wrong with what is edited, beside its field: refused, broken for publishing, or odd."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from greenroom.domain.errors import Fault
from greenroom.services.entity_checks import Looked
from greenroom.web.forms import Refusal

TONES: Final = {"bad": "Not saved", "warn": "Publishing is refused", "quiet": "Note"}
_LINE: Final = re.compile(r"line (\d+): ")


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong. `tone` is bad (it was not saved), warn (it cannot be published) or quiet (it is odd)."""

    pointer: str
    text: str
    tone: str
    line: int = 0
    """The line of code that it is about, 0 for none."""

    @property
    def told(self) -> str:
        """Returns the text without the line that it begins with."""
        return _LINE.sub("", self.text, count=1) if self.line else self.text


@dataclass
class Findings:
    """Everything that is wrong with one entity. What no field took is left for the head of the form."""

    found: Sequence[Finding] = ()
    taken: set[str] = field(default_factory=set[str])

    def at(self, pointer: str) -> list[Finding]:
        """Returns what is wrong with a field."""
        self.taken.add(pointer)
        return [each for each in self.found if each.pointer == pointer]

    def within(self, pointer: str) -> list[Finding]:
        """Returns what is wrong with a field and anywhere inside it, each with its place."""
        head = f"{pointer}/"
        inside = [each for each in self.found if each.pointer.startswith(head)]
        self.taken.update(each.pointer for each in inside)
        placed = [Finding(e.pointer, f"{_place(e.pointer, head)}: {e.text}", e.tone, e.line) for e in inside]
        return [*self.at(pointer), *placed]

    def any_in(self, pointer: str) -> bool:
        """Says whether something is wrong with a field or inside it."""
        return any(each.pointer == pointer or each.pointer.startswith(f"{pointer}/") for each in self.found)

    @property
    def left(self) -> list[Finding]:
        """Returns what no field has taken."""
        return [each for each in self.found if each.pointer not in self.taken]


def _place(pointer: str, head: str) -> str:
    """Returns a place inside a field, counted as people count where it is a line."""
    inner = pointer.removeprefix(head)
    return f"line {int(inner) + 1}" if inner.isdigit() else inner


def findings_of(refusal: Refusal, looked: Looked | None = None) -> Findings:
    """Returns the findings of a refused form, else of what was looked at."""
    if refusal:
        return Findings(list(_each(refusal.faults, "bad")))
    looked = looked or Looked()
    return Findings([*_each(looked.errors, "warn"), *_each(looked.warnings, "quiet")])


def _each(faults: Iterable[Fault], tone: str) -> Iterable[Finding]:
    for fault in faults:
        line = _LINE.match(fault.message)
        text = f"{fault.message} ({fault.hint})" if fault.hint else fault.message
        yield Finding(fault.pointer, text, tone, int(line[1]) if line else 0)
