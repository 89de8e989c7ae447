"""What publishing asks beyond bodies and references: that it compiles and holds together."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Any

from greenroom.domain.entities import Address, Body
from greenroom.domain.errors import Fault, Invalid
from greenroom.domain.references import walk_texts
from greenroom.runtime import bodies
from greenroom.runtime.conditions import compile_condition
from greenroom.runtime.patterns import compile_pattern, compile_replacement
from greenroom.runtime.texts import ANY_PLACEHOLDER, ARGUMENT, NAMED, PARAMETER

VERBATIM = {
    "function": ("/code", "/latency", "/parameters"),
    "settings": ("/imported_files", "/imported"),
    "workflow": ("/settings",),
    "test_set": ("/cases",),
}
"""Parts of bodies that are code or another system's: braces in them are not ours."""

Found = tuple[list[Fault], list[Fault]]


def check_program(
    entities: Mapping[Address, Body], only: Collection[Address] | None = None
) -> tuple[tuple[Fault, ...], tuple[Fault, ...]]:
    """Returns (errors, warnings) of a snapshot; pointers are `/kind/slug/field…`.

    `only` are the changed or removed entities and those that mention them; then nothing else is read but the
    hand-offs (if one of them changed), the site table and the components that texts include. `entities` may
    load bodies when asked: it is never walked for values.
    """
    found: Found = ([], [])
    chosen = sorted(entities) if only is None else sorted(address for address in only if address in entities)
    checking = _Checking(entities, found)
    for address in chosen:
        checking.check(address)
    touched = {address.kind for address in (chosen if only is None else only)}
    if only is None or "handoff" in touched:
        _check_default_handoff(entities, found)
    if only is None or "agent" in touched:
        _check_agents(entities, found)
    return tuple(found[0]), tuple(found[1])


class _Checking:
    """One run of checks over chosen entities."""

    def __init__(self, entities: Mapping[Address, Body], found: Found) -> None:
        self.entities = entities
        self.errors, self.warnings = found
        self.attributes: frozenset[str] | None = None
        self.by_kind: Mapping[str, Callable[[Address, Body], None]] = {
            "topic": self._topic,
            "rule": self._rule,
            "response_control": self._response_control,
            "component": self._component,
            "workflow": self._workflow,
        }

    def check(self, address: Address) -> None:
        body = bodies.mapping(self.entities[address])
        own = self.by_kind.get(address.kind)
        if own is not None:
            own(address, body)
        for pointer, text in _texts(address, body):
            if "{{" in text:
                self._placeholders(f"/{address}{pointer}", text)

    def _topic(self, address: Address, body: Body) -> None:
        for index, action in enumerate(bodies.objects(body, "actions")):
            self._condition(f"/{address}/actions/{index}/condition", bodies.text(action, "condition"))
        if not (
            bodies.text(body, "content").strip() or body.get("actions") or bodies.text(body, "instructions").strip()
        ):
            message = f"{address} has no content, actions or instructions: callers who ask it get the fallback"
            self.warnings.append(Fault(f"/{address}", message, "empty_topic", "write its content, or switch it off"))

    def _rule(self, address: Address, body: Body) -> None:
        self._condition(f"/{address}/applies_when", bodies.text(body, "applies_when"))

    def _condition(self, pointer: str, text: str) -> None:
        if not text.strip():
            return
        try:
            condition = compile_condition(text)
        except Invalid as wrong:
            self.errors.append(Fault(pointer, wrong.detail, wrong.code, wrong.errors[0].hint))
            return
        for name in condition.variables:
            if not any(Address("variable", slug) in self.entities for slug in (name, name.replace("_", "-"))):
                message = f"the condition reads vars.{name}, but there is no variable/{name}"
                self.warnings.append(
                    Fault(
                        pointer,
                        message,
                        "unknown_variable",
                        f"it never holds unless a caller sets it; create variable/{name}",
                    )
                )

    def _response_control(self, address: Address, body: Body) -> None:
        for index, entry in enumerate(bodies.objects(body, "stop_phrases")):
            for at, text in enumerate(bodies.texts(entry, "patterns")):
                self._pattern(f"/{address}/stop_phrases/{index}/patterns/{at}", lambda text=text: compile_pattern(text))
        for index, entry in enumerate(bodies.objects(body, "pronunciations")):
            self._replacement(f"/{address}/pronunciations/{index}/pattern", entry)
        for index, entry in enumerate(bodies.objects(body, "corrections")):
            for at, pattern in enumerate(bodies.objects(entry, "patterns")):
                self._replacement(f"/{address}/corrections/{index}/patterns/{at}/pattern", pattern)

    def _replacement(self, pointer: str, entry: Mapping[str, Any]) -> None:
        found, new = bodies.text(entry, "pattern"), bodies.text(entry, "replacement")
        self._pattern(pointer, lambda: compile_replacement(found, new))

    def _pattern(self, pointer: str, build: Callable[[], object]) -> None:
        """Refuses broken patterns; what other engines take is only warned about, so that imports work."""
        try:
            build()
        except Invalid as wrong:
            unsupported = wrong.code == "unsupported_pattern"
            message = f"{wrong.detail}; it is left out until it is rewritten" if unsupported else wrong.detail
            fault = Fault(pointer, message, wrong.code, wrong.errors[0].hint)
            (self.warnings if unsupported else self.errors).append(fault)

    def _component(self, address: Address, body: Body) -> None:
        text, parameters = bodies.text(body, "text"), bodies.texts(body, "parameters")
        for name in sorted(set(PARAMETER.findall(text)) - set(parameters)):
            message = f"{address} has {{{name}}} in its text, but no parameter of that name: it is said as written"
            self.warnings.append(
                Fault(f"/{address}/text", message, "unknown_parameter", f"add '{name}' to its parameters")
            )
        ring = self._find_ring(address)
        if ring:
            message = f"components include one another without end: {' → '.join(map(str, ring))}"
            self.errors.append(Fault(f"/{address}/text", message, "component_cycle", "take one of the mentions out"))

    def _find_ring(self, first: Address) -> tuple[Address, ...]:
        """Returns a path of components from `first` back to itself."""
        waiting: list[tuple[Address, ...]] = [(first,)]
        seen: set[Address] = set()
        while waiting:
            path = waiting.pop()
            text = bodies.text(bodies.mapping(self.entities.get(path[-1])), "text")
            for _, head, slug, _ in _named(text):
                if head != "component":
                    continue
                if Address(head, slug) == first:
                    return (*path, first)
                if Address(head, slug) not in seen:
                    seen.add(Address(head, slug))
                    waiting.append((*path, Address(head, slug)))
        return ()

    def _placeholders(self, pointer: str, text: str) -> None:
        for whole, head, slug, given in _named(text):
            if head == "variant" and slug not in self._site_attributes():
                known = ", ".join(sorted(self._site_attributes())) or "none"
                message = f"{whole} names an attribute that variant/default does not have"
                self.errors.append(Fault(pointer, message, "unknown_attribute", f"attributes are: {known}"))
            if head == "component" and given.strip():
                self._arguments(pointer, whole, Address(head, slug), given)
        for match in ANY_PLACEHOLDER.finditer(text):
            if NAMED.fullmatch(match.group(1)) is None:
                message = f"{match.group(0)[:80]} is not a placeholder; nothing is said in its place"
                hint = "placeholders are written {{kind.slug}}, for example {{variable.guest_name}}"
                self.warnings.append(Fault(pointer, message, "unknown_placeholder", hint))

    def _arguments(self, pointer: str, whole: str, component: Address, given: str) -> None:
        if component not in self.entities:
            # A mention with arguments is not in the reference index, so it is looked up here.
            self.errors.append(Fault(pointer, f"{whole} names {component}, which does not exist", "dangling_reference"))
            return
        known = bodies.texts(bodies.mapping(self.entities[component]), "parameters")
        for name, _ in ARGUMENT.findall(given):
            if name not in known:
                message = f"{whole} gives '{name}', which {component} does not take"
                hint = f"its parameters are: {', '.join(known) or 'none'}"
                self.errors.append(Fault(pointer, message, "unknown_parameter", hint))

    def _site_attributes(self) -> frozenset[str]:
        if self.attributes is None:
            body = bodies.mapping(self.entities.get(Address("variant", "default")))
            self.attributes = frozenset(bodies.texts(body, "attributes"))
        return self.attributes

    def _workflow(self, address: Address, body: Body) -> None:
        """Whether steps exist is the kind's own check; workflows are not run yet, so conditions only warn."""
        for index, step in enumerate(bodies.objects(body, "steps")):
            for at, branch in enumerate(bodies.objects(step, "branches")):
                text = bodies.text(branch, "condition")
                try:
                    if text.strip():
                        compile_condition(text, in_workflow=True)
                except Invalid as wrong:
                    pointer = f"/{address}/steps/{index}/branches/{at}/condition"
                    self.warnings.append(Fault(pointer, wrong.detail, wrong.code, wrong.errors[0].hint))


def _named(text: str) -> Iterator[tuple[str, str, str, str]]:
    """Yields (placeholder, head, slug, arguments) of every well-formed placeholder."""
    for match in ANY_PLACEHOLDER.finditer(text):
        named = NAMED.fullmatch(match.group(1))
        if named is not None:
            head, slug, given = named.groups()
            yield match.group(0), head, slug, given


def _texts(address: Address, body: Body) -> Iterable[tuple[str, str]]:
    skipped = VERBATIM.get(address.kind, ())
    for pointer, text in walk_texts(body):
        if not any(pointer.startswith(part) or part + "/" in pointer for part in skipped):
            yield pointer, text


def _check_default_handoff(entities: Mapping[Address, Body], found: Found) -> None:
    defaults = [
        address
        for address in sorted(entities)
        if address.kind == "handoff" and bodies.mapping(entities[address]).get("default") is True
    ]
    if len(defaults) > 1:
        message = f"only one hand-off can be the default; these are: {', '.join(map(str, defaults))}"
        for address in defaults:
            hint = "switch 'default' off in all but one"
            found[0].append(Fault(f"/{address}/default", message, "several_default_handoffs", hint))


def _check_agents(entities: Mapping[Address, Body], found: Found) -> None:
    agents = [address for address in sorted(entities) if address.kind == "agent"]
    if not agents:
        message = "there is no agent: it answers with the settings' texts and greets with a plain hello"
        found[1].append(Fault("/agent/main", message, "no_agent", "create agent/main"))
    elif len(agents) > 1 and Address("agent", "main") not in agents:
        message = f"there are {len(agents)} agents and none is agent/main, so it is not clear which one answers"
        found[0].append(Fault("/agent", message, "no_main_agent", f"agents are: {', '.join(map(str, agents))}"))
