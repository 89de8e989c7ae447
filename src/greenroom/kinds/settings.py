"""Settings: what holds for the whole agent where nothing says otherwise."""

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
    JsonMapping,
    Keyed,
    Language,
    ModelKind,
    Part,
    StringConstraints,
    Text,
)

MAX_IMPORTED_TEXT = 400_000


class Silence(Part):
    """What happens when the caller says nothing."""

    max_count: Annotated[int | None, Field(ge=0, le=20), Fact(label="most times", hint="Then the call ends")] = None
    message: Text = ""


class EndOfCall(Part):
    """What is said when an answer leaves nothing open."""

    ask_again: Annotated[Text, Fact(label="question after an answer", hint="Anything else I can help with?")] = ""


class Lookup(Part):
    """How the agent looks things up in its knowledge."""

    limit: Annotated[int, Field(ge=1, le=20), Fact(label="most passages")] = 3
    min_score: Annotated[float, Field(ge=0, le=1), Fact(label="least score")] = 0.2


class ImportedFile(Part):
    """A file of another system that nothing here reads yet, kept so that it can be given back."""

    path: Annotated[
        str,
        StringConstraints(pattern=r"^[^/\\\x00-\x1f][^\\\x00-\x1f]{0,399}$"),
        Fact(expects="a relative path with '/'"),
    ]
    text: Annotated[str, StringConstraints(max_length=MAX_IMPORTED_TEXT), Fact(form="code", verbatim=True)] = ""
    reason: Annotated[Text, Fact(verbatim=True)] = ""

    def faults(self) -> Iterable[Fault]:
        if ".." in self.path.split("/"):
            yield Fault("/path", f"'{self.path[:60]}' leaves the folder", "wrong_form")


class SettingsBody(BodyModel):
    """The fields of the settings."""

    time_zone: Annotated[
        str,
        StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+){0,2}$", max_length=64),
        Fact(hint="What conditions, dates and opening hours go by", expects="a time zone such as Europe/London"),
        Asked(names="time zone"),
    ] = "UTC"
    default_language: Annotated[Language, Fact(label="default language")] = "en-US"
    languages: Annotated[list[Language], Field(max_length=50), Keyed("value", noun="language", ordered=False)] = []
    fallback: Annotated[Text, Fact(label="fallback text", hint="Said when the agent did not understand")] = (
        "Sorry, I did not get that. Could you say it another way?"
    )
    out_of_scope: Annotated[Text, Fact(label="out-of-scope text", hint="Said when the agent may not help")] = (
        "I'm sorry, I can't help with that here."
    )
    handover_message: Annotated[Text, Fact(hint="Said before a hand-off without its own message")] = ""
    silence: Silence = Silence()
    end_of_call: Annotated[EndOfCall, Fact(label="end of call")] = EndOfCall()
    knowledge: Lookup = Lookup()
    imported_files: Annotated[
        list[ImportedFile], Field(max_length=2_000), Keyed("path", noun="imported file", ordered=False)
    ] = []
    imported: Annotated[
        JsonMapping, Fact(label="facts of the source", hint="Name, region and such"), Asked(style="entries")
    ] = {}


def _tests(checks: Checks) -> Iterator[str]:
    if checks.removed:
        yield "Say something the agent cannot know, in chat and in a call; the built-in texts must be used."
        return
    if checks.touches("fallback"):
        yield "Say something unclear twice; the agent must answer with the new fallback text."
    if checks.touches("out_of_scope"):
        yield "Ask for something outside its work; the agent must decline with the new text."
    if checks.touches("handover_message"):
        yield "Ask for a person; the new handover message must be said before the transfer."
    if checks.touches("silence"):
        yield "Make a test call and say nothing until it ends; count the messages and listen to them."
    if checks.touches("end_of_call"):
        yield "Ask one question; after the answer the new closing question must be said."
    if checks.touches("knowledge"):
        yield "Ask a question that only a document answers, and one that none does."
    if checks.touches("time_zone"):
        yield "Ask for today's date and opening hours; they must be those of the new time zone."
    if checks.touches("default_language", "languages"):
        yield "Start a call and a chat and answer in another language; check which one the agent speaks."


KIND = ModelKind(
    name="settings",
    title="Settings",
    plural="settings",
    model=SettingsBody,
    singleton="default",
    tests=_tests,
    sample={
        "schema": 1,
        "name": "Settings",
        "time_zone": "Europe/London",
        "default_language": "en-GB",
        "languages": ["en-GB", "de-DE"],
        "fallback": "Pardon? Could you say that again?",
        "out_of_scope": "I can only help with your stay.",
        "handover_message": "One moment, I'll find a colleague.",
        "silence": {"max_count": 3, "message": "Are you still there?"},
        "end_of_call": {"ask_again": "Is there anything else?"},
        "knowledge": {"limit": 5, "min_score": 0.3},
        "imported_files": [{"path": "agent/safety.yaml", "text": "level: strict\n", "reason": "no counterpart yet"}],
        "imported": {"project": "harbour-hotel", "region": "uk-1"},
    },
)
