"""What only the whole version shows: one default hand-off, who begins, one squad, and a model where one is needed."""

from __future__ import annotations

from collections.abc import Collection

from greenroom.domain.entities import Address
from greenroom.runtime import bodies
from greenroom.runtime.checks.findings import Findings

_FOR_MODELS = frozenset({"playbook", "conditional_prompt"})


def check_default_handoff(found: Findings) -> None:
    """Refuses more than one default hand-off."""
    defaults = [
        address
        for address in sorted(found.entities)
        if address.kind == "handoff" and bodies.mapping(found.entities[address]).get("default") is True
    ]
    if len(defaults) > 1:
        message = f"only one hand-off can be the default; these are: {', '.join(map(str, defaults))}"
        for address in defaults:
            hint = "switch 'default' off in all but one"
            found.refuse(f"/{address}/default", message, "several_default_handoffs", hint)


def check_agents(found: Findings) -> None:
    """Checks that it is clear which agent begins."""
    agents = [address for address in sorted(found.entities) if address.kind == "agent"]
    squads = any(address.kind == "squad" for address in found.entities)
    if not agents:
        message = "there is no agent: it answers with the settings' texts and greets with a plain hello"
        found.warn("/agent/main", message, "no_agent", "create agent/main")
    elif len(agents) > 1 and Address("agent", "main") not in agents and not squads:
        message = f"there are {len(agents)} agents and none is agent/main, so it is not clear which one answers"
        hint = f"agents are: {', '.join(map(str, agents))}; name one main, or let a squad say who begins"
        found.refuse("/agent", message, "no_main_agent", hint)


def check_squads(found: Findings) -> None:
    """Warns about squads that are not used."""
    squads = [address for address in sorted(found.entities) if address.kind == "squad"]
    used = next((address for address in squads if address.slug == "main"), squads[0] if squads else None)
    for address in squads:
        if address != used:
            message = f"{address} is not used: {used} is the one that leads conversations"
            found.warn(f"/{address}", message, "unused_squad", "put its members into the other one, and remove it")


def check_models(found: Findings, chosen: Collection[Address]) -> None:
    """Warns about those of the chosen entities that only a model can follow, where no agent has one."""
    wanting = [address for address in sorted(chosen) if address.kind in _FOR_MODELS or address.kind == "workflow"]
    agents = [address for address in sorted(found.entities) if address.kind == "agent"] if wanting else []
    if not all(_is_local(found, agent) for agent in agents):
        return
    hint = "choose a model in an agent (`model.provider`), or remove it"
    for address in wanting:
        if address.kind in _FOR_MODELS:
            message = f"{address} is for a model, and no agent has one: it does nothing"
            found.warn(f"/{address}", message, "needs_model", hint)
            continue
        steps = bodies.objects(bodies.mapping(found.entities[address]), "steps")
        first = next((at for at, step in enumerate(steps) if bodies.text(step, "type") == "prompt"), None)
        if first is not None:
            name = bodies.text(steps[first], "id")
            message = f"step '{name}' of {address} is for a model, and no agent has one: the workflow is left there"
            found.warn(f"/{address}/steps/{first}", message, "needs_model", hint)


def _is_local(found: Findings, agent: Address) -> bool:
    model = bodies.mapping(bodies.mapping(found.entities[agent]).get("model"))
    return (bodies.text(model, "provider") or "local") == "local"
