"""What a program can do, a person can do in the browser: every verb that the API calls, a page calls too."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable
from pathlib import Path

from greenroom.kinds import KINDS
from greenroom.providers.clock import SystemClock
from greenroom.services.desk import Desk
from greenroom.storage.memory import MemoryStore

ROOT = Path(__file__).resolve().parents[2] / "src" / "greenroom"
FOR_PROGRAMS = {
    "access.identify": "a page knows its visitor by the session",
    "content.list_history": "entity_history shows the same, field by field",
    "content.load_bundle": "a snapshot for other programs",
    "connections.load": "the list shows them whole",
    "migrations.note_use": "notes the use of an old alias by a program",
    "publishing.rebase": "the dialog of publishing settles conflicts",
    "results.compare": "a page compares all measures at once",
    "tickets.load": "the list shows them whole",
    "traffic.resolve": "the page of traffic foresees and explains",
    "widgets.load": "for the program that draws a widget",
}
"""Verbs without a page, each with the reason."""


def verbs() -> Iterable[tuple[str, str]]:
    """Yields noun and verb of everything that a desk can do."""
    desk = Desk(MemoryStore(), SystemClock(), KINDS, {})
    for noun, verbs in vars(desk).items():
        if noun != "work" and type(verbs).__module__.startswith("greenroom.services."):
            for name, _method in inspect.getmembers(verbs, inspect.iscoroutinefunction):
                if not name.startswith("_"):
                    yield noun, name


def called(door: str) -> set[str]:
    """Returns the verbs that a door calls: by their noun, or by a name that the noun was given in the same file."""
    texts = [path.read_text("utf-8") for path in (ROOT / door).rglob("*.py")]
    return {
        f"{noun}.{verb}"
        for noun, verb in verbs()
        if any(
            re.search(rf"desk\.{noun}\.{verb}\b", text)
            or (re.search(rf"desk\.{noun}\b(?!\.)", text) and re.search(rf"\.{verb}\b", text))
            for text in texts
        )
    }


def test_every_verb_of_the_api_has_a_page_or_a_reason() -> None:
    missing = called("api") - called("web")
    assert missing - FOR_PROGRAMS.keys() == set(), "give them a page, or say why a person needs none"
    assert len(called("api")) > 100


def test_no_reason_is_given_for_what_has_a_page() -> None:
    assert FOR_PROGRAMS.keys() - (called("api") - called("web")) == set()
