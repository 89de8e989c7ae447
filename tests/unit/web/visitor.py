"""A browser without a window: signed in as a role, over a desk with a project that is live."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx2

from greenroom.domain.access import Role
from greenroom.domain.entities import Address
from greenroom.services.access import csrf_token
from greenroom.services.work import Call
from greenroom.web.app import build_web
from tests.support.api import HOME, Stage, fill, make_stage, sign_in

HOST = "http://desk.test"


@dataclass
class Visitor:
    """Somebody with a session."""

    stage: Stage
    client: httpx2.AsyncClient
    token: str

    async def call(self) -> Call:
        """Returns a call of a verb by whoever it is."""
        who = await self.stage.desk.access.find_session(self.token)
        assert who is not None
        return Call(who, "req_test")

    async def put(self, address: str, body: dict[str, Any]) -> None:
        """Makes an entity in the draft."""
        kind, _, slug = address.partition("/")
        await self.stage.desk.drafts.save(await self.call(), "hotel", "sandbox", Address(kind, slug), body, "*")

    async def get(self, path: str) -> httpx2.Response:
        return await self.client.get(path)

    async def send(
        self, path: str, data: Mapping[str, object] | None = None, headers: Mapping[str, str] | None = None
    ) -> httpx2.Response:
        """Sends a form as our own page would."""
        return await self.client.post(
            path, data={**(data or {}), "csrf": csrf_token(self.token)}, headers={"origin": HOST, **(headers or {})}
        )

    async def upload(self, path: str, name: str, content: bytes, data: Mapping[str, object]) -> httpx2.Response:
        """Sends a form with a file."""
        sent = {**data, "csrf": csrf_token(self.token)}
        return await self.client.post(path, data=sent, files={"file": (name, content)}, headers={"origin": HOST})


async def furnished(canary: str = "") -> Stage:
    """Returns a desk with the project `hotel`, whose first version is live, with a draft and a conversation."""
    stage = await make_stage()
    async with stage.client("owner") as client:
        stage.facts = await fill(client, "hotel", canary)
    return stage


@asynccontextmanager
async def visiting(stage: Stage, role: Role = "owner", workspace: str = HOME) -> AsyncIterator[Visitor]:
    """Signs somebody in."""
    token = await sign_in(stage, role, workspace)  # pyright: ignore[reportArgumentType]
    transport = httpx2.ASGITransport(app=build_web(stage.desk))
    async with httpx2.AsyncClient(transport=transport, base_url=HOST, cookies={"gr_session": token}) as client:
        yield Visitor(stage, client, token)
