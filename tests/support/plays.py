"""Cases to play in tests: a theatre with a clock that only moves when told, and an outside by script."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from greenroom.domain.asks import Answer, Ask, Streamer
from greenroom.domain.entities import Address, Body
from greenroom.domain.test_runs import Attempt
from greenroom.ports import Outbound, Outside
from greenroom.runtime.cases import Case, read_cases
from greenroom.runtime.judging import Judge
from greenroom.runtime.mocks import Tables
from greenroom.runtime.plays import Theatre, play
from tests.support.agents import compiled
from tests.support.outside import PLACE, Scripted

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


@dataclass
class Stopwatch:
    """Time that stands still until it is moved on."""

    ms: float = 0.0
    ids: int = 0

    def now(self) -> datetime:
        return NOON

    def monotonic_ms(self) -> float:
        return self.ms

    def new_id(self, noun: str) -> str:
        self.ids += 1
        return f"{noun}_{self.ids}"

    def new_token(self) -> str:
        return "token"


@dataclass
class Confined:
    """Remembers the way out and the tables that it was confined to."""

    outside: Outside
    outbound: list[Outbound] = field(default_factory=list[Outbound])
    tables: list[Tables] = field(default_factory=list[Tables])

    def __call__(self, outbound: Outbound, tables: Tables) -> Outside:
        self.outbound.append(outbound)
        self.tables.append(tables)
        return self.outside


def case_of(facts: Mapping[str, Any], slug: str = "set") -> Case:
    """Returns the one case of a test set."""
    return read_cases(slug, {"cases": [{"id": "case", **facts}]})[0]


async def play_case(
    agent: Mapping[Address, Body],
    facts: Mapping[str, Any],
    outside: Scripted | None = None,
    *,
    clock: Stopwatch | None = None,
    judge: Judge | None = None,
    confine: Any = ...,
) -> Attempt:
    """Plays a case once against an agent; functions run in `outside` too unless another way is given."""
    reached = outside or Scripted()
    way = Confined(reached) if confine is ... else confine
    return await play(Theatre(compiled(agent), PLACE, clock or Stopwatch(), reached, way, judge), case_of(facts))


def answering(answers: Mapping[str, Answer]) -> Scripted:
    """Returns an outside that answers by function, tool or purpose."""

    def script(ask: Ask, stream: Streamer | None) -> Answer:
        name = str(ask.facts.get("purpose") or ask.facts.get(ask.to) or ask.to)
        return answers[name]

    return Scripted(script)
