"""Carries a step out: streams the reply sentence by sentence and measures the stages.

    async for piece in run_turn(program, state, Heard("hello"), context, clock):
        # Delta(text, speech) …, then one TurnOutcome, always last
    outcome = await finish_turn(program, state, heard, context, clock)     # without streaming
    outcome = start_turn(program, context, clock)                          # the greeting

`state` is not changed; the new one is `outcome.state`. Nobody sends text messages yet: their effect says
`"delivery": "recorded"`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

from greenroom.ports import Clock
from greenroom.runtime.engine import Context, Effect, Heard, Recorded, State, Step, recorded, stages, start
from greenroom.runtime.program import Program
from greenroom.runtime.texts import split_sentences

__all__ = ["Delta", "TurnOutcome", "finish_turn", "run_turn", "start_turn"]


@dataclass(frozen=True, slots=True)
class Delta:
    """A piece of the reply; all `text` joined is `TurnOutcome.said`. `speech` is what a voice reads in a call."""

    text: str
    speech: str = ""


@dataclass(frozen=True, slots=True)
class TurnOutcome:
    """What a turn did. `record` is the form that may be stored and shown (personal data masked)."""

    said: str
    events: tuple[Effect, ...]
    trace: Mapping[str, Any]
    state: State
    ended: bool
    ended_by: str | None
    speech: Mapping[str, Any] | None
    record: Recorded


async def run_turn(
    program: Program, state: State, heard: Heard, context: Context, clock: Clock
) -> AsyncIterator[Delta | TurnOutcome]:
    """Yields the reply's sentences, then the outcome."""
    begun = clock.monotonic_ms()
    step, times = _timed(program, state, heard, context, clock)
    for delta in _deltas(step):
        yield delta
    yield _outcome(program, step, times, clock.monotonic_ms() - begun)


async def finish_turn(program: Program, state: State, heard: Heard, context: Context, clock: Clock) -> TurnOutcome:
    """Returns the outcome of a whole turn."""
    begun = clock.monotonic_ms()
    step, times = _timed(program, state, heard, context, clock)
    return _outcome(program, step, times, clock.monotonic_ms() - begun)


def start_turn(program: Program, context: Context, clock: Clock) -> TurnOutcome:
    """Returns the outcome of the greeting."""
    begun = clock.monotonic_ms()
    step = start(program, context)
    total = clock.monotonic_ms() - begun
    return _outcome(program, step, {"begin": total}, total)


def _timed(
    program: Program, state: State, heard: Heard, context: Context, clock: Clock
) -> tuple[Step, dict[str, float]]:
    work = stages(program, state, heard, context)
    times: dict[str, float] = {}
    last = clock.monotonic_ms()
    while True:
        try:
            stage = next(work)
        except StopIteration as done:
            return done.value, times
        now = clock.monotonic_ms()
        times[stage] = times.get(stage, 0.0) + now - last
        last = now


def _deltas(step: Step) -> tuple[Delta, ...]:
    """Returns the said texts in sentences. A text whose speech has other sentences is one piece."""
    deltas: list[Delta] = []
    said = [effect for effect in step.effects if effect["type"] == "said"]
    for index, effect in enumerate(said):
        texts = split_sentences(effect["text"])
        spoken = split_sentences(effect.get("speech", ""))
        if spoken and len(spoken) != len(texts):
            texts, spoken = (effect["text"],), (effect["speech"],)
        for at, text in enumerate(texts):
            between = " " if index < len(said) - 1 and at == len(texts) - 1 else ""
            deltas.append(Delta(text + between, spoken[at] if spoken else ""))
    return tuple(deltas)


def _outcome(program: Program, step: Step, times: Mapping[str, float], total: float) -> TurnOutcome:
    latency = {name: round(value, 3) for name, value in times.items()}
    trace = {**step.trace, "stages": list(times), "latency_ms": {**latency, "total": round(total, 3)}}
    timed = Step(step.effects, step.state, trace, step.speech)
    return TurnOutcome(
        timed.said,
        timed.effects,
        trace,
        timed.state,
        timed.ended,
        timed.ended_by,
        timed.speech,
        recorded(program, timed),
    )
