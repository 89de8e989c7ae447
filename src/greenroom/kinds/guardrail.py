"""Guardrails: what may not be heard or said, and what happens then."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from greenroom.kinds.schema import (
    BodyModel,
    Checks,
    Choices,
    Fact,
    Field,
    Keyed,
    Link,
    ModelKind,
    SlugOrNone,
    Text,
    Words,
)


class GuardrailBody(BodyModel):
    """The fields of a guardrail."""

    description: Text = ""
    enabled: Annotated[bool, Fact(says=("switched on", "switched off"))] = True
    category: Annotated[
        Literal["custom", "personal_data", "prompt_injection", "profanity", "violence", "hate", "sexual", "self_harm"],
        Choices(
            {
                "custom": "own patterns",
                "personal_data": "personal data",
                "prompt_injection": "attempts to take the agent over",
                "self_harm": "self-harm",
            }
        ),
    ] = "custom"
    threshold: Annotated[float, Field(ge=0, le=1), Fact(hint="How sure it must be: 0.4 is strict, 0.9 lenient")] = 0.5
    patterns: Annotated[
        list[Words],
        Field(max_length=100),
        Keyed("value", noun="pattern", ordered=False),
        Fact(hint="RE2; found anywhere, in any case", verbatim=True),
    ] = []
    applies_to: Annotated[
        Literal["input", "output", "both"],
        Choices({"input": "what is heard", "output": "what is said"}),
        Fact(label="side"),
    ] = "both"
    action: Annotated[
        Literal["block", "reword", "handoff"],
        Choices({"block": "answer with the message instead", "reword": "mask it", "handoff": "hand off"}),
    ] = "block"
    message: Annotated[Text, Fact(hint="Said instead")] = ""
    handoff: Annotated[SlugOrNone, Link("handoff"), Fact(label="hand-off", hint="Empty for the default")] = ""


def _tests(checks: Checks) -> Iterator[str]:
    name, body = checks.change.name, checks.body
    if checks.removed or not body.get("enabled", True):
        yield f"Say something that '{name}' used to stop; check that letting it through is meant."
        return
    if checks.touches("category", "patterns", "threshold", "enabled", "applies_to"):
        yield f"Say two things that '{name}' must stop and two harmless ones close to them."
    if checks.touches("action", "message", "handoff"):
        doing = {"reword": "be masked", "handoff": "lead to the hand-off"}.get(body.get("action", ""), "be refused")
        yield f"Say something that '{name}' stops; it must {doing} with the new message."


KIND = ModelKind(
    name="guardrail",
    title="Guardrail",
    plural="guardrails",
    model=GuardrailBody,
    tests=_tests,
    sample={
        "schema": 1,
        "name": "Card numbers",
        "description": "No card number is ever read out or taken.",
        "enabled": False,
        "category": "personal_data",
        "threshold": 0.8,
        "patterns": ["cvv \\d{3}"],
        "applies_to": "input",
        "action": "handoff",
        "message": "Please do not tell me card details; a colleague will help.",
        "handoff": "front-desk",
    },
)
