"""Workflows: conversations of several turns that run step by step, with or without a model."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Annotated, Any, Literal

from greenroom.domain.errors import Fault
from greenroom.kinds.schema import (
    Asked,
    BodyModel,
    Checks,
    Choices,
    Condition,
    Fact,
    Field,
    Id,
    Json,
    JsonMapping,
    Keyed,
    Line,
    Link,
    ModelKind,
    Part,
    SlugOrNone,
    StringConstraints,
    Text,
    Words,
    suggestion,
)
from greenroom.kinds.schema.parts import OneLine

StepIdOrNone = Annotated[
    str,
    StringConstraints(pattern=r"^([A-Za-z0-9][A-Za-z0-9_.-]{0,119})?$"),
    Fact(expects="the id of a step, or empty for none"),
    Asked(goal="steps"),
]
_NEEDS = {
    "function": "function",
    "goto": "next",
    "lookup": "table",
    "store": "table",
    "sms": "sms",
    "transfer": "agent",
    "playbook": "playbook",
}


_FAILING = ("ask", "sms", "call", "function", "lookup", "store")
"""Steps that go to another step when they fail."""
_GOING_ON = ("say", "ask", "set", "call", "function", "lookup", "store", "sms", "transfer", "playbook")


def _in(
    *types: str, style: Literal["", "condition", "entries", "value"] = "", names: str = "", goal: str = ""
) -> Asked:
    """Returns that a field of a step matters in steps of some types."""
    return Asked(style, "type", types, names, goal)


class Branch(Part):
    """A way on that is taken when its condition holds."""

    condition: Condition = ""
    next: StepIdOrNone = ""


class Validation(Part):
    """What the answer to a question must be like."""

    pattern: Annotated[Line, Fact(hint="RE2; the part that matches is the answer", verbatim=True)] = ""
    condition: Annotated[Condition, Fact(hint="CEL over `value`")] = ""
    options: Annotated[list[Words], Field(max_length=100), Keyed("value", noun="option")] = []
    min: Annotated[float | None, Fact(label="least")] = None
    max: Annotated[float | None, Fact(label="most")] = None

    def faults(self) -> Iterable[Fault]:
        if self.min is not None and self.max is not None and self.min > self.max:
            yield Fault("/max", f"'max' ({self.max:g}) is below 'min' ({self.min:g})", "wrong_order")


class Trigger(Part):
    """What starts the workflow by itself."""

    phrases: Annotated[list[Words], Field(max_length=500), Keyed("value", noun="phrase")] = []


class Step(Part):
    """One step; which fields matter depends on its type."""

    id: Id
    name: Annotated[Line, Fact(label="name", verbatim=True)] = ""
    type: Annotated[
        Literal[
            "say",
            "ask",
            "set",
            "branch",
            "call",
            "lookup",
            "store",
            "sms",
            "handoff",
            "transfer",
            "playbook",
            "goto",
            "end",
            "prompt",
            "function",
        ],
        Choices({"handoff": "hand-off", "goto": "go-to", "sms": "SMS"}),
    ]
    text: Annotated[
        Text,
        Fact(hint="What is said or asked; for a prompt, what the model is told"),
        _in("say", "ask", "sms", "handoff", "transfer", "playbook", "end", "prompt"),
    ] = ""
    slot: Annotated[
        SlugOrNone,
        Link("variable"),
        Fact(label="variable", hint="Keeps the answer or the value"),
        _in("ask", "set", "lookup"),
    ] = ""
    function: Annotated[SlugOrNone, Link("function"), _in("call", "function")] = ""
    handoff: Annotated[
        SlugOrNone, Link("handoff"), Fact(label="hand-off", hint="Empty for the default"), _in("handoff")
    ] = ""
    tool: Annotated[SlugOrNone, Link("tool"), _in("call")] = ""
    sms: Annotated[SlugOrNone, Link("sms"), Fact(label="SMS"), _in("sms")] = ""
    agent: Annotated[SlugOrNone, Link("agent"), _in("transfer")] = ""
    playbook: Annotated[SlugOrNone, Link("playbook"), _in("playbook")] = ""
    arguments: Annotated[
        dict[str, Any],
        Field(max_length=100),
        Fact(hint="With {{variable.name}} in texts"),
        _in("call", "function", style="entries"),
    ] = {}
    save_to: Annotated[
        SlugOrNone, Link("variable"), Fact(label="variable for the result"), _in("call", "function", "lookup", "store")
    ] = ""
    table: Annotated[SlugOrNone, Fact(hint="A data table of the project"), _in("lookup", "store", names="table")] = ""
    key: Annotated[OneLine, Fact(label="row", hint="The key of the row to write"), _in("store")] = ""
    where: Annotated[
        dict[str, Any], Field(max_length=50), Fact(hint="What the row must have"), _in("lookup", style="entries")
    ] = {}
    values: Annotated[
        dict[str, Any], Field(max_length=200), Fact(hint="What the row gets"), _in("store", style="entries")
    ] = {}
    validation: Annotated[Validation, _in("ask")] = Validation()
    reprompt: Annotated[Text, Fact(hint="Said when the answer does not fit"), _in("ask", "sms")] = ""
    attempts: Annotated[int, Field(ge=1, le=10), Fact(label="most attempts"), _in("ask", "sms")] = 3
    on_fail: Annotated[StepIdOrNone, Fact(label="step after failing"), _in(*_FAILING, goal="steps")] = ""
    next: Annotated[StepIdOrNone, Fact(label="next step"), _in(*_GOING_ON, "branch", "goto", goal="steps")] = ""
    branches: Annotated[
        list[Branch],
        Field(max_length=50),
        Fact(hint="The first whose condition holds is taken, else the next step"),
        _in(*_GOING_ON, "branch"),
    ] = []
    value: Annotated[
        Json,
        Fact(hint="A text, a number, true or false; at an end, 'conversation' ends the conversation too"),
        _in("set", "end", style="value"),
    ] = None
    expression: Annotated[
        str,
        StringConstraints(max_length=2_000),
        Fact(hint="CEL; gives the value, whatever its type", verbatim=True),
        _in("set", style="condition"),
    ] = ""
    settings: Annotated[JsonMapping, Fact(hint="Of another system; nothing here reads them"), _in()] = {}

    def faults(self) -> Iterable[Fault]:
        need = _NEEDS.get(self.type)
        if need and not getattr(self, need):
            yield Fault(f"/{need}", f"a step of type '{self.type}' needs '{need}'", "required")
        if self.type == "call" and not self.function and not self.tool:
            yield Fault("/function", "a step of type 'call' needs 'function' or 'tool'", "required")
        if self.type == "store" and not self.key:
            yield Fault("/key", "a step of type 'store' needs 'key', the row that it writes", "required")
        if self.type == "branch" and not self.branches and not self.next:
            yield Fault("/branches", "a step of type 'branch' needs branches", "required")


class WorkflowBody(BodyModel):
    """The fields of a workflow."""

    description: Annotated[Text, Fact(hint="Tells the model when to start it")] = ""
    trigger: Annotated[Trigger, Fact(hint="Said by the caller, these start it")] = Trigger()
    start: Annotated[StepIdOrNone, Fact(label="first step")] = ""
    steps: Annotated[list[Step], Field(max_length=500), Keyed(noun="step", adjective="type")] = []

    def faults(self) -> Iterable[Fault]:
        known = [step.id for step in self.steps]
        if self.steps and not self.start:
            yield Fault(
                "/start",
                "'start' must name the first step",
                "required",
                f"steps are: {', '.join(known[:20])}",
            )
        goals = [("/start", self.start)]
        for index, step in enumerate(self.steps):
            goals.append((f"/steps/{index}/next", step.next))
            goals.append((f"/steps/{index}/on_fail", step.on_fail))
            goals += [(f"/steps/{index}/branches/{n}/next", branch.next) for n, branch in enumerate(step.branches)]
        for pointer, goal in goals:
            if goal and goal not in known:
                message = f"there is no step '{goal}'{suggestion(goal, known)}"
                yield Fault(pointer, message, "dangling_step", f"steps are: {', '.join(known[:20])}")


def _tests(checks: Checks) -> Iterator[str]:
    name = checks.change.name
    if checks.removed:
        yield f"Ask for what '{name}' did; the agent must answer without it or hand over."
        return
    if checks.touches("description", "trigger"):
        yield f"Ask in three ways for what '{name}' does; it must start each time."
    if checks.touches("start", "steps"):
        yield f"Go through '{name}' from start to end with usual answers."
        yield f"Go through '{name}' with a refused, an unclear and a corrected answer, and with silence."
    if checks.touches("steps"):
        for step in checks.elements("steps")[:5]:
            if step.get("branches"):
                yield f"Reach the step '{step.get('name') or step['id']}' and take each of its branches once."


KIND = ModelKind(
    name="workflow",
    title="Workflow",
    plural="workflows",
    model=WorkflowBody,
    tests=_tests,
    sample={
        "schema": 1,
        "name": "Change booking",
        "description": "When a guest wants another date.",
        "trigger": {"phrases": ["I need another date"]},
        "start": "ask-room",
        "steps": [
            {
                "id": "ask-room",
                "type": "ask",
                "text": "Which room is it?",
                "slot": "room",
                "validation": {
                    "pattern": "[0-9]{3}",
                    "condition": "value != '000'",
                    "options": ["101", "102"],
                    "min": 100.5,
                    "max": 699.5,
                },
                "reprompt": "The three digits of the room, please.",
                "attempts": 2,
                "on_fail": "desk",
                "next": "find",
            },
            {
                "id": "find",
                "name": "Find the booking",
                "type": "call",
                "function": "find-booking",
                "tool": "find-room",
                "arguments": {"room": "{{variable.room}}"},
                "save_to": "room",
                "branches": [{"condition": "result == null", "next": "desk"}],
                "next": "mark",
                "settings": {"retries": 1},
            },
            {
                "id": "mark",
                "type": "set",
                "slot": "room",
                "value": 12,
                "expression": "vars.room + 1",
                "next": "keep",
            },
            {
                "id": "keep",
                "type": "store",
                "table": "changes",
                "key": "{{variable.room}}",
                "where": {"room": "{{variable.room}}"},
                "values": {"changed": True},
                "sms": "late-checkout",
                "agent": "spa",
                "playbook": "win-back",
                "next": "done",
            },
            {"id": "desk", "type": "handoff", "handoff": "front-desk"},
            {"id": "done", "type": "end", "text": "Your booking is changed."},
        ],
    },
)
