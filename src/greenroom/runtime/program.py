"""A version, compiled to what a turn needs.

    program = compile_program(entities)          # Mapping[Address, Body]; once per snapshot digest
    errors, warnings = check_program(entities)   # all of a snapshot
    errors, warnings = check_program(entities, only={address, ...})   # what a change can break

`entities` holds bodies as their kind's `upgrade` returns them. Neither function reads anything else, and a
program serves every environment: what depends on one is chosen at each turn. Compiling never fails on what
an entity says; what cannot be used is left out and listed in `Program.problems`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from greenroom.domain.entities import Address, Body
from greenroom.domain.errors import Fault
from greenroom.runtime import bodies
from greenroom.runtime.call_plans import Callables
from greenroom.runtime.checks import check_program
from greenroom.runtime.compiling import answers
from greenroom.runtime.compiling.calls import compile_callables
from greenroom.runtime.compiling.controls import Controls
from greenroom.runtime.compiling.leads import compile_leads
from greenroom.runtime.compiling.matching import compile_matching
from greenroom.runtime.compiling.work import Compiling, name_of
from greenroom.runtime.flow_plans import Leads
from greenroom.runtime.matcher import Matcher
from greenroom.runtime.matcher_vectors import Embedder
from greenroom.runtime.plans import (
    AgentPlan,
    ComponentPlan,
    HandoffPlan,
    ReplacementPlan,
    RulePlan,
    SettingsPlan,
    SmsPlan,
    StopPhrasePlan,
    TopicPlan,
    VariablePlan,
    VariantPlan,
)

__all__ = ["Program", "check_program", "compile_program"]


@dataclass(frozen=True, slots=True)
class Program:
    """Everything a turn reads. Immutable; made once per snapshot digest and shared by all conversations."""

    agents: Mapping[str, AgentPlan]
    agent: AgentPlan
    """The one that begins."""
    settings: SettingsPlan
    topics: Mapping[str, TopicPlan]
    matcher: Matcher
    questions: Mapping[tuple[str, ...], str]
    """Sample questions as words → topic or `workflow/slug`: what needs no guessing."""
    vocabulary: frozenset[str]
    """Stems of the words that sample questions and names of topics use."""
    handoffs: Mapping[str, HandoffPlan]
    sms: Mapping[str, SmsPlan]
    rules: tuple[RulePlan, ...]
    stop_phrases: tuple[StopPhrasePlan, ...]
    corrections: tuple[ReplacementPlan, ...]
    pronunciations: tuple[ReplacementPlan, ...]
    keyphrases: tuple[Mapping[str, str], ...]
    max_length: int | None
    voices: Mapping[str, Mapping[str, Any]]
    variables: Mapping[str, VariablePlan]
    variant: VariantPlan
    components: Mapping[str, ComponentPlan]
    callables: Callables
    leads: Leads
    names: Mapping[Address, str]
    """Display names of everything that a text may mention."""
    problems: tuple[Fault, ...] = field(default=())

    @property
    def default_handoff(self) -> HandoffPlan | None:
        """Returns the hand-off for callers who ask for a person."""
        return next((handoff for handoff in self.handoffs.values() if handoff.default), None)


def compile_program(entities: Mapping[Address, Body], embedder: Embedder | None = None) -> Program:
    """Returns the program of a snapshot's entities.

    Cost: about 1 ms for each topic with ten questions. Never raises for what bodies hold.
    """
    work = Compiling(entities)
    topics = work.each("topic", lambda slug, body: answers.topic(work, slug, body))
    settings = work.each("settings", answers.settings)
    variants = work.each("variant", lambda slug, body: answers.variant(work, slug, body))
    samples = {slug: bodies.texts(body, "sample_questions") for slug, body in work.kinds.get("topic", ())}
    controls = Controls(work)
    agents = work.each("agent", answers.agent)
    leads = compile_leads(work)
    matching = compile_matching(topics, samples, leads.workflows, embedder)
    lengths = [length for length in controls.lengths if length > 0]
    return Program(
        agents=agents,
        agent=answers.choose_agent(agents, leads.squad.entry if leads.squad else ""),
        settings=settings.get("default") or next(iter(settings.values()), SettingsPlan()),
        topics=topics,
        matcher=matching.matcher,
        questions=matching.questions,
        vocabulary=matching.vocabulary,
        handoffs=work.each("handoff", answers.handoff),
        sms=work.each("sms", answers.sms),
        rules=tuple(work.each("rule", lambda slug, body: answers.rule(work, slug, body)).values()),
        stop_phrases=tuple(controls.stop_phrases),
        corrections=tuple(controls.corrections),
        pronunciations=tuple(controls.pronunciations),
        keyphrases=tuple(controls.keyphrases),
        max_length=min(lengths, default=None),
        voices=work.each("voice", answers.voice),
        variables=work.each("variable", answers.variable),
        variant=variants.get("default") or next(iter(variants.values()), VariantPlan()),
        components=work.each("component", answers.component),
        callables=compile_callables(work),
        leads=leads,
        names={address: name_of(address.slug, bodies.mapping(body)) for address, body in entities.items()},
        problems=tuple(work.problems),
    )
