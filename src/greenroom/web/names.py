"""The names of entities, remembered by what they are: a body never changes, so its name is read once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from greenroom.domain.canonical import Digest
from greenroom.domain.ids import EnvironmentId, WorkspaceId
from greenroom.domain.versions import Snapshot
from greenroom.services.content import EntityLine
from greenroom.web.session import Visit
from greenroom.web.shell import Place

MOST: Final = 200_000
MOST_SERVED: Final = 64
FEW: Final = 40
"""So many new bodies are read one by one; more, in one go."""
ALL: Final = 100_000


class Names:
    """Finds entities by a part of their name or address. The first search in a large project reads every body."""

    def __init__(self) -> None:
        self._known: dict[tuple[WorkspaceId, Digest], str] = {}
        self._served: dict[tuple[WorkspaceId, EnvironmentId, int | None], Snapshot] = {}

    async def find(
        self, visit: Visit, slug: str, ref: str, snapshot: Snapshot, wanted: str, limit: int, kind: str = ""
    ) -> Sequence[EntityLine]:
        """Returns the first entities of a state whose name or address holds `wanted`, by kind and slug."""
        content, call, text = visit.desk.content, visit.call, wanted.lower()
        places = {name: place for place, name in enumerate(visit.desk.kinds)}
        known = self._known
        mine = [(a, d) for a, d in snapshot.items() if kind in ("", a.kind)]
        new = [a for a, d in mine if (call.workspace, d) not in known]
        if len(new) > FEW:
            _, lines, _ = await content.list(call, slug, ref, kind or None, "", ALL)
            self._keep(call.workspace, [(line.revision, line.name) for line in lines])
        for address in new if len(new) <= FEW else ():
            view = await content.load(call, slug, address, ref)
            self._keep(call.workspace, [(view.revision, str(view.body.get("name", address.slug)))])
        named = [(a, d, known.get((call.workspace, d), a.slug)) for a, d in mine]
        found = [EntityLine(a, name, d) for a, d, name in named if text in name.lower() or text in f"{a.kind}/{a.slug}"]
        found.sort(key=lambda line: (places.get(line.address.kind, len(places)), line.address))
        return found[:limit]

    async def served(self, visit: Visit, slug: str, place: Place) -> Snapshot:
        """Returns what an environment serves; a version never changes, so it is read once."""
        key = (visit.call.workspace, place.environment.id, place.version)
        found = self._served.get(key)
        if found is None:
            if len(self._served) > MOST_SERVED:
                self._served.clear()
            state, _, _ = await visit.desk.content.list(visit.call, slug, f"v{place.version}", None, "", 1)
            found = self._served[key] = state.snapshot
        return found

    def _keep(self, workspace: WorkspaceId, pairs: Sequence[tuple[Digest, str]]) -> None:
        if len(self._known) > MOST:
            self._known.clear()
        self._known.update({(workspace, digest): name for digest, name in pairs})
