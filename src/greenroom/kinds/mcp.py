"""MCP servers: their tools are offered to the model."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Annotated

from greenroom.domain.errors import Fault
from greenroom.kinds.schema import (
    Asked,
    BodyModel,
    Checks,
    Fact,
    Field,
    Keyed,
    ModelKind,
    Slug,
    StringConstraints,
    Text,
    Words,
)
from greenroom.kinds.schema.parts import Auth, Url


class McpBody(BodyModel):
    """The fields of an MCP server."""

    description: Text = ""
    url: Annotated[Url, Fact(hint="Of its streamable HTTP endpoint")] = ""
    urls: Annotated[
        dict[Slug, Url], Field(max_length=100), Fact(label="URL in", hint="By environment"), Asked(names="environment")
    ] = {}
    auth: Annotated[Auth, Fact(label="sign-in")] = Auth()
    allowed_tools: Annotated[
        list[Words],
        Field(max_length=200),
        Keyed("value", noun="allowed tool", ordered=False),
        Fact(hint="Empty for all of them", verbatim=True),
    ] = []
    prefix: Annotated[
        str,
        StringConstraints(pattern=r"^[A-Za-z0-9_-]{0,30}$"),
        Fact(hint="In front of the names of its tools", expects="up to 30 letters, digits, '-' and '_'"),
    ] = ""
    timeout_ms: Annotated[int, Field(ge=100, le=60_000), Fact(label="time-out in ms")] = 10_000

    def faults(self) -> Iterable[Fault]:
        if self.auth.type == "query":
            yield Fault("/auth/type", "an MCP server takes no query parameter to sign in", "wrong_choice", "use bearer")


def _tests(checks: Checks) -> Iterator[str]:
    name = checks.change.name
    if checks.removed:
        yield f"Ask for what the tools of '{name}' did; the agent must not promise it."
        return
    if checks.touches("url", "urls", "auth", "timeout_ms"):
        yield f"Ask for something that a tool of '{name}' does, in each environment; look at the call in the trace."
    if checks.touches("allowed_tools", "prefix"):
        yield f"Ask for what a tool of '{name}' does that is not allowed; it must not be called."


KIND = ModelKind(
    name="mcp",
    title="MCP server",
    plural="MCP servers",
    model=McpBody,
    tests=_tests,
    sample={
        "schema": 1,
        "name": "House systems",
        "description": "Housekeeping and maintenance.",
        "url": "https://tools.harbour.example/mcp",
        "urls": {"sandbox": "https://tools-test.harbour.example/mcp"},
        "auth": {"type": "header", "secret": "HOUSE_TOKEN", "username": "desk", "name": "X-Token"},
        "allowed_tools": ["open_ticket"],
        "prefix": "house_",
        "timeout_ms": 8000,
    },
)
