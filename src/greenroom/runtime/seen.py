"""What a test looks at: one turn, or a whole conversation as one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from greenroom.domain.test_runs import Line
from greenroom.runtime.program import Program
from greenroom.runtime.texts import MASK, say_value
from greenroom.runtime.turn import Effect, State
from greenroom.runtime.values import start_value

SHORTEST_HIDDEN = 3
_WORKFLOW_EVENTS = frozenset({"workflow_started", "workflow_step", "workflow_ended"})


@dataclass(frozen=True, slots=True)
class Seen:
    """What came of one turn, or of all of them. `passages` are those that were cited, `hidden` are personal
    values, which no result shows.
    """

    program: Program
    replies: tuple[str, ...]
    events: tuple[Effect, ...]
    topics: tuple[str, ...]
    workflows: tuple[str, ...]
    passages: tuple[Mapping[str, Any], ...]
    latencies: tuple[float, ...]
    variables: Mapping[str, Any]
    agent: str
    ended_by: str
    lines: tuple[Line, ...]
    hidden: tuple[str, ...] = ()

    def effects(self, *kinds: str) -> list[Effect]:
        """Returns the events of some types, in their order."""
        return [event for event in self.events if event["type"] in kinds]

    def hide(self, text: str) -> str:
        """Returns a text without personal values."""
        for value in self.hidden:
            text = text.replace(value, MASK)
        return text


def see_turn(
    program: Program,
    lines: Sequence[Line],
    events: Sequence[Effect],
    trace: Mapping[str, Any],
    state: State,
    *,
    greeting: bool = False,
) -> Seen:
    """Returns what came of one turn. A greeting has no latency that a user would wait for."""
    variables = variables_of(program, state)
    # What is said is the reply to the turn, whatever pieces it went out in.
    said = " ".join(event["text"] for event in events if event["type"] == "said")
    return Seen(
        program,
        (said,),
        tuple(events),
        _topics(events, trace),
        _workflows(events, trace),
        tuple(event for event in events if event["type"] == "knowledge_cited"),
        () if greeting else (float(trace.get("latency_ms", {}).get("total", 0.0)),),
        variables,
        str(trace.get("agent", "")),
        str(state.get("ended_by") or ""),
        tuple(lines),
        _hidden(program, variables),
    )


def see_whole(turns: Sequence[Seen]) -> Seen:
    """Returns a conversation as one: everything that happened in it, and where it stands at its end."""
    last = turns[-1]
    return Seen(
        last.program,
        tuple(reply for turn in turns for reply in turn.replies),
        tuple(event for turn in turns for event in turn.events),
        _unique(topic for turn in turns for topic in turn.topics),
        _unique(workflow for turn in turns for workflow in turn.workflows),
        tuple(passage for turn in turns for passage in turn.passages),
        tuple(latency for turn in turns for latency in turn.latencies),
        last.variables,
        last.agent,
        last.ended_by,
        tuple(line for turn in turns for line in turn.lines),
        tuple(sorted({value for turn in turns for value in turn.hidden}, key=lambda value: (-len(value), value))),
    )


def variables_of(program: Program, state: State) -> dict[str, Any]:
    """Returns every variable's value as conditions see it."""
    plans = program.variables.values()
    values = {plan.slug: start_value(plan.default, plan.type) for plan in plans} | dict(state.get("vars") or {})
    return {slug: list(value) if isinstance(value, tuple) else value for slug, value in values.items()}


def _hidden(program: Program, variables: Mapping[str, Any]) -> tuple[str, ...]:
    personal = {say_value(variables.get(slug)) for slug, plan in program.variables.items() if plan.pii}
    long = (value for value in personal if len(value) >= SHORTEST_HIDDEN)
    return tuple(sorted(long, key=lambda value: (-len(value), value)))


def _topics(events: Sequence[Effect], trace: Mapping[str, Any]) -> tuple[str, ...]:
    cited = [str(event.get("topic", "")) for event in events if event["type"] == "topic_cited"]
    return _unique([*cited, str(trace.get("topic") or "")])


def _workflows(events: Sequence[Effect], trace: Mapping[str, Any]) -> tuple[str, ...]:
    ran = [str(event.get("workflow", "")) for event in events if event["type"] in _WORKFLOW_EVENTS]
    flow = trace.get("workflow")
    return _unique([*ran, str(flow.get("workflow", "")) if isinstance(flow, Mapping) else ""])


def _unique(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for name in names if name))
