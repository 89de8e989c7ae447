"""Every list comes in pages that together are the list."""

from __future__ import annotations

import pytest

from tests.support.api import PREFIX, TOPIC, fill, good, make_stage, problem, save

P = f"{PREFIX}/projects/hotel"
LISTS = [
    f"{PREFIX}/projects",
    f"{P}/content?ref=live",
    f"{P}/content?ref=draft:sandbox&kind=topic",
    f"{P}/content/topic/late-checkout/history",
    f"{P}/environments/sandbox/draft/discarded",
    f"{P}/environments/sandbox/draft/checkpoints",
    f"{P}/kinds",
    f"{P}/environments",
    f"{P}/environments/sandbox/releases",
    f"{P}/versions",
    f"{P}/versions?env=sandbox",
    f"{P}/versions?tag=feature",
    f"{P}/conversations",
    f"{P}/conversations?environment=live&channel=api&origin=public&version=1",
    f"{P}/history",
    f"{PREFIX}/audit",
    f"{PREFIX}/api-keys",
]


def key(item: dict) -> str:
    return str(
        item.get("id")
        or item.get("discarded_id")
        or item.get("version")
        or item.get("address")
        or item.get("seq")
        or item.get("number")
        or item.get("name")
    )


async def test_pages_of_one_are_the_page_of_all() -> None:
    stage = await make_stage()
    async with stage.client() as client:
        await fill(client, "hotel")
        for name in ("attic", "barn", "cave"):
            good(await client.post(f"{PREFIX}/projects", json={"name": name}))
        for number in range(2, 5):
            good(await save(client, "hotel", f"topic/t{number}", {"name": f"T{number}", "content": "Yes."}))
            note = {"note": f"[FEATURE] Topic {number} was added"}
            good(await client.post(f"{P}/environments/sandbox/publish", json=note))
            good(await client.post(f"{P}/conversations", json={}))
            tag = (await client.get(f"{P}/content/topic/late-checkout?ref=sandbox")).headers["etag"]
            edited = {**TOPIC, "content": f"Until {number}."}
            saved = good(await save(client, "hotel", "topic/late-checkout", edited, tag))
            draft = f"{P}/environments/sandbox/draft"
            good(await client.post(f"{draft}/checkpoints", json={"name": f"Edition {number}"}))
            good(await client.post(f"{draft}/discard", json={"revision": saved["draft_revision"]}))
            good(await save(client, "hotel", "topic/late-checkout", edited, tag))
        good(await save(client, "hotel", "topic/last", {"name": "Last", "content": "Yes."}))
        for url in LISTS:
            whole = good(await client.get(url, params={"limit": 200} | dict(_query(url))))
            assert whole["next_cursor"] is None
            pieces, cursor = [], None
            while True:
                params = dict(_query(url)) | {"limit": 1} | ({"cursor": cursor} if cursor else {})
                page = good(await client.get(url.partition("?")[0], params=params))
                assert len(page["items"]) <= 1
                pieces += page["items"]
                cursor = page["next_cursor"]
                if cursor is None:
                    break
            assert pieces == whole["items"], url
            assert len({key(item) for item in pieces}) == len(pieces)
            assert len(pieces) > 1, f"{url} has too little to be cut"


def _query(url: str) -> list[tuple[str, str]]:
    query = url.partition("?")[2]
    return [(name, value) for name, _, value in (pair.partition("=") for pair in query.split("&")) if name]


async def test_a_transcript_comes_in_pages() -> None:
    stage = await make_stage()
    async with stage.client() as client:
        ids = await fill(client, "hotel")
        place = f"{PREFIX}/conversations/{ids['conversation']}"
        for text in ("a", "b", "c"):
            good(await client.post(f"{place}/turns", json={"text": text}))
        first = good(await client.get(place, params={"limit": 3}))
        rest = good(await client.get(place, params={"limit": 3, "cursor": first["next_cursor"]}))
        assert [turn["index"] for turn in first["transcript"] + rest["transcript"]] == [0, 1, 2, 3, 4]
        assert rest["next_cursor"] is None


@pytest.mark.parametrize("url", LISTS)
async def test_a_cursor_of_another_list_is_refused(url: str) -> None:
    stage = await make_stage()
    async with stage.client() as client:
        await fill(client, "hotel")
        foreign = "bm93aGVyZTo1"  # nowhere:5
        reply = await client.get(url.partition("?")[0], params=dict(_query(url)) | {"cursor": foreign})
        problem(reply, 422, "invalid_cursor")
