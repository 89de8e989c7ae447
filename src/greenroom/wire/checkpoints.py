"""Checkpoints on the network."""

from __future__ import annotations

from greenroom.wire.drafts import SeenRevision
from greenroom.wire.model import DisplayName, In, Moment, Out, VersionNumber


class CheckpointIn(In):
    """A name for what the draft holds now; with `revision` only if it is as the caller saw it."""

    name: DisplayName
    revision: SeenRevision | None = None


class CheckpointLoadIn(In):
    """The draft's revision that the caller saw, 0 where there was none."""

    revision: SeenRevision


class CheckpointOut(Out):
    """What a draft held at a moment. `changes` counts the entities in `addresses`; `digest` is a ref of all it held."""

    id: str
    name: str
    by: str
    by_name: str = ""
    at: Moment
    base_version: VersionNumber | None
    changes: int
    addresses: list[str]
    digest: str
