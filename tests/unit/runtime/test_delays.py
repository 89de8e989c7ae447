"""What is said while a function runs: decided from how long it took, streamed while it does."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from greenroom.domain.asks import Answer, Ask, Place, Streamer
from greenroom.runtime.compiling.calls import read_delays
from greenroom.runtime.driver import Delta, TurnOutcome, run_turn, start_turn
from greenroom.runtime.engine import Context, Heard, step
from greenroom.runtime.program import compile_program
from tests.support.agents import Talk, entities, talk
from tests.support.outside import PLACE
from tests.unit.runtime.test_driver import Ticking

SLOW: dict[str, dict[str, Any]] = {
    "agent/main": {},
    "function/find-room": {
        "code": "def run(conv): return 'Room 12 is free.'",
        "latency": {"say_after_ms": 30, "say": ["One moment, {{variable.guest}}.", "Still looking."]},
    },
    "variable/guest": {"default": "Kim"},
    "topic/rooms": {
        "sample_questions": ["Find me a room"],
        "content": "",
        "actions": [{"id": "a", "type": "call", "target": "find-room", "message": "Let me see."}],
    },
}


def found(ms: float, **more: Any) -> Answer:
    return {"result": "Room 12 is free.", "effects": [], "prints": [], "ms": ms, **more}


def said(call: Talk) -> list[tuple[str, str, bool]]:
    return [(each["text"], each["part"], bool(each.get("streamed"))) for each in call.effects("said")]


@pytest.mark.parametrize(
    "latency, delays",
    [
        ({"say_after_ms": 1500, "say": "One moment."}, ((1500, "One moment."),)),
        ({"say_after_ms": 1000, "say": ["A", "B"]}, ((1000, "A"), (2000, "B"))),
        (
            {
                "delay_before_responses_start": 1,
                "silence_after_each_response": 4,
                "delay_responses": [["A", 3], ["B", 2]],
            },
            ((1000, "A"), (8000, "B")),
        ),
        ({"delay_before_responses_start": 1, "silence_after_each_response": 1}, ()),
        ({"delay_responses": [["At once", 2]]}, ((0, "At once"),)),
        ({"say_after_ms": "soon", "say": 7, "delay_responses": [None, 5, ["", 1], [3, 4]]}, ()),
        ({}, ()),
    ],
)
def test_delay_handling_is_read_in_its_forms(latency: dict[str, Any], delays: tuple[tuple[float, str], ...]) -> None:
    assert read_delays(latency) == delays


@pytest.mark.parametrize("ms, count", [(0.0, 0), (29.9, 0), (30.0, 1), (75.0, 2), (10_000.0, 2)])
def test_how_long_a_function_took_decides_what_is_said(ms: float, count: int) -> None:
    call = talk(entities(SLOW))
    call.say("Find me a room", answers=[found(ms)])
    fillers = [("One moment, Kim.", "delay", False), ("Still looking.", "delay", False)][:count]
    assert said(call) == [("Let me see.", "action", False), *fillers, ("Room 12 is free.", "function", False)]


def test_a_sentence_that_fills_the_time_is_no_answer() -> None:
    silent = {
        **SLOW,
        "topic/rooms": {**SLOW["topic/rooms"], "actions": [{"id": "a", "type": "call", "target": "find-room"}]},
    }
    call = talk(entities(silent))
    taken = call.say("Find me a room", answers=[{**found(50.0), "result": None}])
    assert taken.said.startswith("One moment, Kim. Sorry")


class Slow:
    """An outside that takes its time."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    async def answer(self, ask: Ask, place: Place, stream: Streamer | None = None) -> Answer:
        await asyncio.sleep(self.seconds)
        return found(self.seconds * 1000)


async def stream(bodies: dict[str, dict[str, Any]], context: Context, seconds: float) -> tuple[list[Any], TurnOutcome]:
    program = compile_program(entities(bodies))
    begun = start_turn(program, context, Ticking())
    heard, loop = Heard("Find me a room"), asyncio.get_running_loop()
    since, pieces = loop.time(), []
    async for piece in run_turn(program, begun.state, heard, context, Ticking(), Slow(seconds), PLACE):
        pieces.append((loop.time() - since, piece))
    outcome = pieces.pop()[1]
    assert isinstance(outcome, TurnOutcome)
    answers = json.loads(json.dumps([ask["answer"] for ask in outcome.asks]))
    again = step(program, begun.state, heard, context, answers)
    assert (again.said, again.effects, again.state) == (outcome.said, outcome.events, outcome.state), (
        "the replay differs"
    )
    assert "".join(piece.text for _, piece in pieces if isinstance(piece, Delta)) == outcome.said
    return pieces, outcome


CHAT = Context(environment="live", channel="chat")
CALL = Context(environment="live", channel="voice", caller="+441632960555")


@pytest.mark.anyio
@pytest.mark.parametrize("context", [CHAT, CALL], ids=["chat", "voice"])
async def test_it_is_streamed_while_the_function_runs(context: Context) -> None:
    pieces, outcome = await stream(SLOW, context, 0.4)
    first, second = pieces[0], pieces[1]
    assert (first[1].text, second[1].text) == ("Let me see. One moment, Kim.", " Still looking.")
    assert first[0] < 0.3, "the caller heard nothing while the function ran"
    assert outcome.said == "Let me see. One moment, Kim. Still looking. Room 12 is free."
    assert bool(first[1].speech) is (context is CALL)


@pytest.mark.anyio
async def test_a_fast_function_is_not_talked_over() -> None:
    _, outcome = await stream(SLOW, CHAT, 0.0)
    assert outcome.said == "Let me see. Room 12 is free."


@pytest.mark.anyio
async def test_what_a_rule_would_change_waits_for_the_end() -> None:
    rule = {"rule/no-moment": {"text": 'Never say "let me see"', "severity": "hard"}}
    pieces, outcome = await stream({**SLOW, **rule}, CHAT, 0.2)
    assert pieces[0][0] >= 0.2
    assert "Let me see" not in outcome.said
    assert "One moment, Kim." in outcome.said
