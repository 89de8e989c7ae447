"""Response controls: what is put right in what is heard and in what is said."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from greenroom.kinds.schema import (
    BodyModel,
    Checks,
    Choices,
    Fact,
    Field,
    Id,
    Keyed,
    Link,
    ModelKind,
    Part,
    SlugOrNone,
    StringConstraints,
    Text,
    Words,
)

Pattern = Annotated[
    str,
    StringConstraints(min_length=1, max_length=2_000),
    Fact(label="pattern", hint="RE2", verbatim=True),
]
Replacement = Annotated[str, StringConstraints(max_length=2_000), Fact(label="replacement")]


class StopPhrase(Part):
    """What must not be said, and what happens instead."""

    id: Id
    description: Text = ""
    patterns: Annotated[list[Pattern], Field(max_length=200)] = []
    say_phrase: Annotated[bool, Fact(hint="Say the phrase before acting", says=("is said", "is not said"))] = True
    function: Annotated[SlugOrNone, Link("function")] = ""
    action: Annotated[
        Literal["", "end", "handoff"],
        Choices({"": "none", "end": "end the conversation", "handoff": "hand over"}),
    ] = ""


class Pronunciation(Part):
    """How something written is spoken; the first one that matches wins."""

    id: Id
    pattern: Pattern
    replacement: Replacement = ""
    case_sensitive: bool = False
    language: Annotated[
        str,
        StringConstraints(pattern=r"^([A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*)?$"),
        Fact(expects="a language tag such as en-US, or empty for all"),
    ] = ""


class CorrectionPattern(Part):
    """Something misheard and what was meant."""

    pattern: Pattern
    replacement: Replacement = ""
    whole: Annotated[bool, Fact(label="whole words")] = False


class Correction(Part):
    """Misheard words that belong together."""

    id: Id
    description: Text = ""
    patterns: Annotated[list[CorrectionPattern], Field(max_length=200)] = []


class Keyphrase(Part):
    """Words that the speech recogniser should expect."""

    phrase: Annotated[Words, Fact(verbatim=True)]
    level: Literal["default", "boosted", "maximum"] = "default"


class ResponseControlBody(BodyModel):
    """The fields of response controls."""

    stop_phrases: Annotated[list[StopPhrase], Field(max_length=500), Keyed(noun="stop phrase")] = []
    pronunciations: Annotated[list[Pronunciation], Field(max_length=2_000), Keyed(noun="pronunciation")] = []
    corrections: Annotated[
        list[Correction],
        Field(max_length=500),
        Keyed(noun="transcript correction"),
        Fact(label="transcript corrections"),
    ] = []
    keyphrases: Annotated[
        list[Keyphrase], Field(max_length=2_000), Keyed("phrase", noun="keyphrase", ordered=False)
    ] = []
    max_length: Annotated[
        int | None,
        Field(ge=1, le=100_000),
        Fact(label="longest reply", hint="In characters; empty is no limit"),
    ] = None


def _tests(checks: Checks) -> Iterator[str]:
    if checks.removed:
        yield "Make a test call with names, prices and abbreviations; all must be spoken rightly."
        return
    if checks.touches("stop_phrases"):
        yield "Try to make the agent say each changed stop phrase, in chat and in a call; it must act as set."
    if checks.touches("pronunciations"):
        words = ", ".join(str(each.get("pattern")) for each in checks.elements("pronunciations")[:5])
        yield f"Make a test call and make the agent say {words or 'the words concerned'}; listen to each."
    if checks.touches("corrections"):
        yield "Say the misheard words in a test call; the transcript must show what was meant."
    if checks.touches("keyphrases"):
        words = ", ".join(str(each.get("phrase")) for each in checks.elements("keyphrases")[:5])
        yield f"Say {words or 'the key phrases'} in a test call; the transcript must show them rightly."
    if checks.touches("max_length"):
        yield "Ask for a long explanation; the reply must end with a whole sentence within the limit."


KIND = ModelKind(
    name="response_control",
    title="Response control",
    plural="response controls",
    model=ResponseControlBody,
    tests=_tests,
    sample={
        "schema": 1,
        "name": "Speech",
        "stop_phrases": [
            {
                "id": "no-refund",
                "description": "Never promise a refund.",
                "patterns": ["(?i)you will get a refund"],
                "say_phrase": False,
                "function": "find-booking",
                "action": "handoff",
            }
        ],
        "pronunciations": [
            {"id": "p1", "pattern": "Quay", "replacement": "key", "case_sensitive": True, "language": "en-GB"}
        ],
        "corrections": [
            {
                "id": "names",
                "description": "Our hotels",
                "patterns": [{"pattern": "harbor", "replacement": "Harbour", "whole": True}],
            }
        ],
        "keyphrases": [{"phrase": "late check-out", "level": "boosted"}],
        "max_length": 600,
    },
)
