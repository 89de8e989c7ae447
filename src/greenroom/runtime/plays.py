"""Plays one case against a program, and says what it came to. Nothing is kept and nobody else notices."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, cast

from greenroom.domain.asks import Place
from greenroom.domain.events import format_time
from greenroom.domain.test_runs import Attempt, Line, Problem, Result, decide_attempt, no_expectation
from greenroom.ports import Clock, Outside
from greenroom.runtime.cases import Case, CaseTurn
from greenroom.runtime.driver import TurnOutcome, finish_turn, start_turn
from greenroom.runtime.expectations import Judgement, evaluate, unreached
from greenroom.runtime.judging import (
    MAX_TURNS,
    Judge,
    judge_ask,
    judge_failed,
    no_model,
    read_next_line,
    read_verdicts,
    simulate_ask,
)
from greenroom.runtime.mocks import Confine, Mocks, Pretended, read_mocks
from greenroom.runtime.program import Program
from greenroom.runtime.seen import Seen, see_turn, see_whole
from greenroom.runtime.turn import Context, Heard

EVENTS = ("silence", "hang_up")
ENDED = "the conversation had ended before this turn"


@dataclass(frozen=True, slots=True)
class Theatre:
    """Where cases are played: the program, what it may reach, and the model that judges (None: nobody)."""

    program: Program
    place: Place
    clock: Clock
    outside: Outside
    confine: Confine | None = None
    judge: Judge | None = None


async def play(theatre: Theatre, case: Case) -> Attempt:
    """Plays a case once."""
    begun = theatre.clock.monotonic_ms()
    mocks, problems = read_mocks(case.mocks, theatre.program, f"{case.pointer}/mocks")
    if not case.expects:
        problems.append(no_expectation(case.pointer))
    if problems:
        return Attempt("error", problems=tuple(problems))
    playing = _Play(theatre, case, mocks)
    await playing.run()
    return playing.attempt(round(theatre.clock.monotonic_ms() - begun, 3))


@dataclass(slots=True)
class _Scope:
    """Statements to judge, and the lines they are about."""

    judgements: list[Judgement]
    lines: tuple[Line, ...]
    last: bool


@dataclass(slots=True)
class _Play:
    """One case under way."""

    theatre: Theatre
    case: Case
    mocks: Mocks
    outside: Pretended = field(init=False)
    results: list[Result] = field(default_factory=list[Result])
    problems: list[Problem] = field(default_factory=list[Problem])
    turns: list[Seen] = field(default_factory=list[Seen])
    transcript: list[Line] = field(default_factory=list[Line])
    scopes: list[_Scope] = field(default_factory=list[_Scope])
    brains: list[str] = field(default_factory=list[str])
    state: Mapping[str, Any] = field(default_factory=dict[str, Any])

    def __post_init__(self) -> None:
        theatre = self.theatre
        pointer = f"{self.case.pointer}/mocks"
        self.outside = Pretended(self.mocks, theatre.outside, theatre.confine, pointer)

    async def run(self) -> None:
        """Holds the conversation and looks at it."""
        outcome = start_turn(self.theatre.program, self._context(), self.theatre.clock)
        self._see(Heard(), outcome, greeting=True)
        if self.case.turns:
            for index, turn in enumerate(self.case.turns):
                await self._take(index, turn)
        else:
            await self._simulate()
        self._look(self.case.expect, see_whole(self.turns), f"{self.case.pointer}/expect")
        if self.case.judged:
            self._look({"judged": list(self.case.judged)}, see_whole(self.turns), self.case.pointer)
        for scope in self.scopes:
            if self.problems or self.outside.problems:
                self.results += judge_failed(scope.judgements, "not judged: the case could not be played as written")
            else:
                await self._judge(scope)

    def attempt(self, ms: float) -> Attempt:
        """Returns what it came to."""
        problems = (*self.problems, *self.outside.problems)
        status = decide_attempt(self.results, problems)
        brains = tuple(dict.fromkeys(self.brains))
        return Attempt(status, tuple(self.results), problems, tuple(self.transcript), ms, brains)

    async def _take(self, index: int, turn: CaseTurn) -> None:
        if self.turns[-1].ended_by and (turn.say or turn.event or index):
            self.results += unreached(turn.expect, f"{turn.pointer}/expect", ENDED)
            return
        if not turn.say.strip() and not turn.event and index == 0:
            # Nothing was said yet: what is expected is expected of the greeting.
            self._look(turn.expect, self.turns[-1], f"{turn.pointer}/expect")
            return
        if bool(turn.say.strip()) == bool(turn.event) or (turn.event and turn.event not in EVENTS):
            message = f"a turn has either words in `say` or an `event` ({', '.join(EVENTS)})"
            self.problems.append(Problem("invalid_turn", message, turn.pointer))
            return
        seen = await self._hear(Heard(turn.say, cast(Any, turn.event)))
        self._look(turn.expect, seen, f"{turn.pointer}/expect")

    async def _simulate(self) -> None:
        """Lets a model play the caller until either side has done."""
        pointer, judge = f"{self.case.pointer}/scenario", self.theatre.judge
        if judge is None:
            self.problems.append(no_model("a scenario", pointer))
            return
        for _ in range(MAX_TURNS):
            lines = [line for turn in self.turns for line in turn.lines]
            answer = await self.theatre.outside.answer(simulate_ask(judge, self.case, lines), self._place())
            following = read_next_line(answer, pointer)
            if isinstance(following, Problem):
                self.problems.append(following)
                return
            seen = await self._hear(Heard(following.text)) if following.text else self.turns[-1]
            if following.done or seen.ended_by or self.outside.problems:
                return
        message = f"the simulated caller had not done after {MAX_TURNS} turns"
        self.problems.append(Problem("too_long", message, pointer, "say in the scenario when the caller has done"))

    async def _hear(self, heard: Heard) -> Seen:
        theatre = self.theatre
        outcome = await finish_turn(
            theatre.program, self.state, heard, self._context(), theatre.clock, self.outside, self._place()
        )
        return self._see(heard, outcome)

    def _see(self, heard: Heard, outcome: TurnOutcome, *, greeting: bool = False) -> Seen:
        """Keeps what came of a turn. The transcript that is kept has personal data masked, the judge's has not."""
        self.state = outcome.state
        spoken = [] if greeting else [Line("caller", heard.text, heard.event)]
        lines = [*spoken, *([Line("agent", outcome.said)] if outcome.said else [])]
        seen = see_turn(self.theatre.program, lines, outcome.events, outcome.trace, outcome.state, greeting=greeting)
        masked = [replace(line, text=outcome.record.heard) for line in spoken]
        self.transcript += [*masked, *([Line("agent", outcome.record.said)] if outcome.said else [])]
        self.turns.append(seen)
        if not greeting:
            self.brains.append(str(outcome.trace.get("brain", "")))
        fallback = outcome.trace.get("fallback_of")
        if fallback:
            brain = "the local brain" if outcome.trace.get("brain") == "local" else outcome.trace.get("brain")
            message = f"{fallback} did not answer, and {brain} did; what was to be tested was not there"
            self.problems.append(Problem("model_unavailable", message, self.case.pointer, "look at its connection"))
        return seen

    def _look(self, expect: Mapping[str, Any], seen: Seen, pointer: str) -> None:
        judgements: list[Judgement] = []
        for each in evaluate(expect, seen, pointer):
            if isinstance(each, Judgement):
                judgements.append(each)
            else:
                self.results.append(each)
        if judgements:
            last = seen is self.turns[-1]
            lines = [line for turn in self.turns for line in turn.lines]
            self.scopes.append(_Scope(judgements, tuple(lines), last))

    async def _judge(self, scope: _Scope) -> None:
        judge = self.theatre.judge
        if judge is None:
            lacking = no_model("a judged statement", "")
            self.results += judge_failed(scope.judgements, f"{lacking.message}; {lacking.hint}")
            return
        statements = [each.statement for each in scope.judgements]
        answer = await self.theatre.outside.answer(
            judge_ask(judge, scope.lines, statements, last=scope.last), self._place()
        )
        self.results += read_verdicts(answer, scope.judgements)

    def _now(self) -> str:
        return self.mocks.now or format_time(self.theatre.clock.now())

    def _place(self) -> Place:
        return replace(self.theatre.place, channel=self.case.channel, now=self._now())

    def _context(self) -> Context:
        mocks, place = self.mocks, self.theatre.place
        return Context(
            environment=place.alias,
            channel=self.case.channel,
            caller=mocks.caller,
            called=mocks.called,
            language=self.case.language,
            variant=mocks.variant,
            sip_headers=mocks.sip_headers,
            variables=mocks.variables,
            user_id=mocks.user_id,
            conversation=place.conversation,
            now=self._now(),
        )
