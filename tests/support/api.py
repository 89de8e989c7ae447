"""The API over a memory store: a stage with two workspaces, a caller of every role, and a project that is live."""

from __future__ import annotations

import asyncio
import io
import zipfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
from fastapi import FastAPI

from greenroom.api.app import build_api
from greenroom.api.asking import Door
from greenroom.api.bundle_cache import BundleCache
from greenroom.api.hot import HotDoors
from greenroom.domain.access import ApiKey, Member, Role, Session
from greenroom.domain.ids import ConversationId, PrincipalId, WorkspaceId
from greenroom.importers.polyai import read_project
from greenroom.kinds import KINDS
from greenroom.ports import Reachable
from greenroom.providers.clock import SystemClock
from greenroom.providers.crypto import EnvelopeCipher
from greenroom.providers.parsers import SafeParser
from greenroom.services.desk import Desk
from greenroom.services.keys import hash_token, make_key
from greenroom.services.tickets import tickets_of
from greenroom.storage.memory import MemoryStore
from tests.support.passwords import QuickPasswords

PREFIX = "/api/v1"
HOME = WorkspaceId("wsp_home")
OTHER = WorkspaceId("wsp_other")
ROLES: tuple[Role, ...] = ("viewer", "editor", "publisher", "release_manager", "admin", "owner")

AGENT = {"name": "Front desk", "greeting": "Harbour Hotel, how can I help?", "languages": ["en-GB"]}
TOPIC = {
    "name": "Late check-out",
    "content": "You can stay until noon.",
    "sample_questions": ["Can I check out late?", "Until when can I keep the room?"],
}
BREAKFAST = {
    "name": "Breakfast",
    "content": "Breakfast is from seven.",
    "sample_questions": ["When is breakfast?", "What do you serve in the morning?"],
}

_APIS: list[FastAPI] = []


def key_of(workspace: str, role: str) -> str:
    """Returns the API key that the stage gives a role."""
    return make_key(f"{workspace.removeprefix('wsp_')}{role.replace('_', '')}")


@dataclass
class Stage:
    """The desk, the application in front of it, and what was put on it."""

    desk: Desk
    store: MemoryStore
    api: FastAPI
    app: Any
    facts: dict[str, str] = field(default_factory=dict[str, str])

    def client(self, role: str | None = "owner", workspace: str = HOME, *, hot: bool = True) -> httpx2.AsyncClient:
        """Returns a client that speaks for a role; None for a stranger."""
        headers = {} if role is None else {"Authorization": f"Bearer {key_of(workspace, role)}"}
        transport = httpx2.ASGITransport(app=self.app if hot else self.api, raise_app_exceptions=False)
        return httpx2.AsyncClient(transport=transport, base_url="http://greenroom.test", headers=headers)

    def contents(self) -> Any:
        """Returns everything that is stored, to compare before and after (sessions and keys' use aside)."""
        return {
            name: {
                table: dict(getattr(rows, table).items())
                for table in rows.__dataclass_fields__
                if table not in ("name", "created_at", "delivered", "told", "sessions")
            }
            for name, rows in self.store._state.workspaces.items()
        }


async def make_stage(store: Any = None, reachable: Reachable | None = None) -> Stage:
    """Returns a stage with two workspaces and a key for every role in each, and nothing else; in memory unless said."""
    store = store or MemoryStore()
    cipher = EnvelopeCipher("the key of tests")
    parts = reachable or Reachable(cipher=cipher, parser=SafeParser(), passwords=QuickPasswords())
    desk = Desk(store, SystemClock(), KINDS, {"polyai": read_project}, parts)
    now = datetime(2026, 11, 1, tzinfo=UTC)
    for workspace in (HOME, OTHER):
        await store.system(lambda tx, w=workspace: tx.insert_workspace(w, w, now))
        for role in ROLES:
            name = f"{workspace.removeprefix('wsp_')}_{role}"
            record = ApiKey(PrincipalId(f"key_{name}"), workspace, name, role, hash_token(key_of(workspace, role)), now)
            member = Member(PrincipalId(f"mem_{name}"), workspace, f"Ms {name}", role, now)
            await store.write(workspace, lambda tx, r=record: tx.insert_key(r))
            await store.write(workspace, lambda tx, m=member: tx.insert_member(m))
    await desk.traffic.refresh()
    api = _api_over(desk)
    return Stage(desk, store, api, HotDoors(api, desk))


def _api_over(desk: Desk) -> FastAPI:
    """Returns the application over a desk. Its routes cost a third of a second, so one set serves every stage."""
    if not _APIS:
        _APIS.append(build_api(desk))
    api = _APIS[0]
    api.state.door = Door(desk, api.state.door.metrics, BundleCache())
    return api


async def sign_in(stage: Stage, role: str = "owner", workspace: WorkspaceId = HOME) -> str:
    """Returns the token of a browser's session."""
    token, now = f"session-{workspace}-{role}", stage.desk.clock.now()
    member = PrincipalId(f"mem_{workspace.removeprefix('wsp_')}_{role}")
    session = Session(hash_token(token), "session", member, workspace, now, now.replace(year=now.year + 1))
    await stage.store.system(lambda tx: tx.insert_session(session))
    return token


async def fill(client: httpx2.AsyncClient, project: str, canary: str = "") -> dict[str, str]:
    """Makes a project whose first version is live, with a draft begun on it and a conversation; returns its ids."""
    at = f"{PREFIX}/projects/{project}"
    made = good(await client.post(f"{PREFIX}/projects", json={"name": f"Hotel {canary}", "slug": project}))
    agent = {**AGENT, "greeting": f"{AGENT['greeting']} {canary}".strip()}
    for address, body in {"agent/main": agent, "topic/late-checkout": TOPIC}.items():
        good(await save(client, project, address, body))
    version = good(await client.post(f"{at}/environments/sandbox/publish", json={"note": f"First version {canary}"}))
    await promote(client, project, "pre-release", 1)
    await promote(client, project, "live", 1)
    begun = good(await client.post(f"{at}/conversations", json={"user_id": f"ada-{canary}"}))
    good(await client.post(f"{PREFIX}/conversations/{begun['id']}/turns", json={"text": f"hello {canary}"}))
    good(await save(client, project, "topic/breakfast", {**BREAKFAST, "name": f"Breakfast {canary}"}))
    return {
        "project": project,
        "project_id": made["id"],
        "digest": version["version"]["digest"],
        "conversation": begun["id"],
        "alias": "sandbox",
    }


async def fill_data(client: httpx2.AsyncClient, ids: Mapping[str, str], canary: str = "") -> dict[str, str]:
    """Gives a project a table with a row, and its conversation a tag, a note and a ticket; returns their names."""
    place, talk = f"{PREFIX}/projects/{ids['project']}", f"{PREFIX}/conversations/{ids['conversation']}"
    columns = [{"name": "number", "type": "number"}, {"name": "view"}]
    made = {"slug": "rooms", "name": f"Rooms {canary}", "columns": columns, "key": "number"}
    good(await client.post(f"{place}/tables", json=made))
    good(await client.post(f"{place}/tables/rooms/rows", json={"values": {"number": 7, "view": f"sea {canary}"}}))
    good(await client.post(f"{talk}/tags", json={"tag": f"vip {canary}"}))
    good(await client.post(f"{talk}/notes", json={"text": f"Call back {canary}"}))
    return {"table": "rooms", "tag": "vip", "ticket": await leave_ticket(ids, canary)}


async def leave_ticket(ids: Mapping[str, str], canary: str = "") -> str:
    """Opens a ticket as a turn that hands over does; returns its id."""
    desk: Desk = _APIS[0].state.door.desk
    effect = {"type": "handed_off", "method": "ticket", "handoff": "back-office", "reason": f"wants a person {canary}"}
    for workspace in (HOME, OTHER):
        id_ = ConversationId(ids["conversation"])
        talk = await desk.store.read(workspace, lambda tx, id_=id_: tx.find_conversation(id_))
        project = await desk.store.read(workspace, lambda tx: tx.find_project(ids["project_id"]))
        if talk is not None and project is not None:
            opened = tickets_of(project, talk, [effect], desk.clock.now())[0]
            await desk.store.write(workspace, lambda tx, ticket=opened: tx.put_record(ticket))
            return opened.key
    raise AssertionError(f"there is no conversation {ids['conversation']}")


def in_days(days: int) -> str:
    """Returns a time so many days from now, as it is sent."""
    return (datetime.now(UTC) + timedelta(days=days)).isoformat()


async def lay_split(client: httpx2.AsyncClient, project: str, canary: str = "") -> dict[str, str]:
    """Gives a project a split, a tester and a share link; returns their ids."""
    place = f"{PREFIX}/projects/{project}"
    shares = {"shares": [{"environment": "live", "weight": 100}], "note": f"All of it {canary}"}
    good(await client.put(f"{place}/split", json=shares, headers={"If-Match": "*"}))
    tester = {"environment": "sandbox", "user_id": f"tester {canary}", "label": f"QA {canary}"}
    link = {"environment": "sandbox", "expires_at": in_days(7), "label": f"Board {canary}"}
    named = good(await client.post(f"{place}/testers", json=tester))
    made = good(await client.post(f"{place}/share-links", json=link))
    return {"tester": named["id"], "link": made["id"]}


async def run_tests(client: httpx2.AsyncClient, project: str, **body: Any) -> Any:
    """Plays test sets, waits until they are over, and returns the run with its cases."""
    place = f"{PREFIX}/projects/{project}/test-runs"
    begun = good(await client.post(place, json=body))
    for _ in range(2_000):
        run = good(await client.get(f"{place}/{begun['id']}?limit=200"))
        if run["state"] != "running":
            return run
        await asyncio.sleep(0.005)
    raise AssertionError(f"the run {begun['id']} did not come to its end")


async def save(
    client: httpx2.AsyncClient, project: str, address: str, body: Mapping[str, Any], if_match: str = "*"
) -> httpx2.Response:
    """Saves an entity in the caller's draft of Sandbox."""
    return await client.put(
        f"{PREFIX}/projects/{project}/environments/sandbox/draft/{address}",
        json=dict(body),
        headers={"If-Match": if_match},
    )


async def promote(client: httpx2.AsyncClient, project: str, alias: str, version: int) -> Any:
    """Promotes a version, saying all that must be said."""
    place = f"{PREFIX}/projects/{project}/environments/{alias}"
    seq = good(await client.get(place))["seq"]
    body = {"version": version, "expected_seq": seq, "confirm": {"version": version}}
    return good(await client.post(f"{place}/promote", json=body))


def good(response: httpx2.Response) -> Any:
    """Returns the JSON of a response that succeeded."""
    assert response.is_success, (
        f"{response.request.method} {response.request.url}: {response.status_code} {response.text}"
    )
    return response.json() if response.content else None


def problem(response: httpx2.Response, status: int, code: str, family: str | None = None) -> dict[str, Any]:
    """Returns the members of a problem of one sort, after looking at its form."""
    assert response.status_code == status, f"{response.status_code} {response.text}"
    assert response.headers["content-type"] == "application/problem+json"
    found = response.json()
    assert found["code"] == code, found
    assert {"type", "title", "status", "code", "family", "detail", "errors"} <= found.keys()
    assert found["status"] == status
    assert family in (None, found["family"]), found
    for fault in found["errors"]:
        assert fault.keys() == {"pointer", "message", "code", "hint"}
        assert fault["message"]
    return found


def archive(files: Mapping[str, bytes]) -> bytes:
    """Returns a ZIP archive of files."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as made:
        for path, data in files.items():
            made.writestr(path, data)
    return out.getvalue()


@asynccontextmanager
async def nothing_written(stage: Stage) -> AsyncIterator[None]:
    """Asserts that a block leaves the store as it was."""
    before = stage.contents()
    yield
    assert stage.contents() == before, "something was written"
