"""What leads a conversation, compiled."""

from __future__ import annotations

from collections.abc import Mapping

from greenroom.domain.entities import Body
from greenroom.domain.errors import Invalid
from greenroom.runtime import bodies
from greenroom.runtime.compiling.work import Compiling, name_of
from greenroom.runtime.conditions import Condition, compile_expression
from greenroom.runtime.flow_plans import (
    BranchPlan,
    GuardrailPlan,
    Leads,
    PlaybookPlan,
    PromptPlan,
    RoutePlan,
    SquadPlan,
    StepPlan,
    TransferPlan,
    ValidationPlan,
    WidgetPlan,
    WorkflowPlan,
)
from greenroom.runtime.patterns import compile_pattern
from greenroom.runtime.plans import ALWAYS


def compile_leads(work: Compiling) -> Leads:
    """Returns what leads a conversation of a version."""
    squads = work.each("squad", lambda slug, body: _squad(work, slug, body))
    prompts = work.each("conditional_prompt", lambda slug, body: _prompt(work, slug, body))
    routes = work.each("routing_rule", lambda slug, body: _route(work, slug, body))
    rails = work.each("guardrail", lambda slug, body: _guardrail(work, slug, body))
    return Leads(
        workflows=work.each("workflow", lambda slug, body: _workflow(work, slug, body)),
        playbooks=work.each("playbook", lambda slug, body: _playbook(work, slug, body)),
        squad=squads.get("main") or next(iter(squads.values()), None),
        prompts=tuple(sorted(prompts.values(), key=lambda plan: (-plan.priority, plan.slug))),
        routes=tuple(
            sorted((plan for plan in routes.values() if plan is not None), key=lambda plan: (-plan.priority, plan.slug))
        ),
        guardrails=tuple(plan for plan in rails.values() if plan is not None),
        widgets=work.each("widget", _widget),
    )


def _workflow(work: Compiling, slug: str, body: Body) -> WorkflowPlan:
    steps = {
        bodies.text(step, "id"): _step(work, f"/workflow/{slug}/steps/{index}", step)
        for index, step in enumerate(bodies.objects(body, "steps"))
    }
    own = (name for name, each in work.kinds.get("function", ()) if bodies.text(each, "workflow") == slug)
    return WorkflowPlan(
        slug,
        name_of(slug, body),
        bodies.text(body, "description"),
        bodies.text(body, "start") or next(iter(steps), ""),
        steps,
        bodies.texts(bodies.mapping(body.get("trigger")), "phrases"),
        tuple(own),
    )


def _step(work: Compiling, pointer: str, step: Body) -> StepPlan:
    expression, broken = _expression(work, pointer, bodies.text(step, "expression"))
    branches = tuple(
        BranchPlan(
            work.guard(bodies.text(branch, "condition"), f"{pointer}/branches/{index}/condition", in_workflow=True),
            bodies.text(branch, "next"),
        )
        for index, branch in enumerate(bodies.objects(step, "branches"))
    )
    return StepPlan(
        id=bodies.text(step, "id"),
        name=bodies.text(step, "name"),
        type=bodies.text(step, "type"),
        text=bodies.text(step, "text"),
        slot=bodies.text(step, "slot"),
        function=bodies.text(step, "function"),
        tool=bodies.text(step, "tool"),
        handoff=bodies.text(step, "handoff"),
        sms=bodies.text(step, "sms"),
        agent=bodies.text(step, "agent"),
        playbook=bodies.text(step, "playbook"),
        table=bodies.text(step, "table"),
        key=bodies.text(step, "key"),
        where=bodies.mapping(step.get("where")),
        values=bodies.mapping(step.get("values")),
        arguments=bodies.mapping(step.get("arguments")),
        save_to=bodies.text(step, "save_to"),
        next=bodies.text(step, "next"),
        branches=branches,
        value=step.get("value"),
        expression=expression,
        broken=broken,
        validation=_validation(work, f"{pointer}/validation", bodies.mapping(step.get("validation"))),
        reprompt=bodies.text(step, "reprompt"),
        attempts=bodies.whole(step, "attempts") or 3,
        on_fail=bodies.text(step, "on_fail"),
    )


def _expression(work: Compiling, pointer: str, text: str) -> tuple[Condition | None, str]:
    if not text.strip():
        return None, ""
    try:
        return compile_expression(text), ""
    except Invalid as wrong:
        work.note(f"{pointer}/expression", wrong.detail)
        return None, wrong.detail


def _validation(work: Compiling, pointer: str, body: Body) -> ValidationPlan:
    text = bodies.text(body, "pattern")
    pattern = work.pattern(lambda: compile_pattern(text, case_sensitive=False), f"{pointer}/pattern") if text else None
    return ValidationPlan(
        pattern,
        work.guard(bodies.text(body, "condition"), f"{pointer}/condition", in_workflow=True),
        bodies.texts(body, "options"),
        bodies.number(body, "min"),
        bodies.number(body, "max"),
    )


def _playbook(work: Compiling, slug: str, body: Body) -> PlaybookPlan:
    done = bodies.text(body, "done_when")
    return PlaybookPlan(
        slug,
        name_of(slug, body),
        bodies.text(body, "goal"),
        bodies.text(body, "instructions"),
        tuple((bodies.text(each, "kind"), bodies.text(each, "slug")) for each in bodies.objects(body, "tools")),
        work.guard(done, f"/playbook/{slug}/done_when") if done.strip() else ALWAYS,
        bodies.text(body, "next"),
        bodies.whole(body, "max_turns") or 20,
    )


def _squad(work: Compiling, slug: str, body: Body) -> SquadPlan:
    transfers = tuple(
        TransferPlan(
            bodies.text(each, "id") or f"t{index + 1}",
            bodies.text(each, "source"),
            bodies.text(each, "target"),
            work.guard(bodies.text(each, "condition"), f"/squad/{slug}/transfers/{index}/condition"),
            bodies.text(each, "message"),
        )
        for index, each in enumerate(bodies.objects(body, "transfers"))
    )
    members = bodies.texts(body, "members")
    return SquadPlan(slug, members, bodies.text(body, "entry") or next(iter(members), ""), transfers)


def _prompt(work: Compiling, slug: str, body: Body) -> PromptPlan:
    when = work.guard(bodies.text(body, "condition"), f"/conditional_prompt/{slug}/condition")
    return PromptPlan(slug, when, bodies.text(body, "text"), bodies.whole(body, "priority") or 0)


def _route(work: Compiling, slug: str, body: Body) -> RoutePlan | None:
    if not bodies.flag(body, "enabled", True):
        return None
    target: Mapping[str, object] = bodies.mapping(body.get("target"))
    return RoutePlan(
        slug,
        work.guard(bodies.text(body, "condition"), f"/routing_rule/{slug}/condition"),
        bodies.text(target, "type") or "queue",
        bodies.text(target, "value"),
        bodies.whole(body, "priority") or 0,
        bodies.text(body, "message"),
    )


def _guardrail(work: Compiling, slug: str, body: Body) -> GuardrailPlan | None:
    if not bodies.flag(body, "enabled", True):
        return None
    side = bodies.text(body, "applies_to") or "both"
    threshold = bodies.number(body, "threshold")
    pointer = f"/guardrail/{slug}/patterns"
    return GuardrailPlan(
        slug,
        name_of(slug, body),
        bodies.text(body, "category") or "custom",
        0.5 if threshold is None else float(threshold),
        work.patterns_in(bodies.texts(body, "patterns"), pointer, case_sensitive=False),
        side != "output",
        side != "input",
        bodies.text(body, "action") or "block",
        bodies.text(body, "message"),
        bodies.text(body, "handoff"),
    )


def _widget(slug: str, body: Body) -> WidgetPlan:
    look = {key: value for key, value in body.items() if key not in {"schema", "greeting"}}
    return WidgetPlan(slug, bodies.text(body, "greeting"), look)
