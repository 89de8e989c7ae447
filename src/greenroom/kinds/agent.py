"""Agents: who answers, in which words, with which model."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from greenroom.kinds.schema import (
    Asked,
    BodyModel,
    Checks,
    Fact,
    Field,
    Keyed,
    Language,
    Line,
    Link,
    ModelKind,
    Part,
    Slug,
    SlugOrNone,
    StringConstraints,
    Text,
)
from greenroom.kinds.schema.parts import Calls


class Fallback(Part):
    """Which model answers where the first one fails; the local brain stays the last resort."""

    provider: Annotated[
        Line,
        StringConstraints(pattern=r"^([a-z0-9][a-z0-9_.-]*:\S+)?$"),
        Fact(
            label="provider",
            hint="Empty for none",
            expects="'provider:name', for example anthropic:claude-sonnet-4-5, or empty for none",
        ),
    ] = ""
    connection: Annotated[
        SlugOrNone, Fact(hint="The project's connection with the key and address"), Asked(names="connection")
    ] = ""
    timeout_ms: Annotated[int, Field(ge=500, le=120_000), Fact(label="time-out in ms")] = 10_000


class Model(Part):
    """Which model answers; `local` needs no key and no network."""

    provider: Annotated[
        Line,
        StringConstraints(pattern=r"^(local|[a-z0-9][a-z0-9_.-]*:\S+)$"),
        Fact(
            label="provider",
            hint="'local' answers from topics, knowledge and workflows alone, without a key; or provider:name",
            expects="'local' or 'provider:name', for example openai:gpt-4.1",
        ),
    ] = "local"
    temperature: Annotated[float | None, Field(ge=0, le=2)] = None
    max_tokens: Annotated[int | None, Field(ge=1, le=1_000_000), Fact(label="most tokens")] = None
    connection: Annotated[
        SlugOrNone, Fact(hint="The project's connection with the key and address"), Asked(names="connection")
    ] = ""
    timeout_ms: Annotated[int, Field(ge=500, le=120_000), Fact(label="time-out in ms")] = 20_000
    fallback: Annotated[Fallback, Fact(label="fallback", hint="Asked when the model fails or takes too long")] = (
        Fallback()
    )


class AgentBody(BodyModel):
    """The fields of an agent."""

    persona: Annotated[Text, Fact(hint="Who the agent is: name, role, character")] = ""
    instructions: Annotated[Text, Fact(hint="How it works and what it must know in every conversation")] = ""
    style: Annotated[Text, Fact(hint="How it speaks: tone, length, formality")] = ""
    greeting: Annotated[Text, Fact(hint="The first words of a conversation")] = ""
    goodbye: Annotated[Text, Fact(hint="The last words of a conversation")] = ""
    model: Model = Model()
    languages: Annotated[list[Language], Field(max_length=50), Keyed("value", noun="language", ordered=False)] = []
    voice: Annotated[SlugOrNone, Link("voice")] = ""
    tools: Annotated[Calls, Fact(hint="What it may call; empty for everything")] = []
    topics: Annotated[
        list[Annotated[Slug, Link("topic")]],
        Field(max_length=2_000),
        Keyed("value", noun="topic", ordered=False),
        Fact(hint="What it answers; empty for all"),
    ] = []
    knowledge: Annotated[
        list[Annotated[Slug, Link("knowledge")]],
        Field(max_length=200),
        Keyed("value", noun="knowledge source", ordered=False),
        Fact(hint="Where it looks things up; empty for all"),
    ] = []


def _tests(checks: Checks) -> Iterator[str]:
    if checks.removed:
        yield "Start a conversation in chat and make a test call; another agent must greet."
        return
    if checks.touches("greeting"):
        yield "Start a chat and make a test call; both must begin with the new greeting."
    if checks.touches("goodbye"):
        yield "End a chat and a call; both must close with the new goodbye."
    if checks.touches("persona", "instructions", "style"):
        yield "Ask three usual questions and one that it must decline; replies must follow the new wording."
    if checks.touches("model"):
        yield "Ask five usual questions; compare replies and waiting time with the version before."
    if checks.touches("languages"):
        spoken = ", ".join(checks.body.get("languages", [])) or "the default language"
        yield f"Hold a short conversation in each language ({spoken})."
    if checks.touches("tools", "topics", "knowledge"):
        yield "Ask for something it may answer or do, and for something that only another may."
    if checks.touches("voice"):
        yield "Make a test call and listen to the greeting and one long reply."


KIND = ModelKind(
    name="agent",
    title="Agent",
    plural="agents",
    model=AgentBody,
    speaks_of="kind",
    tests=_tests,
    sample={
        "schema": 1,
        "name": "Front desk",
        "persona": "You are Robin, the receptionist of the Harbour Hotel.",
        "instructions": "Answer from the topics. Offer {{handoff.front-desk}} when you do not know.",
        "style": "Friendly and short; two sentences at most.",
        "greeting": "Harbour Hotel at {{variant.street}}, Robin speaking. How can I help?",
        "goodbye": "Thank you for calling. Goodbye!",
        "model": {
            "provider": "openai:gpt-4.1-mini",
            "temperature": 0.2,
            "max_tokens": 400,
            "connection": "openai",
            "timeout_ms": 8000,
            "fallback": {
                "provider": "anthropic:claude-sonnet-4-5",
                "connection": "anthropic",
                "timeout_ms": 6000,
            },
        },
        "languages": ["en-GB", "de-DE"],
        "voice": "reception",
        "tools": [{"kind": "tool", "slug": "find-room"}],
        "topics": ["late-checkout"],
        "knowledge": ["house-rules"],
    },
)
