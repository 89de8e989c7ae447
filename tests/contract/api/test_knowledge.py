"""Documents, sources and searches over HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.support.api import PREFIX, Stage, fill, good, make_stage, problem, save

AT = f"{PREFIX}/projects/hotel/knowledge"
POOL = "# Pool\n\nThe pool is open from seven in the morning until ten at night."


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    made = await make_stage()
    async with made.client() as client:
        await fill(client, "hotel")
    yield made
    await made.desk.syncs.close()


async def test_a_document_goes_the_whole_way(stage: Stage) -> None:
    async with stage.client("editor") as client:
        made = good(await client.post(f"{AT}/documents", json={"id": "help/pool", "title": "Pool", "text": POOL}))
        assert (made["outcome"], made["reaches"], made["document"]["revision"]) == ("added", [], 1)
        listed = good(await client.get(f"{AT}/documents?limit=1"))
        assert [each["id"] for each in listed["items"]] == ["help/pool"]
        assert "text" not in listed["items"][0] or listed["items"][0]["text"] is None
        loaded = await client.get(f"{AT}/documents/help/pool")
        assert (good(loaded)["text"], loaded.headers["etag"]) == (POOL, '"1"')
        again = {"id": "help/pool", "title": "Pool", "text": POOL + " Towels are there."}
        problem(await client.post(f"{AT}/documents", json=again), 428, "revision_missing")
        problem(await client.post(f"{AT}/documents", json=again, headers={"If-Match": '"9"'}), 412, "stale_revision")
        seen = good(await client.post(f"{AT}/documents?dry_run=true", json=again, headers={"If-Match": '"1"'}))
        assert (seen["outcome"], seen["dry_run"]) == ("changed", True)
        good(await client.post(f"{AT}/documents", json=again, headers={"If-Match": '"1"'}))
        gone = good(await client.delete(f"{AT}/documents/help/pool"))
        assert gone["outcome"] == "removed"
        problem(await client.get(f"{AT}/documents/help/pool"), 404, "document_not_found")


async def test_a_search_shows_scores(stage: Stage) -> None:
    async with stage.client("editor") as client:
        good(await client.post(f"{AT}/documents", json={"id": "pool", "title": "Pool", "text": POOL}))
        body = {"name": "Questions", "documents": [{"document": "pool"}]}
        good(await save(client, "hotel", "knowledge/faq", body))
        found = good(await client.get(f"{AT}/search?ref=draft:sandbox&q=When+is+the+pool+open"))
        assert (found["passages"][0]["document"], found["documents"], found["missing"]) == ("pool", 1, [])
        assert 0.2 < found["passages"][0]["score"] <= 1
        (source,) = good(await client.get(f"{AT}/sources"))["items"]
        assert (source["slug"], source["environments"], source["sync"]) == ("faq", ["draft:sandbox"], None)


async def test_a_file_becomes_a_document(stage: Stage) -> None:
    async with stage.client("editor") as client:
        problem(await client.post(f"{AT}/uploads", content=b"x"), 422, "file_missing")
        problem(await client.post(f"{AT}/uploads?name=x.png", content=b"\x89PNG\0"), 422, "unsupported_document")
        files = {"file": ("house_rules.md", b"# Rules\n\nNo smoking.", "text/markdown")}
        made = good(await client.post(f"{AT}/uploads", files=files))
        assert (made["document"]["id"], made["document"]["title"]) == ("house_rules.md", "Rules")


async def test_a_sync_begins_and_says_how_it_went(stage: Stage) -> None:
    async with stage.client("editor") as client:
        body = {"name": "Site", "source": {"type": "site", "site": {"url": "https://harbour.example/"}}}
        good(await save(client, "hotel", "knowledge/site", body))
        begun = await client.post(f"{AT}/sources/site/sync", json={})
        assert (begun.status_code, good(begun)["sync"]["state"]) == (202, "running")
        source = good(begun)
        for _ in range(200):
            (source,) = good(await client.get(f"{AT}/sources"))["items"]
            if source["sync"]["state"] != "running":
                break
            await asyncio.sleep(0.01)
        assert (source["sync"]["state"], "no way out" in source["sync"]["note"]) == ("failed", True)
