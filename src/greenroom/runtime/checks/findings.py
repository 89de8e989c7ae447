"""The faults found so far, and the ways of finding them that several kinds share."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from greenroom.domain.entities import Address, Body
from greenroom.domain.errors import Fault, Invalid
from greenroom.runtime.conditions import Condition, compile_condition, compile_expression
from greenroom.runtime.patterns import compile_pattern


class Findings:
    """Errors and warnings of one run of checks. `entities` may load bodies when asked."""

    def __init__(self, entities: Mapping[Address, Body]) -> None:
        self.entities = entities
        self.errors: list[Fault] = []
        self.warnings: list[Fault] = []

    def refuse(self, pointer: str, message: str, code: str, hint: str = "") -> None:
        """Adds what must be put right before publishing."""
        self.errors.append(Fault(pointer, message, code, hint))

    def warn(self, pointer: str, message: str, code: str, hint: str = "") -> None:
        """Adds what is odd."""
        self.warnings.append(Fault(pointer, message, code, hint))

    def condition(self, pointer: str, text: str, *, in_workflow: bool = False) -> None:
        """Checks a condition, and that the variables that it reads are there."""
        self._compile(pointer, text, lambda: compile_condition(text, in_workflow=in_workflow))

    def expression(self, pointer: str, text: str) -> None:
        """Checks an expression of a workflow's step, which may give any type."""
        self._compile(pointer, text, lambda: compile_expression(text))

    def _compile(self, pointer: str, text: str, build: Callable[[], Condition]) -> None:
        if not text.strip():
            return
        try:
            condition = build()
        except Invalid as wrong:
            self.refuse(pointer, wrong.detail, wrong.code, wrong.errors[0].hint)
            return
        for name in condition.variables:
            if not any(Address("variable", slug) in self.entities for slug in (name, name.replace("_", "-"))):
                message = f"the condition reads vars.{name}, but there is no variable/{name}"
                hint = f"it never holds unless a caller sets it; create variable/{name}"
                self.warn(pointer, message, "unknown_variable", hint)

    def pattern(self, pointer: str, build: Callable[[], object]) -> None:
        """Refuses broken patterns; what other engines take is only warned about, so that imports work."""
        try:
            build()
        except Invalid as wrong:
            unsupported = wrong.code == "unsupported_pattern"
            message = f"{wrong.detail}; it is left out until it is rewritten" if unsupported else wrong.detail
            fault = Fault(pointer, message, wrong.code, wrong.errors[0].hint)
            (self.warnings if unsupported else self.errors).append(fault)

    def patterns(self, pointer: str, texts: Sequence[str]) -> None:
        """Checks a list of patterns, each with its place."""
        for at, text in enumerate(texts):
            self.pattern(f"{pointer}/{at}", lambda text=text: compile_pattern(text))
