"""How a source reaches its connection: both are project-wide, so no environment's secrets are looked at."""

from __future__ import annotations

from greenroom.domain.asks import Place
from greenroom.domain.canonical import Digest
from greenroom.domain.connections import Connection
from greenroom.domain.errors import NotFound
from greenroom.domain.ids import EnvironmentId, ProjectId, WorkspaceId
from greenroom.ports import FeedAccess, Reading
from greenroom.services.connections import Connections, list_connections
from greenroom.services.knowledge_sources import AccessOf
from greenroom.services.work import Work

NOWHERE = EnvironmentId("")


def open_connections(work: Work, connections: Connections) -> AccessOf:
    """Returns what finds a connection's address and key. A setting `user` is who asks, as Zendesk's API tokens want."""

    async def find(workspace: WorkspaceId, project: ProjectId, slug: str) -> FeedAccess:
        def load(tx: Reading) -> list[Connection]:
            named = tx.find_project(project)
            return [each for each in list_connections(tx, named) if each.slug == slug] if named else []

        found = await work.store.read(workspace, load)
        if not found:
            raise NotFound("connection_not_found", f"this project has no connection '{slug[:80]}'; make it first")
        connection = found[0]
        place = Place(workspace, project, NOWHERE, "the project", "live", Digest(""))
        key = await connections.find_secret(place, connection)
        return FeedAccess(connection.kind, connection.base_url, str(connection.settings.get("user", "")), key)

    return find
