"""Texts: their placeholders, and the components that they include."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from greenroom.domain.entities import Address, Body
from greenroom.domain.references import walk_texts
from greenroom.runtime import bodies
from greenroom.runtime.checks.findings import Findings
from greenroom.runtime.texts import ANY_PLACEHOLDER, ARGUMENT, NAMED, PARAMETER

VERBATIM = {
    "function": ("/code", "/latency", "/parameters"),
    "tool": ("/parameters",),
    "guardrail": ("/patterns",),
    "settings": ("/imported_files", "/imported"),
    "workflow": ("/settings",),
    "test_set": ("/cases",),
}
"""Parts of bodies that are code, patterns or another system's: braces in them are not ours."""


class TextChecks:
    """Checks the texts of any entity. The sites' attributes are read once, and only where a text names one."""

    def __init__(self, found: Findings) -> None:
        self._found = found
        self._attributes: frozenset[str] | None = None

    def check(self, address: Address, body: Body) -> None:
        """Checks every placeholder of an entity."""
        for pointer, text in _texts(address, body):
            if "{{" in text:
                self._placeholders(f"/{address}{pointer}", text)

    def _placeholders(self, pointer: str, text: str) -> None:
        for whole, head, slug, given in named(text):
            if head == "variant" and slug not in self._site_attributes():
                known = ", ".join(sorted(self._site_attributes())) or "none"
                message = f"{whole} names an attribute that variant/default does not have"
                self._found.refuse(pointer, message, "unknown_attribute", f"attributes are: {known}")
            if head == "component" and given.strip():
                self._arguments(pointer, whole, Address(head, slug), given)
        for match in ANY_PLACEHOLDER.finditer(text):
            if NAMED.fullmatch(match.group(1)) is None:
                message = f"{match.group(0)[:80]} is not a placeholder; nothing is said in its place"
                hint = "placeholders are written {{kind.slug}}, for example {{variable.guest_name}}"
                self._found.warn(pointer, message, "unknown_placeholder", hint)

    def _arguments(self, pointer: str, whole: str, component: Address, given: str) -> None:
        if component not in self._found.entities:
            # A mention with arguments is not in the reference index, so it is looked up here.
            self._found.refuse(pointer, f"{whole} names {component}, which does not exist", "dangling_reference")
            return
        known = bodies.texts(bodies.mapping(self._found.entities[component]), "parameters")
        for name, _ in ARGUMENT.findall(given):
            if name not in known:
                message = f"{whole} gives '{name}', which {component} does not take"
                hint = f"its parameters are: {', '.join(known) or 'none'}"
                self._found.refuse(pointer, message, "unknown_parameter", hint)

    def _site_attributes(self) -> frozenset[str]:
        if self._attributes is None:
            body = bodies.mapping(self._found.entities.get(Address("variant", "default")))
            self._attributes = frozenset(bodies.texts(body, "attributes"))
        return self._attributes


def check_component(found: Findings, address: Address, body: Body) -> None:
    """Checks a component's parameters, and that it does not include itself on any way."""
    text, parameters = bodies.text(body, "text"), bodies.texts(body, "parameters")
    for name in sorted(set(PARAMETER.findall(text)) - set(parameters)):
        message = f"{address} has {{{name}}} in its text, but no parameter of that name: it is said as written"
        found.warn(f"/{address}/text", message, "unknown_parameter", f"add '{name}' to its parameters")
    ring = _find_ring(found, address)
    if ring:
        message = f"components include one another without end: {' → '.join(map(str, ring))}"
        found.refuse(f"/{address}/text", message, "component_cycle", "take one of the mentions out")


def _find_ring(found: Findings, first: Address) -> tuple[Address, ...]:
    """Returns a path of components from `first` back to itself."""
    waiting: list[tuple[Address, ...]] = [(first,)]
    seen: set[Address] = set()
    while waiting:
        path = waiting.pop()
        text = bodies.text(bodies.mapping(found.entities.get(path[-1])), "text")
        for _, head, slug, _ in named(text):
            if head != "component":
                continue
            if Address(head, slug) == first:
                return (*path, first)
            if Address(head, slug) not in seen:
                seen.add(Address(head, slug))
                waiting.append((*path, Address(head, slug)))
    return ()


def named(text: str) -> Iterator[tuple[str, str, str, str]]:
    """Yields (placeholder, head, slug, arguments) of every well-formed placeholder."""
    for match in ANY_PLACEHOLDER.finditer(text):
        found = NAMED.fullmatch(match.group(1))
        if found is not None:
            head, slug, given = found.groups()
            yield match.group(0), head, slug, given


def _texts(address: Address, body: Body) -> Iterable[tuple[str, str]]:
    skipped = VERBATIM.get(address.kind, ())
    for pointer, text in walk_texts(body):
        if not any(pointer.startswith(part) or part + "/" in pointer for part in skipped):
            yield pointer, text
