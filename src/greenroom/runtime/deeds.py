"""What a turn does besides speaking: text messages, hand-offs, and what functions ask for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from greenroom.runtime.bodies import mapping
from greenroom.runtime.plans import HandoffPlan, SmsPlan
from greenroom.runtime.texts import strip_marks
from greenroom.runtime.turn import Turn

MAX_EFFECTS = 100


def send_sms(turn: Turn, sms: SmsPlan, to: str = "") -> None:
    """Sends a message of the version: an effect that a channel's provider carries out, and a record of it."""
    number = to or turn.context.caller
    if not number:
        turn.note(f"sms/{sms.slug}: no number of the user is known")
    sender = sms.senders.get(turn.context.environment) or sms.sender
    _send(turn, sms.slug, sms.name, strip_marks(turn.render(sms.text)), number, turn.render(sender))


def _send(turn: Turn, slug: str, name: str, text: str, to: str, sender: str) -> None:
    turn.add("sms_sent", sms=slug, name=name, text=text, to=to, sender=sender, delivery="recorded")


def hand_off_to_queue(turn: Turn, queue: str, reason: str, message: str = "") -> None:
    """Passes the conversation on to a queue that has no hand-off of its own: people find it as a ticket."""
    destination = {"type": "queue", "value": queue}
    turn.hand_off(HandoffPlan("", queue, destination, "ticket", (), "", False), reason, message)


def begin_workflow(turn: Turn, slug: str, because: str, step: str = "") -> bool:
    """Makes a workflow the one that leads the conversation; it runs when the turn comes to it."""
    plan = turn.program.leads.workflows.get(slug) or turn.program.leads.workflows.get(slug.replace("_", "-"))
    first = _find_step(plan.steps, step) if plan and step else plan.start if plan else ""
    if plan is None or first not in plan.steps:
        turn.note(f"{because}: there is no workflow/{slug}" + (f" with a step '{step[:80]}'" if plan else ""))
        return False
    turn.state["flow"] = {"workflow": plan.slug, "step": first, "asked": False, "tries": 0, "result": None}
    turn.state["playbook"] = None
    turn.add("workflow_started", workflow=plan.slug, name=plan.name, step=first, because=because)
    return True


def begin_playbook(turn: Turn, slug: str, because: str) -> bool:
    """Makes a playbook the one that leads the conversation."""
    plan = turn.program.leads.playbooks.get(slug)
    if plan is None:
        turn.note(f"{because}: there is no playbook/{slug}")
        return False
    turn.state["playbook"] = {"playbook": slug, "turns": 0}
    turn.state["flow"] = None
    turn.add("playbook_started", playbook=slug, name=plan.name, because=because)
    return True


def _find_step(steps: Mapping[str, Any], wanted: str) -> str:
    """Returns the id of a step by its id or its name, as imported functions say it."""
    if wanted in steps:
        return wanted
    plain = _plain(wanted)
    return next((id_ for id_, step in steps.items() if plain in {_plain(id_), _plain(step.name)}), "")


def _plain(text: str) -> str:
    return "".join(sign for sign in text.casefold() if sign.isalnum())


def apply_effects(turn: Turn, effects: Sequence[Any], because: str) -> None:
    """Carries out what a function asked for, in its order."""
    for effect in effects[:MAX_EFFECTS]:
        facts = mapping(effect)
        act = _APPLY.get(str(facts.get("type")))
        if act is not None:
            act(turn, facts, because)
        if turn.ended:
            return


def _say(turn: Turn, facts: Mapping[str, Any], because: str) -> None:
    turn.say_plain(str(facts.get("text", ""))[:5_000], "function")


def _set(turn: Turn, facts: Mapping[str, Any], because: str) -> None:
    turn.set_variable(str(facts.get("variable", "")), facts.get("value"), because)


def _send_from(turn: Turn, facts: Mapping[str, Any], because: str) -> None:
    slug, to = str(facts.get("sms") or ""), str(facts.get("to") or "")
    sms = turn.program.sms.get(slug) or turn.program.sms.get(slug.replace("_", "-"))
    if sms is not None:
        send_sms(turn, sms, to)
    elif facts.get("text"):
        _send(turn, "", "", str(facts["text"])[:1_600], to or turn.context.caller, "")
    else:
        turn.note(f"{because}: there is no sms/{slug}")


def _hand_off_from(turn: Turn, facts: Mapping[str, Any], because: str) -> None:
    slug = str(facts.get("handoff") or "")
    plans = turn.program.handoffs
    plan = plans.get(slug) or plans.get(slug.replace("_", "-")) or turn.program.default_handoff
    if plan is None:
        turn.note(f"{because}: there is no handoff/{slug}, and no default one")
        return
    extra = tuple((str(name), str(value)) for name, value in mapping(facts.get("sip_headers")).items())
    if extra:
        plan = HandoffPlan(
            plan.slug,
            plan.name,
            plan.destination,
            plan.method,
            (*plan.sip_headers, *((name, value.replace("{{", "")) for name, value in extra)),
            plan.message,
            plan.default,
        )
    turn.hand_off(plan, str(facts.get("reason") or because), str(facts.get("message") or "").replace("{{", ""))


def _go_to(turn: Turn, facts: Mapping[str, Any], because: str) -> None:
    flow = turn.state["flow"]
    workflow, step = str(facts.get("workflow") or ""), str(facts.get("step") or "")
    if not workflow and not step:
        if flow:
            turn.state["flow"] = None
            turn.add("workflow_ended", workflow=flow["workflow"], how="left", because=because)
        return
    begin_workflow(turn, workflow or (flow or {}).get("workflow", ""), because, step)


def _end(turn: Turn, facts: Mapping[str, Any], because: str) -> None:
    turn.end("agent")


_APPLY = {
    "say": _say,
    "set": _set,
    "send_sms": _send_from,
    "handoff": _hand_off_from,
    "goto": _go_to,
    "end": _end,
}
