"""What is said while a function runs: after so many milliseconds, a sentence, so that nobody waits in silence.

The engine decides from the answer alone, which carries how long it took, so that a replay says the same. Where the
reply is streamed the sentences go out while the function runs; how many did stands in the answer as well.
"""

from __future__ import annotations

from typing import Any

from greenroom.domain.asks import Answer
from greenroom.runtime import bodies
from greenroom.runtime.call_plans import FunctionPlan
from greenroom.runtime.gates import has_controls, leaves_alone, speak
from greenroom.runtime.turn import DELAY, Turn

OUT = "delays_out"
"""The field of an answer that says how many sentences went out while it was waited for."""


class Waiting:
    """What goes out while one function runs. `say` gives (text, speech) to send now, None for nothing."""

    def __init__(self, turn: Turn, plan: FunctionPlan) -> None:
        self._turn = turn
        self._texts = [turn.render(text) for _, text in plan.delays]
        self.times_ms = tuple(ms for ms, _ in plan.delays)
        self._said = 0

    def say(self) -> tuple[str, str] | None:
        """Returns the next sentence, and before the first of them what was said in the turn and is not out yet.

        Nothing where a control could change any of it: the whole reply then waits for the end of the turn.
        """
        if self._said >= len(self._texts):
            return None
        turn = self._turn
        said = [effect for effect in turn.effects if effect["type"] == "said" and effect["text"]]
        out = [effect["text"] for effect in said if effect.get("streamed")] + self._texts[: self._said]
        held = [] if self._said else [effect["text"] for effect in said if not effect.get("streamed")]
        new = [*held, self._texts[self._said]]
        if has_controls(turn):
            whole = " ".join([*out, *new])
            if not all(leaves_alone(turn, text) for text in (*new, whole)):
                return None
        self._said += 1
        return (" " if out else "") + " ".join(new), " ".join(filter(None, (speak(turn, text) for text in new)))

    def close(self, answer: Answer) -> Answer:
        """Returns the answer with the number of sentences that are out."""
        return {**answer, OUT: self._said}


def say_delays(turn: Turn, plan: FunctionPlan, answer: Answer) -> None:
    """Says what a function's time calls for. What is out already cannot be changed any more."""
    out, ms = bodies.whole(answer, OUT) or 0, bodies.number(answer, "ms") or 0.0
    if out:
        for effect in turn.effects:
            if effect["type"] == "said":
                effect["streamed"] = True
    for at, (after, text) in enumerate(plan.delays):
        if at < out or after <= ms:
            shown: dict[str, Any] = {"function": plan.slug, **({"streamed": True} if at < out else {})}
            turn.add("said", text=turn.render(text), part=DELAY, **shown)
