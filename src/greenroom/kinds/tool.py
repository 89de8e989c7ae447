"""Tools: HTTP requests with blanks, made by a model, a workflow or a topic."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Annotated, Literal

from greenroom.domain.errors import Fault
from greenroom.kinds.schema import (
    BodyModel,
    Checks,
    Fact,
    Field,
    Json,
    Keyed,
    Line,
    Link,
    ModelKind,
    Part,
    SlugOrNone,
    StringConstraints,
    Text,
)
from greenroom.kinds.schema.parts import Headers, OneLine, Parameters, schema_faults


class Query(Part):
    """One parameter of the address."""

    name: Annotated[
        str,
        StringConstraints(pattern=r"^[^\s&=#]{1,100}$"),
        Fact(expects="the name of a query parameter"),
    ]
    value: OneLine = ""


class Result(Part):
    """What of the answer is used."""

    path: Annotated[
        str,
        StringConstraints(pattern=r"^([A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*)?$", max_length=400),
        Fact(hint="For example rooms.0.price; empty for all of it", expects="names and numbers with dots"),
    ] = ""
    save_to: Annotated[SlugOrNone, Link("variable"), Fact(label="variable")] = ""


class ToolBody(BodyModel):
    """The fields of a tool."""

    description: Annotated[Text, Fact(hint="Tells the model when to call it")] = ""
    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"] = "GET"
    url: Annotated[
        Line,
        StringConstraints(pattern=r"^\S*$"),
        Fact(label="URL", hint="With {argument}; begins with / behind an integration", expects="no spaces"),
    ] = ""
    integration: Annotated[SlugOrNone, Link("integration")] = ""
    headers: Headers = []
    query: Annotated[list[Query], Field(max_length=50), Keyed("name", noun="query parameter", ordered=False)] = []
    body: Annotated[Json, Fact(hint="JSON with {argument} in its texts")] = None
    parameters: Parameters = {}
    result: Result = Result()
    timeout_ms: Annotated[int, Field(ge=100, le=60_000), Fact(label="time-out in ms")] = 10_000
    retries: Annotated[int, Field(ge=0, le=3)] = 0
    confirm: Annotated[
        bool,
        Fact(label="asking", hint="The model asks before it calls", says=("asked first", "no longer asked first")),
    ] = False

    def faults(self) -> Iterable[Fault]:
        yield from schema_faults(self.parameters, "/parameters")
        absolute = self.url.startswith(("http://", "https://", "{{"))
        if self.url and not absolute and not self.integration:
            yield Fault(
                "/url",
                f"'{self.url[:60]}' has no host, and the tool has no integration",
                "wrong_form",
                "begin with https://, or choose an integration",
            )
        elif absolute and self.integration and not self.url.startswith("{{"):
            yield Fault(
                "/url",
                "a tool with an integration takes its host from there, so that its secret goes nowhere else",
                "wrong_form",
                "write only the path, beginning with /",
            )


def _tests(checks: Checks) -> Iterator[str]:
    name = checks.change.name
    if checks.removed:
        yield f"Go through the conversations that called '{name}'; none may stop or promise what it did."
        return
    if checks.touches("url", "method", "integration", "headers", "query", "body", "parameters"):
        yield f"Bring the conversation to '{name}' with usual values; look at the request in the trace."
        yield f"Bring it to '{name}' with a missing and with a wrong value; the caller must be asked again."
    if checks.touches("result"):
        yield f"Call '{name}'; the right part of its answer must be used."
    if checks.touches("timeout_ms", "retries"):
        yield f"Call '{name}' while the other system is slow or away; the agent must say so in good time."
    if checks.touches("description", "confirm"):
        yield f"Ask for what '{name}' does, and for something close to it; only the first may call it."


KIND = ModelKind(
    name="tool",
    title="Tool",
    plural="tools",
    model=ToolBody,
    tests=_tests,
    sample={
        "schema": 1,
        "name": "Find a room",
        "description": "Finds a free room for some nights.",
        "method": "POST",
        "url": "/rooms/{house}",
        "integration": "booking",
        "headers": [{"name": "X-Caller", "value": "{{variable.room}}"}],
        "query": [{"name": "lang", "value": "en"}],
        "body": "nights={nights}",
        "parameters": {
            "type": "object",
            "properties": {"house": {"type": "string"}, "nights": {"type": "integer", "minimum": 1}},
            "required": ["nights"],
        },
        "result": {"path": "rooms.0.price", "save_to": "room"},
        "timeout_ms": 5000,
        "retries": 1,
        "confirm": True,
    },
)
