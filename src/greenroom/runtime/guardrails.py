"""Guardrails at work: what may not be heard or said is found by patterns (RE2) and by categories.

A category gives a score from 0 to 1 by what it finds: one weak sign 0.4, a strong one 0.8, more of them more.
A guardrail fires from its threshold on. The word lists are small and meant as a floor; a version adds its own
patterns. Nothing here asks a model.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from greenroom.runtime.flow_plans import GuardrailPlan
from greenroom.runtime.guardrail_words import SIGNS
from greenroom.runtime.texts import MASK
from greenroom.runtime.turn import Turn

STRONG, WEAK, MORE = 0.8, 0.4, 0.1
_SPOKEN = frozenset({"said", "sms_offered", "handoff_offered"})


@dataclass(frozen=True, slots=True)
class Finding:
    """What a guardrail found in a text."""

    score: float
    pieces: tuple[str, ...]


def find(plan: GuardrailPlan, text: str) -> Finding | None:
    """Returns what fires the guardrail, None when nothing does."""
    own = [piece for pattern in plan.patterns if (piece := pattern.first_in(text))]
    if own:
        return Finding(1.0, tuple(own))
    strong, weak = SIGNS.get(plan.category, ((), ()))
    hard = [match.group() for sign in strong for match in sign.finditer(text) if _counts(plan.category, match)]
    soft = [match.group() for sign in weak for match in sign.finditer(text)]
    if not hard and not soft:
        return None
    score = min(1.0, (STRONG if hard else WEAK) + MORE * (len(hard) + len(soft) - 1))
    return Finding(round(score, 2), tuple(hard + soft)) if score >= plan.threshold else None


def _counts(category: str, match: re.Match[str]) -> bool:
    """Says whether a sign is one: long numbers are cards only with the right check digit."""
    digits = [int(sign) for sign in match.group() if sign.isdigit()]
    if category != "personal_data" or len(digits) < 13 or match.re.groups:
        return True
    doubled = (digit if at % 2 == 0 else digit * 2 - 9 * (digit > 4) for at, digit in enumerate(reversed(digits)))
    return sum(doubled) % 10 == 0


def guard_input(turn: Turn) -> bool:
    """Checks what was heard; returns whether the turn is settled: nothing else may answer it."""
    for plan in turn.program.leads.guardrails:
        found = find(plan, turn.text) if plan.on_input else None
        if found is None:
            continue
        _record(turn, plan, found, "input")
        if plan.action == "reword":
            turn.text = _masked(turn.text, found)
            continue
        turn.decision = "guardrail"
        if plan.action == "handoff" and _hand_off(turn, plan):
            return True
        turn.say(plan.message or turn.program.settings.out_of_scope, "guardrail")
        return True
    return False


def guard_output(turn: Turn) -> None:
    """Checks what is about to be said. What is out already (streamed) stays said, and is recorded."""
    for plan in turn.program.leads.guardrails:
        if not plan.on_output:
            continue
        for effect in [each for each in turn.effects if each["type"] == "said"]:
            found = find(plan, effect["text"])
            if found is None or effect.get("part") == "guardrail":
                continue
            _record(turn, plan, found, "output")
            if plan.action == "reword":
                if not effect.get("streamed"):
                    effect["text"] = turn.render(plan.message) or _masked(effect["text"], found)
                continue
            _silence(turn)
            if not (plan.action == "handoff" and _hand_off(turn, plan)):
                turn.say(plan.message or turn.program.settings.fallback, "guardrail")
            break


def is_clean(turn_guardrails: tuple[GuardrailPlan, ...], text: str) -> bool:
    """Says whether no guardrail would stop or change a text that is about to be said."""
    return not any(plan.on_output and find(plan, text) for plan in turn_guardrails)


def _record(turn: Turn, plan: GuardrailPlan, found: Finding, side: str) -> None:
    facts: dict[str, Any] = {"guardrail": plan.slug, "category": plan.category, "score": found.score, "side": side}
    turn.guardrails.append({**facts, "action": plan.action})
    turn.add("guardrail_fired", **facts, action=plan.action)


def _silence(turn: Turn) -> None:
    """Takes back what was to be said and offered."""
    turn.effects = [each for each in turn.effects if each["type"] not in _SPOKEN or each.get("streamed")]
    turn.state["pending"] = None


def _hand_off(turn: Turn, plan: GuardrailPlan) -> bool:
    handoff = turn.program.handoffs.get(plan.handoff) or turn.program.default_handoff
    if handoff is None:
        turn.note(f"guardrail/{plan.slug} hands off, but there is no hand-off")
        return False
    if not turn.ended:
        turn.hand_off(handoff, f"guardrail/{plan.slug}", plan.message)
        for effect in turn.effects:
            if effect["type"] == "said" and not effect.get("streamed"):
                effect["part"] = "guardrail"
    return True


def _masked(text: str, found: Finding) -> str:
    for piece in found.pieces:
        text = text.replace(piece, MASK)
    return text
