"""Groups of fields that several kinds have: how to sign in elsewhere, headers, links to what may be called."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any, Literal

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError
from pydantic import Field, StringConstraints

from greenroom.domain.errors import Fault
from greenroom.kinds.schema.facts import Asked, Choices, Fact, JsonMapping, Keyed, Line, Link, Part, Slug

CALLED = {"function": "function", "tool": "tool", "mcp": "mcp"}
HeaderName = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}$"),
    Fact(expects="a header name such as X-Guest (letters, digits and '-')"),
]
OneLine = Annotated[Line, StringConstraints(pattern=r"^[^\r\n]*$"), Fact(expects="one line")]
Url = Annotated[
    str,
    StringConstraints(pattern=r"^((https?://|\{\{)[^\s]+)?$", max_length=2_000),
    Fact(label="URL", expects="a URL that begins with https://"),
]
Secret = Annotated[
    str,
    StringConstraints(pattern=r"^([A-Z][A-Z0-9_]{0,63})?$"),
    Fact(label="secret", hint="The name of a secret, never its value", expects="a name such as BOOKING_KEY"),
    Asked(by="type", values=("bearer", "basic", "header", "query"), names="secret"),
]
Parameters = Annotated[JsonMapping, Fact(hint="JSON Schema of the arguments"), Asked(style="parameters")]


class Header(Part):
    """A header that goes with every request."""

    name: HeaderName
    value: OneLine = ""


Headers = Annotated[list[Header], Field(max_length=50), Keyed("name", noun="header", ordered=False)]


class Auth(Part):
    """How to prove who we are."""

    type: Annotated[
        Literal["none", "bearer", "basic", "header", "query"],
        Choices(
            {
                "none": "no sign-in",
                "bearer": "bearer token",
                "basic": "user name and password",
                "header": "a header",
                "query": "a query parameter",
            }
        ),
    ] = "none"
    secret: Secret = ""
    username: Annotated[OneLine, Fact(label="user name"), Asked(by="type", values=("basic",))] = ""
    name: Annotated[
        OneLine,
        Fact(label="name", hint="Of the header or query parameter", verbatim=True),
        Asked(by="type", values=("header", "query")),
    ] = ""

    def faults(self) -> Iterable[Fault]:
        if self.type != "none" and not self.secret:
            yield Fault(
                "/secret",
                f"signing in by '{self.type}' needs the name of a secret",
                "required",
                "name a secret such as BOOKING_KEY, and set its value in the project's secrets",
            )
        if self.type in {"header", "query"} and not self.name:
            yield Fault("/name", f"signing in by '{self.type}' needs its name", "required", "for example X-Api-Key")


class Call(Part):
    """One function, tool or MCP server that may be called."""

    kind: Annotated[Literal["function", "tool", "mcp"], Choices({"mcp": "MCP server"})]
    slug: Annotated[Slug, Link(by="kind", kinds=CALLED)]


Calls = Annotated[list[Call], Field(max_length=200)]


def schema_faults(parameters: dict[str, Any], pointer: str) -> Iterable[Fault]:
    """Yields what is wrong with a JSON Schema (draft 2020-12) of arguments."""
    if not parameters:
        return
    try:
        Draft202012Validator.check_schema(parameters)
    except SchemaError as wrong:
        place = "".join(f"/{step}" for step in wrong.absolute_path)
        yield Fault(f"{pointer}{place}", f"this is not JSON Schema: {wrong.message[:200]}", "wrong_schema")
        return
    if parameters.get("type", "object") != "object":
        yield Fault(f"{pointer}/type", "the arguments must be an object", "wrong_schema", "write type: object")
