"""The list of what is in a state: by kind, with what a draft changes and where each thing is served."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from greenroom.domain.entities import Address
from greenroom.domain.errors import NotFound
from greenroom.domain.versions import Snapshot
from greenroom.services.content import EntityLine
from greenroom.services.drafts import DraftView
from greenroom.web.names import Names
from greenroom.web.session import Visit
from greenroom.web.shell import Place, Shell

PAGE: Final = 100


@dataclass(frozen=True)
class Listed:
    """A page of entities. `removed` are those that the draft takes out."""

    kind: str
    query: str
    counts: Mapping[str, int]
    lines: Sequence[EntityLine]
    more: str
    draft: DraftView | None
    changed: Mapping[Address, str]
    removed: Sequence[Address]
    served: Sequence[tuple[Place, Snapshot]]

    def presence(self, line: EntityLine, snapshot: Snapshot) -> str:
        """Returns how an environment has an entity: the same, another one, or not at all."""
        digest = snapshot.get(line.address)
        return "absent" if digest is None else "same" if digest == line.revision else "other"


async def list_content(visit: Visit, shell: Shell, names: Names) -> Listed:
    """Returns what the address asks for: a kind or all, what is looked for, from where on."""
    desk, call, slug = visit.desk, visit.call, visit.path("slug")
    kind = visit.query("kind") if visit.query("kind") in desk.kinds else ""
    query = visit.query("q").strip()[:200]
    ref, draft = shell.ref, None
    if not ref:
        if shell.here is None:
            raise NotFound("nothing_editable", f"{slug} has no environment that is edited")
        draft = await desk.drafts.load(call, slug, shell.here.alias)
        ref = f"draft:{shell.here.alias}"
    limit, after = (1, "") if query else (PAGE, visit.query("after"))
    state, lines, more = await desk.content.list(call, slug, ref, kind or None, after, limit)
    if query:
        lines, more = await names.find(visit, slug, ref, state.snapshot, query, PAGE, kind), None
    changed = {c.address: draft.op_of(c) for c in draft.changes} if draft else {}
    served: list[tuple[Place, Snapshot]] = []
    for place in shell.places:
        if place.version is not None:
            served.append((place, await names.served(visit, slug, place)))
    return Listed(
        kind,
        query,
        Counter(address.kind for address in state.snapshot),
        lines,
        more or "",
        draft,
        changed,
        sorted(address for address, op in changed.items() if op == "removed" and kind in ("", address.kind)),
        served,
    )
