"""The names of entities, remembered by what they are: a body never changes, so its name is read once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from greenroom.domain.canonical import Digest
from greenroom.domain.entities import Address
from greenroom.domain.ids import EnvironmentId, WorkspaceId
from greenroom.domain.versions import Snapshot
from greenroom.services.content import EntityLine
from greenroom.services.states import known_addresses
from greenroom.web.session import Visit
from greenroom.web.shell import Place

MOST: Final = 200_000
MOST_SERVED: Final = 64
MOST_ORDERS: Final = 8
FEW: Final = 40
"""So many new bodies are read one by one; more, in one go."""
ALL: Final = 100_000

Order = Sequence[tuple[Address, Digest, str]]
"""The entities of a state by kind and slug, each with its address as a text."""


class Names:
    """Finds entities by a part of their name or address. The first search in a large project reads every body."""

    def __init__(self) -> None:
        self._known: dict[WorkspaceId, dict[Digest, str]] = {}
        self._orders: dict[Digest, Order] = {}
        self._served: dict[tuple[WorkspaceId, EnvironmentId, int | None], Snapshot] = {}

    async def find(
        self, visit: Visit, slug: str, ref: str, snapshot: Snapshot, wanted: str, limit: int, kind: str = ""
    ) -> Sequence[EntityLine]:
        """Returns the first entities of a state whose name or address holds `wanted`, by kind and slug."""
        content, call, text = visit.desk.content, visit.call, wanted.lower()
        known = self._known.setdefault(call.workspace, {})
        order = self._order(visit, snapshot)
        new = [address for address, digest, _ in order if digest not in known and kind in ("", address.kind)]
        if len(new) > FEW:
            _, lines, _ = await content.list(call, slug, ref, kind or None, "", ALL)
            self._keep(known, [(line.revision, line.name) for line in lines])
        for address in new if len(new) <= FEW else ():
            view = await content.load(call, slug, address, ref)
            self._keep(known, [(view.revision, str(view.body.get("name", address.slug)))])
        found: list[EntityLine] = []
        for address, digest, said in order:
            if kind not in ("", address.kind):
                continue
            name = known.get(digest, address.slug)
            if text in said or text in name.lower():
                found.append(EntityLine(address, name, digest))
                if len(found) == limit:
                    break
        return found

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

    def _order(self, visit: Visit, snapshot: Snapshot) -> Order:
        found = self._orders.get(snapshot.digest)
        if found is None:
            if len(self._orders) >= MOST_ORDERS:
                self._orders.clear()
            digests = dict(snapshot.items())
            places = known_addresses(snapshot, list(visit.desk.kinds))
            found = self._orders[snapshot.digest] = [(each, digests[each], str(each)) for each in places]
        return found

    def _keep(self, known: dict[Digest, str], pairs: Sequence[tuple[Digest, str]]) -> None:
        if len(known) > MOST:
            known.clear()
        known.update(pairs)
