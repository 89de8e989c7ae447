"""Carries a turn out: asks the outside, streams the reply and measures the stages.

    async for piece in run_turn(program, state, Heard("hello"), context, clock, outside, place):
        # Delta(text, speech) …, then one TurnOutcome, always last
    outcome = await finish_turn(program, state, heard, context, clock, outside, place)     # without streaming
    outcome = start_turn(program, context, clock)                                         # the greeting

`state` is not changed; the new one is `outcome.state`. Nobody sends text messages yet: their effect says
`"delivery": "recorded"`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from greenroom.domain.asks import Answer, Ask, Place, Speaking, Streamed, failed
from greenroom.ports import Clock, Outside
from greenroom.runtime.engine import Context, Effect, Heard, Recorded, State, Step, recorded, stages, start
from greenroom.runtime.program import Program
from greenroom.runtime.texts import split_sentences

__all__ = ["Delta", "TurnOutcome", "finish_turn", "run_turn", "start_turn"]

MAX_TURN_MS = 20_000
"""After so long a turn asks nothing more: the caller waits for an answer. Each ask has its own time-out beside."""
LATE = failed("turn_too_long", f"the turn took more than {MAX_TURN_MS // 1000} s; nothing more was asked")


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
    asks: tuple[Mapping[str, Any], ...] = ()
    """What was asked of the outside, with the answers, in clear: for replay, never for people."""
    user_variables: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """Values of the variables that are kept from one conversation of a user to the next."""


async def run_turn(
    program: Program, state: State, heard: Heard, context: Context, clock: Clock, outside: Outside, place: Place
) -> AsyncIterator[Delta | TurnOutcome]:
    """Yields the reply piece by piece, then the outcome. A model's words go out while it writes them."""
    run = _Run(program, state, heard, context, clock)
    while (asked := run.advance()) is not None:
        if run.is_late() or (asked.gate is None and asked.waiting is None):
            run.answer(LATE if run.is_late() else await outside.answer(asked, place))
            continue
        async for piece in _stream(asked, outside, place):
            if isinstance(piece, Delta):
                run.out = True
                yield piece
            else:
                run.answer(piece)
    for delta in run.rest():
        yield delta
    yield run.outcome()


def _stream(ask: Ask, outside: Outside, place: Place) -> AsyncIterator[Delta | Answer]:
    """Returns what yields the pieces that go out while the answer comes in, then the answer."""
    if ask.waiting is not None:
        return _speak(ask, ask.waiting, outside, place)
    assert ask.gate is not None
    return _pass(ask, ask.gate, outside, place)


async def _speak(ask: Ask, waiting: Speaking, outside: Outside, place: Place) -> AsyncIterator[Delta | Answer]:
    """Yields what is said while the answer takes its time, then the answer."""
    task = asyncio.ensure_future(outside.answer(ask, place))
    try:
        gone = 0.0
        for time_ms in waiting.times_ms:
            done, _ = await asyncio.wait({task}, timeout=(time_ms - gone) / 1000)
            gone = time_ms
            if done:
                break
            if (piece := waiting.say()) is not None:
                yield Delta(*piece)
        yield waiting.close(await task)
    finally:
        task.cancel()


async def _pass(ask: Ask, gate: Streamed, outside: Outside, place: Place) -> AsyncIterator[Delta | Answer]:
    """Yields what the gate lets through while the answer comes in, then the answer."""
    written: asyncio.Queue[str | None] = asyncio.Queue()

    def take(text: str) -> None:
        written.put_nowait(text)

    async def work() -> Answer:
        try:
            return await outside.answer(ask, place, take)
        finally:
            written.put_nowait(None)

    task = asyncio.ensure_future(work())
    try:
        while (text := await written.get()) is not None:
            if (piece := gate.feed(text)) is not None:
                yield Delta(*piece)
        yield gate.close(await task)
    finally:
        task.cancel()


async def finish_turn(
    program: Program, state: State, heard: Heard, context: Context, clock: Clock, outside: Outside, place: Place
) -> TurnOutcome:
    """Returns the outcome of a whole turn."""
    run = _Run(program, state, heard, context, clock)
    while (asked := run.advance()) is not None:
        run.answer(LATE if run.is_late() else await outside.answer(asked, place))
    return run.outcome()


def start_turn(program: Program, context: Context, clock: Clock) -> TurnOutcome:
    """Returns the outcome of the greeting."""
    begun = clock.monotonic_ms()
    step = start(program, context)
    total = clock.monotonic_ms() - begun
    return _outcome(program, step, {"begin": total}, total)


class _Run:
    """One turn under way: what it asked last, how long its stages took, what is out already."""

    def __init__(self, program: Program, state: State, heard: Heard, context: Context, clock: Clock) -> None:
        self._program = program
        self._clock = clock
        self._work = stages(program, state, heard, context)
        self._sent: Answer | None = None
        self._step: Step | None = None
        self._begun = self._last = clock.monotonic_ms()
        self._times: dict[str, float] = {}
        self._asked = ""
        self.out = False

    def advance(self) -> Ask | None:
        """Goes on to the next ask; None when the turn is done."""
        while True:
            try:
                item = self._work.send(self._sent)
            except StopIteration as done:
                self._step = done.value
                return None
            self._sent = None
            if isinstance(item, Ask):
                self._asked = item.to
                return item
            self._measure(item)

    def is_late(self) -> bool:
        """Says whether the turn has taken so long that nothing more is asked."""
        return self._last - self._begun > MAX_TURN_MS

    def answer(self, answer: Answer) -> None:
        """Gives the answer to the last ask."""
        self._sent = answer
        self._measure(self._asked)

    def _measure(self, stage: str) -> None:
        now = self._clock.monotonic_ms()
        self._times[stage] = self._times.get(stage, 0.0) + now - self._last
        self._last = now

    def rest(self) -> tuple[Delta, ...]:
        """Returns what is not out yet."""
        assert self._step is not None
        deltas = _deltas(self._step)
        if self.out and deltas:
            return (Delta(f" {deltas[0].text}", deltas[0].speech), *deltas[1:])
        return deltas

    def outcome(self) -> TurnOutcome:
        assert self._step is not None
        return _outcome(self._program, self._step, self._times, self._clock.monotonic_ms() - self._begun)


def _deltas(step: Step) -> tuple[Delta, ...]:
    """Returns the said texts in sentences. A text whose speech has other sentences is one piece."""
    deltas: list[Delta] = []
    said = [effect for effect in step.effects if effect["type"] == "said" and not effect.get("streamed")]
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
    timed = Step(step.effects, step.state, trace, step.speech, step.asks)
    return TurnOutcome(
        timed.said,
        timed.effects,
        trace,
        timed.state,
        timed.ended,
        timed.ended_by,
        timed.speech,
        recorded(program, timed),
        timed.asks,
        {slug: value for slug, value in timed.state["vars"].items() if _is_of_user(program, slug)},
    )


def _is_of_user(program: Program, slug: str) -> bool:
    plan = program.variables.get(slug)
    return plan is not None and plan.of_user
