"""The hotel of examples/ with a spa, a booking and a guardrail, live over the API, and guests who talk to it there."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx2

from greenroom.domain.ids import ConversationId
from greenroom.kinds import KINDS
from greenroom.ports import Cipher, Reachable, Reading
from greenroom.providers.clock import SystemClock
from greenroom.providers.crypto import EnvelopeCipher
from greenroom.providers.sandbox import MontySandbox
from greenroom.runtime.engine import Context, Heard, Step, recorded, start, step
from greenroom.services import sealing
from greenroom.wire.folder import to_files
from tests.support.agents import entities, hotel
from tests.support.api import HOME, PREFIX, Stage, archive, good, make_stage, promote

PLACE = f"{PREFIX}/projects/hotel"
CALLER = "+447700900123"
QUOTE = '''
def quote(conv, nights: int, room: str) -> dict:
    """Says what some nights cost, and keeps it."""
    price = {"double": 120, "suite": 210}[room] * nights
    conv.state["price"] = price
    print("quoted", room, "for", nights)
    return {"price": price, "large": price > 1000}
'''
ADDED: Mapping[str, Mapping[str, Any]] = {
    "agent/spa": {"greeting": "The spa.", "topics": ["massage"], "languages": ["en-GB"]},
    "squad/main": {
        "members": ["main", "spa"],
        "entry": "main",
        "transfers": [
            {
                "id": "to-spa",
                "source": "main",
                "target": "spa",
                "condition": "text.contains('massage')",
                "message": "I'll hand you to our spa.",
            }
        ],
    },
    "topic/massage": {
        "sample_questions": ["Can I book a massage?", "Do you offer massages?", "How long is a massage?"],
        "content": "For your {{variable.nights}} nights we can offer a massage of 50 minutes for £70.",
    },
    "topic/late-check-out": {
        **hotel("v3")[next(where for where in hotel("v3") if str(where) == "topic/late-check-out")],
        "content": "Check-out is at **11 am**. You can keep the room until 2 pm for *{{variant.late_fee}}*.",
    },
    "guardrail/rivals": {
        "patterns": ["(the )?grand palace"],
        "applies_to": "input",
        "message": "I'd rather speak of our own house.",
    },
    "function/quote": {
        "description": "Says what some nights cost.",
        "parameters": {
            "type": "object",
            "properties": {"nights": {"type": "integer"}, "room": {"type": "string"}},
            "required": ["nights", "room"],
        },
        "code": QUOTE,
        "workflow": "book-room",
        "role": "step",
    },
    "variable/room_type": {"type": "text"},
    "variable/price": {"type": "number"},
    "variable/offer": {"type": "object"},
    "workflow/book-room": {
        "trigger": {"phrases": ["I would like to book a room", "Can I reserve a room?"]},
        "start": "nights",
        "steps": [
            {
                "id": "nights",
                "type": "ask",
                "text": "For how many nights?",
                "slot": "nights",
                "validation": {"min": 1, "max": 14},
                "reprompt": "From one to fourteen nights, please.",
                "attempts": 2,
                "on_fail": "people",
                "next": "room",
            },
            {
                "id": "room",
                "type": "ask",
                "text": "A double or a suite?",
                "slot": "room_type",
                "validation": {"options": ["double", "suite"]},
                "next": "quote",
            },
            {
                "id": "quote",
                "type": "call",
                "function": "quote",
                "arguments": {"nights": "{{variable.nights}}", "room": "{{variable.room_type}}"},
                "save_to": "offer",
                "branches": [{"condition": "result.large", "next": "people"}],
                "next": "agree",
            },
            {
                "id": "agree",
                "type": "ask",
                "text": "That is £{{variable.price}}. Shall I book it?",
                "branches": [{"condition": "value == true", "next": "keep"}],
                "next": "nothing",
            },
            {
                "id": "keep",
                "type": "store",
                "table": "bookings",
                "key": "{{variable.booking_reference}}",
                "values": {
                    "nights": "{{variable.nights}}",
                    "room": "{{variable.room_type}}",
                    "price": "{{variable.price}}",
                },
                "on_fail": "people",
                "next": "done",
            },
            {"id": "done", "type": "end", "text": "It is booked: {{variable.nights}} nights, {{variable.room_type}}."},
            {"id": "nothing", "type": "end", "text": "Then nothing is booked."},
            {"id": "people", "type": "handoff", "handoff": "reservations"},
        ],
    },
}


@dataclass
class House:
    """The hotel as a guest reaches it."""

    stage: Stage
    client: httpx2.AsyncClient
    cipher: Cipher

    async def arrive(self, **begin: Any) -> Guest:
        """Begins a conversation in Live."""
        begun = good(await self.client.post(f"{PLACE}/conversations", json={"environment": "live", **begin}))
        return Guest(self, begun["id"], begin)


@dataclass
class Guest:
    """One conversation."""

    house: House
    id: str
    begin: Mapping[str, Any]

    async def say(self, *texts: str) -> Mapping[str, Any]:
        """Takes turns, and returns the last one as GET gives it."""
        place = f"{PREFIX}/conversations/{self.id}"
        for text in texts:
            good(await self.house.client.post(f"{place}/turns", json={"text": text}))
        return (await self.told())["transcript"][-1]

    async def told(self) -> Mapping[str, Any]:
        """Returns the whole conversation."""
        return good(await self.house.client.get(f"{PREFIX}/conversations/{self.id}"))

    async def replay(self, *, with_answers: bool = True) -> list[Step]:
        """Takes every turn again from its record, with nobody outside; each must be the one that was kept.

        Returns the steps, the greeting first.
        """
        desk, told = self.house.stage.desk, await self.told()
        turns = told["transcript"]

        def read(tx: Reading) -> tuple[Mapping[str, Any], list[sealing.Opened]]:
            talk = tx.find_conversation(ConversationId(self.id))
            assert talk is not None
            state = sealing.open_state(self.house.cipher, self.id, talk.state)
            return state["context"], list(sealing.open_turns(self.house.cipher, tx, talk))

        known, opened = await desk.store.read(HOME, read)
        program = await desk.programs.load(HOME, turns[0]["digest"])
        steps = [start(program, Context(**known, now=turns[0]["trace"]["now"]))]
        for raw in opened:
            context = Context(**known, now=raw.now)
            heard = Heard(raw.heard["text"], raw.heard["event"])
            answers = raw.answers if with_answers else ()
            steps.append(step(program, steps[-1].state, heard, context, answers))
        for turn, again in zip(turns, steps, strict=True):
            kept = recorded(program, again)
            told_again = {"heard": kept.heard, "reply": kept.said, "events": plain([*kept.effects])}
            for name, value in told_again.items():
                assert turn[name] == value, f"turn {turn['index']}: {name} was {turn[name]!r}, and is now {value!r}"
            was, now = without_times(turn["trace"]), without_times(plain(kept.trace))
            other = {name: (was.get(name), now.get(name)) for name in was | now if was.get(name) != now.get(name)}
            assert not other, f"turn {turn['index']}: the trace differs in {other}"
        return steps


def plain(value: Any) -> Any:
    """Returns a value as JSON gives it back."""
    return json.loads(json.dumps(value, default=dict))


def without_times(trace: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in trace.items() if key not in {"stages", "latency_ms"}}


def facts(turn: Mapping[str, Any], kind: str) -> list[dict[str, Any]]:
    """Returns the events of a type in a turn."""
    return [event for event in turn["events"] if event["type"] == kind]


@asynccontextmanager
async def open_hotel() -> AsyncIterator[House]:
    """Imports, publishes and releases the hotel, with a table for its bookings."""
    cipher, sandbox = EnvelopeCipher("the key of tests"), MontySandbox(SystemClock(), workers=1)
    stage = await make_stage(reachable=Reachable(sandbox=sandbox, cipher=cipher))
    try:
        async with stage.client() as client:
            good(await client.post(f"{PREFIX}/projects", json={"name": "Hotel", "slug": "hotel"}))
            files = to_files({**hotel("v3"), **entities(ADDED)}, KINDS)
            good(await client.post(f"{PLACE}/import", content=archive(files)))
            good(await client.post(f"{PLACE}/environments/sandbox/publish", json={"note": "The hotel with its spa"}))
            for alias in ("pre-release", "live"):
                await promote(client, "hotel", alias, 1)
            columns = [{"name": "reference"}, {"name": "nights", "type": "number"}]
            columns += [{"name": "room"}, {"name": "price", "type": "number"}]
            table = {"slug": "bookings", "name": "Bookings", "columns": columns, "key": "reference"}
            good(await client.post(f"{PLACE}/tables", json=table))
            yield House(stage, client, cipher)
    finally:
        await sandbox.close()
