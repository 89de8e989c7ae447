"""Somebody with a browser in a project of parallel environments, and what forms hold that they are shown."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from html import unescape

from greenroom.domain.access import Role
from tests.contract.parallel.house import House, open_house
from tests.unit.web.visitor import Visitor, visiting

BASE = "/projects/hotel"


@asynccontextmanager
async def in_the_house(template: str = "parallel", role: Role = "owner") -> AsyncIterator[tuple[House, Visitor]]:
    """Gives the project, whose first version is served in its first editable environment, and a visitor to it."""
    async with open_house(template) as house, visiting(house.stage, role) as visitor:
        yield house, visitor


def fields_of(html: str, action: str) -> dict[str, str]:
    """Returns what a browser would send of the form with an action, had nobody touched it; buttons aside."""
    form = re.search(rf'<form method="post" action="{re.escape(action)}".*?</form>', html, re.DOTALL)
    assert form, f"there is no form for {action}"
    found: dict[str, str] = {}
    for tag in re.findall(r"<input [^>]*>", form[0]):
        name = re.search(r' name="([^"]+)"', tag)
        value = re.search(r' value="([^"]*)"', tag)
        kind = re.search(r' type="([^"]+)"', tag)
        if name and (kind is None or kind[1] not in ("checkbox", "radio") or " checked" in tag):
            found[unescape(name[1])] = unescape(value[1]) if value else ""
    for name, body in re.findall(r'<select [^>]*name="([^"]+)"[^>]*>(.*?)</select>', form[0], re.DOTALL):
        options = re.findall(r'<option value="([^"]*)"( selected)?', body)
        found[name] = unescape(next((value for value, chosen in options if chosen), options[0][0]))
    for name, text in re.findall(r'<textarea [^>]*name="([^"]+)"[^>]*>\n?(.*?)</textarea>', form[0], re.DOTALL):
        found[unescape(name)] = unescape(text)
    found.pop("csrf", None)
    return found
