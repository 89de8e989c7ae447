"""Who answers. A brain decides one turn; the engine corrects what it hears and checks what it says."""

from __future__ import annotations

from typing import Protocol

from greenroom.runtime.asking import Working
from greenroom.runtime.turn import Turn


class Brain(Protocol):
    """Answers a turn through `turn.say`, `turn.add`, `turn.hand_off` and `turn.end`.

    `answer` yields the name of each stage when it is done, so that it can be timed, and Asks, to which the
    driver sends the answers; it sets `turn.decision`.
    """

    @property
    def name(self) -> str: ...

    def answer(self, turn: Turn) -> Working[None]: ...
