"""Contents of documents that nothing needs any more, removed everywhere. For the background."""

from __future__ import annotations

from greenroom.ports import Clock, Store
from greenroom.services.knowledge_contents import collect_contents

PORTION = 100


async def collect_everywhere(store: Store, clock: Clock) -> int:
    """Removes replaced contents whose time is over and that no version or draft pins; returns how many."""
    gone = 0
    for workspace in await store.system(lambda tx: tx.list_workspaces()):
        after = ""
        while projects := await store.read(workspace, lambda tx, a=after: tx.list_projects(a, PORTION)):
            for project in projects:
                now = clock.now()
                gone += await store.write(workspace, lambda tx, p=project.id, n=now: collect_contents(tx, p, n))
            after = projects[-1].slug
    return gone
