"""What leads a conversation: squads, conditional prompts, routing rules, guardrails, playbooks."""

from __future__ import annotations

from greenroom.domain.entities import Address, Body
from greenroom.runtime import bodies
from greenroom.runtime.checks.findings import Findings


def check_squad(found: Findings, address: Address, body: Body) -> None:
    """Checks that a squad has members, and when it hands over. That its entry is a member is the kind's own check."""
    if not bodies.texts(body, "members"):
        message = f"{address} has no members, so no agent of it can begin"
        found.refuse(f"/{address}/members", message, "required", "add agents to 'members', or remove the squad")
    for index, transfer in enumerate(bodies.objects(body, "transfers")):
        found.condition(f"/{address}/transfers/{index}/condition", bodies.text(transfer, "condition"))


def check_conditional_prompt(found: Findings, address: Address, body: Body) -> None:
    """Checks when a prompt is added, and that it says something."""
    found.condition(f"/{address}/condition", bodies.text(body, "condition"))
    if not bodies.text(body, "text").strip():
        message = f"{address} has no text, so it tells the model nothing"
        found.refuse(f"/{address}/text", message, "required", "write what the model is to do while the condition holds")


def check_routing_rule(found: Findings, address: Address, body: Body) -> None:
    """Checks when a rule holds, and that one that is on leads somewhere."""
    found.condition(f"/{address}/condition", bodies.text(body, "condition"))
    target = bodies.mapping(body.get("target"))
    if bodies.flag(body, "enabled", True) and not bodies.text(target, "value").strip():
        kind = bodies.text(target, "type") or "queue"
        message = f"{address} does not say which {kind} it leads to"
        found.refuse(f"/{address}/target/value", message, "required", f"name the {kind}, or switch the rule off")


def check_guardrail(found: Findings, address: Address, body: Body) -> None:
    """Checks a guardrail's patterns, and that one of its own making that is on has some."""
    patterns = bodies.texts(body, "patterns")
    found.patterns(f"/{address}/patterns", patterns)
    own = (bodies.text(body, "category") or "custom") == "custom"
    if own and not patterns and bodies.flag(body, "enabled", True):
        message = f"{address} finds things by its own patterns, and has none: it never stops anything"
        found.refuse(f"/{address}/patterns", message, "required", "add a pattern, choose a category, or switch it off")


def check_playbook(found: Findings, address: Address, body: Body) -> None:
    """Checks that a playbook has a goal, and when it is done."""
    if not bodies.text(body, "goal").strip():
        message = f"{address} has no goal, so the model does not know what to work towards"
        found.refuse(f"/{address}/goal", message, "required", "say in a sentence what is to be reached")
    found.condition(f"/{address}/done_when", bodies.text(body, "done_when"))
