"""Ready-made bytes of the last bundles that were asked for, by workspace and digest."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

from greenroom.domain.canonical import Digest
from greenroom.domain.ids import WorkspaceId
from greenroom.services.content import Bundle

MAX_BYTES: Final = 64 * 1024 * 1024


class BundleCache:
    """Bundles in memory; the least recently used go first. They never change, so nothing is ever out of date."""

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        self._max_bytes = max_bytes
        self._bytes = 0
        self._kept: OrderedDict[tuple[WorkspaceId, str], bytes] = OrderedDict()

    def find(self, workspace: WorkspaceId, digest: str) -> bytes | None:
        """Returns the bytes of a bundle that is kept."""
        found = self._kept.get((workspace, digest))
        if found is not None:
            self._kept.move_to_end((workspace, digest))
        return found

    def keep(self, workspace: WorkspaceId, digest: str, data: bytes) -> None:
        """Keeps a bundle, unless it alone is more than all that is kept."""
        if len(data) > self._max_bytes or (workspace, digest) in self._kept:
            return
        self._kept[workspace, digest] = data
        self._bytes += len(data)
        while self._bytes > self._max_bytes:
            _, dropped = self._kept.popitem(last=False)
            self._bytes -= len(dropped)


def bundle_bytes(bundle: Bundle, digest: Digest) -> bytes:
    """Returns a bundle as JSON, around the bodies' stored bytes: whoever reads it can check every digest."""
    entities = b",".join(
        b'"%b":{"digest":"%b","body":%b}' % (str(address).encode(), bundle.snapshot[address].encode(), body)
        for address, body in bundle.bodies.items()
    )
    return b'{"format":1,"digest":"%b","entities":{%b}}' % (digest.encode(), entities)
