"""Workflows: the conditions, expressions and patterns of their steps, and that no circle of steps has no way out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from greenroom.domain.entities import Address, Body
from greenroom.runtime import bodies
from greenroom.runtime.checks.findings import Findings
from greenroom.runtime.patterns import compile_pattern

Step = Mapping[str, Any]
_PAUSES = frozenset({"ask", "prompt", "sms", "handoff", "playbook", "end", "function"})
"""Steps that wait for the user, leave the workflow, or may do so by what their code decides."""
_RETRIED = frozenset({"call", "lookup", "store"})
"""Steps that go to `on_fail` when they fail."""


def check_workflow(found: Findings, address: Address, body: Body) -> None:
    """Checks one workflow. That the steps that others name exist is the kind's own check."""
    steps = bodies.objects(body, "steps")
    if not steps:
        message = f"{address} has no steps: nothing happens when it is started"
        found.warn(f"/{address}/steps", message, "empty_workflow", "add its first step")
    for index, step in enumerate(steps):
        _check_step(found, f"/{address}/steps/{index}", step)
    circle = find_circle(steps, bodies.text(body, "start"))
    if circle:
        index = next(at for at, step in enumerate(steps) if bodies.text(step, "id") == circle[0])
        message = f"{address} goes round without waiting or ending: {' → '.join([*circle, circle[0]])}"
        hint = "lead one of the steps on to a question or to an end"
        found.refuse(f"/{address}/steps/{index}", message, "endless_steps", hint)


def _check_step(found: Findings, pointer: str, step: Step) -> None:
    for at, branch in enumerate(bodies.objects(step, "branches")):
        found.condition(f"{pointer}/branches/{at}/condition", bodies.text(branch, "condition"), in_workflow=True)
    found.expression(f"{pointer}/expression", bodies.text(step, "expression"))
    validation = bodies.mapping(step.get("validation"))
    found.condition(f"{pointer}/validation/condition", bodies.text(validation, "condition"), in_workflow=True)
    pattern = bodies.text(validation, "pattern")
    if pattern:
        found.pattern(f"{pointer}/validation/pattern", lambda: compile_pattern(pattern))


def find_circle(steps: Sequence[Step], start: str) -> tuple[str, ...]:
    """Returns the steps of a circle that, once entered, can neither wait nor end; empty when there is none."""
    by_id = {name: step for step in steps if (name := bodies.text(step, "id"))}
    goals = {name: tuple(goal for goal in _goals(step)) for name, step in by_id.items()}
    ending = {name for name, step in by_id.items() if _can_pause(step)}
    while True:
        more = {
            name
            for name, onward in goals.items()
            if name not in ending and any(goal in ending or goal not in by_id for goal in onward)
        }
        if not more:
            break
        ending |= more
    return _walk(start or next(iter(by_id), ""), goals, ending)


def _walk(start: str, goals: Mapping[str, Sequence[str]], ending: set[str]) -> tuple[str, ...]:
    """Returns a circle outside `ending` that can be reached from a step."""
    waiting, seen = [start], set[str]()
    while waiting:
        name = waiting.pop()
        if name in seen or name not in goals:
            continue
        if name not in ending:
            path = [name]
            while (following := goals[path[-1]][0]) not in path:
                path.append(following)
            return tuple(path[path.index(following) :])
        seen.add(name)
        waiting += goals[name]
    return ()


def _can_pause(step: Step) -> bool:
    kind = bodies.text(step, "type")
    return kind in _PAUSES or (kind == "call" and bool(bodies.text(step, "function")))


def _goals(step: Step) -> Iterator[str]:
    """Yields where a step may lead, '' for out of the workflow. A branch without a condition is always taken."""
    kind = bodies.text(step, "type")
    if kind in _RETRIED | {"ask", "sms"} and bodies.text(step, "on_fail"):
        yield bodies.text(step, "on_fail")
    if kind != "goto":
        for branch in bodies.objects(step, "branches"):
            yield bodies.text(branch, "next")
            if not bodies.text(branch, "condition").strip():
                return
    yield bodies.text(step, "next")
