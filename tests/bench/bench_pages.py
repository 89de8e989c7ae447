"""Every page of the web at 10,000 entities and 10,000 versions, on SQLite: how long the server takes to answer.

Each page is asked for as a browser does, compressed, over the whole application but without a socket, after it was
asked for once. CPU time of this process stands beside the time that passed: it says the same where the machine has
other work. First loads are the sum of all that an empty browser fetches for a page.
"""

from __future__ import annotations

import asyncio
import re
import statistics
import tempfile
import time
from dataclasses import dataclass, field, replace
from pathlib import Path

import httpx2

from greenroom.domain.entities import Address, freeze_body
from greenroom.domain.environments import full_arm
from greenroom.domain.events import Event
from greenroom.kinds import KINDS
from greenroom.ports import Writing
from greenroom.providers.clock import SystemClock
from greenroom.runtime.turn import Heard
from greenroom.services.conversations import Beginning
from greenroom.services.desk import Desk
from greenroom.services.plans import PromoteRequest, PublishRequest
from greenroom.services.work import Call
from greenroom.storage.sql import migrate, open_store
from greenroom.web.app import build_web
from greenroom.wire.archives import pack
from greenroom.wire.folder import to_files
from tests.bench.bench_releases import EDITS, entities
from tests.bench.table import Table

SLUG = "bench"
BASE = f"/projects/{SLUG}"
COUNT = 10_000
ROUNDS = 40
BAR_MS = 100
BAR_BYTES = 150_000
UNBOUND = "compare, 1,000 changes"
"""Follows how much changed, not how large the project is; it stands here for comparison."""
HOST = "http://bench.test"


@dataclass
class Timed:
    """What a page took: milliseconds that passed, and of this process, by request; and its bytes."""

    passed: list[float] = field(default_factory=list)
    spent: list[float] = field(default_factory=list)
    size: int = 0

    def p95(self, values: list[float]) -> float:
        """Returns what 19 of 20 requests stayed below."""
        return statistics.quantiles(values, n=20)[-1]


async def make_project(desk: Desk, call: Call, count: int) -> None:
    """Makes a project of so many entities and versions, live, with 20 edits in a draft."""
    await desk.projects.create(call, SLUG, SLUG, "pipeline")
    await desk.imports.import_folder(call, SLUG, pack(to_files(entities(count), KINDS)), "greenroom")
    await desk.publishing.publish(call, SLUG, "sandbox", PublishRequest("All of the bench's entities"))
    await age(desk, call, count - 3)
    for round_ in range(2):
        await change(desk, call, count, round_)
        done = await desk.publishing.publish(call, SLUG, "sandbox", PublishRequest(f"Twenty edits, {round_}"))
        for alias in ("pre-release", "live"):
            seq = (await desk.environments.load(call, SLUG, alias)).environment.seq
            number = done.version.version.number
            await desk.releases.promote(call, SLUG, alias, PromoteRequest(number, seq, number))
    await change(desk, call, count, 2)
    await desk.publishing.publish(call, SLUG, "sandbox", PublishRequest("Twenty edits that wait for Live"))
    await change(desk, call, count, 3)
    for _ in range(30):
        begun, _ = await desk.conversations.start(call, SLUG, Beginning())
        for number in range(5):
            await desk.conversations.take_turn(
                call, begun.conversation.id, Heard(f"What about subject {number} today?")
            )
    await desk.traffic.refresh()


async def change(desk: Desk, call: Call, count: int, round_: int) -> None:
    """Edits 20 entities in the draft."""
    draft = (await desk.drafts.load(call, SLUG, "sandbox")).snapshot
    for number in range(EDITS):
        address = Address("component", f"part-{count - 1 - number}")
        body = {"name": f"Part {address.slug}", "text": f"Edit {round_} of {address.slug}"}
        await desk.drafts.save(call, SLUG, "sandbox", address, body, draft[address])


async def age(desk: Desk, call: Call, versions: int) -> None:
    """Gives the project a long past: versions that each change a part, with their releases and what happened."""
    store, workspace = desk.store, call.workspace
    project = await store.read(workspace, lambda tx: tx.find_project(SLUG))
    assert project is not None
    for start in range(0, versions, 500):

        def work(tx: Writing, many: int = min(500, versions - start)) -> None:
            first = tx.find_version(project.id, 1)
            sandbox = tx.find_environment(project.id, "sandbox")
            assert first is not None
            assert sandbox is not None
            release, last = tx.find_release(sandbox.id, sandbox.seq), tx.find_version(project.id, sandbox.seq)
            assert release is not None
            assert last is not None
            snapshot = tx.find_snapshot(last.digest)
            assert snapshot is not None
            for _ in range(many):
                number = tx.take_version_number(project.id)
                address = Address("component", f"part-{50 + number % 1_000}")
                body = freeze_body({"schema": 1, "name": address.slug, "text": f"Season {number}"})
                tx.put_bodies(project.id, {address: body}, {})
                snapshot = snapshot.with_changes({address: body.digest})
                tx.put_snapshot(snapshot)
                note = f"Opening hours of season {number} are said word by word"
                tags = ("FEATURE",) if number % 3 else ("FIX",)
                made = replace(
                    first, number=number, digest=snapshot.digest, parents=(number - 1,), note=note, tags=tags
                )
                tx.insert_version(project.id, made)
                tx.swap_served(sandbox.id, number - 1, full_arm(number))
                arms = {"from_arms": full_arm(number - 1), "to_arms": full_arm(number)}
                id_ = desk.clock.new_id("release")
                tx.insert_release(replace(release, id=id_, seq=number, beneath=number - 1, **arms))
                data = {"note": note, "number": number}
                now, of = desk.clock.now(), {"project": project.id, "environment": sandbox.id, "subject": f"v{number}"}
                tx.append(Event("version.published", call.principal.id, now, "bench", data=data, **of))

        await store.write(workspace, work)


async def list_pages(desk: Desk, call: Call, count: int) -> dict[str, str]:
    """Returns the pages to ask for; the versions in them are the newest."""
    places = f"{BASE}/environments"
    talk = (await desk.conversations.list(call, SLUG, None, 1))[0].conversation.id
    last = (await desk.versions.list(call, SLUG, None, 1))[0].version.number
    seq = (await desk.environments.load(call, SLUG, "sandbox")).environment.seq
    return {
        "projects": "/",
        "overview": BASE,
        "environments": places,
        "environments by tag": f"{places}?tag=FIX",
        "environments, older": f"{places}?before={count // 2}",
        "one environment": f"{places}/live",
        "its releases": f"{places}/sandbox?show=releases",
        "a release": f"{places}/sandbox/releases/{seq}?done=1",
        "a version": f"{BASE}/versions/{last}",
        "promote": f"{places}/live/promote?version={last}",
        "roll back": f"{places}/live/rollback",
        "publish": f"{places}/sandbox/publish",
        "discard": f"{places}/sandbox/discard",
        "compare, 20 changes": f"{BASE}/compare?base=live&head=draft:sandbox",
        "compare, unified": f"{BASE}/compare?base=v{last - 40}&head=draft:sandbox&view=unified",
        UNBOUND: f"{BASE}/compare?base=v1&head=draft:sandbox",
        "content": f"{BASE}/build",
        "content of a kind": f"{BASE}/build?kind=component",
        "content, further on": f"{BASE}/build?kind=component&after=component/part-5000",
        "content, searched": f"{BASE}/build?q=part-99",
        "content of a version": f"{BASE}/build?ref=v1",
        "edit a topic": f"{BASE}/build/topic/topic-7",
        "edit a component": f"{BASE}/build/component/part-{count - 1}",
        "remove": f"{BASE}/build/topic/topic-7/remove",
        "go to": f"{BASE}/go?q=part",
        "test chat": f"{BASE}/chat?ref=live",
        "a chat": f"{BASE}/chat/{talk}",
        "conversations": f"{BASE}/conversations",
        "a conversation": f"{BASE}/conversations/{talk}",
        "history": f"{BASE}/history",
        "tests": f"{BASE}/tests",
        "knowledge": f"{BASE}/knowledge",
        "import": f"{BASE}/import",
        "settings": f"{BASE}/settings",
        "audit": "/audit",
        "account": "/account",
    }


async def ask(client: httpx2.AsyncClient, path: str, rounds: int) -> Timed:
    """Asks for a page again and again, once before it counts."""
    timed = Timed()
    for number in range(rounds + 1):
        begun, cpu = time.perf_counter(), time.process_time()
        async with client.stream("GET", path) as reply:
            body = b"".join([chunk async for chunk in reply.aiter_raw()])
        if reply.status_code not in (200, 422):
            raise RuntimeError(f"{path}: {reply.status_code}")
        if number:
            timed.passed.append((time.perf_counter() - begun) * 1000)
            timed.spent.append((time.process_time() - cpu) * 1000)
        timed.size = len(body)
    return timed


async def load_first(client: httpx2.AsyncClient, path: str) -> int:
    """Returns the compressed bytes of a page and of all that it loads."""
    page = await client.get(path)
    total = (await ask(client, path, 1)).size
    for address in dict.fromkeys(re.findall(r'(?:src|href)="(/static/[^"]+)"', page.text)):
        total += (await ask(client, address, 1)).size
    return total


async def measure(desk: Desk, count: int, rounds: int) -> tuple[dict[str, Timed], dict[str, int]]:
    """Returns what every page took, and its first load."""
    owner = await desk.access.found_workspace(None)
    call = Call(owner, "bench")
    await make_project(desk, call, count)
    transport = httpx2.ASGITransport(app=build_web(desk))
    headers = {"accept-encoding": "gzip", "origin": HOST}
    async with httpx2.AsyncClient(transport=transport, base_url=HOST, headers=headers, timeout=60) as client:
        await client.post(f"/sign-in/{await desk.access.make_link(owner)}")
        pages = await list_pages(desk, call, count)
        took = {name: await ask(client, path, rounds) for name, path in pages.items()}
        first = {name: await load_first(client, path) for name, path in pages.items()}
    return took, first


async def _measure_on_sqlite(folder: Path) -> tuple[dict[str, Timed], dict[str, int]]:
    url = f"sqlite:///{folder / 'pages.db'}"
    await migrate(url)
    store = await open_store(url)
    try:
        return await measure(Desk(store, SystemClock(), KINDS, {}), COUNT, ROUNDS)
    finally:
        await store.close()


def run() -> None:
    """Prints the table."""
    with tempfile.TemporaryDirectory() as folder:
        took, first = asyncio.run(_measure_on_sqlite(Path(folder)))
    columns = ("page", "p50", "p95", "CPU p95", "bar", "page, packed", "first load", "bar")
    table = Table(f"pages of {COUNT:,} entities and {COUNT:,} versions, on SQLite", columns)
    for name, timed in took.items():
        p95 = timed.p95(timed.passed)
        table.row(
            name,
            f"{statistics.median(timed.passed):.1f} ms",
            f"{p95:.1f} ms",
            f"{timed.p95(timed.spent):.1f} ms",
            "–" if name == UNBOUND else f"≤ {BAR_MS} ms {'met' if p95 <= BAR_MS else 'MISSED'}",
            f"{timed.size / 1000:.1f} kB",
            f"{first[name] / 1000:.0f} kB",
            f"≤ {BAR_BYTES // 1000} kB {'met' if first[name] <= BAR_BYTES else 'MISSED'}",
        )
    table.print()
