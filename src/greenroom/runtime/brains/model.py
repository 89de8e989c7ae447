"""The brain that asks a model."""

from __future__ import annotations

from greenroom.runtime.asking import Working
from greenroom.runtime.brains.local import LocalBrain
from greenroom.runtime.turn import Turn


class ModelBrain:
    """Asks a model."""

    name = "model"

    def answer(self, turn: Turn) -> Working[None]:
        """Answers one turn."""
        yield from LocalBrain().answer(turn)
