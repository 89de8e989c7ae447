"""What answers: topics, rules, sites and response controls."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from greenroom.domain.entities import Address, Body
from greenroom.runtime import bodies
from greenroom.runtime.checks.findings import Findings
from greenroom.runtime.patterns import compile_replacement


def check_topic(found: Findings, address: Address, body: Body) -> None:
    """Checks the conditions of a topic's actions, and that there is something to answer with."""
    for index, action in enumerate(bodies.objects(body, "actions")):
        found.condition(f"/{address}/actions/{index}/condition", bodies.text(action, "condition"))
    if not (bodies.text(body, "content").strip() or body.get("actions") or bodies.text(body, "instructions").strip()):
        message = f"{address} has no content, actions or instructions: callers who ask it get the fallback"
        found.warn(f"/{address}", message, "empty_topic", "write its content, or switch it off")


def check_sites(found: Findings, address: Address, body: Body) -> None:
    """Checks when a site is chosen."""
    for index, row in enumerate(bodies.objects(body, "rows")):
        found.condition(f"/{address}/rows/{index}/condition", bodies.text(row, "condition"))


def check_rule(found: Findings, address: Address, body: Body) -> None:
    """Checks when a rule applies."""
    found.condition(f"/{address}/applies_when", bodies.text(body, "applies_when"))


def check_response_control(found: Findings, address: Address, body: Body) -> None:
    """Checks every pattern of response controls."""
    for index, entry in enumerate(bodies.objects(body, "stop_phrases")):
        found.patterns(f"/{address}/stop_phrases/{index}/patterns", bodies.texts(entry, "patterns"))
    for index, entry in enumerate(bodies.objects(body, "pronunciations")):
        _check_replacement(found, f"/{address}/pronunciations/{index}/pattern", entry)
    for index, entry in enumerate(bodies.objects(body, "corrections")):
        for at, pattern in enumerate(bodies.objects(entry, "patterns")):
            _check_replacement(found, f"/{address}/corrections/{index}/patterns/{at}/pattern", pattern)


def _check_replacement(found: Findings, pointer: str, entry: Mapping[str, Any]) -> None:
    pattern, new = bodies.text(entry, "pattern"), bodies.text(entry, "replacement")
    found.pattern(pointer, lambda: compile_replacement(pattern, new))
