"""The driver: pieces that join to the reply, then the outcome with what each stage took."""

from datetime import UTC, datetime

import pytest

from greenroom.runtime.driver import Delta, TurnOutcome, finish_turn, run_turn, start_turn
from greenroom.runtime.engine import Context, Heard, step
from greenroom.runtime.program import compile_program
from tests.support.agents import changed, hotel
from tests.support.outside import PLACE, Scripted

CALL = Context(environment="live", channel="voice", caller="+441632960555")
CHAT = Context(environment="live", channel="chat")


class Ticking:
    """A clock on which every look takes a millisecond and a half."""

    def __init__(self) -> None:
        self.ms = 0.0

    def now(self) -> datetime:
        return datetime(2026, 11, 21, tzinfo=UTC)

    def monotonic_ms(self) -> float:
        self.ms += 1.5
        return self.ms

    def new_id(self, noun: str) -> str:
        raise AssertionError(noun)

    def new_token(self) -> str:
        raise AssertionError


async def stream(text: str, context: Context) -> tuple[list[Delta], TurnOutcome]:
    program = compile_program(hotel("v3"))
    begun = start_turn(program, context, Ticking())
    pieces = [
        piece async for piece in run_turn(program, begun.state, Heard(text), context, Ticking(), Scripted(), PLACE)
    ]
    *deltas, outcome = pieces
    assert isinstance(outcome, TurnOutcome)
    return [piece for piece in deltas if isinstance(piece, Delta)], outcome


@pytest.mark.anyio
@pytest.mark.parametrize("context", [CALL, CHAT], ids=["voice", "chat"])
@pytest.mark.parametrize(
    "text", ["Can I check out late?", "pool opening times", "Do you have group rates?", "bye", "blorp"]
)
async def test_the_pieces_join_to_the_reply(text: str, context: Context) -> None:
    deltas, outcome = await stream(text, context)
    assert "".join(delta.text for delta in deltas) == outcome.said
    assert deltas


@pytest.mark.anyio
async def test_a_reply_comes_sentence_by_sentence_with_its_speech() -> None:
    deltas, outcome = await stream("Can I check out late?", CALL)
    assert [delta.text for delta in deltas] == [
        "Check-out is at 11 am. ",
        "You can keep the room until 2 pm for £20, or for nothing as a member of the Larkspur Circle. ",
        "Please ask by 9 am on the day. ",
        "Shall I text you a link to book it?",
    ]
    assert "until 2 P M for 20 pounds" in deltas[1].speech
    assert outcome.speech is not None
    assert outcome.speech["stability"] == 0.8
    chat, _ = await stream("Can I check out late?", CHAT)
    assert {delta.speech for delta in chat} == {""}


@pytest.mark.anyio
async def test_every_stage_is_timed() -> None:
    _, outcome = await stream("Can I check out late?", CALL)
    assert outcome.trace["stages"] == ["hear", "rules", "match", "answer", "control"]
    assert outcome.trace["latency_ms"] == {
        "hear": 1.5,
        "rules": 1.5,
        "match": 1.5,
        "answer": 1.5,
        "control": 1.5,
        "total": 9.0,
    }


@pytest.mark.anyio
async def test_without_streaming_the_outcome_is_the_same() -> None:
    program = compile_program(hotel("v3"))
    begun = start_turn(program, CALL, Ticking())
    assert begun.said.startswith("Welcome to the Larkspur Quay")
    assert begun.trace["latency_ms"]["begin"] == 1.5
    outcome = await finish_turn(program, begun.state, Heard("bye"), CALL, Ticking(), Scripted(), PLACE)
    taken = step(program, begun.state, Heard("bye"), CALL)
    assert (outcome.said, outcome.events, outcome.state) == (taken.said, taken.effects, taken.state)
    assert (outcome.ended, outcome.ended_by) == (True, "caller")
    streamed = [
        piece async for piece in run_turn(program, begun.state, Heard("bye"), CALL, Ticking(), Scripted(), PLACE)
    ]
    assert streamed[-1] == outcome


@pytest.mark.anyio
async def test_the_record_is_masked_and_the_outcome_is_not() -> None:
    program = compile_program(changed(hotel("v3"), "agent/main", greeting="Hello {{variable.guest_name}}."))
    context = Context(environment="live", variables={"guest_name": "Ada Lovelace"})
    outcome = start_turn(program, context, Ticking())
    assert outcome.said == "Hello Ada Lovelace."
    assert outcome.record.said == "Hello •••."
    assert "Ada" not in repr(outcome.record)


@pytest.mark.anyio
async def test_a_text_message_is_recorded_and_the_outcome_says_so() -> None:
    program = compile_program(hotel("v3"))
    state = start_turn(program, CALL, Ticking()).state
    offered = await finish_turn(program, state, Heard("Can I check out late?"), CALL, Ticking(), Scripted(), PLACE)
    sent = await finish_turn(program, offered.state, Heard("yes"), CALL, Ticking(), Scripted(), PLACE)
    assert [event["delivery"] for event in sent.events if event["type"] == "sms_sent"] == ["recorded"]
    assert sent.trace["actions"][0]["outcome"] == "sent"
    assert sent.trace["stages"] == ["hear", "rules", "consent", "control"]
