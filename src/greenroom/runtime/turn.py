"""One turn while it happens: what was heard, what is known, and what has been decided so far."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from greenroom.runtime.bodies import clean, mapping
from greenroom.runtime.conditions import activation_of, read_clock
from greenroom.runtime.phrases import built_in
from greenroom.runtime.plans import AgentPlan, HandoffPlan, RulePlan
from greenroom.runtime.program import Program
from greenroom.runtime.texts import Scope, render
from greenroom.runtime.values import coerce, start_value

MAX_HEARD = 4_000
MAX_VARIABLES = 500
MAX_HISTORY = 20
MAX_REMEMBERED = 1_500
VOICE = "voice"
DELAY = "delay"
"""The part of a reply that is said while a function runs: it answers nothing."""

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

    `environment` is the primary alias; `variables` are set when the conversation starts, `user_variables` are
    what is kept of the user; `variant` is the id or name of a row, '' for the default row; `now` is ISO 8601.
    """

    environment: str = ""
    channel: str = "chat"
    caller: str = ""
    called: str = ""
    language: str = ""
    variant: str = ""
    sip_headers: Mapping[str, str] = field(default_factory=dict[str, str])
    variables: Mapping[str, Any] = field(default_factory=dict[str, Any])
    user_variables: Mapping[str, Any] = field(default_factory=dict[str, Any])
    user_id: str = ""
    conversation: str = ""
    now: str = ""


def fresh_state() -> dict[str, Any]:
    """Returns the state before anything was said."""
    return {
        "format": 1,
        "turn": 0,
        "vars": {},
        "variant": "",
        "agent": "",
        "topic": "",
        "pending": None,
        "flow": None,
        "playbook": None,
        "history": [],
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
    for key in ("pending", "flow", "playbook"):
        value = state.get(key)
        known[key] = dict(value) if isinstance(value, Mapping) else None
    known["history"] = [list(each) for each in known["history"] if isinstance(each, list | tuple) and len(each) == 2]
    known["vars"] = dict(mapping(state.get("vars")))
    return known


def _copy(known: Mapping[str, Any]) -> dict[str, Any]:
    """Returns a copy of what `read_state` returned; only the parts that a turn changes in place are new."""
    changing = {key: dict(known[key]) for key in ("vars", "pending", "flow", "playbook") if known[key] is not None}
    return {**known, **changing}


class Turn:
    """The working record of one turn. A brain says and does things through it; nothing happens by itself."""

    def __init__(self, program: Program, state: State, heard: str, context: Context) -> None:
        self.program = program
        self.context = context
        self.before = read_state(state)
        self.state = _copy(self.before)
        self.text = clean(heard)[:MAX_HEARD]
        self.effects: list[dict[str, Any]] = []
        self.problems: list[str] = []
        self.actions: list[dict[str, Any]] = []
        self.topics: list[dict[str, Any]] = []
        self.intent = ""
        self.passages: list[dict[str, Any]] = []
        self.rules: list[RulePlan] = []
        self.prompts: list[str] = []
        self.guardrails: list[dict[str, Any]] = []
        self.asks: list[dict[str, Any]] = []
        self.models: list[dict[str, Any]] = []
        self.brain = "local"
        self.fallback_of = ""
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
    def agent(self) -> AgentPlan:
        """Returns the agent that has the conversation now."""
        return self.program.agents.get(self.state["agent"], self.program.agent)

    @property
    def language(self) -> str:
        """Returns the language asked for, if the agent (or the version) speaks it or names none; else the default."""
        settings = self.program.settings
        wanted, spoken = self.context.language.lower(), self.agent.languages or settings.languages
        found = next((each for each in spoken if each.lower() == wanted), "")
        found = found or next((each for each in spoken if wanted and each.lower()[:2] == wanted[:2]), "")
        return found or (self.context.language if wanted and not spoken else settings.default_language)

    @property
    def history(self) -> list[dict[str, str]]:
        """Returns what was said before this turn, oldest first: `{role: user | assistant, text}`."""
        return [{"role": role, "text": text} for role, text in self.before["history"]]

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
                sip=context.sip_headers,
                turn_count=self.state["turn"],
                clock=read_clock(context.now, self.program.settings.time_zone),
                channel=context.channel,
                environment=context.environment,
                caller=context.caller,
                called=context.called,
                user_id=context.user_id,
                language=self.language,
                text=self.text,
                agent=self.agent.slug,
                topic=self.state["topic"],
                intent=self.intent,
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

    def say_streamed(self, text: str, streamed: int, part: str = "answer") -> bool:
        """Says what a model wrote; the first `streamed` characters are out already and cannot be changed."""
        text = text.strip()
        gone, rest = text[:streamed].rstrip(), text[streamed:].strip()
        if gone:
            self.effects.append({"type": "said", "text": gone, "part": part, "streamed": True})
        return self.say_plain(rest, part) or bool(gone)

    def answers_said(self) -> int:
        """Returns how many texts were said so far, those aside that only fill the time."""
        return sum(effect["type"] == "said" and effect["part"] != DELAY for effect in self.effects)

    def may_stream(self) -> bool:
        """Says whether everything said so far in this turn is out already, so that more may follow at once."""
        return all(effect.get("streamed") for effect in self.effects if effect["type"] == "said")

    def set_variable(self, name: str, value: Any, because: str) -> bool:
        """Sets a variable in the form that its type asks for; returns whether it could be."""
        plan = self.program.variables.get(name) or self.program.variables.get(name.replace("_", "-"))
        kept, problem = coerce(value, plan.type if plan else "")
        if problem:
            self.note(f"{because}: variable '{name[:80]}' {problem}; it was not set")
            return False
        slug = plan.slug if plan else name[:80]
        if slug not in self.state["vars"] and len(self.state["vars"]) >= MAX_VARIABLES:
            self.note(f"{because}: more than {MAX_VARIABLES} variables; '{slug}' was not set")
            return False
        self.state["vars"][slug] = kept
        self.add("variable_set", variable=slug, value=kept)
        self.forget_values()
        return True

    def change_agent(self, slug: str, because: str, message: str = "") -> bool:
        """Moves the conversation to another agent with all its state; returns whether there is such an agent."""
        if slug not in self.program.agents:
            self.note(f"{because}: there is no agent/{slug}")
            return False
        before = self.agent.slug
        if slug == before:
            return False
        self.say(message, "transfer")
        self.state["agent"] = slug
        self.add("agent_changed", agent=slug, before=before, because=because)
        self.forget_values()
        return True

    def add(self, kind: str, **facts: Any) -> None:
        """Adds an effect."""
        self.effects.append({"type": kind, **facts})

    def end(self, by: str) -> None:
        """Ends the conversation, once."""
        if not self.ended:
            self.state["ended_by"] = by
            self.state["pending"] = self.state["flow"] = self.state["playbook"] = None
            self.add("ended", by=by)

    def goodbye(self) -> str:
        return self.agent.goodbye or self.built_in("goodbye")

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

    def remember(self) -> None:
        """Keeps what was heard and said for a model's next turn."""
        said = " ".join(effect["text"] for effect in self.effects if effect["type"] == "said")
        new = [[role, text[:MAX_REMEMBERED]] for role, text in (("user", self.text), ("assistant", said)) if text]
        self.state["history"] = [*self.state["history"], *new][-MAX_HISTORY:]

    def problems_of_program(self) -> list[str]:
        """Returns what the version could not use, for the trace."""
        return [f"{fault.pointer}: {fault.message}" for fault in self.program.problems[:10]]
