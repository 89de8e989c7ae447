"""The release state machine against the model (checks 6 and 13, rules R1, R3, R7 to R15)."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from greenroom.storage.sql import migrate
from tests.fault.houses import House, new_sqlite
from tests.fault.profile import LONG
from tests.property.release_machine import ReleaseMachine

TEMPLATES = ("pipeline", "simple", "parallel")
# Hypothesis may take five minutes to make a failure small; the run's time-out must not cut it off.
pytestmark = pytest.mark.timeout(7200 if LONG else 900)


def play(house: House, template: str, examples: int, steps: int) -> None:
    """Plays the machine; the base class stays untouched, so that runs do not know of each other."""
    machine: Any = type(f"Machine{template.title()}", (ReleaseMachine,), {"template": template, "house": house})
    try:
        run_state_machine_as_test(
            machine, settings=settings(settings(), max_examples=examples, stateful_step_count=steps)
        )
    finally:
        house.close()


@pytest.mark.parametrize("template", TEMPLATES)
def test_a_desk_in_memory_does_what_the_model_does(template: str) -> None:
    play(House(), template, *((1000, 60) if LONG else (40, 40)))


@pytest.mark.parametrize("template", TEMPLATES if LONG else TEMPLATES[:1])
def test_a_desk_on_sqlite_does_what_the_model_does(template: str, tmp_path: Path) -> None:
    play(House(new_sqlite(tmp_path)), template, *((150, 50) if LONG else (4, 25)))


@pytest.mark.parametrize("template", TEMPLATES if LONG else TEMPLATES[:1])
def test_a_desk_on_postgresql_does_what_the_model_does(template: str, postgres_url: str) -> None:
    asyncio.run(migrate(postgres_url))
    play(House(postgres_url), template, *((100, 50) if LONG else (3, 20)))
