"""Functions: Python code that runs in the sandbox when a model, a workflow or a topic calls it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Annotated, Literal

from greenroom.domain.errors import Fault
from greenroom.kinds.schema import (
    Asked,
    BodyModel,
    Checks,
    Choices,
    Code,
    Fact,
    JsonMapping,
    Link,
    ModelKind,
    SlugOrNone,
    Text,
)
from greenroom.kinds.schema.parts import schema_faults


class FunctionBody(BodyModel):
    """The fields of a function."""

    description: Annotated[Text, Fact(hint="Tells the model when to call it")] = ""
    parameters: Annotated[JsonMapping, Fact(hint="JSON Schema of the arguments"), Asked(style="parameters")] = {}
    code: Annotated[Code, Fact(label="code", hint="Python; def run(conv, …) is what is called")] = ""
    workflow: Annotated[SlugOrNone, Link("workflow"), Fact(hint="The workflow that it belongs to")] = ""
    role: Annotated[
        Literal["function", "step", "helper"],
        Choices(
            {
                "function": "called by the model",
                "step": "step of a workflow",
                "helper": "used by other functions",
            }
        ),
    ] = "function"
    latency: Annotated[
        JsonMapping,
        Fact(label="delay handling", hint="say_after_ms, and what to say while it runs"),
        Asked(
            style="entries",
            keys={"say_after_ms": "after so many milliseconds", "say": "what to say, or a list of it"},
        ),
    ] = {}

    def faults(self) -> Iterable[Fault]:
        yield from schema_faults(self.parameters, "/parameters")


def _tests(checks: Checks) -> Iterator[str]:
    name = checks.change.name
    if checks.removed:
        yield f"Go through the conversations that called '{name}'; none may stop or promise what it did."
        return
    if checks.touches("code", "parameters"):
        yield f"Bring the conversation to '{name}' with usual values; its result must be in the reply."
        yield f"Bring it to '{name}' with a missing and with a wrong value; the caller must be asked again."
    if checks.touches("description"):
        yield f"Ask for what '{name}' does, and for something close to it; only the first may call it."
    if checks.touches("workflow", "role"):
        owner = checks.body.get("workflow")
        yield f"Go through {f'the workflow {owner!r}' if owner else 'a chat'} until '{name}' runs."
    if checks.touches("latency"):
        yield f"Call '{name}' while it is slow; the agent must say something within three seconds."


KIND = ModelKind(
    name="function",
    title="Function",
    plural="functions",
    model=FunctionBody,
    tests=_tests,
    sample={
        "schema": 1,
        "name": "Find booking",
        "description": "Finds a booking by its number.",
        "parameters": {
            "type": "object",
            "properties": {"number": {"type": "string"}},
            "required": ["number"],
        },
        "code": "def run(conv, number: str):\n    return conv.state.get(number)\n",
        "workflow": "change-booking",
        "role": "step",
        "latency": {"say_after_ms": 1500, "say": "One moment."},
    },
)
