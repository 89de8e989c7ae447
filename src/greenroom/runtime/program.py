"""A version, compiled to what a turn needs.

    program = compile_program(entities)          # Mapping[Address, Body]; once per snapshot digest
    errors, warnings = check_program(entities)   # all of a snapshot
    errors, warnings = check_program(entities, only={address, ...})   # what a change can break

`entities` holds bodies as their kind's `upgrade` returns them. Neither function reads anything else, and a
program serves every environment: what depends on one is chosen at each turn. Compiling never fails on what
an entity says; what cannot be used is left out and listed in `Program.problems`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from greenroom.domain.entities import Address, Body
from greenroom.domain.errors import Fault, Invalid
from greenroom.runtime import bodies
from greenroom.runtime.checks import check_program
from greenroom.runtime.conditions import compile_condition
from greenroom.runtime.matcher import Candidate, Matcher
from greenroom.runtime.matcher_text import words
from greenroom.runtime.patterns import Pattern, compile_pattern, compile_replacement
from greenroom.runtime.phrases import content_stems
from greenroom.runtime.plans import (
    ALWAYS,
    ActionPlan,
    AgentPlan,
    ComponentPlan,
    Guard,
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
from greenroom.runtime.rules import find_forbidden

__all__ = ["Program", "check_program", "compile_program"]

MAX_PATTERNS = 2_000
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Program:
    """Everything a turn reads. Immutable; made once per snapshot digest and shared by all conversations."""

    agent: AgentPlan
    settings: SettingsPlan
    topics: Mapping[str, TopicPlan]
    matcher: Matcher
    questions: Mapping[tuple[str, ...], str]
    """Sample questions as words → topic: what needs no guessing."""
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
    names: Mapping[Address, str]
    """Display names of everything that a text may mention."""
    problems: tuple[Fault, ...] = field(default=())

    @property
    def default_handoff(self) -> HandoffPlan | None:
        """Returns the hand-off for callers who ask for a person."""
        return next((handoff for handoff in self.handoffs.values() if handoff.default), None)


class _Compiling:
    """The entities by kind, and the problems met so far."""

    def __init__(self, entities: Mapping[Address, Body]) -> None:
        self.kinds: dict[str, list[tuple[str, Body]]] = {}
        for address in sorted(entities):
            self.kinds.setdefault(address.kind, []).append((address.slug, bodies.mapping(entities[address])))
        self.problems: list[Fault] = []
        self.patterns = 0

    def each(self, kind: str, build: Callable[[str, Body], T]) -> dict[str, T]:
        """Builds the plans of one kind; an entity that cannot be read at all is left out."""
        plans: dict[str, T] = {}
        for slug, body in self.kinds.get(kind, ()):
            try:
                plans[slug] = build(slug, body)
            except (TypeError, ValueError, KeyError, AttributeError, RecursionError) as wrong:
                self.note(f"/{kind}/{slug}", f"cannot be used: {wrong!r}"[:300])
        return plans

    def note(self, pointer: str, message: str) -> None:
        self.problems.append(Fault(pointer, message, "left_out"))

    def guard(self, text: str, pointer: str) -> Guard:
        """Returns a body's condition; a broken one never holds."""
        if not text.strip():
            return ALWAYS
        try:
            return Guard(text, compile_condition(text))
        except Invalid as wrong:
            self.note(pointer, wrong.detail)
            return Guard(text, None, wrong.detail)

    def pattern(self, build: Callable[[], T], pointer: str) -> T | None:
        """Returns a compiled pattern, or None (and a problem) when it cannot be."""
        self.patterns += 1
        if self.patterns > MAX_PATTERNS:
            if self.patterns == MAX_PATTERNS + 1:
                self.note(pointer, f"more than {MAX_PATTERNS:,} patterns in one version; the rest is left out")
            return None
        try:
            return build()
        except Invalid as wrong:
            self.note(pointer, wrong.detail)
            return None


def compile_program(entities: Mapping[Address, Body]) -> Program:
    """Returns the program of a snapshot's entities.

    Cost: about 1 ms for each topic with ten questions. Never raises for what bodies hold.
    """
    work = _Compiling(entities)
    topics = work.each("topic", lambda slug, body: _topic(work, slug, body))
    settings = work.each("settings", _settings)
    variants = work.each("variant", _variant)
    samples = {slug: bodies.texts(body, "sample_questions") for slug, body in work.kinds.get("topic", ())}
    controls = _Controls(work)
    lengths = [length for length in controls.lengths if length > 0]
    return Program(
        agent=_choose_agent(work.each("agent", _agent)),
        settings=settings.get("default") or next(iter(settings.values()), SettingsPlan()),
        topics=topics,
        matcher=_matcher(topics, samples),
        questions=_questions(topics, samples),
        vocabulary=_vocabulary(topics, samples),
        handoffs=work.each("handoff", _handoff),
        sms=work.each("sms", _sms),
        rules=tuple(work.each("rule", lambda slug, body: _rule(work, slug, body)).values()),
        stop_phrases=tuple(controls.stop_phrases),
        corrections=tuple(controls.corrections),
        pronunciations=tuple(controls.pronunciations),
        keyphrases=tuple(controls.keyphrases),
        max_length=min(lengths, default=None),
        voices=work.each("voice", _voice),
        variables=work.each("variable", _variable),
        variant=variants.get("default") or next(iter(variants.values()), VariantPlan()),
        components=work.each("component", _component),
        names={address: _name(address.slug, bodies.mapping(body)) for address, body in entities.items()},
        problems=tuple(work.problems),
    )


def _name(slug: str, body: Body) -> str:
    return bodies.text(body, "name") or slug.replace("-", " ").replace("_", " ")


def _topic(work: _Compiling, slug: str, body: Body) -> TopicPlan:
    actions = tuple(
        ActionPlan(
            bodies.text(action, "id") or f"a{index + 1}",
            bodies.text(action, "type"),
            bodies.text(action, "target"),
            work.guard(bodies.text(action, "condition"), f"/topic/{slug}/actions/{index}/condition"),
            bodies.text(action, "message"),
        )
        for index, action in enumerate(bodies.objects(body, "actions"))
    )
    switches = {alias: on for alias, on in bodies.mapping(body.get("enabled_in")).items() if isinstance(on, bool)}
    return TopicPlan(
        slug,
        _name(slug, body),
        bodies.text(body, "content"),
        actions,
        bodies.flag(body, "enabled", True),
        switches,
    )


def _can_be_on(topic: TopicPlan) -> bool:
    return topic.enabled or any(topic.enabled_in.values())


def _matcher(topics: Mapping[str, TopicPlan], samples: Mapping[str, tuple[str, ...]]) -> Matcher:
    return Matcher.compile(
        [
            Candidate(slug, samples.get(slug, ()), topic.content, topic.name)
            for slug, topic in topics.items()
            if _can_be_on(topic)
        ]
    )


def _questions(
    topics: Mapping[str, TopicPlan], samples: Mapping[str, tuple[str, ...]]
) -> Mapping[tuple[str, ...], str]:
    found: dict[tuple[str, ...], str] = {}
    for slug, topic in topics.items():
        if _can_be_on(topic):
            for question in samples.get(slug, ()):
                found.setdefault(words(question), slug)
    found.pop((), None)
    return found


def _vocabulary(topics: Mapping[str, TopicPlan], samples: Mapping[str, tuple[str, ...]]) -> frozenset[str]:
    texts = (text for slug, topic in topics.items() for text in (topic.name, *samples.get(slug, ())))
    return frozenset[str]().union(*map(content_stems, texts))


def _agent(slug: str, body: Body) -> AgentPlan:
    return AgentPlan(
        slug,
        _name(slug, body),
        bodies.text(body, "greeting"),
        bodies.text(body, "goodbye"),
        bodies.text(bodies.mapping(body.get("model")), "provider") or "local",
        bodies.texts(body, "languages"),
        bodies.text(body, "voice"),
    )


def _choose_agent(agents: Mapping[str, AgentPlan]) -> AgentPlan:
    """Returns `main`, else the first by slug, else one that has only the settings' texts."""
    nobody = AgentPlan("", "Agent", "", "", "local", (), "")
    return agents.get("main") or next(iter(agents.values()), nobody)


def _handoff(slug: str, body: Body) -> HandoffPlan:
    destination = bodies.mapping(body.get("destination"))
    headers = tuple(
        (bodies.text(header, "name"), bodies.text(header, "value"))
        for header in bodies.objects(body, "sip_headers")
        if bodies.text(header, "name")
    )
    return HandoffPlan(
        slug,
        _name(slug, body),
        {"type": bodies.text(destination, "type") or "number", "value": bodies.text(destination, "value")},
        bodies.text(body, "method") or "refer",
        headers,
        bodies.text(body, "message"),
        bodies.flag(body, "default", False),
    )


def _sms(slug: str, body: Body) -> SmsPlan:
    return SmsPlan(
        slug,
        _name(slug, body),
        bodies.text(body, "text"),
        bodies.flag(body, "consent_required", True),
        bodies.text(body, "sender"),
        bodies.table(body, "senders"),
    )


def _rule(work: _Compiling, slug: str, body: Body) -> RulePlan:
    hard = bodies.text(body, "severity") == "hard"
    when = work.guard(bodies.text(body, "applies_when"), f"/rule/{slug}/applies_when")
    return RulePlan(slug, _name(slug, body), hard, when, find_forbidden(bodies.text(body, "text")) if hard else ())


def _settings(slug: str, body: Body) -> SettingsPlan:
    silence = bodies.mapping(body.get("silence"))
    default = SettingsPlan()
    return SettingsPlan(
        bodies.text(body, "default_language") or default.default_language,
        bodies.text(body, "fallback") or default.fallback,
        bodies.text(body, "out_of_scope") or default.out_of_scope,
        bodies.text(body, "handover_message"),
        max(0, bodies.whole(silence, "max_count") or 0),
        bodies.text(silence, "message"),
    )


def _voice(slug: str, body: Body) -> Mapping[str, Any]:
    plan: dict[str, Any] = {"voice": slug}
    for key in ("provider", "voice_id", "model", "language", "style_prompt"):
        if value := bodies.text(body, key):
            plan[key] = value
    for key in ("stability", "similarity", "speed"):
        if (number := bodies.number(body, key)) is not None:
            plan[key] = number
    return plan


def _variable(slug: str, body: Body) -> VariablePlan:
    kind = bodies.text(body, "type") or "text"
    return VariablePlan(slug, _name(slug, body), kind, body.get("default"), bodies.flag(body, "pii", False))


def _variant(slug: str, body: Body) -> VariantPlan:
    rows = [row for row in bodies.objects(body, "rows") if bodies.text(row, "id")]
    chosen = next((row for row in rows if row.get("default") is True), rows[0] if rows else {})
    return VariantPlan(
        bodies.texts(body, "attributes"),
        {bodies.text(row, "id"): bodies.table(row, "values") for row in rows},
        {bodies.text(row, "id"): bodies.text(row, "name") for row in rows},
        bodies.text(chosen, "id"),
    )


def _component(slug: str, body: Body) -> ComponentPlan:
    return ComponentPlan(slug, bodies.text(body, "text"), bodies.texts(body, "parameters"))


class _Controls:
    """All response controls of a version as one, in the order of their slugs."""

    def __init__(self, work: _Compiling) -> None:
        self.work = work
        self.stop_phrases: list[StopPhrasePlan] = []
        self.corrections: list[ReplacementPlan] = []
        self.pronunciations: list[ReplacementPlan] = []
        self.keyphrases: list[Mapping[str, str]] = []
        self.lengths: list[int] = []
        work.each("response_control", self._add)

    def _add(self, slug: str, body: Body) -> None:
        self._add_stop_phrases(slug, body)
        for index, entry in enumerate(bodies.objects(body, "corrections")):
            for at, pattern in enumerate(bodies.objects(entry, "patterns")):
                pointer = f"/response_control/{slug}/corrections/{index}/patterns/{at}"
                self._replace(self.corrections, pointer, slug, bodies.text(entry, "id"), pattern, False)
        for index, entry in enumerate(bodies.objects(body, "pronunciations")):
            pointer = f"/response_control/{slug}/pronunciations/{index}"
            case = bodies.flag(entry, "case_sensitive", False)
            self._replace(self.pronunciations, pointer, slug, bodies.text(entry, "id"), entry, case)
        for entry in bodies.objects(body, "keyphrases"):
            if phrase := bodies.text(entry, "phrase"):
                self.keyphrases.append({"phrase": phrase, "level": bodies.text(entry, "level") or "default"})
        self.lengths.append(bodies.whole(body, "max_length") or 0)

    def _add_stop_phrases(self, slug: str, body: Body) -> None:
        for index, entry in enumerate(bodies.objects(body, "stop_phrases")):
            found: list[Pattern] = []
            for at, text in enumerate(bodies.texts(entry, "patterns")):
                pointer = f"/response_control/{slug}/stop_phrases/{index}/patterns/{at}"
                pattern = self.work.pattern(lambda text=text: compile_pattern(text), pointer)
                if pattern is not None:
                    found.append(pattern)
            self.stop_phrases.append(
                StopPhrasePlan(
                    slug,
                    bodies.text(entry, "id") or f"s{index + 1}",
                    tuple(found),
                    bodies.flag(entry, "say_phrase", True),
                    bodies.text(entry, "function"),
                    bodies.text(entry, "action"),
                )
            )

    def _replace(self, out: list[ReplacementPlan], pointer: str, slug: str, name: str, entry: Body, case: bool) -> None:
        whole = bodies.flag(entry, "whole", False)
        found, new = bodies.text(entry, "pattern"), bodies.text(entry, "replacement")
        made = self.work.pattern(
            lambda: compile_replacement(found, new, case_sensitive=case, whole=whole), f"{pointer}/pattern"
        )
        if made is not None:
            out.append(ReplacementPlan(slug, name, made, bodies.text(entry, "language")))
