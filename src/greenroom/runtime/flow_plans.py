"""What leads a conversation, compiled: workflows, playbooks, squads, routes, prompts, guardrails."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from greenroom.runtime.conditions import Condition
from greenroom.runtime.patterns import Pattern
from greenroom.runtime.plans import ALWAYS, Guard


@dataclass(frozen=True, slots=True)
class BranchPlan:
    """A way on that is taken when its condition holds."""

    when: Guard
    next: str


@dataclass(frozen=True, slots=True)
class ValidationPlan:
    """What the answer to a question must be like. `condition` sees it as `value`."""

    pattern: Pattern | None = None
    condition: Guard = ALWAYS
    options: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None


@dataclass(frozen=True, slots=True)
class StepPlan:
    """One step of a workflow; which fields matter depends on its type."""

    id: str
    name: str
    type: str
    text: str = ""
    slot: str = ""
    function: str = ""
    tool: str = ""
    handoff: str = ""
    sms: str = ""
    agent: str = ""
    playbook: str = ""
    table: str = ""
    key: str = ""
    where: Mapping[str, Any] = field(default_factory=dict[str, Any])
    values: Mapping[str, Any] = field(default_factory=dict[str, Any])
    arguments: Mapping[str, Any] = field(default_factory=dict[str, Any])
    save_to: str = ""
    next: str = ""
    branches: tuple[BranchPlan, ...] = ()
    value: Any = None
    expression: Condition | None = None
    broken: str = ""
    """Why the expression cannot be used."""
    validation: ValidationPlan = ValidationPlan()
    reprompt: str = ""
    attempts: int = 3
    on_fail: str = ""


@dataclass(frozen=True, slots=True)
class WorkflowPlan:
    """A conversation of several turns that runs step by step."""

    slug: str
    name: str
    description: str
    start: str
    steps: Mapping[str, StepPlan]
    phrases: tuple[str, ...]
    functions: tuple[str, ...]
    """Functions that belong to it."""


@dataclass(frozen=True, slots=True)
class PlaybookPlan:
    """A goal that a model works towards with some tools."""

    slug: str
    name: str
    goal: str
    instructions: str
    tools: tuple[tuple[str, str], ...]
    done: Guard
    next: str
    max_turns: int


@dataclass(frozen=True, slots=True)
class TransferPlan:
    """When a conversation moves to another agent of the squad; `source` is '' for any."""

    id: str
    source: str
    target: str
    when: Guard
    message: str


@dataclass(frozen=True, slots=True)
class SquadPlan:
    """Agents that share a conversation."""

    slug: str
    members: tuple[str, ...]
    entry: str
    transfers: tuple[TransferPlan, ...]

    def takers(self, agent: str) -> dict[str, str]:
        """Returns whom an agent may pass a conversation on to, with what is said then.

        Those that its transfers lead to, whether their conditions hold or not; without any transfers all members.
        """
        if not self.transfers:
            return {member: "" for member in self.members if member != agent}
        ways = [each for each in self.transfers if each.source in {"", agent} and each.target != agent]
        return {each.target: each.message for each in reversed(ways)}


@dataclass(frozen=True, slots=True)
class PromptPlan:
    """A text that a model is told while its condition holds."""

    slug: str
    when: Guard
    text: str
    priority: int


@dataclass(frozen=True, slots=True)
class RoutePlan:
    """Where a turn goes before anything else answers it."""

    slug: str
    when: Guard
    type: str
    value: str
    priority: int
    message: str


@dataclass(frozen=True, slots=True)
class GuardrailPlan:
    """What may not be heard or said, and what happens then."""

    slug: str
    name: str
    category: str
    threshold: float
    patterns: tuple[Pattern, ...]
    on_input: bool
    on_output: bool
    action: str
    message: str
    handoff: str


@dataclass(frozen=True, slots=True)
class WidgetPlan:
    """How the web chat looks and greets."""

    slug: str
    greeting: str
    look: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Leads:
    """Everything that leads a conversation, by slug or in the order in which it is tried."""

    workflows: Mapping[str, WorkflowPlan] = field(default_factory=dict[str, WorkflowPlan])
    playbooks: Mapping[str, PlaybookPlan] = field(default_factory=dict[str, PlaybookPlan])
    squad: SquadPlan | None = None
    prompts: tuple[PromptPlan, ...] = ()
    routes: tuple[RoutePlan, ...] = ()
    guardrails: tuple[GuardrailPlan, ...] = ()
    widgets: Mapping[str, WidgetPlan] = field(default_factory=dict[str, WidgetPlan])
