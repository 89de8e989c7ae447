"""Hand-offs: to whom a conversation is passed, and how."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Annotated, Literal

from greenroom.domain.errors import Fault
from greenroom.kinds.schema import (
    BodyModel,
    Checks,
    Choices,
    Fact,
    Field,
    Keyed,
    Line,
    ModelKind,
    Part,
    StringConstraints,
    Text,
)

_FORMS = {
    "number": (re.compile(r"\+?[0-9][0-9 ()./*#-]{1,40}"), "a telephone number such as +44 20 7946 0000"),
    "sip": (re.compile(r"(sips?|tel):\S+"), "a SIP URI such as sip:desk@example.com"),
    "url": (re.compile(r"https?://\S+"), "a URL that begins with https://"),
}


class Destination(Part):
    """Where the conversation goes."""

    type: Annotated[
        Literal["number", "sip", "queue", "url"],
        Choices({"number": "telephone number", "sip": "SIP URI", "queue": "queue", "url": "URL"}),
    ] = "number"
    value: Annotated[Line, Fact(label="address", hint="May hold {{variant.attribute}}")] = ""

    def faults(self) -> Iterable[Fault]:
        form = _FORMS.get(self.type)
        if form and self.value and "{{" not in self.value and not form[0].fullmatch(self.value.strip()):
            yield Fault("/value", f"'{self.value[:60]}' is not {form[1]}", "wrong_form")


class SipHeader(Part):
    """A header that goes with the transfer."""

    name: Annotated[
        str,
        StringConstraints(pattern=r"^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}$"),
        Fact(expects="a header name such as X-Guest (letters, digits and '-')"),
    ]
    value: Annotated[Line, StringConstraints(pattern=r"^[^\r\n]*$"), Fact(expects="one line")] = ""


class HandoffBody(BodyModel):
    """The fields of a hand-off."""

    description: Annotated[Text, Fact(hint="Tells the model when to hand over")] = ""
    destination: Destination = Destination()
    method: Annotated[
        Literal["refer", "invite", "bye", "ticket"],
        Choices({"refer": "SIP REFER", "invite": "SIP INVITE", "bye": "SIP BYE", "ticket": "ticket"}),
    ] = "refer"
    sip_headers: Annotated[
        list[SipHeader], Field(max_length=50), Keyed("name", noun="SIP header"), Fact(label="SIP headers")
    ] = []
    message: Annotated[Text, Fact(hint="Said before the transfer")] = ""
    default: Annotated[
        bool,
        Fact(
            label="default",
            hint="Used when nothing names a hand-off",
            says=("made the default", "no longer the default"),
        ),
    ] = False

    def faults(self) -> Iterable[Fault]:
        if self.method in ("refer", "invite") and not self.destination.value:
            yield Fault(
                "/destination/value",
                f"the method '{self.method}' needs a destination",
                "required",
                "give a number, SIP URI, queue or URL, or choose 'bye' or 'ticket'",
            )


def _tests(checks: Checks) -> Iterator[str]:
    name = checks.change.name
    destination = checks.body.get("destination", {}).get("value") or name
    if checks.removed:
        yield f"Ask for a person in chat and in a call; nothing may be handed to '{name}' any more."
        return
    if checks.body.get("method") == "ticket":
        yield f"Ask for a person; a ticket for '{name}' must be opened with the conversation in it."
    elif checks.touches("destination", "method", "default", "sip_headers"):
        yield f"Ask for a person in a call; the call reaches {destination} and is answered there."
    if checks.touches("sip_headers"):
        yield f"Look at the transfer to {destination}; its SIP headers must hold the new values."
    if checks.touches("message"):
        yield f"Ask for a person; before the transfer to '{name}' the new message must be said."
    if checks.touches("description"):
        yield f"Ask in three ways for what '{name}' is meant for, and once for something else."


KIND = ModelKind(
    name="handoff",
    title="Hand-off",
    plural="hand-offs",
    model=HandoffBody,
    tests=_tests,
    sample={
        "schema": 1,
        "name": "Front desk",
        "description": "When the caller asks for a person.",
        "destination": {"type": "sip", "value": "sip:desk@harbour.example"},
        "method": "invite",
        "sip_headers": [{"name": "X-Guest", "value": "{{variable.room}}"}],
        "message": "I'll put you through to the front desk.",
        "default": True,
    },
)
