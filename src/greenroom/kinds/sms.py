"""SMS messages that the agent offers and sends."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from greenroom.kinds.schema import (
    Asked,
    BodyModel,
    Checks,
    Fact,
    Field,
    ModelKind,
    Slug,
    StringConstraints,
    Text,
)

Sender = Annotated[
    str,
    StringConstraints(pattern=r"^(\+?[0-9 ()./-]{3,20}|[A-Za-z0-9 ]{1,11}|\{\{[^{}]+\}\})?$"),
    Fact(label="sender", expects="a number such as +447700900000 or up to 11 letters and digits"),
]


class SmsBody(BodyModel):
    """The fields of an SMS."""

    text: Annotated[Text, Fact(hint="May hold {{variable.name}} and {{variant.attribute}}")] = ""
    consent_required: Annotated[
        bool,
        Fact(
            label="consent",
            hint="Ask before sending",
            says=("consent is asked", "consent is no longer asked"),
        ),
    ] = True
    sender: Sender = ""
    senders: Annotated[
        dict[Slug, Sender],
        Field(max_length=100),
        Fact(label="sender in", hint="Sender by environment"),
        Asked(names="environment"),
    ] = {}


def _tests(checks: Checks) -> Iterator[str]:
    name = checks.change.name
    if checks.removed:
        yield f"Ask for what '{name}' used to send; the agent must not offer an SMS that cannot come."
        return
    if checks.touches("consent_required"):
        asked = "must ask first" if checks.body.get("consent_required", True) else "must send without asking"
        yield f"Bring the conversation to the SMS '{name}'; the agent {asked}."
    if checks.touches("text", "name"):
        yield f"Accept and refuse the SMS offer '{name}'; only when accepted it must arrive, with new text."
    if checks.touches("sender", "senders"):
        sender = checks.body.get("sender") or "the sender of the environment"
        yield f"Accept the SMS '{name}' in each environment; check that {sender} sends it."


KIND = ModelKind(
    name="sms",
    title="SMS",
    plural="SMS messages",
    model=SmsBody,
    tests=_tests,
    sample={
        "schema": 1,
        "name": "Late check-out link",
        "text": "Book your late check-out for room {{variable.room}}: https://harbour.example/late",
        "consent_required": False,
        "sender": "Harbour",
        "senders": {"live": "+442079460000"},
    },
)
