"""Playbooks: a goal that a model works towards with some tools, until it is reached."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from greenroom.kinds.schema import BodyModel, Checks, Condition, Fact, Field, Link, ModelKind, SlugOrNone, Text
from greenroom.kinds.schema.parts import Calls


class PlaybookBody(BodyModel):
    """The fields of a playbook."""

    goal: Annotated[Text, Fact(hint="What is to be reached, in a sentence")] = ""
    instructions: Annotated[Text, Fact(hint="How the model goes about it")] = ""
    tools: Annotated[Calls, Fact(hint="What it may call")] = []
    done_when: Annotated[Condition, Fact(label="end", hint="CEL; empty: until the model says so")] = ""
    next: Annotated[SlugOrNone, Link("workflow"), Fact(label="workflow after it")] = ""
    max_turns: Annotated[int, Field(ge=1, le=100), Fact(label="most turns", hint="Then a person takes over")] = 20


def _tests(checks: Checks) -> Iterator[str]:
    name = checks.change.name
    if checks.removed:
        yield f"Ask for what '{name}' did; the agent must answer without it or hand over."
        return
    if checks.touches("goal", "instructions", "tools"):
        yield f"Go through '{name}' with a willing, a vague and an unwilling caller."
    if checks.touches("done_when", "next", "max_turns"):
        yield f"Go through '{name}' to its end, and once without reaching it; look where each leads."


KIND = ModelKind(
    name="playbook",
    title="Playbook",
    plural="playbooks",
    model=PlaybookBody,
    tests=_tests,
    sample={
        "schema": 1,
        "name": "Win the guest back",
        "goal": "The guest takes another date instead of cancelling.",
        "instructions": "Ask why, offer {{variant.late_fee}} off, never argue.",
        "tools": [{"kind": "function", "slug": "find-booking"}],
        "done_when": "vars.room != ''",
        "next": "change-booking",
        "max_turns": 8,
    },
)
