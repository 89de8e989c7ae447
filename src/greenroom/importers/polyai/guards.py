"""agent_settings/safety_filters.yaml → one guardrail for each category that is switched on.

The file is kept beside (see `layout`), so that it is given back as it was. Filters of calls alone (`voice/`) have no
counterpart: a guardrail holds on every channel.
"""

from __future__ import annotations

from greenroom.domain.entities import Address
from greenroom.importers.polyai.desk import Desk
from greenroom.importers.polyai.sheets import open_sheet

PATHS = ("agent_settings/safety_filters.yaml", "agent_settings/safety_filters.yml")
CATEGORIES = {
    "violence": "Violence",
    "hate": "Hate",
    "sexual": "Sexual content",
    "self_harm": "Self-harm",
}
THRESHOLDS = {"strict": 0.4, "medium": 0.5, "lenient": 0.8}
"""A lenient filter lets weak signs through, a strict one lets none."""


def read_guards(desk: Desk) -> None:
    """Lays down the guardrails of an export."""
    path = next((path for path in PATHS if path in desk.files), None)
    sheet = open_sheet(desk, path) if path else None
    if path is None or sheet is None or sheet.value.get("enabled") is False:
        return
    categories = sheet.value.get("categories")
    for name, title in CATEGORIES.items():
        facts = categories.get(name) if isinstance(categories, dict) else None
        if not isinstance(facts, dict) or facts.get("enabled") is not True:
            continue
        address = Address("guardrail", f"safety-{name.replace('_', '-')}")
        threshold = THRESHOLDS.get(str(facts.get("level") or "medium"), THRESHOLDS["medium"])
        body = {"name": title, "category": name, "threshold": threshold}
        desk.put(address, path, {**body, "description": "From the safety filters of the import."})
        desk.read(path, "safety filter category", address)
