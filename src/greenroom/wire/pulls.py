"""What a pull writes: the server's changes, merged three-way with what was changed in the folder (R5).

Pure. Where both sides changed one thing, the entity's file gets both between marks. A file of which the merge
changes nothing is not written; comments and layout are kept wherever the text can be merged as the fields are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from greenroom.domain.body_merges import Conflict, merge_bodies
from greenroom.domain.canonical import same
from greenroom.domain.entities import Address, Body
from greenroom.domain.errors import Invalid
from greenroom.domain.kind import Registry
from greenroom.domain.texts import settle_lines
from greenroom.wire.checkouts import Base, Local, Mode, Pulled, body_at, is_same_entity
from greenroom.wire.conflicts import find_marks, mark
from greenroom.wire.files import decode_text
from greenroom.wire.folder import MANIFEST, MANIFEST_TEXT, address_of, from_files, to_files

Files = Mapping[str, bytes]


@dataclass(frozen=True, slots=True)
class PulledEntity:
    """What a pull does with one entity.

    `files` are the bytes to write, None for a file to remove, and `pulled` the base afterwards. `places` are the
    `path:line` of conflicts. `kept` are files of which a copy must be kept, for their comments go.
    """

    address: Address
    mode: Mode | None
    pulled: Pulled | None
    files: Mapping[str, bytes | None] = field(default_factory=dict[str, "bytes | None"])
    places: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()


def plan_pull(base: Base, local: Local, theirs: Base, kinds: Registry) -> tuple[PulledEntity, ...]:
    """Returns what a pull does, by address, without the entities that it does nothing about."""
    pull = _Pull(base, local, theirs, kinds)
    addresses = base.keys() | local.entities.keys() | local.unread | theirs.keys()
    found = (pull.entity(address) for address in sorted(addresses))
    return tuple(each for each in found if each is not None)


def plan_manifest(local: Local) -> Mapping[str, bytes | None]:
    """Returns the manifest to write where there is none."""
    return {} if MANIFEST in local.files else {MANIFEST: MANIFEST_TEXT}


@dataclass(slots=True)
class _Pull:
    base: Base
    local: Local
    theirs: Base
    kinds: Registry

    def entity(self, address: Address) -> PulledEntity | None:
        known, pulled = self.base.get(address), self.theirs.get(address)
        before, ours, server = self._bodies(address)
        if address in self.local.unread:
            return PulledEntity(address, "left", known) if known != pulled else None
        if self._same(address, ours, server) or self._same(address, before, server):
            return PulledEntity(address, None, pulled) if known != pulled else None
        if self._same(address, before, ours):
            mode: Mode = "removed" if server is None else "added" if ours is None else "updated"
            return self._written(address, mode, pulled, (server, server))
        shape = self.kinds[address.kind].shape
        merged, conflicts = merge_bodies(before, ours, server, shape, address=address)
        if conflicts:
            return self._written(address, "conflict", pulled, self._sides(address, conflicts))
        merged = self._sound(address, merged)
        if merged is None:
            return self._written(address, "conflict", pulled, (ours, server))
        return self._written(address, "merged", pulled, (merged, merged))

    def _bodies(self, address: Address) -> tuple[Body | None, Body | None, Body | None]:
        return body_at(self.base, address), self.local.entities.get(address), body_at(self.theirs, address)

    def _same(self, address: Address, one: Body | None, other: Body | None) -> bool:
        return is_same_entity(address, one, other, self.kinds)

    def _sound(self, address: Address, body: Body | None) -> Body | None:
        """Returns a merged body in its stored form; None for one that breaks a rule which both sides kept."""
        try:
            return None if body is None else self.kinds[address.kind].complete(body)
        except Invalid:
            return None

    def _sides(self, address: Address, conflicts: tuple[Conflict, ...]) -> tuple[Body | None, Body | None]:
        """Returns the merged body twice: with all conflicts settled for the folder, and for the server."""
        before, ours, server = self._bodies(address)
        if ours is None or server is None:
            return ours, server
        shape = self.kinds[address.kind].shape
        mine: dict[str, object] = {}
        yours: dict[str, object] = {}
        for conflict in conflicts:
            mine[conflict.id], yours[conflict.id] = _choices(conflict)
        one, other = (
            self._sound(address, merge_bodies(before, ours, server, shape, address=address, choices=choices)[0])
            for choices in (mine, yours)
        )
        return (ours, server) if one is None or other is None else (one, other)

    def _written(
        self, address: Address, mode: Mode, pulled: Pulled | None, sides: tuple[Body | None, Body | None]
    ) -> PulledEntity:
        """Returns an entity whose files become what both sides agree on, with marks where they do not."""
        present = {path: data for path, data in self.local.files.items() if address_of(path, self.kinds) == address}
        ours = self.local.entities.get(address)
        mine, yours = (self._files(address, side) for side in sides)
        kept: tuple[str, ...] = ()
        if ours is not None and self._files(address, ours) != present:
            laid_out = self._laid_out(address, present, sides)
            if laid_out is not None:
                mine, yours = laid_out
            elif sides[0] is ours:
                mine = present
            else:
                kept = tuple(path for path in sorted(present) if b"#" in present[path] and path.endswith(".yaml"))
        # An entity that one side removed has its marks in the YAML; its code stays as it is.
        is_whole = bool(mine) and bool(yours)
        texts = {path: _one_text(mine.get(path), yours.get(path), path, is_whole) for path in sorted({*mine, *yours})}
        files: dict[str, bytes | None] = {path: data for path, data in texts.items() if present.get(path) != data}
        files.update((path, None) for path in present if path not in texts)
        kept = tuple(path for path in kept if path in files)
        if mine == yours:
            return PulledEntity(address, "merged" if mode == "conflict" else mode, pulled, files, (), kept)
        places = [f"{path}:{line}" for path, data in texts.items() for line in find_marks(data.decode())]
        return PulledEntity(address, mode, pulled, files, tuple(places), kept)

    def _files(self, address: Address, body: Body | None) -> dict[str, bytes]:
        if body is None:
            return {}
        files = to_files({address: body}, self.kinds)
        return {path: data for path, data in files.items() if path != MANIFEST}

    def _laid_out(
        self, address: Address, present: Files, sides: tuple[Body | None, Body | None]
    ) -> tuple[dict[str, bytes], dict[str, bytes]] | None:
        """Returns both sides in the layout of the files that are here; None where that would say something else."""
        if sides[0] is None or sides[1] is None:
            return None
        before = self._files(address, body_at(self.base, address))
        server = self._files(address, body_at(self.theirs, address))
        found: tuple[dict[str, bytes], dict[str, bytes]] = {}, {}
        for path in sorted({*present, *server}):
            texts = [_text(files.get(path), path) for files in (before, present, server)]
            for side, text in zip(found, settle_lines(*texts), strict=True):
                if text:
                    side[path] = text.encode()
        if all(self._says(address, files, body) for files, body in zip(found, sides, strict=True)):
            return found
        return None

    def _says(self, address: Address, files: Files, body: Body | None) -> bool:
        try:
            read = from_files({MANIFEST: MANIFEST_TEXT, **files}, self.kinds)
        except Invalid:
            return False
        return read.keys() == {address} and same(read[address], body)


def _choices(conflict: Conflict) -> tuple[object, object]:
    sides = conflict.base, conflict.ours, conflict.theirs
    if conflict.form == "code" and not conflict.absent:
        base, ours, theirs = sides
        if isinstance(base, str) and isinstance(ours, str) and isinstance(theirs, str):
            return settle_lines(base, ours, theirs)
    return conflict.side("ours"), conflict.side("theirs")


def _text(data: bytes | None, path: str) -> str:
    return "" if data is None else decode_text(data, path).replace("\r\n", "\n")


def _one_text(mine: bytes | None, yours: bytes | None, path: str, is_whole: bool) -> bytes:
    if mine == yours:
        return mine or b""
    if not is_whole and not path.endswith(".yaml"):
        return mine or yours or b""
    return mark(_text(mine, path), _text(yours, path)).encode()
