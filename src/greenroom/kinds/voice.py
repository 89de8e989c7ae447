"""Voices: how the agent sounds in calls."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from greenroom.kinds.schema import BodyModel, Checks, Fact, Field, Line, ModelKind, StringConstraints, Text

LanguageOrNone = Annotated[
    str,
    StringConstraints(pattern=r"^([A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*)?$"),
    Fact(label="language", expects="a language tag such as en-US, or empty"),
]
Share = Annotated[float | None, Field(ge=0, le=1)]


class VoiceBody(BodyModel):
    """The fields of a voice."""

    provider: Annotated[Line, Fact(hint="Empty is the browser's or the telephone provider's own voice")] = ""
    voice_id: Annotated[Line, Fact(label="id", hint="What the provider calls the voice")] = ""
    model: Line = ""
    stability: Share = None
    similarity: Share = None
    speed: Annotated[float | None, Field(ge=0.25, le=4), Fact(hint="1 is the voice's own speed")] = None
    language: LanguageOrNone = ""
    style_prompt: Annotated[Text, Fact(label="style", hint="How to speak, for voices that take instructions")] = ""


def _tests(checks: Checks) -> Iterator[str]:
    name = checks.change.name
    if checks.removed:
        yield f"Make a test call; the agent must be heard, in a voice other than '{name}'."
        return
    yield f"Make a test call with '{name}' and listen to the greeting, a number, a price and one long reply."
    if checks.touches("language"):
        yield f"Listen to names, dates and prices in {checks.body.get('language') or 'the default language'}."
    if checks.touches("speed"):
        yield "Ask somebody who does not know the agent to write down a spoken telephone number."


KIND = ModelKind(
    name="voice",
    title="Voice",
    plural="voices",
    model=VoiceBody,
    speaks_of="kind",
    tests=_tests,
    sample={
        "schema": 1,
        "name": "Reception",
        "provider": "elevenlabs",
        "voice_id": "21m00Tcm4TlvDq8ikWAM",
        "model": "eleven_flash_v2_5",
        "stability": 0.6,
        "similarity": 0.8,
        "speed": 1.1,
        "language": "en-GB",
        "style_prompt": "Warm and calm.",
    },
)
