"""Conditional prompts: texts that a model is told only while a condition holds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from greenroom.kinds.schema import BodyModel, Checks, Condition, Fact, Field, ModelKind, Text


class ConditionalPromptBody(BodyModel):
    """The fields of a conditional prompt."""

    condition: Condition = ""
    text: Annotated[Text, Fact(hint="Added to the instructions while the condition holds")] = ""
    priority: Annotated[int, Field(ge=-1_000, le=1_000), Fact(hint="Higher ones come first")] = 0


def _tests(checks: Checks) -> Iterator[str]:
    name = checks.change.name
    if checks.removed:
        yield f"Bring a conversation to where '{name}' held; the agent must behave as everywhere else."
        return
    if checks.touches("condition"):
        yield f"Hold one conversation in which the condition of '{name}' holds and one in which it does not."
    if checks.touches("text", "priority"):
        yield f"Bring a conversation to where '{name}' holds; the reply must follow the new text."


KIND = ModelKind(
    name="conditional_prompt",
    title="Conditional prompt",
    plural="conditional prompts",
    model=ConditionalPromptBody,
    tests=_tests,
    sample={
        "schema": 1,
        "name": "At night",
        "condition": "time.hour >= 22 || time.hour < 6",
        "text": "Speak softly and say that the desk opens at 6. Offer {{handoff.front-desk}} only in need.",
        "priority": 10,
    },
)
