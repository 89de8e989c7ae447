"""R18: what to try before a release."""

from __future__ import annotations

from greenroom.domain.changes import Change
from greenroom.domain.checklists import ALWAYS, checklist
from greenroom.domain.entities import Address
from tests.support.kinds import TOPIC, registry

KINDS = registry(TOPIC, "rule")
LATE = Change(Address("topic", "late"), "edited", "Late check-out")


def test_every_change_has_tests_in_chat_and_in_a_call() -> None:
    items = checklist([LATE], KINDS)
    assert [(item.address, item.text, item.channels) for item in items[:1]] == [
        (Address("topic", "late"), "Ask about Late check-out", ("chat", "voice"))
    ]
    assert items[1:] == ALWAYS


def test_a_change_without_tests_is_still_on_the_list() -> None:
    for kind in ("rule", "gone"):
        (item, *_) = checklist([Change(Address(kind, "x"), "removed", "No swearing")], KINDS)
        assert item.text == "Try what No swearing does now that it was removed"


def test_what_always_runs_is_there_without_changes() -> None:
    assert checklist([], KINDS) == ALWAYS
    assert len({item.id for item in ALWAYS}) == 4


def test_ids_are_stable_and_name_one_test() -> None:
    other = Change(Address("topic", "pool"), "added", "Late check-out")
    alone, both = checklist([LATE], KINDS), checklist([other, LATE, LATE], KINDS)
    assert alone[0] in both
    assert len({item.id for item in both}) == len(both) == 2 + len(ALWAYS)
