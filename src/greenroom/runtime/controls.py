"""Response controls and hard rules at work: corrections of what is heard, checks on what is said."""

from __future__ import annotations

import re
from typing import Any

from greenroom.runtime.patterns import Span
from greenroom.runtime.plans import ReplacementPlan, StopPhrasePlan
from greenroom.runtime.texts import make_plain, shorten, split_sentences, strip_marks
from greenroom.runtime.turn import Turn

MESSAGE_CHANNELS = frozenset({"sms", "whatsapp", "instagram"})
MAX_SPOKEN = 20_000
_MARKUP = re.compile(r"[*_~`]")


def correct(turn: Turn) -> tuple[str, list[dict[str, Any]]]:
    """Returns what was heard as the transcript corrections have it, and which of them changed it."""
    return _apply(turn.program.corrections, turn.text, turn.language)


def control_output(turn: Turn, *, stop_phrases: bool = True) -> dict[str, Any]:
    """Brings the reply into its last form; returns what was applied, for the trace.

    In order: hard rules' forbidden phrases, stop phrases, plain text for calls and text messages, length,
    pronunciations (calls only, beside the text: `speech`).
    """
    forbidden = _drop_forbidden(turn)
    fired = _apply_stop_phrases(turn) if stop_phrases else []
    plain = make_plain if turn.is_voice else strip_marks if turn.context.channel in MESSAGE_CHANNELS else None
    if plain is not None:
        for effect in _said(turn):
            effect["text"] = plain(effect["text"])
    shortened = _limit_length(turn)
    pronounced: list[dict[str, Any]] = []
    if turn.is_voice:
        for effect in _said(turn):
            effect["speech"], used = _apply(turn.program.pronunciations, effect["text"], turn.language)
            pronounced.extend(used)
    turn.effects = [effect for effect in turn.effects if effect["type"] != "said" or effect["text"]]
    control: dict[str, Any] = {"forbidden": forbidden, "stop_phrases": fired, "pronunciations": pronounced}
    return {**control, "shortened": True} if shortened else control


def speech_of(turn: Turn) -> dict[str, Any] | None:
    """Returns the voice's parameters for a call; the only voice of a version needs no link from the agent."""
    if not turn.is_voice:
        return None
    voices = turn.program.voices
    chosen = voices.get(turn.program.agent.voice)
    if chosen is None and len(voices) == 1 and not turn.program.agent.voice:
        chosen = next(iter(voices.values()))
    return {"language": turn.language, **(chosen or {})}


def _said(turn: Turn) -> list[dict[str, Any]]:
    return [effect for effect in turn.effects if effect["type"] == "said"]


def _apply(plans: tuple[ReplacementPlan, ...], text: str, language: str) -> tuple[str, list[dict[str, Any]]]:
    """Applies replacements in their order; what one has written, no later one changes."""
    used: list[dict[str, Any]] = []
    taken: tuple[Span, ...] = ()
    for plan in plans:
        if plan.language and not language.lower().startswith(plan.language.lower().partition("-")[0]):
            continue
        changed, spans, count = plan.replacement.apply(text, taken)
        if count and len(changed) <= MAX_SPOKEN:
            text, taken = changed, spans
            used.append({"control": plan.control, "id": plan.id, "count": count})
    return text, used


def _drop_forbidden(turn: Turn) -> list[dict[str, Any]]:
    """Takes sentences out that a hard rule forbids; if nothing is left, the fallback is said."""
    found: list[dict[str, Any]] = []
    for rule in turn.rules:
        for phrase in rule.forbidden:
            for effect in _said(turn):
                if phrase not in _bare(effect["text"]):
                    continue
                effect["text"] = "".join(
                    sentence for sentence in split_sentences(effect["text"]) if phrase not in _bare(sentence)
                ).strip()
                found.append({"rule": rule.slug, "phrase": phrase})
                turn.add("rule_enforced", rule=rule.slug, phrase=phrase)
                if phrase in _bare(effect["text"]):
                    effect["text"] = ""
    if found and not any(effect["text"] for effect in _said(turn)):
        turn.say(turn.program.settings.fallback, "fallback")
    return found


def _bare(text: str) -> str:
    return " ".join(_MARKUP.sub("", text).casefold().split())


def _apply_stop_phrases(turn: Turn) -> list[dict[str, Any]]:
    fired: list[dict[str, Any]] = []
    for plan in turn.program.stop_phrases:
        for effect in _said(turn):
            found = next((piece for pattern in plan.patterns if (piece := pattern.first_in(effect["text"]))), None)
            if found is not None:
                fired.append({"control": plan.control, "id": plan.id, "found": found, "action": plan.action})
                turn.add("stop_phrase", control=plan.control, id=plan.id, found=found)
                if not plan.say_phrase:
                    effect["text"] = ""
                _carry_out(turn, plan)
                break
    if fired and not turn.ended and not any(effect["text"] for effect in _said(turn)):
        turn.say(turn.program.settings.fallback, "fallback")
    return fired


def _carry_out(turn: Turn, plan: StopPhrasePlan) -> None:
    if plan.function:
        reason = "functions are stored and checked, but not run in this release"
        turn.add("function_not_run", function=plan.function, because=f"stop phrase {plan.id}", reason=reason)
    if turn.ended:
        return
    if plan.action == "end":
        if not any(effect["text"] for effect in _said(turn)):
            turn.say(turn.goodbye(), "goodbye")
        turn.end("agent")
    elif plan.action == "handoff":
        handoff = turn.program.default_handoff
        if handoff is None:
            turn.note(f"stop phrase {plan.id} hands off, but no hand-off is the default")
        else:
            turn.hand_off(handoff, f"stop phrase {plan.id}")


def _limit_length(turn: Turn) -> bool:
    limit = turn.program.max_length
    if limit is None:
        return False
    shortened, left = False, limit
    for effect in _said(turn):
        text = shorten(effect["text"], left) if left > 0 else ""
        shortened = shortened or text != effect["text"]
        effect["text"] = text
        left -= len(text) + 1
    return shortened
