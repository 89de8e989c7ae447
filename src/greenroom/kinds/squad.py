"""Squads: agents that share a conversation, and when it moves from one to another."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Annotated

from greenroom.domain.errors import Fault
from greenroom.kinds.schema import (
    BodyModel,
    Checks,
    Condition,
    Fact,
    Field,
    Id,
    Keyed,
    Link,
    ModelKind,
    Part,
    Slug,
    SlugOrNone,
    Text,
)


class Transfer(Part):
    """When the conversation moves; it takes all its state along."""

    id: Id
    source: Annotated[SlugOrNone, Link("agent"), Fact(label="from", hint="Empty for any")] = ""
    target: Annotated[Slug, Link("agent"), Fact(label="to")]
    condition: Condition = ""
    message: Annotated[Text, Fact(hint="Said before the other agent takes over")] = ""


class SquadBody(BodyModel):
    """The fields of a squad."""

    description: Text = ""
    members: Annotated[
        list[Annotated[Slug, Link("agent")]],
        Field(max_length=50),
        Keyed("value", noun="member", ordered=False),
        Fact(hint="The agents that may answer"),
    ] = []
    entry: Annotated[SlugOrNone, Link("agent"), Fact(label="first agent", hint="Begins every conversation")] = ""
    transfers: Annotated[
        list[Transfer],
        Field(max_length=200),
        Keyed(noun="transfer"),
        Fact(hint="Without any, each member may pass the conversation to each other"),
    ] = []

    def faults(self) -> Iterable[Fault]:
        named = [("/entry", self.entry)]
        for index, transfer in enumerate(self.transfers):
            named += [
                (f"/transfers/{index}/source", transfer.source),
                (f"/transfers/{index}/target", transfer.target),
            ]
        for pointer, slug in named:
            if slug and slug not in self.members:
                yield Fault(
                    pointer, f"agent '{slug}' is not a member of the squad", "not_a_member", "add it to 'members'"
                )
        if self.members and not self.entry:
            yield Fault("/entry", "'entry' must name the agent that begins", "required")


def _tests(checks: Checks) -> Iterator[str]:
    if checks.removed:
        yield "Start a conversation in chat and in a call; one agent must carry it to the end."
        return
    if checks.touches("entry", "members"):
        yield "Start a chat and a test call; the squad's first agent must greet."
    if checks.touches("transfers"):
        for transfer in checks.elements("transfers")[:5]:
            taker = transfer.get("target", "")
            yield f"Bring the conversation to where '{taker}' takes over; it must know what was said."


KIND = ModelKind(
    name="squad",
    title="Squad",
    plural="squads",
    model=SquadBody,
    tests=_tests,
    sample={
        "schema": 1,
        "name": "Hotel",
        "description": "The desk begins; the spa takes its own guests.",
        "members": ["desk", "spa"],
        "entry": "desk",
        "transfers": [
            {
                "id": "to-spa",
                "source": "desk",
                "target": "spa",
                "condition": "intent == 'massage'",
                "message": "I'll pass you on to the spa.",
            }
        ],
    },
)
