"""Bodies of entities, made complete and kept with what they mention."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from greenroom.domain.entities import Address, Body, EntityBody, freeze_body
from greenroom.domain.kind import Kind
from greenroom.domain.projects import Project
from greenroom.ports import Writing


def freeze_complete(kind: Kind, body: Mapping[str, Any]) -> tuple[Body, EntityBody]:
    """Returns a body in its kind's one stored form, and its bytes. Raises Invalid with every fault."""
    complete = kind.complete(body)
    return complete, freeze_body(complete)


def put_bodies(
    tx: Writing, project: Project, bodies: Mapping[Address, tuple[EntityBody, Body]], kinds: Mapping[str, Kind]
) -> None:
    """Keeps bodies with the entities they mention."""
    mentions = {
        address: {m.target for m in kinds[address.kind].mentions(body)} for address, (_, body) in bodies.items()
    }
    tx.put_bodies(project.id, {address: frozen for address, (frozen, _) in bodies.items()}, mentions)
