"""Whatever three editors do to a draft in whatever order, no accepted save is lost (rules R5 to R9)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from greenroom.services import drafts, imports
from greenroom.storage.memory.reading import MemoryReading
from tests.fault.houses import House
from tests.fault.profile import LONG
from tests.property.draft_machine import DraftMachine

pytestmark = pytest.mark.timeout(3600 if LONG else 600)

Plant = Callable[[pytest.MonkeyPatch], None]


def machine_of(template: str, house: House) -> Any:
    return type(f"Drafts{template.title()}", (DraftMachine,), {"template": template, "house": house})


@pytest.mark.parametrize("template", ["parallel", "pipeline"], ids=["shared", "private"])
def test_no_accepted_save_is_lost(template: str) -> None:
    house = House()
    examples, steps = (1000, 60) if LONG else (60, 40)
    try:
        run_state_machine_as_test(
            machine_of(template, house),
            settings=settings(settings(), max_examples=examples, stateful_step_count=steps),
        )
    finally:
        house.close()


def a_save_ignores_what_was_seen(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(drafts, "check_precondition", lambda address, current, if_match: None)


def an_import_overwrites_what_is_there(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(imports, "check_seen", lambda *given: None)


def a_load_overwrites_what_is_there(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(drafts, "check_seen", lambda *given: None)


def a_discarded_draft_is_thrown_away(patch: pytest.MonkeyPatch) -> None:
    def close(self: Any, tx: Any, draft: Any, how: str) -> None:
        if how == "discarded":
            tx.drop_draft_changes(draft.id, list(tx.load_draft_changes(draft.id)))
        whole(self, tx, draft, how)

    whole = drafts.Drafts.close
    patch.setattr(drafts.Drafts, "close", close)


def revisions_begin_again_in_the_next_draft(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(MemoryReading, "find_last_revision", lambda self, environment, owner: 0)


PLANTS: tuple[Plant, ...] = (
    a_save_ignores_what_was_seen,
    an_import_overwrites_what_is_there,
    a_load_overwrites_what_is_there,
    a_discarded_draft_is_thrown_away,
    revisions_begin_again_in_the_next_draft,
)


def hunt(number: int) -> str | None:
    """Returns what the machine says of the first save that it finds lost, None when it finds none."""
    house = House()
    quick = settings(
        max_examples=600,
        stateful_step_count=40,
        phases=[Phase.generate],
        database=None,
        deadline=None,
        report_multiple_bugs=False,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
    )
    try:
        run_state_machine_as_test(seed(number)(machine_of("parallel", house)), settings=quick)
    except Exception as found:  # noqa: BLE001 a planted fault may show as any error
        return f"{type(found).__name__}: {found}"
    finally:
        house.close()
    return None


@pytest.mark.parametrize("plant", PLANTS, ids=lambda plant: plant.__name__)
def test_the_machine_finds_a_planted_fault(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    plant(monkeypatch)
    found = hunt(1)
    assert found is not None
    print(found[:300])
