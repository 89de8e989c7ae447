"""Variables: the typed state of a conversation or of a user."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Annotated, Any, Literal

from greenroom.domain.errors import Fault
from greenroom.kinds.schema import Asked, BodyModel, Checks, Choices, Fact, Json, ModelKind, Text

_DATE = re.compile(r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])")
_TYPES: dict[str, tuple[type, ...]] = {
    "text": (str,),
    "number": (int, float),
    "boolean": (bool,),
    "date": (str,),
    "list": (list,),
    "object": (dict,),
}
_WORDS = {
    "text": "text",
    "number": "a number",
    "boolean": "true or false",
    "date": "a date such as 2026-01-31",
    "list": "a list",
    "object": "a group of fields",
}


class VariableBody(BodyModel):
    """The fields of a variable."""

    description: Text = ""
    type: Literal["text", "number", "boolean", "date", "list", "object"] = "text"
    default: Annotated[Json, Fact(label="default", hint="The value before anything is known"), Asked(style="value")] = (
        None
    )
    scope: Annotated[
        Literal["conversation", "user"],
        Choices({"conversation": "one conversation", "user": "all conversations of a user"}),
    ] = "conversation"
    pii: Annotated[
        bool,
        Fact(
            label="personal",
            hint="Masked in transcripts",
            says=("marked personal", "no longer marked personal"),
        ),
    ] = False

    def faults(self) -> Iterable[Fault]:
        if self.default is not None and not _fits(self.default, self.type):
            message = f"'default' must be {_WORDS[self.type]}, because the type is '{self.type}'"
            yield Fault("/default", message, "wrong_type")


def _fits(value: Any, sort: str) -> bool:
    if isinstance(value, bool) and sort != "boolean":
        return False
    if sort == "date" and not _DATE.fullmatch(str(value)):
        return False
    return isinstance(value, _TYPES[sort])


def _tests(checks: Checks) -> Iterator[str]:
    name, slug = checks.change.name, checks.change.address.slug
    if checks.removed:
        yield f"Have a conversation that used '{name}'; no reply may show a gap or the text '{slug}'."
        return
    if checks.touches("type", "default", "name"):
        yield f"Have a conversation that sets '{name}' and one that does not; both must answer rightly."
    if checks.touches("scope"):
        yield f"Set '{name}', then call again as the same user; check whether it is remembered."
    if checks.touches("pii"):
        seen = "must be masked" if checks.body.get("pii") else "is seen by everybody who may read it"
        yield f"Set '{name}' and read the transcript; its value {seen}."


KIND = ModelKind(
    name="variable",
    title="Variable",
    plural="variables",
    model=VariableBody,
    tests=_tests,
    sample={
        "schema": 1,
        "name": "Room",
        "description": "The caller's room number.",
        "type": "number",
        "default": 0,
        "scope": "user",
        "pii": True,
    },
)
