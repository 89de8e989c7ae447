"""What a model writes may go out while it writes it, as far as nothing would change or stop it.

Where no control applies, every piece goes out at once. Else whole sentences do, as long as rules, stop phrases,
guardrails and the channel's form leave everything so far alone; from the first that they do not, the rest waits
for the end of the turn.
"""

from __future__ import annotations

from greenroom.domain.asks import Answer
from greenroom.runtime.forms import MESSAGE_CHANNELS, apply_replacements, bare_text, plain_form
from greenroom.runtime.guardrails import is_clean
from greenroom.runtime.texts import split_sentences
from greenroom.runtime.turn import Turn


class Gate:
    """Lets pieces of one text through. `feed` gives (text, speech) to send now, None for nothing."""

    def __init__(self, turn: Turn) -> None:
        self._turn = turn
        self._lead = " " if any(effect["type"] == "said" for effect in turn.effects) else ""
        self._whole_sentences = has_controls(turn)
        self._open = turn.may_stream()
        self._waiting = ""
        self._passed = ""

    def feed(self, text: str) -> tuple[str, str] | None:
        """Takes the next piece; returns what may go out, and how a voice reads it ('' outside calls)."""
        if not self._open:
            return None
        self._waiting += text
        ready = self._sentences() if self._whole_sentences else self._waiting
        ready = ready.rstrip() if self._passed else ready.strip()
        if not ready:
            return None
        self._waiting = self._waiting[self._waiting.index(ready) + len(ready) :]
        out = ready if self._passed else self._lead + ready
        self._passed += ready
        return out, speak(self._turn, ready)

    def close(self, answer: Answer) -> Answer:
        """Returns the answer with the number of characters that are out."""
        return {**answer, "streamed": len(self._passed)}

    def _sentences(self) -> str:
        """Returns the sentences that are surely whole (all but the last) and that everything leaves alone."""
        ready = ""
        for sentence in split_sentences(self._waiting)[:-1]:
            if not leaves_alone(self._turn, (self._passed + ready + sentence).strip()):
                self._open = False
                break
            ready += sentence
        return ready


def leaves_alone(turn: Turn, text: str) -> bool:
    """Says whether a text may go out before the turn is over: nothing here or in the guardrails would change it."""
    program = turn.program
    bare = bare_text(text)
    if any(phrase in bare for rule in turn.rules for phrase in rule.forbidden):
        return False
    if any(pattern.found_in(text) for plan in program.stop_phrases for pattern in plan.patterns):
        return False
    if program.max_length is not None and len(text) > program.max_length:
        return False
    plain = plain_form(turn)
    return (plain is None or plain(text) == text) and is_clean(program.leads.guardrails, text)


def speak(turn: Turn, text: str) -> str:
    """Returns a text as a voice reads it in a call, '' elsewhere."""
    return apply_replacements(turn.program.pronunciations, text, turn.language)[0] if turn.is_voice else ""


def has_controls(turn: Turn) -> bool:
    """Says whether anything may change what is said here."""
    program = turn.program
    return bool(
        turn.is_voice
        or turn.context.channel in MESSAGE_CHANNELS
        or program.max_length
        or program.stop_phrases
        or any(rule.forbidden for rule in turn.rules)
        or any(plan.on_output for plan in program.leads.guardrails)
    )
