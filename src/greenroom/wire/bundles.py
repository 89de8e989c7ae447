"""Complete snapshots on the network."""

from __future__ import annotations

from typing import Any, Literal

from greenroom.wire.model import Out


class BundledEntity(Out):
    """An entity of a bundle; `digest` is the SHA-256 of the canonical JSON (RFC 8785) of `body`."""

    digest: str
    body: dict[str, Any]


class BundleOut(Out):
    """A whole version: every entity by its address. Its digest follows from the entities' digests."""

    format: Literal[1] = 1
    digest: str
    entities: dict[str, BundledEntity]
