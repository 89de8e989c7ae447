"""Test sets: conversations with expectations, run against any version, draft or environment."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Annotated, Literal

from greenroom.domain.errors import Fault
from greenroom.kinds.schema import (
    Asked,
    BodyModel,
    Checks,
    Choices,
    Fact,
    Field,
    Id,
    JsonMapping,
    Keyed,
    Line,
    ModelKind,
    Part,
    StringConstraints,
    Text,
    Words,
)

EXPECTATIONS = {
    "contains": "the reply holds this text; a list: each of them",
    "not_contains": "the reply does not hold this text",
    "matches": "the reply matches this pattern (RE2)",
    "similar": 'the reply is like a text: {"text": "…", "at_least": 0.8}',
    "judged": "a statement that a judge must find true",
    "topic": "this topic answered",
    "no_topic": "true: no topic answered",
    "called": "this function or tool was called",
    "not_called": "this function or tool was not called",
    "handed_off": "this hand-off took the conversation; true or false: any",
    "sms_offered": "this SMS was offered",
    "sms_sent": "this SMS was sent",
    "sms_not_sent": "this SMS was not sent",
    "variables": 'what variables hold: {"room": "101"}',
    "ended": "true or false: whether the conversation ended",
    "agent": "this agent answers",
    "latency_ms": "at most so many milliseconds",
    "workflow": "this workflow runs",
    "knowledge": "this source or document was cited",
}
"""What a turn or a conversation may be expected to do, each with how its value is written."""
MOCKS = {
    "now": "the time of every turn: 2026-05-01T10:00:00Z",
    "caller": "who calls: +44 20 7946 0000",
    "called": "the number that was called",
    "user_id": "whom it is",
    "variant": "which site, by id or name",
    "sip_headers": 'headers of the call: {"X-Guest": "gold"}',
    "variables": "what the conversation starts with",
    "functions": 'answers of functions: {"find-booking": {"room": 12}}',
    "tools": 'answers of tools: {"book": {"confirmed": true}}',
    "mcp": 'answers of servers: {"calendar": {"add": "done"}}',
    "tables": 'rows of data tables: {"rooms": [{"number": 12}]}',
    "knowledge": 'what every look-up finds: ["text"]',
    "allow_real": "true: call, send and write for real whatever is not mocked",
}
"""What a case may pretend, each with how it is written."""
Expect = Annotated[JsonMapping, Asked(style="entries", keys=EXPECTATIONS)]


class Turn(Part):
    """What the tester says, and what must come of it."""

    say: Annotated[Text, Fact(verbatim=True)] = ""
    event: Annotated[Literal["", "silence", "hang_up"], Choices({"": "none", "hang_up": "hanging up"})] = ""
    expect: Annotated[Expect, Fact(hint="What must come of this turn")] = {}


class Case(Part):
    """One conversation: scripted turns, or a scenario that a simulated caller plays."""

    id: Id
    name: Annotated[Line, Fact(label="name", verbatim=True)] = ""
    channel: Annotated[
        str,
        StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$"),
        Fact(expects="a channel such as voice, chat or sms"),
        Asked(names="channel"),
    ] = "chat"
    language: Annotated[
        str,
        StringConstraints(pattern=r"^([A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*)?$"),
        Fact(expects="a language tag such as en-US, or empty for the default"),
    ] = ""
    tags: Annotated[list[Words], Field(max_length=50), Keyed("value", noun="tag", ordered=False)] = []
    scenario: Annotated[Text, Fact(hint="Who calls, why, and how they behave", verbatim=True)] = ""
    turns: Annotated[list[Turn], Field(max_length=200)] = []
    expect: Annotated[Expect, Fact(hint="What must hold of the whole conversation")] = {}
    repeat: Annotated[int, Field(ge=1, le=50), Fact(label="times")] = 1
    at_least: Annotated[float, Field(ge=0, le=1), Fact(label="least rate", hint="Of the times it must pass")] = 1.0
    skip: Annotated[Line, Fact(hint="Why it is not run", verbatim=True)] = ""
    judged: Annotated[list[Words], Field(max_length=50), Fact(hint="Statements that a judge must find true")] = []
    mocks: Annotated[
        JsonMapping,
        Fact(hint="Time, caller, variant, answers of functions"),
        Asked(style="entries", keys=MOCKS),
    ] = {}

    def faults(self) -> Iterable[Fault]:
        if not self.turns and not self.scenario.strip():
            yield Fault("", f"case '{self.id}' needs turns or a scenario", "required", "write at least one turn")


class TestSetBody(BodyModel):
    """The fields of a test set."""

    # pytest would take the name for a class of tests.
    __test__ = False

    description: Text = ""
    cases: Annotated[list[Case], Field(max_length=1_000), Keyed(noun="case")] = []


def _tests(checks: Checks) -> Iterator[str]:
    name = checks.change.name
    if checks.removed:
        yield f"Check that another test set covers what '{name}' covered."
        return
    if checks.touches("cases", "description", "name"):
        yield f"Run the test set '{name}' on the draft and on what is live; read every difference."


KIND = ModelKind(
    name="test_set",
    title="Test set",
    plural="test sets",
    model=TestSetBody,
    tests=_tests,
    sample={
        "schema": 1,
        "name": "Check-out",
        "description": "Every way of asking for a late check-out.",
        "cases": [
            {
                "id": "fee",
                "name": "Asks for the fee",
                "channel": "voice",
                "language": "en-GB",
                "tags": ["smoke"],
                "turns": [
                    {
                        "say": "Can I check out late?",
                        "event": "silence",
                        "expect": {"contains": "14:00", "topic": "late-checkout"},
                    },
                    {"say": "What does it cost?", "expect": {"contains": "20 euros"}},
                ],
                "expect": {"not_called": ["cancel-booking"]},
                "repeat": 3,
                "at_least": 0.6,
                "skip": "until the fee is known",
                "judged": ["The agent names the fee."],
                "mocks": {"now": "2026-05-01T10:00:00Z", "variant": "harbour"},
            },
            {
                "id": "hurried",
                "scenario": "A guest in a hurry wants to stay until the afternoon.",
                "judged": ["The agent offers a late check-out."],
            },
        ],
    },
)
