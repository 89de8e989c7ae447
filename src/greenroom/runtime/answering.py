"""Who answers a turn, in order: routing rules, input guardrails, transfers of the squad, then what leads.

What leads is a running workflow, a running playbook, or the agent's brain; a workflow that was started on the
way runs in the same turn.
"""

from __future__ import annotations

from greenroom.runtime.asking import Working
from greenroom.runtime.brains.local import LocalBrain, lapse_offer
from greenroom.runtime.brains.model import ModelBrain
from greenroom.runtime.deeds import begin_workflow, hand_off_to_queue
from greenroom.runtime.flow_plans import PlaybookPlan, RoutePlan
from greenroom.runtime.guardrails import guard_input
from greenroom.runtime.intents import find_intents
from greenroom.runtime.turn import Turn
from greenroom.runtime.workflows import flow_of, leave_prompt, needs_model, run_workflow

LOCAL = LocalBrain()
MODEL = ModelBrain()
MAX_TRANSFERS = 5


def answer_turn(turn: Turn) -> Working[None]:
    """Answers one text. An offer that it neither settles nor repeats lapses: a later yes is to something else."""
    offer = turn.state["pending"]
    yield from _answer_turn(turn)
    if turn.state["pending"] is offer:
        lapse_offer(turn)


def _answer_turn(turn: Turn) -> Working[None]:
    if _reads_intent(turn):
        find_intents(turn, turn.text)
        turn.forget_values()
    settled = _route(turn) or guard_input(turn)
    turn.forget_values()
    if not settled:
        _transfer(turn)
    choose_rules(turn)
    yield "rules"
    if settled:
        return
    if turn.state["flow"] is not None and needs_model(turn) is None:
        turn.decision = "workflow"
        yield from run_workflow(turn, LOCAL.digress, heard=True)
        yield "workflow"
        if _has_spoken(turn) or turn.ended:
            yield from _follow_up(turn)
            return
    yield from _answer_by_brain(turn)
    yield from _follow_up(turn)


def repeat_question(turn: Turn) -> None:
    """Says again what was asked before a silence: a yes to "Are you still there?" alone must not answer it."""
    found, pending = flow_of(turn), turn.state["pending"]
    if found is not None and turn.state["flow"]["asked"]:
        turn.say(found[1].reprompt or found[1].text or turn.built_in("sms_offer"), "workflow")
    elif pending:
        turn.say_plain(str(pending.get("question", "")), f"{pending.get('type')}_offer")


def choose_rules(turn: Turn) -> None:
    """Chooses the rules and conditional prompts that hold now."""
    for rule in turn.program.rules:
        holds, problem = rule.when.holds(turn.activation)
        if problem:
            turn.note(f"rule/{rule.slug}: its condition could not be decided ({problem}); it is left out")
        if holds:
            turn.rules.append(rule)
    for prompt in turn.program.leads.prompts:
        holds, problem = prompt.when.holds(turn.activation)
        if problem:
            turn.note(f"conditional_prompt/{prompt.slug}: could not be decided ({problem}); it is left out")
        if holds:
            turn.add("prompt_added", prompt=prompt.slug)
            turn.prompts.append(prompt.text)


def _reads_intent(turn: Turn) -> bool:
    """Says whether a condition looks at the best topic, which costs a match."""
    leads = turn.program.leads
    guards = [plan.when for plan in (*leads.routes, *leads.prompts)]
    if leads.squad is not None:
        guards += [each.when for each in leads.squad.transfers]
    return any("intent" in guard.text for guard in guards)


def _transfer(turn: Turn) -> None:
    """Moves the conversation inside the squad, at most once to each agent a turn."""
    squad = turn.program.leads.squad
    if squad is None:
        return
    seen = {turn.agent.slug}
    for _ in range(MAX_TRANSFERS):
        for transfer in squad.transfers:
            if transfer.target in seen or transfer.source not in {"", turn.agent.slug}:
                continue
            holds, problem = transfer.when.holds(turn.activation)
            if problem:
                turn.note(f"squad/{squad.slug}: transfer '{transfer.id}' could not be decided ({problem})")
            if holds and turn.change_agent(transfer.target, f"squad/{squad.slug}", transfer.message):
                seen.add(transfer.target)
                break
        else:
            return


def _route(turn: Turn) -> bool:
    """Sends the turn where the first rule that holds says; returns whether nothing else may answer."""
    for rule in turn.program.leads.routes:
        holds, problem = rule.when.holds(turn.activation)
        if problem:
            turn.note(f"routing_rule/{rule.slug}: could not be decided ({problem}); it is left out")
        if holds and _is_new(turn, rule):
            turn.add("routed", rule=rule.slug, target={"type": rule.type, "value": rule.value})
            return _send(turn, rule)
    return False


def _is_new(turn: Turn, rule: RoutePlan) -> bool:
    """Says whether a rule would lead somewhere else than where the conversation is."""
    if rule.type == "agent":
        return rule.value != turn.agent.slug
    flow = turn.state["flow"]
    return rule.type != "workflow" or not flow or flow["workflow"] != rule.value


def _send(turn: Turn, rule: RoutePlan) -> bool:
    because = f"routing_rule/{rule.slug}"
    if rule.type == "agent":
        turn.change_agent(rule.value, because, rule.message)
        return False
    if rule.type == "workflow":
        turn.say(rule.message, "routing")
        begin_workflow(turn, rule.value, because)
        return False
    turn.decision = "routed"
    if rule.type == "queue":
        hand_off_to_queue(turn, rule.value, because, rule.message)
        return True
    handoff = turn.program.handoffs.get(rule.value)
    if handoff is None:
        turn.note(f"{because}: there is no handoff/{rule.value}")
        return False
    turn.hand_off(handoff, because, rule.message)
    return True


def _has_spoken(turn: Turn) -> bool:
    return turn.answers_said() > 0


def _answer_by_brain(turn: Turn) -> Working[None]:
    if turn.agent.brain == "local":
        _leave_playbook(turn, "needs a model, and the agent has none")
        leave_prompt(turn)
        turn.brain = LOCAL.name
        yield from LOCAL.answer(turn)
    else:
        turn.brain = turn.agent.brain
        yield from MODEL.answer(turn)


def _leave_playbook(turn: Turn, reason: str) -> None:
    playing = turn.state["playbook"]
    if playing:
        turn.state["playbook"] = None
        turn.add("playbook_ended", playbook=playing["playbook"], how="not_run", reason=reason)
        turn.note(f"playbook/{playing['playbook']} {reason}")


def _follow_up(turn: Turn) -> Working[None]:
    """Runs what was started on the way, and sees whether the playbook is done."""
    for _ in range(3):
        _judge_playbook(turn)
        flow = turn.state["flow"]
        if turn.ended or not flow or flow["asked"]:
            break
        if needs_model(turn) is not None:
            if turn.agent.brain == "local":
                leave_prompt(turn)
                break
            if _has_spoken(turn):
                break
            yield from _answer_by_brain(turn)
            continue
        yield from run_workflow(turn, LOCAL.digress, heard=False)
        yield "workflow"
    playing = turn.state["playbook"]
    if playing and not turn.ended and not _has_spoken(turn):
        yield from _answer_by_brain(turn)
    if not _has_spoken(turn) and not turn.ended:
        turn.say(turn.program.settings.fallback, "fallback")
    open_ = turn.ended or turn.state["pending"] or turn.state["flow"] or turn.state["playbook"]
    if turn.brain == LOCAL.name and turn.decision in {"answer", "knowledge"} and not open_:
        turn.say(turn.program.settings.ask_again, "ask_again")


def _judge_playbook(turn: Turn) -> None:
    """Counts the turn and ends the playbook when its goal is reached or it takes too long."""
    playing = turn.state["playbook"]
    plan: PlaybookPlan | None = turn.program.leads.playbooks.get(playing["playbook"]) if playing else None
    if playing is None:
        return
    if plan is None:
        _leave_playbook(turn, "was running, but this version does not have it")
        return
    turn.state["playbook"] = {**playing, "turns": int(playing.get("turns", 0)) + 1}
    turn.forget_values()
    done = bool(plan.done.text) and plan.done.holds(turn.activation)[0]
    if done or turn.state["playbook"]["turns"] >= plan.max_turns:
        turn.state["playbook"] = None
        turn.add("playbook_ended", playbook=plan.slug, how="done" if done else "too_long")
        if done and plan.next:
            begin_workflow(turn, plan.next, f"playbook/{plan.slug}")
        elif not done and turn.program.default_handoff is not None:
            turn.hand_off(turn.program.default_handoff, f"playbook/{plan.slug} took too long")
