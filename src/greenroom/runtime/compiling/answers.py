"""What the agent says and sends, compiled: agents, topics, hand-offs, messages, rules, variables, sites."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from greenroom.domain.entities import Body
from greenroom.kinds.variant import plain_number
from greenroom.runtime import bodies
from greenroom.runtime.compiling.work import Compiling, name_of
from greenroom.runtime.plans import (
    ActionPlan,
    AgentPlan,
    ComponentPlan,
    HandoffPlan,
    RulePlan,
    SettingsPlan,
    SmsPlan,
    TopicPlan,
    VariablePlan,
    VariantPlan,
)
from greenroom.runtime.rules import find_forbidden


def topic(work: Compiling, slug: str, body: Body) -> TopicPlan:
    """Returns a topic."""
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
        name_of(slug, body),
        bodies.text(body, "content"),
        actions,
        bodies.flag(body, "enabled", True),
        switches,
        bodies.text(body, "instructions"),
    )


def agent(slug: str, body: Body) -> AgentPlan:
    """Returns who answers."""
    model = bodies.mapping(body.get("model"))
    links = ((bodies.text(each, "kind"), bodies.text(each, "slug")) for each in bodies.objects(body, "tools"))
    return AgentPlan(
        slug,
        name_of(slug, body),
        bodies.text(body, "greeting"),
        bodies.text(body, "goodbye"),
        bodies.text(model, "provider") or "local",
        bodies.texts(body, "languages"),
        bodies.text(body, "voice"),
        bodies.text(body, "persona"),
        bodies.text(body, "instructions"),
        bodies.text(body, "style"),
        {
            "temperature": bodies.number(model, "temperature"),
            "max_tokens": bodies.whole(model, "max_tokens"),
            "connection": bodies.text(model, "connection"),
            "timeout_ms": bodies.whole(model, "timeout_ms") or 20_000,
        },
        frozenset(links),
        frozenset(bodies.texts(body, "topics")),
        frozenset(bodies.texts(body, "knowledge")),
        _fallback(bodies.mapping(model.get("fallback"))),
    )


def _fallback(body: Body) -> dict[str, Any]:
    if not bodies.text(body, "provider"):
        return {}
    return {
        "provider": bodies.text(body, "provider"),
        "connection": bodies.text(body, "connection"),
        "timeout_ms": bodies.whole(body, "timeout_ms") or 10_000,
    }


def choose_agent(agents: Mapping[str, AgentPlan], entry: str = "") -> AgentPlan:
    """Returns the squad's entry, else `main`, else the first by slug, else one that has only the settings' texts."""
    nobody = AgentPlan("", "Agent", "", "", "local", (), "")
    return agents.get(entry) or agents.get("main") or next(iter(agents.values()), nobody)


def handoff(slug: str, body: Body) -> HandoffPlan:
    """Returns a hand-off."""
    destination = bodies.mapping(body.get("destination"))
    headers = tuple(
        (bodies.text(header, "name"), bodies.text(header, "value"))
        for header in bodies.objects(body, "sip_headers")
        if bodies.text(header, "name")
    )
    return HandoffPlan(
        slug,
        name_of(slug, body),
        {"type": bodies.text(destination, "type") or "number", "value": bodies.text(destination, "value")},
        bodies.text(body, "method") or "refer",
        headers,
        bodies.text(body, "message"),
        bodies.flag(body, "default", False),
    )


def sms(slug: str, body: Body) -> SmsPlan:
    """Returns a text message."""
    return SmsPlan(
        slug,
        name_of(slug, body),
        bodies.text(body, "text"),
        bodies.flag(body, "consent_required", True),
        bodies.text(body, "sender"),
        bodies.table(body, "senders"),
    )


def rule(work: Compiling, slug: str, body: Body) -> RulePlan:
    """Returns a rule."""
    hard = bodies.text(body, "severity") == "hard"
    text = bodies.text(body, "text")
    when = work.guard(bodies.text(body, "applies_when"), f"/rule/{slug}/applies_when")
    return RulePlan(slug, name_of(slug, body), hard, when, find_forbidden(text) if hard else (), text)


def settings(slug: str, body: Body) -> SettingsPlan:
    """Returns the settings."""
    silence = bodies.mapping(body.get("silence"))
    knowledge = bodies.mapping(body.get("knowledge"))
    least = bodies.number(knowledge, "min_score")
    default = SettingsPlan()
    return SettingsPlan(
        bodies.text(body, "default_language") or default.default_language,
        bodies.text(body, "fallback") or default.fallback,
        bodies.text(body, "out_of_scope") or default.out_of_scope,
        bodies.text(body, "handover_message"),
        max(0, bodies.whole(silence, "max_count") or 0),
        bodies.text(silence, "message"),
        bodies.text(body, "time_zone") or default.time_zone,
        bodies.texts(body, "languages"),
        bodies.text(bodies.mapping(body.get("end_of_call")), "ask_again"),
        bodies.whole(knowledge, "limit") or default.knowledge_limit,
        default.knowledge_min_score if least is None else least,
    )


def voice(slug: str, body: Body) -> Mapping[str, Any]:
    """Returns a voice's parameters."""
    plan: dict[str, Any] = {"voice": slug}
    for key in ("provider", "voice_id", "model", "language", "style_prompt"):
        if value := bodies.text(body, key):
            plan[key] = value
    for key in ("stability", "similarity", "speed"):
        if (number := bodies.number(body, key)) is not None:
            plan[key] = number
    return plan


def variable(slug: str, body: Body) -> VariablePlan:
    """Returns a variable."""
    kind = bodies.text(body, "type") or "text"
    return VariablePlan(
        slug,
        name_of(slug, body),
        kind,
        body.get("default"),
        bodies.flag(body, "pii", False),
        bodies.text(body, "scope") == "user",
    )


def variant(work: Compiling, slug: str, body: Body) -> VariantPlan:
    """Returns the table of sites."""
    rows = [row for row in bodies.objects(body, "rows") if bodies.text(row, "id")]
    chosen = next((row for row in rows if row.get("default") is True), rows[0] if rows else {})
    return VariantPlan(
        bodies.texts(body, "attributes"),
        {bodies.text(row, "id"): bodies.table(row, "values") for row in rows},
        {bodies.text(row, "id"): bodies.text(row, "name") for row in rows},
        bodies.text(chosen, "id"),
        {plain_number(number): bodies.text(row, "id") for row in rows for number in bodies.texts(row, "numbers")},
        tuple(
            (
                bodies.text(row, "id"),
                work.guard(bodies.text(row, "condition"), f"/variant/{slug}/rows/{index}/condition"),
            )
            for index, row in enumerate(rows)
            if bodies.text(row, "condition").strip()
        ),
    )


def component(slug: str, body: Body) -> ComponentPlan:
    """Returns a component."""
    return ComponentPlan(slug, bodies.text(body, "text"), bodies.texts(body, "parameters"))
