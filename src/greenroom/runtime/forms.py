"""The forms a text takes on its way out: plain for calls and messages, with pronunciations for voices."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from greenroom.runtime.patterns import Span
from greenroom.runtime.plans import ReplacementPlan
from greenroom.runtime.texts import make_plain, strip_marks
from greenroom.runtime.turn import Turn

MESSAGE_CHANNELS = frozenset({"sms", "whatsapp", "instagram"})
MAX_SPOKEN = 20_000
_MARKUP = re.compile(r"[*_~`]")


def plain_form(turn: Turn) -> Callable[[str], str] | None:
    """Returns what takes the markup out of a text here, None where markup stays."""
    return make_plain if turn.is_voice else strip_marks if turn.context.channel in MESSAGE_CHANNELS else None


def apply_replacements(
    plans: tuple[ReplacementPlan, ...], text: str, language: str
) -> tuple[str, list[dict[str, Any]]]:
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


def bare_text(text: str) -> str:
    """Returns a text as forbidden phrases are looked for in it."""
    return " ".join(_MARKUP.sub("", text).casefold().split())
