"""Workflows at work: steps run until one waits for the user or the workflow ends. No model is needed.

What is being run stands in `state["flow"]`: workflow, step, whether its question was asked, how often it was
not answered, and the result of the last call.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from greenroom.domain.asks import Answer
from greenroom.runtime.asking import Working
from greenroom.runtime.calls import call_function, call_tool, fill, known_arguments, use_table
from greenroom.runtime.conditions import safe_value
from greenroom.runtime.deeds import begin_playbook, send_sms
from greenroom.runtime.flow_plans import PlaybookPlan, StepPlan, WorkflowPlan
from greenroom.runtime.phrases import read_consent
from greenroom.runtime.plans import ALWAYS
from greenroom.runtime.readings import Reading, read_answer
from greenroom.runtime.turn import Turn

MAX_STEPS = 100
"""So many steps in one turn, and the workflow is stopped: it goes round in a circle."""
Digress = Callable[[Turn, bool], Working[bool]]
"""Answers something else that was asked (`True`: only if it is certain); returns whether it did."""


def flow_of(turn: Turn) -> tuple[WorkflowPlan, StepPlan] | None:
    """Returns what is being run; a workflow or step that this version does not have is left, with a note."""
    flow = turn.state["flow"]
    if not flow:
        return None
    plan = turn.program.leads.workflows.get(str(flow.get("workflow")))
    step = plan.steps.get(str(flow.get("step"))) if plan else None
    if plan is None or step is None:
        turn.note(f"workflow/{flow.get('workflow')} was running, but this version does not have its step")
        _leave(turn, "missing")
        return None
    return plan, step


def needs_model(turn: Turn) -> StepPlan | None:
    """Returns the step that only a model can carry out, if the workflow stands at one."""
    found = flow_of(turn)
    return found[1] if found and found[1].type == "prompt" else None


def leave_prompt(turn: Turn) -> None:
    """Leaves a workflow that stands at a step for a model, where no model answers."""
    step = needs_model(turn)
    if step is not None:
        turn.note(f"step '{step.id}' is a prompt for a model, and the agent has none; the workflow was left")
        _leave(turn, "needs_model")


def find_playbook(turn: Turn) -> PlaybookPlan | None:
    """Returns the goal a model is to work towards now: a running playbook, or a workflow's prompt step."""
    playing = turn.state["playbook"]
    if playing:
        return turn.program.leads.playbooks.get(str(playing.get("playbook")))
    found = flow_of(turn)
    if found is None or found[1].type != "prompt":
        return None
    plan, step = found
    tools = tuple(("function", slug) for slug in plan.functions)
    goal = f"{plan.name}: {step.name or step.id}"
    return PlaybookPlan(f"{plan.slug}/{step.id}", plan.name, goal, step.text, tools, ALWAYS, "", 20)


def run_workflow(turn: Turn, digress: Digress, *, heard: bool) -> Working[None]:
    """Runs steps until one waits. `heard`: the turn's text may answer the question that was asked."""
    for _ in range(MAX_STEPS):
        found = flow_of(turn)
        if found is None or turn.ended:
            return
        plan, step = found
        if step.type == "prompt":
            return
        flow = turn.state["flow"]
        turn.add("workflow_step", workflow=plan.slug, step=step.id, does=step.type)
        if flow["asked"]:
            if not heard:
                return
            heard = False
            if (yield from _take_answer(turn, step, digress)):
                return
        elif step.type in _CALL:
            if (yield from _CALL[step.type](turn, step)):
                return
        elif _DO.get(step.type, _skip)(turn, step):
            return
    turn.note(f"workflow/{turn.state['flow']['workflow']} ran {MAX_STEPS} steps in one turn and was stopped")
    _leave(turn, "stopped")


def _leave(turn: Turn, how: str) -> None:
    flow = turn.state["flow"]
    if flow:
        turn.state["flow"] = None
        turn.add("workflow_ended", workflow=flow.get("workflow", ""), how=how)


def _go(turn: Turn, step_id: str, how: str = "done") -> None:
    if step_id:
        flow = turn.state["flow"]
        turn.state["flow"] = {**flow, "step": step_id, "asked": False, "tries": 0}
    else:
        _leave(turn, how)


def _follow(turn: Turn, step: StepPlan, value: Any = None) -> None:
    """Goes where the step's branches say, else to its next step, else out."""
    activation = _activation(turn, value)
    for branch in step.branches:
        holds, problem = branch.when.holds(activation)
        if problem:
            turn.note(f"step '{step.id}': a branch's condition could not be decided ({problem})")
        if holds:
            _go(turn, branch.next)
            return
    _go(turn, step.next)


def _activation(turn: Turn, value: Any = None) -> Mapping[str, Any]:
    flow = turn.state["flow"] or {}
    return {**turn.activation, "result": safe_value(flow.get("result")), "value": safe_value(value)}


def _say(turn: Turn, step: StepPlan) -> bool:
    turn.say(step.text, "workflow")
    _follow(turn, step)
    return False


def _ask(turn: Turn, step: StepPlan) -> bool:
    turn.say(step.text, "workflow")
    turn.state["flow"] = {**turn.state["flow"], "asked": True, "tries": 0}
    return True


def _take_answer(turn: Turn, step: StepPlan, digress: Digress) -> Working[bool]:
    """Reads the answer to the step's question; returns whether to wait (for another answer)."""
    if step.type == "sms":
        return _settle_sms(turn, step)
    if (yield from digress(turn, True)):
        if not turn.ended and turn.state["flow"]:
            turn.say(step.reprompt or step.text, "workflow")
        return True
    reading = _read(turn, step)
    if not reading.problem:
        turn.decision = "workflow"
        if step.slot:
            turn.set_variable(step.slot, reading.value, f"step '{step.id}'")
            turn.add("slot_filled", step=step.id, variable=step.slot)
        turn.state["flow"] = {**turn.state["flow"], "result": reading.value}
        turn.state["misses"] = 0
        _follow(turn, step, reading.value)
        return False
    if (yield from digress(turn, False)):
        if not turn.ended and turn.state["flow"]:
            turn.say(step.reprompt or step.text, "workflow")
        return True
    return _ask_again(turn, step, reading.problem)


def _read(turn: Turn, step: StepPlan) -> Reading:
    variable = turn.program.variables.get(step.slot)
    kind = variable.type if variable else "text" if step.slot or step.validation.options else ""
    if not kind and step.validation.pattern is None:
        answer = read_consent(turn.text).answer
        return Reading(turn.text if answer == "other" else answer == "yes")
    reading = read_answer(turn.text, kind, step.validation, str(turn.activation["time.date"]))
    if reading.problem:
        return reading
    holds, problem = step.validation.condition.holds(_activation(turn, reading.value))
    return reading if holds else Reading(problem=problem or "does not meet the step's condition")


def _ask_again(turn: Turn, step: StepPlan, problem: str) -> bool:
    flow = turn.state["flow"]
    tries = int(flow["tries"]) + 1
    turn.add("slot_refused", step=step.id, variable=step.slot, problem=problem, count=tries)
    turn.decision = "workflow_reprompt"
    if tries < step.attempts:
        turn.state["flow"] = {**flow, "tries": tries}
        turn.say(step.reprompt or f"{turn.program.settings.fallback} {step.text}", "workflow")
        return True
    if step.on_fail:
        _go(turn, step.on_fail)
        return False
    _leave(turn, "not_answered")
    handoff = turn.program.default_handoff
    if handoff is not None:
        turn.hand_off(handoff, f"step '{step.id}' was not answered")
    else:
        turn.say(turn.program.settings.fallback, "fallback")
    return True


def _set(turn: Turn, step: StepPlan) -> bool:
    value = fill(turn, step.value)
    if step.expression is not None:
        value, problem = step.expression.value(_activation(turn))
        if problem:
            turn.note(f"step '{step.id}': its expression could not be evaluated ({problem})")
    elif step.broken:
        turn.note(f"step '{step.id}': {step.broken}")
        value = None
    turn.set_variable(step.slot, value, f"step '{step.id}'")
    _follow(turn, step)
    return False


def _branch(turn: Turn, step: StepPlan) -> bool:
    _follow(turn, step)
    return False


def _call(turn: Turn, step: StepPlan) -> Working[bool]:
    before = turn.state["flow"]
    kind, callee = ("tool", step.tool) if step.tool else ("function", step.function)
    arguments = {**known_arguments(turn, kind, callee), **fill(turn, step.arguments)}
    name = f"step '{step.id}'"
    if step.tool:
        answer = yield from call_tool(turn, step.tool, arguments, name)
    else:
        answer = yield from call_function(turn, step.function, arguments, name)
    if turn.ended or turn.state["flow"] != before:
        return turn.ended
    return _use(turn, step, answer, answer.get("result"))


def _use(turn: Turn, step: StepPlan, answer: Answer, result: Any) -> bool:
    """Keeps the result of a step's call and goes on; a failed call goes to `on_fail` where there is one."""
    turn.state["flow"] = {**turn.state["flow"], "result": result}
    if step.save_to and "error" not in answer:
        turn.set_variable(step.save_to, result, f"step '{step.id}'")
    if "error" in answer and step.on_fail:
        _go(turn, step.on_fail)
    else:
        _follow(turn, step)
    return False


def _lookup(turn: Turn, step: StepPlan) -> Working[bool]:
    facts = {"op": "find", "table": step.table, "where": fill(turn, step.where), "limit": 1}
    answer = yield from use_table(turn, facts, f"step '{step.id}'")
    rows = answer.get("rows") or []
    row = dict(rows[0].get("values", {})) if rows else None
    if step.slot and row is not None:
        turn.set_variable(step.slot, row, f"step '{step.id}'")
    return _use(turn, step, answer, row)


def _store(turn: Turn, step: StepPlan) -> Working[bool]:
    facts = {"op": "put", "table": step.table, "key": fill(turn, step.key), "values": fill(turn, step.values)}
    answer = yield from use_table(turn, facts, f"step '{step.id}'")
    return _use(turn, step, answer, answer.get("rows"))


def _hand_off(turn: Turn, step: StepPlan) -> bool:
    plan = turn.program.handoffs.get(step.handoff) or turn.program.default_handoff
    if plan is None:
        turn.note(f"step '{step.id}': there is no handoff/{step.handoff}")
        _follow(turn, step)
        return False
    turn.hand_off(plan, f"step '{step.id}'", step.text)
    return True


def _go_to(turn: Turn, step: StepPlan) -> bool:
    _go(turn, step.next)
    return False


def _end(turn: Turn, step: StepPlan) -> bool:
    turn.say(step.text, "workflow")
    if step.value == "conversation":
        turn.end("agent")
    else:
        _leave(turn, "done")
    return False


def _sms(turn: Turn, step: StepPlan) -> bool:
    sms = turn.program.sms.get(step.sms)
    if sms is None:
        turn.note(f"step '{step.id}': there is no sms/{step.sms}")
        _follow(turn, step)
        return False
    if sms.consent_required:
        turn.say(step.text or turn.built_in("sms_offer"), "sms_offer")
        turn.add("sms_offered", sms=sms.slug, name=sms.name, step=step.id)
        turn.state["flow"] = {**turn.state["flow"], "asked": True, "tries": 0}
        return True
    turn.say(step.text, "workflow")
    send_sms(turn, sms)
    _follow(turn, step)
    return False


def _settle_sms(turn: Turn, step: StepPlan) -> bool:
    answer = read_consent(turn.text).answer
    sms = turn.program.sms.get(step.sms)
    if answer == "other" or sms is None:
        return _ask_again(turn, step, "is neither yes nor no")
    turn.state["flow"] = {**turn.state["flow"], "result": answer == "yes"}
    if answer == "yes":
        send_sms(turn, sms)
        turn.say(turn.built_in("sms_sent"), "consent")
    else:
        turn.add("sms_declined", sms=sms.slug)
        turn.say(turn.built_in("sms_declined"), "consent")
    _follow(turn, step)
    return False


def _transfer(turn: Turn, step: StepPlan) -> bool:
    turn.change_agent(step.agent, f"step '{step.id}'", step.text)
    _follow(turn, step)
    return False


def _playbook(turn: Turn, step: StepPlan) -> bool:
    turn.say(step.text, "workflow")
    if not begin_playbook(turn, step.playbook, f"step '{step.id}'"):
        _follow(turn, step)
    return False


def _skip(turn: Turn, step: StepPlan) -> bool:
    turn.note(f"step '{step.id}' has the type '{step.type}', which nothing here runs")
    _follow(turn, step)
    return False


_DO: Mapping[str, Callable[[Turn, StepPlan], bool]] = {
    "say": _say,
    "ask": _ask,
    "set": _set,
    "branch": _branch,
    "handoff": _hand_off,
    "goto": _go_to,
    "end": _end,
    "sms": _sms,
    "transfer": _transfer,
    "playbook": _playbook,
}
_CALL: Mapping[str, Callable[[Turn, StepPlan], Working[bool]]] = {
    "call": _call,
    "function": _call,
    "lookup": _lookup,
    "store": _store,
}
"""Each does a step and returns whether the workflow waits now."""
