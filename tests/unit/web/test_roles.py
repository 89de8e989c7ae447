"""Who may not do something is not offered it, and is refused it; another workspace's project is not there."""

from __future__ import annotations

import pytest

from tests.support.api import OTHER, Stage
from tests.unit.web.visitor import furnished, visiting

BASE = "/projects/hotel"
LIVE = f"{BASE}/environments/live"


@pytest.fixture
async def stage() -> Stage:
    return await furnished("canary")


PAGES = [
    BASE,
    f"{BASE}/environments",
    LIVE,
    f"{LIVE}?show=releases",
    f"{BASE}/environments?show=table",
    f"{BASE}/aliases",
    f"{BASE}/versions/1",
    f"{BASE}/environments/sandbox/checkpoints",
    f"{BASE}/environments/sandbox/discarded",
    f"{BASE}/compare?base=v1&head=v1",
    f"{BASE}/build?ref=v1",
    f"{BASE}/build/topic/late-checkout?ref=live",
    f"{BASE}/build/topic/late-checkout",
    f"{BASE}/build/topic/late-checkout/history",
    f"{BASE}/build/find?q=late",
    f"{BASE}/conversations",
    f"{BASE}/history",
    f"{BASE}/tests",
    f"{BASE}/knowledge",
    f"{BASE}/tables",
    f"{BASE}/tickets",
    f"{BASE}/executions",
    f"{BASE}/traffic",
    f"{BASE}/traffic/history",
    f"{BASE}/traffic/results",
    f"{BASE}/traffic/testers",
    f"{BASE}/traffic/share-links",
    f"{BASE}/traffic/why",
    f"{BASE}/results?by=both",
    f"{BASE}/analytics",
    f"{BASE}/evaluations",
    f"{BASE}/numbers",
    f"{BASE}/chat",
    f"{BASE}/go?q=late",
]
WRITES = [
    (f"{LIVE}/promote", {"version": "1", "seq": "1"}),
    (f"{LIVE}/rollback", {"reason": "because", "seq": "1"}),
    (f"{BASE}/environments/sandbox/publish", {"note": "Something else altogether"}),
    (f"{BASE}/environments/sandbox/discard", {"revision": "1"}),
    (f"{BASE}/new-environment", {"name": "Mine", "origin": "live"}),
    (f"{BASE}/environments/sandbox/change", {"name": "Mine", "revision": "1"}),
    (f"{BASE}/environments/sandbox/delete", {"seq": "1", "move_to": "live"}),
    (f"{BASE}/merge", {"source": "live", "target": "sandbox", "make": "1"}),
    (f"{BASE}/migrate", {"seq": "1"}),
    (f"{BASE}/environments/sandbox/presence", {"entity": ""}),
    (f"{BASE}/environments/sandbox/checkpoints/new", {"name": "Mine"}),
    (f"{BASE}/environments/sandbox/checkpoints/chk_1/restore", {"revision": "1"}),
    (f"{BASE}/environments/sandbox/checkpoints/chk_1/remove", {}),
    (f"{BASE}/environments/sandbox/discarded/drf_1/restore", {"revision": "1"}),
    (f"{BASE}/environments/sandbox/load", {"ref": "v1", "what": "all", "revision": "0"}),
    (f"{BASE}/environments/sandbox/readiness", {"sync": "site", "version": "1"}),
    (f"{BASE}/versions/1/mark", {"mark": "bad"}),
    (f"{BASE}/build/topic/late-checkout", {"f:/name": "Mine", "if_match": "*"}),
    (f"{BASE}/build/new", {"kind": "topic", "name": "Mine"}),
    (f"{BASE}/secrets", {"name": "KEY", "value": "sesame"}),
    (f"{BASE}/secrets", {"rotate": "1"}),
    (f"{BASE}/erase", {"kind": "user_id", "who": "ada", "confirm": "1"}),
    (f"{BASE}/connections", {"slug": "main", "kind": "model"}),
    (f"{BASE}/tables", {"name": "Rooms", "columns": "number number"}),
    (f"{BASE}/knowledge", {"id": "rules", "text": "Quiet."}),
    (f"{BASE}/tests", {"ref": "v1"}),
    (f"{BASE}/traffic", {"seen": "*", "w:live": "100"}),
    (f"{BASE}/traffic/restart", {"seen": "*", "confirm": "1", "reason": "Because"}),
    (f"{BASE}/traffic/testers", {"kind": "user_id", "who": "ada", "environment": "live"}),
    (f"{BASE}/traffic/share-links", {"environment": "live", "days": "7"}),
    (f"{BASE}/evaluations", {"name": "quick", "judge": "rules", "rules": "turns > 1"}),
    (f"{BASE}/numbers", {"number": "+442079460000", "environment": "live"}),
    (f"{BASE}/build/topic/late-checkout/back", {"version": "1", "revision": "0"}),
    (f"{BASE}/knowledge/sources/new", {"sort": "upload", "name": "House", "environment": "sandbox"}),
    (f"{BASE}/knowledge/sources/house", {"ref": "draft:sandbox"}),
    (f"{BASE}/knowledge/listing", {"id": "rules", "list": "sandbox/house"}),
    (f"{BASE}/chat", {"ref": "v1"}),
    ("/projects/new", {"name": "Mine"}),
    ("/keys", {"name": "mine", "role": "viewer"}),
]


async def test_a_viewer_reads_every_page_and_is_offered_no_change(stage: Stage) -> None:
    async with visiting(stage, "viewer") as viewer:
        for path in PAGES:
            page = await viewer.get(path)
            assert page.status_code == 200, path
            for word in ("Roll back", "Promote v", "Publish…", "New project", "New environment", "Merge…", "Mark as"):
                assert word not in page.text, (path, word)


@pytest.mark.parametrize("path, data", WRITES, ids=[path for path, _ in WRITES])
async def test_a_viewer_changes_nothing(stage: Stage, path: str, data: dict[str, str]) -> None:
    before = stage.contents()
    async with visiting(stage, "viewer") as viewer:
        reply = await viewer.send(path, data)
        assert reply.status_code in (403, 404, 409, 422), reply.status_code
    assert stage.contents() == before


async def test_another_workspace_finds_nothing(stage: Stage) -> None:
    talk = f"{BASE}/conversations/{stage.facts['conversation']}"
    async with visiting(stage, "owner", OTHER) as stranger:
        for path in (*PAGES, talk, f"{BASE}/chat/{stage.facts['conversation']}"):
            page = await stranger.get(path)
            assert page.status_code == 404, path
            assert "canary" not in page.text, path
        for path, data in WRITES[:-2]:
            assert (await stranger.send(path, data)).status_code in (403, 404, 422), path


async def test_a_conversation_is_found_in_its_own_project_only(stage: Stage) -> None:
    async with visiting(stage) as owner:
        await owner.send("/projects/new", {"name": "Other"})
        talk = stage.facts["conversation"]
        assert (await owner.get(f"{BASE}/conversations/{talk}")).status_code == 200
        assert (await owner.get(f"/projects/other/conversations/{talk}")).status_code == 404
        assert (await owner.send(f"/projects/other/chat/{talk}", {"text": "hello"})).status_code == 404
