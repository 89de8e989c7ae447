"""Agents to talk to in tests: the hotel of examples/, small ones written in place, and a short way to talk."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

from greenroom.domain.asks import Answer
from greenroom.domain.entities import Address, Body, parse_address
from greenroom.kinds import KINDS
from greenroom.runtime.engine import Context, Heard, Step, start, step
from greenroom.runtime.program import Program, compile_program
from greenroom.wire.folder import from_files

LATE = "Can I check out late?"
HOTEL = Path(__file__).resolve().parents[2] / "examples" / "hotel"


def hotel(version: str) -> dict[Address, Body]:
    """Returns one version of the demo agent."""
    return dict(_load(HOTEL / version))


@cache
def _load(folder: Path) -> dict[Address, Body]:
    files = {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()
    }
    return from_files(files, KINDS)


def entities(bodies: Mapping[str, Mapping[str, Any]]) -> dict[Address, Body]:
    """Returns `{"topic/pets": {...}}` as entities; schema and name are added."""
    return {parse_address(text): {"schema": 1, "name": text.partition("/")[2], **body} for text, body in bodies.items()}


def changed(
    agent: Mapping[Address, Body], address: str, body: Mapping[str, Any] | None = None, **fields: Any
) -> dict[Address, Body]:
    """Returns the agent with one entity replaced (`body`), or some of its fields."""
    where = parse_address(address)
    before = dict(copy.deepcopy(agent.get(where, {"schema": 1, "name": where.slug})))
    return {**agent, where: {**(before if body is None else {"schema": 1, "name": where.slug, **body}), **fields}}


def without(agent: Mapping[Address, Body], address: str) -> dict[Address, Body]:
    """Returns the agent without an entity."""
    return {where: body for where, body in agent.items() if str(where) != address}


@dataclass
class Talk:
    """One conversation. Every step is checked to be plain JSON, and replayed to be the same."""

    program: Program
    context: Context
    steps: list[Step] = field(default_factory=list[Step])

    @property
    def last(self) -> Step:
        return self.steps[-1]

    def say(self, text: str, event: Any = "", answers: Sequence[Answer] = ()) -> Step:
        """Takes one turn; `answers` are what the outside answers, in order."""
        state = json.loads(json.dumps(self.last.state))
        heard = Heard(text, event)
        taken = step(self.program, state, heard, self.context, answers)
        assert state == self.last.state, "a step changed the state that it was given"
        assert step(self.program, state, heard, self.context, answers) == taken
        assert "{{" not in taken.said
        assert json.loads(json.dumps([taken.effects, taken.state, taken.trace])) == [
            [*map(dict, taken.effects)],
            taken.state,
            taken.trace,
        ]
        self.steps.append(taken)
        return taken

    def effects(self, kind: str) -> list[Mapping[str, Any]]:
        """Returns the effects of a type in the last step."""
        return [effect for effect in self.last.effects if effect["type"] == kind]


_programs: dict[str, Program] = {}


def compiled(agent: Mapping[Address, Body]) -> Program:
    """Returns the agent's program; equal agents are compiled once in a test run."""
    key = repr(sorted(agent.items(), key=str))
    if key not in _programs:
        if len(_programs) > 100:
            _programs.clear()
        _programs[key] = compile_program(agent)
    return _programs[key]


def talk(agent: Mapping[Address, Body] | Program, channel: str = "chat", **context: Any) -> Talk:
    """Starts a conversation in `live`."""
    program = agent if isinstance(agent, Program) else compiled(agent)
    where = replace(Context(environment="live", channel=channel), **context)
    begun = Talk(program, where)
    begun.steps.append(start(program, where))
    return begun


def kinds(conversation: Talk) -> list[str]:
    """Returns the types of the last step's effects, in their order."""
    return [effect["type"] for effect in conversation.last.effects]


def kinds_after(conversation: Talk, text: str) -> list[str]:
    """Takes a turn and returns the types of its effects."""
    conversation.say(text)
    return kinds(conversation)
