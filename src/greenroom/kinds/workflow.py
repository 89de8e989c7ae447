"""Workflows: conversations of several turns that run step by step, with or without a model."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Annotated, Literal

from greenroom.domain.errors import Fault
from greenroom.kinds.schema import (
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
    suggestion,
)

StepIdOrNone = Annotated[
    str,
    StringConstraints(pattern=r"^([A-Za-z0-9][A-Za-z0-9_.-]{0,119})?$"),
    Fact(expects="the id of a step, or empty for none"),
]
_NEEDS = {"call": "function", "function": "function", "goto": "next"}


class Branch(Part):
    """A way on that is taken when its condition holds."""

    condition: Condition = ""
    next: StepIdOrNone = ""


class Step(Part):
    """One step; which fields matter depends on its type."""

    id: Id
    name: Annotated[Line, Fact(label="name", verbatim=True)] = ""
    type: Annotated[
        Literal["say", "ask", "set", "branch", "call", "handoff", "goto", "end", "prompt", "function"],
        Choices({"handoff": "hand-off", "goto": "go-to"}),
    ]
    text: Annotated[Text, Fact(hint="What is said or asked; for a prompt, what the model is told")] = ""
    slot: Annotated[SlugOrNone, Link("variable"), Fact(label="variable")] = ""
    function: Annotated[SlugOrNone, Link("function")] = ""
    handoff: Annotated[SlugOrNone, Link("handoff"), Fact(label="hand-off")] = ""
    next: Annotated[StepIdOrNone, Fact(label="next step")] = ""
    branches: Annotated[list[Branch], Field(max_length=50)] = []
    value: Json = None
    settings: JsonMapping = {}

    def faults(self) -> Iterable[Fault]:
        need = _NEEDS.get(self.type)
        if need and not getattr(self, need):
            yield Fault(f"/{need}", f"a step of type '{self.type}' needs '{need}'", "required")
        if self.type == "branch" and not self.branches and not self.next:
            yield Fault("/branches", "a step of type 'branch' needs branches", "required")


class WorkflowBody(BodyModel):
    """The fields of a workflow."""

    description: Annotated[Text, Fact(hint="Tells the model when to start it")] = ""
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
    if checks.touches("description"):
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
        "start": "ask-room",
        "steps": [
            {"id": "ask-room", "type": "ask", "text": "Which room is it?", "slot": "room", "next": "find"},
            {
                "id": "find",
                "name": "Find the booking",
                "type": "call",
                "function": "find-booking",
                "branches": [{"condition": "result == null", "next": "desk"}],
                "next": "mark",
                "settings": {"retries": 1},
            },
            {"id": "mark", "type": "set", "slot": "room", "value": 12, "next": "done"},
            {"id": "desk", "type": "handoff", "handoff": "front-desk"},
            {"id": "done", "type": "end", "text": "Your booking is changed."},
        ],
    },
)
