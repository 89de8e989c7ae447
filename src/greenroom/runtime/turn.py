"""One turn while it happens: what was heard, what is known, and what has been decided so far."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from greenroom.runtime.bodies import clean, mapping
from greenroom.runtime.conditions import activation_of
from greenroom.runtime.phrases import built_in
from greenroom.runtime.plans import HandoffPlan, RulePlan
from greenroom.runtime.program import Program
from greenroom.runtime.texts import Scope, render
from greenroom.runtime.values import start_value

MAX_HEARD = 4_000
VOICE = "voice"

State = Mapping[str, Any]
"""A conversation between two turns: plain JSON, made by `start` and `step` only, replaced whole."""

Effect = Mapping[str, Any]
"""Something that happened or is to be done: `type` and facts, plain JSON."""


@dataclass(frozen=True, slots=True)
class Heard:
    """One input: what the user said, or that they were silent or hung up."""

    text: str = ""
    event: Literal["", "silence", "hang_up"] = ""


@dataclass(frozen=True, slots=True)
class Context:
    """Where and with whom a conversation is held. The same for all its turns, except `now`.

    `environment` is the primary alias; `variables` are set when the conversation starts; `variant` is the
    id or name of a row, '' for the default row; `now` is ISO 8601 text and only recorded.
    """

    environment: str = ""
    channel: str = "chat"
    caller: str = ""
    called: str = ""
    language: str = ""
    variant: str = ""
    sip_headers: Mapping[str, str] = field(default_factory=dict[str, str])
    variables: Mapping[str, Any] = field(default_factory=dict[str, Any])
    now: str = ""


def fresh_state() -> dict[str, Any]:
    """Returns the state before anything was said."""
    return {
        "format": 1,
        "turn": 0,
        "vars": {},
        "variant": "",
        "topic": "",
        "pending": None,
        "misses": 0,
        "silences": 0,
        "handed_off": "",
        "ended_by": "",
    }


def read_state(state: State) -> dict[str, Any]:
    """Returns a copy with every field in its form; what another program or a fault left is dropped."""
    known = fresh_state()
    for key, default in known.items():
        value = state.get(key)
        if isinstance(value, type(default)) and not (isinstance(value, bool) and isinstance(default, int)):
            known[key] = value
    pending = state.get("pending")
    known["pending"] = dict(pending) if isinstance(pending, Mapping) else None
    known["vars"] = dict(mapping(state.get("vars")))
    return known


class Turn:
    """The working record of one turn. A brain says and does things through it; nothing happens by itself."""

    def __init__(self, program: Program, state: State, heard: str, context: Context) -> None:
        self.program = program
        self.context = context
        self.before = read_state(state)
        self.state = read_state(state)
        self.text = clean(heard)[:MAX_HEARD]
        self.language = context.language or program.settings.default_language
        self.effects: list[dict[str, Any]] = []
        self.problems: list[str] = []
        self.actions: list[dict[str, Any]] = []
        self.topics: list[dict[str, Any]] = []
        self.rules: list[RulePlan] = []
        self.brain = "local"
        self.decision = ""
        self.in_scope: bool | None = None
        self.topic = ""
        self._scope: Scope | None = None
        self._activation: Mapping[str, Any] | None = None

    @property
    def is_voice(self) -> bool:
        return self.context.channel == VOICE

    @property
    def ended(self) -> bool:
        return bool(self.state["ended_by"])

    @property
    def variables(self) -> dict[str, Any]:
        """Returns every variable's value: what was set, else its default, else its type's empty value."""
        plans = self.program.variables.values()
        return {plan.slug: start_value(plan.default, plan.type) for plan in plans} | self.state["vars"]

    @property
    def variant(self) -> Mapping[str, str]:
        """Returns the site's attributes; what its row leaves empty comes from the default row."""
        plan = self.program.variant
        default = plan.rows.get(plan.default, {})
        row = plan.rows.get(self.state["variant"], default)
        return {name: row.get(name) or default.get(name, "") for name in (*plan.attributes, *row)}

    @property
    def scope(self) -> Scope:
        if self._scope is None:
            self._scope = Scope(self.program.components, self.program.names, self.variables, self.variant)
        return self._scope

    @property
    def activation(self) -> Mapping[str, Any]:
        """Returns what this turn's conditions see."""
        if self._activation is None:
            context = self.context
            self._activation = activation_of(
                variables=self.variables,
                variant=self.variant,
                turn_count=self.state["turn"],
                channel=context.channel,
                environment=context.environment,
                caller=context.caller,
                called=context.called,
                language=self.language,
                text=self.text,
            )
        return self._activation

    def forget_values(self) -> None:
        """Makes texts and conditions see variables that were just set."""
        self._scope = self._activation = None

    def render(self, text: str) -> str:
        """Returns a text with its placeholders filled; names that are not there are noted."""
        filled = render(text, self.scope)
        for name in filled.unknown:
            self.note(f"{name} is not there; nothing was put in its place")
        return filled.text

    def built_in(self, key: str, **values: str) -> str:
        text = built_in(key, self.language)
        for name, value in values.items():
            text = text.replace(f"{{{name}}}", value)
        return text

    def note(self, problem: str) -> None:
        if problem not in self.problems and len(self.problems) < 20:
            self.problems.append(problem)

    def say(self, text: str, part: str) -> bool:
        """Says a text that is written in the version; returns whether there was anything to say."""
        return self.say_plain(self.render(text), part)

    def say_plain(self, text: str, part: str) -> bool:
        """Says a text as it is."""
        if text:
            self.effects.append({"type": "said", "text": text, "part": part})
        return bool(text)

    def add(self, kind: str, **facts: Any) -> None:
        """Adds an effect."""
        self.effects.append({"type": kind, **facts})

    def end(self, by: str) -> None:
        """Ends the conversation, once."""
        if not self.ended:
            self.state["ended_by"] = by
            self.state["pending"] = None
            self.add("ended", by=by)

    def goodbye(self) -> str:
        return self.program.agent.goodbye or self.built_in("goodbye")

    def hand_off(self, handoff: HandoffPlan, reason: str, message: str = "") -> None:
        """Passes the conversation on and ends it here. Header values lose their line breaks."""
        said = message or handoff.message or self.program.settings.handover_message
        self.say(said or self.built_in("handoff"), "handoff")
        headers = [
            {"name": " ".join(name.split()), "value": " ".join(self.render(value).split())}
            for name, value in handoff.sip_headers
        ]
        self.state["handed_off"] = handoff.slug
        destination = {key: self.render(value) for key, value in handoff.destination.items()}
        self.add(
            "handed_off",
            handoff=handoff.slug,
            name=handoff.name,
            destination=destination,
            method=handoff.method,
            sip_headers=headers,
            reason=reason,
        )
        self.end("handoff")

    def problems_of_program(self) -> list[str]:
        """Returns what the version could not use, for the trace."""
        return [f"{fault.pointer}: {fault.message}" for fault in self.program.problems[:10]]
