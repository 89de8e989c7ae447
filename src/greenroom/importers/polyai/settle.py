"""The last look at all bodies together: kept files, stored form, sizes, and mentions that lead nowhere."""

from __future__ import annotations

import re
from functools import partial
from typing import Any

from greenroom.domain.entities import Address, Body, freeze_body
from greenroom.domain.errors import Invalid, LimitReached
from greenroom.domain.references import PLACEHOLDER, SINGLE_ENTITY_KINDS
from greenroom.importers.polyai.desk import SETTINGS, Desk
from greenroom.kinds import KINDS

BRACES = "they look like a reference of ours but name nothing; a space between the braces keeps them words"


def settle(desk: Desk) -> None:
    """Brings every body into its stored form; notes a fault for each that its kind refuses."""
    _keep_files(desk)
    for address in sorted(desk.bodies):
        _plain_words(desk, address)
        try:
            body = KINDS[address.kind].complete(desk.bodies[address])
            freeze_body(body)
        except Invalid as wrong:
            _blame(desk, address, wrong)
        except LimitReached as wrong:
            hint = "take large files out of the folder" if address == SETTINGS else "split it"
            desk.fault(desk.origins[address], 1, f"{address}: {wrong.detail}", hint, "too_large")
        else:
            desk.bodies[address] = dict(body)


def _keep_files(desk: Desk) -> None:
    desk.bodies[SETTINGS]["imported_files"] = [
        {"path": path, "text": desk.files[path].decode("utf-8"), "reason": "; ".join(reasons)}
        for path, reasons in sorted(desk.kept.items())
    ]


def _blame(desk: Desk, address: Address, wrong: Invalid) -> None:
    for fault in wrong.errors:
        path = desk.origins[address]
        if address == SETTINGS and fault.pointer.startswith("/imported_files/"):
            path = sorted(desk.kept)[int(fault.pointer.split("/")[2])]
        desk.fault(path, 1, f"{address}{fault.pointer}: {fault.message}", fault.hint, fault.code)


def _plain_words(desk: Desk, address: Address) -> None:
    """Parts the braces of words that look like our references by chance: they must not stop a publish."""
    body = desk.bodies[address]
    for mention in KINDS[address.kind].mentions(body):
        if mention.target in desk.bodies:
            continue
        parent, key = _find(body, mention.pointer)
        text = parent[key]
        if not isinstance(text, str) or not PLACEHOLDER.search(text):
            continue
        parent[key] = PLACEHOLDER.sub(partial(_part, mention.target), text)
        desk.note(desk.origins[address], "words in braces", "not_supported", BRACES, address=address)


def _part(target: Address, match: re.Match[str]) -> str:
    kind, slug = match[1], match[2]
    same = Address(kind, SINGLE_ENTITY_KINDS.get(kind, slug)) == target
    return "{ " + match.group()[1:] if same else match.group()


def _find(body: Body, pointer: str) -> tuple[Any, Any]:
    parent: Any = None
    here: Any = body
    key: Any = ""
    for step in pointer.removeprefix("/").split("/"):
        parent, key = here, step.replace("~1", "/").replace("~0", "~")
        if isinstance(parent, list):
            key = int(key)
        here = parent[key]
    return parent, key
