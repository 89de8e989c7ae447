"""Routing rules: where a turn goes before anything else answers it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from greenroom.kinds.schema import (
    BodyModel,
    Checks,
    Choices,
    Condition,
    Fact,
    Field,
    Line,
    Link,
    ModelKind,
    Part,
    Text,
)

_TARGETS = {"agent": "agent", "workflow": "workflow", "handoff": "handoff"}


class Target(Part):
    """Where it goes."""

    type: Annotated[
        Literal["agent", "workflow", "handoff", "queue"],
        Choices({"handoff": "hand-off"}),
    ] = "queue"
    value: Annotated[Line, Link(by="type", kinds=_TARGETS), Fact(label="target")] = ""


class RoutingRuleBody(BodyModel):
    """The fields of a routing rule."""

    description: Text = ""
    enabled: Annotated[bool, Fact(says=("switched on", "switched off"))] = True
    condition: Condition = ""
    target: Target = Target()
    priority: Annotated[int, Field(ge=-1_000, le=1_000), Fact(hint="Higher ones are tried first")] = 0
    message: Annotated[Text, Fact(hint="Said before it goes there")] = ""


def _tests(checks: Checks) -> Iterator[str]:
    name, target = checks.change.name, checks.body.get("target", {}).get("value", "")
    if checks.removed or not checks.body.get("enabled", True):
        yield f"Bring a conversation to where '{name}' held; the usual agent must answer."
        return
    if checks.touches("condition", "target", "priority", "enabled"):
        yield f"Bring a conversation to where '{name}' holds; it must go to '{target}', and nowhere else otherwise."
    if checks.touches("message"):
        yield f"Bring a conversation to where '{name}' holds; the new message must be said."


KIND = ModelKind(
    name="routing_rule",
    title="Routing rule",
    plural="routing rules",
    model=RoutingRuleBody,
    tests=_tests,
    sample={
        "schema": 1,
        "name": "Night porter",
        "description": "Nobody is at the desk at night.",
        "enabled": False,
        "condition": "time.hour < 6",
        "target": {"type": "workflow", "value": "change-booking"},
        "priority": 5,
        "message": "One moment, please.",
    },
)
