"""A project of parallel environments over the API, and what people do with it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx2

from tests.support.api import AGENT, BREAKFAST, PREFIX, TOPIC, Stage, good, make_stage

P = f"{PREFIX}/projects/hotel"
PETS = {
    "name": "Pets",
    "content": "Small pets are welcome.",
    "sample_questions": ["Can I bring my dog?", "Are pets allowed?"],
}


class House:
    """One owner's hands on the project `hotel`."""

    def __init__(self, stage: Stage, client: httpx2.AsyncClient) -> None:
        self.stage = stage
        self.client = client

    async def edit(self, alias: str, address: str, body: Mapping[str, Any]) -> Any:
        """Saves an entity in the draft of an environment, as it is there now."""
        draft = f"{P}/content/{address}?ref=draft:{alias}"
        seen = await self.client.get(draft)
        tag = seen.headers["etag"] if seen.status_code == 200 else "*"
        place = f"{P}/environments/{alias}/draft/{address}"
        return good(await self.client.put(place, json=body, headers={"If-Match": tag}))

    async def remove(self, alias: str, address: str) -> Any:
        seen = await self.client.get(f"{P}/content/{address}?ref=draft:{alias}")
        place = f"{P}/environments/{alias}/draft/{address}"
        return good(await self.client.delete(place, headers={"If-Match": seen.headers["etag"]}))

    async def publish(self, alias: str, note: str, **more: Any) -> int:
        """Publishes a draft, confirming what the plan shows; returns the version's number."""
        place = f"{P}/environments/{alias}/publish"
        plan = good(await self.client.post(f"{place}?dry_run=true", json={"note": note}))
        sent = {"note": note, "expected_seq": plan["expected_seq"], "confirm": {"digest": plan["digest"]}, **more}
        return good(await self.client.post(place, json=sent))["version"]["number"]

    async def clone(self, source: str, name: str, **more: Any) -> Any:
        return good(await self.client.post(f"{P}/environments", json={"name": name, "clone_from": source, **more}))

    async def environment(self, alias: str) -> Any:
        return good(await self.client.get(f"{P}/environments/{alias}"))

    async def preview(self, source: str, target: str, **more: Any) -> Any:
        sent = {"source": source, "target": target, "note": "?", **more}
        return good(await self.client.post(f"{P}/merges?dry_run=true", json=sent))

    async def merge(self, source: str, target: str, note: str = "Bring the work in", **more: Any) -> httpx2.Response:
        """Merges what a preview shows."""
        wanted = {"source": source, "target": target, "note": note, **more}
        plan = await self.preview(source, target, **{k: v for k, v in more.items() if k != "acknowledged"})
        seen = {"expected_seq": plan["expected_seq"], "confirm": {"digest": plan["digest"]}}
        return await self.client.post(f"{P}/merges", json={**seen, **wanted})

    async def entity(self, address: str, ref: str) -> Any:
        return good(await self.client.get(f"{P}/content/{address}?ref={ref}"))["body"]

    async def talk(self, text: str, **begin: Any) -> tuple[Any, Any]:
        """Holds a conversation of one question; returns its beginning and its turn."""
        begun = good(await self.client.post(f"{P}/conversations", json=begin))
        turn = await self.client.post(f"{PREFIX}/conversations/{begun['id']}/turns", json={"text": text})
        return begun, good(turn)


@asynccontextmanager
async def open_migrated_house() -> AsyncIterator[House]:
    """Yields a house whose legacy project became parallel: `production` and the others are old aliases."""
    async with open_house("legacy") as house:
        for alias in ("staging", "production"):
            seen = await house.environment(alias)
            sent = {"version": 1, "expected_seq": seen["seq"], "confirm": {"version": 1}}
            good(await house.client.post(f"{P}/environments/{alias}/promote", json=sent))
        seq = (await house.environment("production"))["seq"]
        good(await house.client.post(f"{P}/migrate", json={"expected_seq": seq}))
        yield house


@asynccontextmanager
async def open_house(template: str = "parallel", store: Any = None) -> AsyncIterator[House]:
    """Gives a project whose first version is served in its first editable environment."""
    stage = await make_stage(store)
    async with stage.client() as client:
        good(await client.post(f"{PREFIX}/projects", json={"name": "Hotel", "slug": "hotel", "template": template}))
        house = House(stage, client)
        first = next(e["alias"] for e in good(await client.get(f"{P}/environments"))["items"] if e["editable"])
        for address, body in {
            "agent/main": AGENT,
            "topic/late-checkout": TOPIC,
            "topic/breakfast": BREAKFAST,
            "topic/pets": PETS,
        }.items():
            await house.edit(first, address, body)
        await house.publish(first, "First version of the hotel")
        yield house
