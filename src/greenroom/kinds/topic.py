"""Topics: what callers ask, the facts that answer it, and what is done about it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from greenroom.kinds.schema import (
    Asked,
    BodyModel,
    Checks,
    Choices,
    Condition,
    Fact,
    Field,
    Id,
    Keyed,
    Link,
    ModelKind,
    Part,
    Slug,
    Text,
    Words,
)

_TARGETS = {
    "sms": "sms",
    "handoff": "handoff",
    "call": "function",
    "tool": "tool",
    "workflow": "workflow",
    "playbook": "playbook",
    "agent": "agent",
}
_MOST_QUESTIONS_TO_TRY = 3


class Action(Part):
    """Something that the topic does besides answering."""

    id: Id
    type: Annotated[
        Literal["sms", "handoff", "call", "tool", "workflow", "playbook", "agent"],
        Choices({"sms": "SMS", "handoff": "hand-off", "call": "function", "agent": "transfer"}),
    ]
    target: Annotated[Slug, Link(by="type", kinds=_TARGETS), Fact(hint="What is sent, called or started")]
    condition: Condition = ""
    message: Annotated[Text, Fact(hint="Said with the action")] = ""


class TopicBody(BodyModel):
    """The fields of a topic."""

    enabled: Annotated[bool, Fact(says=("switched on", "switched off"))] = True
    enabled_in: Annotated[
        dict[Slug, bool],
        Field(max_length=100),
        Fact(label="switch for", hint="On or off by environment; others go by the switch above"),
        Asked(names="environment"),
    ] = {}
    sample_questions: Annotated[
        list[Words],
        Field(max_length=500),
        Keyed("value", noun="sample question"),
        Fact(hint="What callers say, in their words"),
    ] = []
    content: Annotated[Text, Fact(label="text", hint="The facts that answer the question")] = ""
    instructions: Annotated[Text, Fact(hint="For a model: how to answer, with {{kind.slug}} references")] = ""
    actions: Annotated[list[Action], Field(max_length=50), Keyed(noun="action", adjective="type")] = []


def _tests(checks: Checks) -> Iterator[str]:
    name, body = checks.change.name, checks.body
    added: list[str] = checks.added_elements("sample_questions")
    questions: list[str] = added or body.get("sample_questions") or []
    ask = f'Ask "{questions[0]}"' if questions else f"Ask about '{name}'"
    if checks.removed:
        yield f"{ask} in chat and in a call; the topic '{name}' must no longer answer."
        return
    if not body.get("enabled", True) and not any(body.get("enabled_in", {}).values()):
        yield f"{ask} in chat and in a call; the topic '{name}' is switched off and must not answer."
        return
    if checks.touches("content", "instructions"):
        yield f"{ask} in chat and in a call; the reply must give the new text."
    if checks.touches("sample_questions"):
        for question in questions[:_MOST_QUESTIONS_TO_TRY]:
            yield f"Ask \"{question}\" in other words; the topic '{name}' must answer."
        yield f"Ask a question close to '{name}' that belongs to another topic; that one must answer."
    if checks.touches("enabled"):
        answers = "must answer" if body.get("enabled", True) else "must answer only where it has a switch that is on"
        yield f"{ask}; the topic '{name}' {answers}."
    if checks.touches("enabled_in"):
        yield f"{ask} in each environment that has its own switch; check where '{name}' answers."
    if checks.touches("actions"):
        yield from (_try_action(ask, action) for action in checks.elements("actions"))
        if not checks.elements("actions"):
            yield f"{ask}; the reply must come without the removed actions."
    if checks.touches("name"):
        yield f"{ask}; the topic must be shown under its new name '{name}'."


def _try_action(ask: str, action: Any) -> str:
    target = action.get("target", "")
    when = " once with its condition met and once not" if action.get("condition") else ""
    doing = {
        "sms": f"accept the SMS offer once and refuse it once; '{target}' must arrive only when accepted",
        "handoff": f"the call must be handed to '{target}'",
        "call": f"the function '{target}' must run and its answer be used",
        "tool": f"the tool '{target}' must be called and its answer be used",
        "playbook": f"the playbook '{target}' must start",
        "agent": f"the agent '{target}' must take over",
        "workflow": f"the workflow '{target}' must start",
    }
    return f"{ask}{when}; {doing.get(str(action.get('type')), 'check the action')}."


KIND = ModelKind(
    name="topic",
    title="Topic",
    plural="topics",
    model=TopicBody,
    tests=_tests,
    sample={
        "schema": 1,
        "name": "Late check-out",
        "enabled": False,
        "enabled_in": {"live": True},
        "sample_questions": ["Can I check out late?", "Until when can I keep the room?"],
        "content": "Check-out is at 11:00. Late check-out until 14:00 costs {{variant.late_fee}}.",
        "instructions": "Offer {{sms.late-checkout}} when the caller agrees to the fee.",
        "actions": [
            {
                "id": "offer",
                "type": "sms",
                "target": "late-checkout",
                "condition": "channel == 'voice'",
                "message": "I can text you a link for late check-out.",
            }
        ],
    },
)
