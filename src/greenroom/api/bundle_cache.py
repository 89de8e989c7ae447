"""Ready-made bytes of the last bundles that were asked for, by workspace and digest."""

from __future__ import annotations

from typing import Final, NamedTuple

from greenroom.api.guard import SAFE_HEADERS
from greenroom.domain.canonical import Digest
from greenroom.domain.ids import WorkspaceId
from greenroom.services.content import Bundle

CACHEABLE: Final = "private, max-age=31536000, immutable"
Headers = tuple[tuple[bytes, bytes], ...]
MAX_BYTES: Final = 64 * 1024 * 1024


class Ready(NamedTuple):
    """A bundle's bytes, its ETag, and the headers of an answer that holds it and of one that need not."""

    data: bytes
    tag: bytes
    headers: Headers
    unchanged: Headers


class BundleCache:
    """Bundles in memory; those kept longest go first. They never change, so nothing is out of date."""

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        self._max_bytes = max_bytes
        self._bytes = 0
        self._kept: dict[tuple[WorkspaceId, str], Ready] = {}

    def find(self, workspace: WorkspaceId, digest: str) -> Ready | None:
        """Returns a bundle that is kept."""
        return self._kept.get((workspace, digest))

    def keep(self, workspace: WorkspaceId, digest: str, data: bytes) -> None:
        """Keeps a bundle, unless it alone is more than all that is kept."""
        if len(data) > self._max_bytes or (workspace, digest) in self._kept:
            return
        self._kept[workspace, digest] = _make_ready(data, b'"%b"' % digest.encode())
        self._bytes += len(data)
        while self._bytes > self._max_bytes:
            dropped = self._kept.pop(next(iter(self._kept)))
            self._bytes -= len(dropped.data)


def _make_ready(data: bytes, tag: bytes) -> Ready:
    headers = ((b"etag", tag), (b"cache-control", CACHEABLE.encode()), *SAFE_HEADERS)
    length = (b"content-length", b"%d" % len(data))
    return Ready(data, tag, (length, (b"content-type", b"application/json"), *headers), headers)


def bundle_bytes(bundle: Bundle, digest: Digest) -> bytes:
    """Returns a bundle as JSON, around the bodies' stored bytes: whoever reads it can check every digest."""
    entities = b",".join(
        b'"%b":{"digest":"%b","body":%b}' % (str(address).encode(), bundle.snapshot[address].encode(), body)
        for address, body in bundle.bodies.items()
    )
    return b'{"format":1,"digest":"%b","entities":{%b}}' % (digest.encode(), entities)
