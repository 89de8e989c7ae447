"""How much a run of the fault tests does, and the seed that repeats it."""

from __future__ import annotations

import os
import random

LONG = os.environ.get("GREENROOM_PROFILE", "small") == "long"
SEED = int(os.environ.get("GREENROOM_SEED") or random.SystemRandom().randrange(2**32))


def say_seed(what: str, seed: int) -> random.Random:
    """Prints the seed (shown when the test fails) and returns dice that follow it."""
    print(f"{what}: seed {seed} (repeat with GREENROOM_SEED={seed})")
    return random.Random(seed)
