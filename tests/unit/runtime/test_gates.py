"""What a model writes goes out while it writes it, and never anything that a control would have stopped."""

from __future__ import annotations

import random
from typing import Any

import pytest

from greenroom.domain.asks import Answer, Ask, Streamer
from greenroom.runtime import answering
from greenroom.runtime.asking import Working
from greenroom.runtime.calls import ask
from greenroom.runtime.driver import Delta, TurnOutcome, finish_turn, run_turn, start_turn
from greenroom.runtime.engine import Context, Heard
from greenroom.runtime.turn import Turn
from tests.support.agents import compiled, entities
from tests.support.outside import PLACE, Scripted
from tests.unit.runtime.test_driver import Ticking

REPLY = "The pool opens at 7. It is **heated**!  Towels are free of charge. Anything else?"
AGENT: dict[str, dict[str, Any]] = {"agent/main": {"model": {"provider": "test:one"}}}


class Telling:
    """A brain that says what the outside's model writes, in one or two rounds."""

    name = "telling"

    def answer(self, turn: Turn) -> Working[None]:
        turn.decision = "answer"
        for _ in range(2):
            answer = yield from ask(turn, "model", {"provider": "test:one", "messages": []})
            turn.say_streamed(str(answer.get("text", "")), int(answer.get("streamed", 0)))
            if not answer.get("calls"):
                break
        yield "answer"


def writing(pieces: int) -> Scripted:
    """Returns an outside that writes the reply in pieces, and once asks for a second round."""

    def script(asked: Ask, stream: Streamer | None) -> Answer:
        first = len(outside.asked) == 1
        text = REPLY if first else "One more thing."
        cuts = sorted(random.Random(pieces).sample(range(1, len(text)), min(pieces, len(text) - 1)))
        for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True):
            if stream is not None:
                stream(text[start:end])
        return {"text": text, "calls": [{"name": "x"}] if first else [], "ms": 1.0}

    outside = Scripted(script)
    return outside


async def both(
    channel: str, more: dict[str, dict[str, Any]], pieces: int
) -> tuple[list[str], TurnOutcome, TurnOutcome]:
    program = compiled(entities({**AGENT, **more}))
    context = Context(environment="live", channel=channel)
    state = start_turn(program, context, Ticking()).state
    args = (program, state, Heard("Tell me about the pool"), context, Ticking())
    came = [piece async for piece in run_turn(*args, writing(pieces), PLACE)]
    whole = await finish_turn(*args, writing(pieces), PLACE)
    *deltas, outcome = came
    assert isinstance(outcome, TurnOutcome)
    return [piece.text for piece in deltas if isinstance(piece, Delta)], outcome, whole


@pytest.fixture(autouse=True)
def telling(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answering, "MODEL", Telling())


@pytest.mark.parametrize("pieces", [1, 5, 40, 80])
async def test_every_piece_goes_out_where_nothing_controls_it(pieces: int) -> None:
    texts, outcome, whole = await both("chat", {}, pieces)
    assert "".join(texts) == outcome.said == whole.said == f"{REPLY} One more thing."
    assert len(texts) >= min(pieces, 20)


@pytest.mark.parametrize("pieces", [1, 7, 60])
@pytest.mark.parametrize(
    "more",
    [
        {"guardrail/g": {"patterns": ["free of charge"], "message": "I cannot say."}},
        {"rule/r": {"severity": "hard", "text": 'Never say "free of charge".'}},
        {"response_control/c": {"max_length": 40}},
        {"response_control/c": {"stop_phrases": [{"id": "s", "patterns": ["free of charge"], "say_phrase": False}]}},
    ],
)
async def test_what_a_control_stops_never_goes_out(more: dict[str, dict[str, Any]], pieces: int) -> None:
    texts, outcome, whole = await both("chat", more, pieces)
    assert "".join(texts) == outcome.said
    assert "free of charge" not in outcome.said
    assert "free of charge" not in whole.said
    assert outcome.said.startswith("The pool opens at 7.")


@pytest.mark.parametrize("pieces", [1, 30])
async def test_a_call_hears_whole_sentences_as_it_reads_them(pieces: int) -> None:
    more = {"response_control/c": {"pronunciations": [{"id": "p", "pattern": "pool", "replacement": "poool"}]}}
    texts, outcome, _ = await both("voice", more, pieces)
    assert texts[0].strip() == "The pool opens at 7."
    assert "".join(texts) == outcome.said
    assert "**" not in outcome.said
    spoken = [effect["speech"] for effect in outcome.events if effect["type"] == "said"]
    assert spoken[0].startswith("The poool")
