"""All checks over a snapshot, or over what a change of it can break."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

from greenroom.domain.entities import Address, Body
from greenroom.domain.errors import Fault
from greenroom.runtime import bodies
from greenroom.runtime.checks import answers, calls, leads, wholes, workflows
from greenroom.runtime.checks.findings import Findings
from greenroom.runtime.checks.texts import TextChecks, check_component

_BY_KIND: Mapping[str, Callable[[Findings, Address, Body], None]] = {
    "topic": answers.check_topic,
    "rule": answers.check_rule,
    "variant": answers.check_sites,
    "response_control": answers.check_response_control,
    "component": check_component,
    "workflow": workflows.check_workflow,
    "squad": leads.check_squad,
    "conditional_prompt": leads.check_conditional_prompt,
    "routing_rule": leads.check_routing_rule,
    "guardrail": leads.check_guardrail,
    "playbook": leads.check_playbook,
    "tool": calls.check_tool,
    "integration": calls.check_integration,
    "mcp": calls.check_mcp,
    "knowledge": calls.check_knowledge,
}


def check_program(
    entities: Mapping[Address, Body], only: Collection[Address] | None = None
) -> tuple[tuple[Fault, ...], tuple[Fault, ...]]:
    """Returns (errors, warnings) of a snapshot; pointers are `/kind/slug/field…`.

    `only` are the changed or removed entities and those that mention them; then nothing else is read but the
    hand-offs (if one of them changed), the agents (if what only a model follows did), the site table and the
    components that texts include. `entities` may load bodies when asked: it is never walked for values.
    """
    found = Findings(entities)
    chosen = sorted(entities) if only is None else sorted(address for address in only if address in entities)
    texts = TextChecks(found)
    for address in chosen:
        body = bodies.mapping(entities[address])
        own = _BY_KIND.get(address.kind)
        if own is not None:
            own(found, address, body)
        texts.check(address, body)
    touched = {address.kind for address in (chosen if only is None else only)}
    if only is None or "handoff" in touched:
        wholes.check_default_handoff(found)
    if only is None or touched & {"agent", "squad"}:
        wholes.check_agents(found)
        wholes.check_squads(found)
    wholes.check_models(found, sorted(entities) if "agent" in touched else chosen)
    return tuple(found.errors), tuple(found.warnings)
