"""Entities at any ref: lists, one whole, where it is used."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from greenroom.domain.canonical import Digest
from greenroom.domain.entities import Address, Body, parse_address
from greenroom.domain.errors import Fault, Invalid, NotFound
from greenroom.domain.projects import Project
from greenroom.domain.versions import Snapshot
from greenroom.ports import Reading
from greenroom.services.states import State, known_addresses, load_bodies, load_project, load_snapshot, load_state
from greenroom.services.work import Call, Work


@dataclass(frozen=True, slots=True)
class EntityLine:
    """An entity in a list."""

    address: Address
    name: str
    revision: Digest


@dataclass(frozen=True, slots=True)
class EntityView:
    """An entity whole, with what it names and what names it."""

    address: Address
    revision: Digest
    body: Body
    mentions: Sequence[Address]
    where_used: Sequence[Address]


@dataclass(frozen=True, slots=True)
class Bundle:
    """A complete snapshot with its bodies, as stored bytes."""

    snapshot: Snapshot
    bodies: dict[Address, bytes]


class Content:
    """The verbs of reading content."""

    def __init__(self, work: Work) -> None:
        self._work = work

    async def list(
        self, call: Call, slug: str, ref: str, kind: str | None, after: str, limit: int
    ) -> tuple[State, Sequence[EntityLine], str | None]:
        """Returns a page of entities by kind and slug, and the cursor of the next page.

        Raises Invalid for an unknown kind or a bad ref, NotFound for what does not exist.
        """
        call.need("content.read")
        if kind is not None and kind not in self._work.kinds:
            raise unknown_kind(kind, list(self._work.kinds), "/kind")

        def work(tx: Reading) -> tuple[State, Sequence[EntityLine], str | None]:
            state = load_state(tx, load_project(tx, slug), ref, call.principal, self._work.clock.now())
            addresses = known_addresses(state.snapshot, list(self._work.kinds))
            if kind is not None:
                addresses = [a for a in addresses if a.kind == kind]
            start = _place_after(addresses, after)
            page = addresses[start : start + limit]
            bodies = load_bodies(tx, state.snapshot, page)
            lines = [EntityLine(a, str(bodies[a].get("name", a.slug)), state.snapshot[a]) for a in page]
            more = start + limit < len(addresses)
            return state, lines, str(page[-1]) if more else None

        return await self._work.read(call, work)

    async def load(self, call: Call, slug: str, address: Address, ref: str) -> EntityView:
        """Returns one entity at a ref. Raises NotFound `entity_not_found`."""
        call.need("content.read")
        return await self._work.read(call, lambda tx: self._view(tx, call, slug, address, ref))

    def _view(self, tx: Reading, call: Call, slug: str, address: Address, ref: str) -> EntityView:
        project = load_project(tx, slug)
        state = load_state(tx, project, ref, call.principal, self._work.clock.now())
        digest = state.snapshot.get(address)
        if digest is None:
            raise NotFound("entity_not_found", f"there is no {address} at {ref}")
        body = load_bodies(tx, state.snapshot, [address])[address]
        kind = self._work.kinds.get(address.kind)
        mentions = [] if kind is None else [m.target for m in kind.mentions(kind.upgrade(body))]
        return EntityView(address, digest, body, sorted(set(mentions)), find_users(tx, project, state, address))

    async def load_bundle(self, call: Call, slug: str, digest: Digest) -> Bundle:
        """Returns the complete snapshot with a digest. Raises NotFound."""
        call.need("content.read")

        def work(tx: Reading) -> Bundle:
            load_project(tx, slug)
            snapshot = load_snapshot(tx, digest)
            stored = tx.load_bodies(set(snapshot.values()))
            return Bundle(snapshot, {a: stored[d] for a, d in sorted(snapshot.items())})

        return await self._work.read(call, work)


def find_users(tx: Reading, project: Project, state: State, address: Address) -> list[Address]:
    """Returns the entities of a state that mention an address."""
    found = tx.list_referrers(project.id, [address])
    return sorted({r.source for r in found if state.snapshot.get(r.source) == r.digest})


def unknown_kind(kind: str, known: Sequence[str], pointer: str) -> Invalid:
    """Returns the refusal of a kind that does not exist."""
    message = f"there is no kind '{kind[:60]}'; kinds are: {', '.join(known)}"
    return Invalid("unknown_kind", message, errors=[Fault(pointer, message)])


def _place_after(addresses: Sequence[Address], after: str) -> int:
    if not after:
        return 0
    wanted = parse_address(after)
    for index, address in enumerate(addresses):
        if address == wanted:
            return index + 1
    raise Invalid("invalid_cursor", "the list changed under this cursor; begin again", errors=[Fault("/cursor", after)])
