"""Response controls and hard rules at work: corrections of what is heard, checks on what is said."""

from __future__ import annotations

from typing import Any

from greenroom.runtime.asking import Working
from greenroom.runtime.calls import call_function
from greenroom.runtime.forms import apply_replacements, bare_text, plain_form
from greenroom.runtime.plans import StopPhrasePlan
from greenroom.runtime.texts import shorten, split_sentences
from greenroom.runtime.turn import DELAY, Turn


def correct(turn: Turn) -> tuple[str, list[dict[str, Any]]]:
    """Returns what was heard as the transcript corrections have it, and which of them changed it."""
    return apply_replacements(turn.program.corrections, turn.text, turn.language)


def control_output(turn: Turn, *, stop_phrases: bool = True) -> Working[dict[str, Any]]:
    """Brings the reply into its last form; returns what was applied, for the trace.

    In order: hard rules' forbidden phrases, stop phrases, plain text for calls and text messages, length,
    pronunciations (calls only, beside the text: `speech`). What is out already (streamed) is not changed.
    """
    forbidden = _drop_forbidden(turn)
    fired = (yield from _apply_stop_phrases(turn)) if stop_phrases else []
    plain = plain_form(turn)
    if plain is not None:
        for effect in _open(turn):
            effect["text"] = plain(effect["text"])
    shortened = _limit_length(turn)
    pronounced: list[dict[str, Any]] = []
    if turn.is_voice:
        for effect in _said(turn):
            effect["speech"], used = apply_replacements(turn.program.pronunciations, effect["text"], turn.language)
            pronounced.extend(used)
    turn.effects = [effect for effect in turn.effects if effect["type"] != "said" or effect["text"]]
    yield "control"
    control: dict[str, Any] = {"forbidden": forbidden, "stop_phrases": fired, "pronunciations": pronounced}
    return {**control, "shortened": True} if shortened else control


def speech_of(turn: Turn) -> dict[str, Any] | None:
    """Returns the voice's parameters for a call; the only voice of a version needs no link from the agent."""
    if not turn.is_voice:
        return None
    voices = turn.program.voices
    chosen = voices.get(turn.agent.voice)
    if chosen is None and len(voices) == 1 and not turn.agent.voice:
        chosen = next(iter(voices.values()))
    return {"language": turn.language, **(chosen or {})}


def _said(turn: Turn) -> list[dict[str, Any]]:
    return [effect for effect in turn.effects if effect["type"] == "said"]


def _answers(turn: Turn) -> bool:
    """Says whether anything is left that answers."""
    return any(effect["text"] and effect["part"] != DELAY for effect in _said(turn))


def _open(turn: Turn) -> list[dict[str, Any]]:
    """Returns what is said and can still be changed."""
    return [effect for effect in _said(turn) if not effect.get("streamed")]


def _drop_forbidden(turn: Turn) -> list[dict[str, Any]]:
    """Takes sentences out that a hard rule forbids; if nothing is left, the fallback is said."""
    found: list[dict[str, Any]] = []
    for rule in turn.rules:
        for phrase in rule.forbidden:
            for effect in _open(turn):
                if phrase not in bare_text(effect["text"]):
                    continue
                effect["text"] = "".join(
                    sentence for sentence in split_sentences(effect["text"]) if phrase not in bare_text(sentence)
                ).strip()
                found.append({"rule": rule.slug, "phrase": phrase})
                turn.add("rule_enforced", rule=rule.slug, phrase=phrase)
                if phrase in bare_text(effect["text"]):
                    effect["text"] = ""
    if found and not _answers(turn):
        turn.say(turn.program.settings.fallback, "fallback")
    return found


def _apply_stop_phrases(turn: Turn) -> Working[list[dict[str, Any]]]:
    fired: list[dict[str, Any]] = []
    for plan in turn.program.stop_phrases:
        for effect in _said(turn):
            found = next((piece for pattern in plan.patterns if (piece := pattern.first_in(effect["text"]))), None)
            if found is not None:
                fired.append({"control": plan.control, "id": plan.id, "found": found, "action": plan.action})
                turn.add("stop_phrase", control=plan.control, id=plan.id, found=found)
                if not plan.say_phrase and not effect.get("streamed"):
                    effect["text"] = ""
                yield from _carry_out(turn, plan)
                break
    if fired and not turn.ended and not _answers(turn):
        turn.say(turn.program.settings.fallback, "fallback")
    return fired


def _carry_out(turn: Turn, plan: StopPhrasePlan) -> Working[None]:
    if plan.function:
        yield from call_function(turn, plan.function, {}, f"stop phrase {plan.id}")
    if turn.ended:
        return
    if plan.action == "end":
        if not _answers(turn):
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
        if effect.get("streamed"):
            left -= len(effect["text"]) + 1
            continue
        text = shorten(effect["text"], left) if left > 0 else ""
        shortened = shortened or text != effect["text"]
        effect["text"] = text
        left -= len(text) + 1
    return shortened
