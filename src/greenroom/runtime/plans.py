"""What a version becomes when it is compiled: one small frozen record for each kind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from greenroom.runtime.conditions import Condition
from greenroom.runtime.patterns import Pattern, Replacement


@dataclass(frozen=True, slots=True)
class Guard:
    """A condition as it stands in a body: always, compiled, or broken (then it never holds)."""

    text: str = ""
    condition: Condition | None = None
    broken: str | None = None

    def holds(self, activation: Mapping[str, Any]) -> tuple[bool, str | None]:
        """Returns whether it holds, and why it could not be decided."""
        if self.broken is not None:
            return False, self.broken
        return (True, None) if self.condition is None else self.condition.holds(activation)


ALWAYS = Guard()


@dataclass(frozen=True, slots=True)
class ActionPlan:
    """One typed action of a topic; `type` is sms, handoff, call, tool, workflow, playbook or agent."""

    id: str
    type: str
    target: str
    when: Guard
    message: str


@dataclass(frozen=True, slots=True)
class TopicPlan:
    """A topic. Whether it is on depends on the environment."""

    slug: str
    name: str
    content: str
    actions: tuple[ActionPlan, ...]
    enabled: bool
    enabled_in: Mapping[str, bool]
    instructions: str = ""

    def is_on(self, environment: str) -> bool:
        """Says whether the topic answers in an environment."""
        return self.enabled_in.get(environment, self.enabled)


@dataclass(frozen=True, slots=True)
class AgentPlan:
    """The agent that answers."""

    slug: str
    name: str
    greeting: str
    goodbye: str
    brain: str
    languages: tuple[str, ...]
    voice: str
    persona: str = ""
    instructions: str = ""
    style: str = ""
    model: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """temperature, max_tokens, connection and timeout_ms, where they are given."""
    tools: frozenset[tuple[str, str]] = frozenset()
    """(kind, slug) of what it may call; empty for everything."""
    topics: frozenset[str] = frozenset()
    """Topics it answers from; empty for all."""
    knowledge: frozenset[str] = frozenset()
    fallback: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """provider, connection and timeout_ms of the model that answers where the first fails; empty for none."""

    def may_call(self, kind: str, slug: str) -> bool:
        """Says whether the agent is given a function, tool or MCP server."""
        return not self.tools or (kind, slug) in self.tools

    def answers(self, topic: str) -> bool:
        """Says whether a topic is among the agent's."""
        return not self.topics or topic in self.topics


@dataclass(frozen=True, slots=True)
class HandoffPlan:
    """Where and how a conversation is passed on."""

    slug: str
    name: str
    destination: Mapping[str, str]
    method: str
    sip_headers: tuple[tuple[str, str], ...]
    message: str
    default: bool


@dataclass(frozen=True, slots=True)
class SmsPlan:
    """A text message that may be offered."""

    slug: str
    name: str
    text: str
    consent_required: bool
    sender: str
    senders: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class RulePlan:
    """A rule of behaviour. `forbidden` are the quoted phrases that a hard rule says never to say."""

    slug: str
    name: str
    hard: bool
    when: Guard
    forbidden: tuple[str, ...]
    text: str = ""


@dataclass(frozen=True, slots=True)
class StopPhrasePlan:
    """Something the agent may be about to say that must have a consequence."""

    control: str
    id: str
    patterns: tuple[Pattern, ...]
    say_phrase: bool
    function: str
    action: str


@dataclass(frozen=True, slots=True)
class ReplacementPlan:
    """One correction of what was heard, or one pronunciation."""

    control: str
    id: str
    replacement: Replacement
    language: str = ""


@dataclass(frozen=True, slots=True)
class VariablePlan:
    """A variable; `pii` values are masked wherever they are recorded."""

    slug: str
    name: str
    type: str
    default: Any
    pii: bool
    of_user: bool = False
    """Kept from one conversation of a user to the next."""


@dataclass(frozen=True, slots=True)
class VariantPlan:
    """The table of sites: row id → attribute → text."""

    attributes: tuple[str, ...] = ()
    rows: Mapping[str, Mapping[str, str]] = field(default_factory=dict[str, Mapping[str, str]])
    names: Mapping[str, str] = field(default_factory=dict[str, str])
    default: str = ""
    numbers: Mapping[str, str] = field(default_factory=dict[str, str])
    """Called number, as `plain_number` gives it → row."""
    conditions: tuple[tuple[str, Guard], ...] = ()
    """(row, condition), tried in their order at the start of a conversation."""


@dataclass(frozen=True, slots=True)
class ComponentPlan:
    """A text that other texts include; `{name}` in it is a parameter."""

    slug: str
    text: str
    parameters: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SettingsPlan:
    """What holds where nothing else says otherwise."""

    default_language: str = "en-US"
    fallback: str = "Sorry, I did not get that. Could you say it another way?"
    out_of_scope: str = "I'm sorry, I can't help with that here."
    handover_message: str = ""
    silence_limit: int = 0
    silence_message: str = ""
    time_zone: str = "UTC"
    languages: tuple[str, ...] = ()
    ask_again: str = ""
    """Said after an answer that leaves nothing open; '' for nothing."""
    knowledge_limit: int = 3
    knowledge_min_score: float = 0.2
