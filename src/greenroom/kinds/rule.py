"""Behaviour rules that the agent follows; hard ones are checked on the reply too."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from greenroom.kinds.schema import BodyModel, Checks, Condition, Fact, ModelKind, Text


class RuleBody(BodyModel):
    """The fields of a rule."""

    text: Annotated[Text, Fact(hint="What the agent must or must not do")] = ""
    applies_when: Annotated[Condition, Fact(label="condition")] = ""
    severity: Annotated[Literal["soft", "hard"], Fact(hint="Replies that break a hard rule are not sent")] = "soft"


def _tests(checks: Checks) -> Iterator[str]:
    name = checks.change.name
    if checks.removed:
        yield f"Try what the rule '{name}' was about; decide whether the reply is what you want now."
        return
    if checks.touches("text", "severity"):
        yield f"Try to make the agent break '{name}' in three ways, in chat and in a call; it must not."
    if checks.touches("applies_when"):
        yield f"Have one conversation where '{name}' applies and one where it does not."


KIND = ModelKind(
    name="rule",
    title="Rule",
    plural="rules",
    model=RuleBody,
    tests=_tests,
    sample={
        "schema": 1,
        "name": "No prices on the phone",
        "text": "Never promise a room price; send {{sms.late-checkout}} instead.",
        "applies_when": "channel == 'voice'",
        "severity": "hard",
    },
)
