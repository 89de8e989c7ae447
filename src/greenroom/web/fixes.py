"""Where to mend what stands in the way of a release: every finding leads to its field, its page or its button."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from greenroom.domain.entities import parse_address
from greenroom.domain.errors import Fault, Invalid
from greenroom.domain.promotion import Caution
from greenroom.domain.readiness import Item, Level
from greenroom.web.navigation import NAVIGATION
from greenroom.web.rendering import first_up
from greenroom.web.session import Visit
from greenroom.web.shell import Shell

PAGES: Final[Mapping[str, tuple[str, str]]] = {
    "secret_missing": ("/secrets", "Set it"),
    "connection_missing": ("/connections", "Add the connection"),
    "document_missing": ("/knowledge", "Add the documents"),
    "documents_changed": ("/knowledge", "Look at them"),
    "number_missing": ("/numbers", "Add the numbers"),
}
"""The page that mends an item, and what its link says; what is not here is mended in its entity."""
UNSYNCED: Final = "source_unsynced"


@dataclass(frozen=True)
class Fix:
    """A link that leads to what is to be mended; `sync` names a source that a button reads again instead."""

    label: str
    path: str = ""
    sync: str = ""


@dataclass(frozen=True)
class Line:
    """One thing that was looked at, and how it is mended."""

    item: Item
    fix: Fix | None

    @property
    def text(self) -> str:
        """Returns its message as a sentence; an address at its head stays as it is written."""
        message = self.item.message
        return message if "/" in message.split(" ", 1)[0] else first_up(message)


@dataclass(frozen=True)
class Finding:
    """Things of the same sort, which are acknowledged together; `must` says that they have to be."""

    code: str
    level: Level
    lines: Sequence[Line]
    must: bool = False


def draw_readiness(
    items: Sequence[Item], shell: Shell, cautions: Sequence[Caution] = (), *, mend: bool = True
) -> list[Finding]:
    """Returns what an environment has and lacks, by what is acknowledged together; `mend` with its links."""
    must = {caution.code for caution in cautions if caution.must_acknowledge}
    lines: dict[tuple[Level, str], list[Line]] = {}
    for item in items:
        fix = _fix_of(item, shell) if mend and item.level != "ok" else None
        lines.setdefault((item.level, item.code), []).append(Line(item, fix))
    return [
        Finding(code, level, each, must=level == "warning" and code in must) for (level, code), each in lines.items()
    ]


def find_fault(shell: Shell, fault: Fault) -> str:
    """Returns the address of the field that a finding `/kind/slug/field…` is about, '' where it names none."""
    parts = fault.pointer.split("/", 3)
    if len(parts) < 3:
        return ""
    return _edit_path(shell, "/".join(parts[1:3]), f"/{parts[3]}" if len(parts) > 3 else "")


async def sync_source(visit: Visit, ref: str) -> str:
    """Begins to read the source again that a button of a dialog names; returns what to say. Raises as `sync`."""
    source = visit.form.text("sync")
    await visit.desk.knowledge.sync(visit.call, visit.path("slug"), source, ref)
    return f"{source} is being read now. Look again in a moment to see whether it is current."


def _fix_of(item: Item, shell: Shell) -> Fix | None:
    if item.code == UNSYNCED and item.address is not None:
        return Fix("Sync now", sync=item.address.slug) if shell.visit.may("knowledge.sync") else None
    path, label = PAGES.get(item.code, ("", ""))
    if path and any(path == each[0] for _, group in NAVIGATION for each in group):
        return Fix(label, shell.base + path)
    where = _edit_path(shell, str(item.address), item.pointer) if item.address else ""
    return Fix("Fix", where) if where else None


def _edit_path(shell: Shell, address: str, pointer: str) -> str:
    try:
        parse_address(address)
    except Invalid:
        return ""
    place = shell.drafting
    first = shell.editable[0].alias if shell.editable else ""
    query = f"?environment={place.alias}" if place is not None and place.alias != first else ""
    field = "#f" + quote(pointer.replace("/", "-").replace("~", "_")) if pointer else ""
    return f"{shell.base}/build/{address}{query}{field}" if place is not None else ""
